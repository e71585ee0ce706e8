//! From what is measured to numbers in one unit each: ml/h, ml, seconds, kilograms. A dose rate
//! becomes a rate where the message has the concentration, and the weight if it is per kilogram.

use super::facts::Facts;
use super::mdc::Measure;
use super::units::{Label, Read, Unit, What};
use crate::catalogue::FieldIx;
use crate::kinds::pump as field;

/// A number as it is on the wire, with its unit if that is known.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Quantity<'m> {
    pub(super) value: f64,
    pub(super) unit: Option<Read<'m>>,
}

impl<'m> Quantity<'m> {
    /// In the base unit, if it measures this and by nothing else.
    fn plain(self, what: What) -> Option<f64> {
        let unit = self.unit?.unit;
        let plain = !(unit.per_hour || unit.per_kg || unit.per_m2 || unit.per_ml);
        (plain && unit.what == what).then_some(self.value * unit.factor)
    }

    /// With its unit's text.
    fn labelled(self) -> Option<(f64, Label<'m>)> {
        Some((self.value, self.unit?.label))
    }
}

/// The numbers of an event.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Dosing<'m> {
    rate: Option<f64>,
    vtbi: Option<f64>,
    vtbi_remaining: Option<f64>,
    delivered: Option<f64>,
    weight: Option<f64>,
    duration: Option<f64>,
    remaining: Option<f64>,
    pca_volume_limit: Option<f64>,
    pca_period: Option<f64>,
    pca_lockout: Option<f64>,
    pca_doses_per_hour: Option<f64>,
    /// Dose, concentration and dose limit keep the unit of the wire.
    pub(super) dose: Option<(f64, Label<'m>)>,
    pub(super) concentration: Option<(f64, Label<'m>)>,
    pub(super) pca_dose_limit: Option<(f64, Label<'m>)>,
    /// A rate, dose or volume has no unit, or one that is not known or does not fit.
    pub(super) unit_unknown: bool,
}

impl<'m> Dosing<'m> {
    pub(super) fn of(facts: &Facts<'m>) -> Self {
        let get = |at: Measure| facts.measures.get(at as usize).copied().flatten();
        let millilitres = |at: Measure| get(at)?.plain(What::Volume);
        let seconds = |at: Measure| get(at)?.plain(What::Time);
        let weight = get(Measure::Weight).and_then(kilograms);
        let flow = get(Measure::Flow).or_else(|| get(Measure::FlowCurrent));
        let dose = get(Measure::Dose)
            .or_else(|| get(Measure::DrugFlow))
            .or_else(|| get(Measure::Bolus));
        let concentration = concentration(facts, get(Measure::Concentration));
        let area = get(Measure::Surface).map(|q| q.value);
        let rate = flow.and_then(rate).or_else(|| {
            let (_, per_ml, what) = concentration?;
            rate_of_dose(dose?, (what, per_ml), weight, area)
        });
        let volumes = [Measure::Vtbi, Measure::VtbiRemaining];
        Self {
            rate,
            vtbi: millilitres(Measure::Vtbi),
            vtbi_remaining: millilitres(Measure::VtbiRemaining),
            delivered: millilitres(Measure::DeliveredTotal)
                .or_else(|| millilitres(Measure::Delivered)),
            weight,
            duration: seconds(Measure::TimeProgrammed),
            remaining: seconds(Measure::TimeRemaining),
            pca_volume_limit: millilitres(Measure::PcaVolumeLimit),
            pca_period: seconds(Measure::PcaPeriod),
            pca_lockout: seconds(Measure::PcaLockout),
            pca_doses_per_hour: get(Measure::PcaDosesPerHour).map(|q| q.value),
            dose: dose
                .and_then(Quantity::labelled)
                .or_else(|| dose.map(|d| (d.value, Label::Wire(b"")))),
            concentration: concentration.map(|(shown, ..)| shown),
            pca_dose_limit: get(Measure::PcaDoseLimit).and_then(Quantity::labelled),
            unit_unknown: flow.is_some_and(|q| rate_unknown(q))
                || dose.is_some_and(|q| q.unit.is_none())
                || volumes
                    .iter()
                    .any(|at| get(*at).is_some() && millilitres(*at).is_none()),
        }
    }

    /// The numbers that are in one unit by their name.
    pub(super) fn numbers(&self) -> [(FieldIx, Option<f64>); 14] {
        [
            (field::RATE, self.rate),
            (field::DOSE, self.dose.map(|d| d.0)),
            (field::VTBI, self.vtbi),
            (field::VTBI_REMAINING, self.vtbi_remaining),
            (field::VOLUME_DELIVERED, self.delivered),
            (field::CONCENTRATION, self.concentration.map(|c| c.0)),
            (field::WEIGHT, self.weight),
            (field::DURATION, self.duration),
            (field::TIME_REMAINING, self.remaining),
            (field::PCA_DOSE_LIMIT, self.pca_dose_limit.map(|d| d.0)),
            (field::PCA_VOLUME_LIMIT, self.pca_volume_limit),
            (field::PCA_PERIOD, self.pca_period),
            (field::PCA_LOCKOUT, self.pca_lockout),
            (field::PCA_DOSES_PER_HOUR, self.pca_doses_per_hour),
        ]
        .map(|(at, number)| (at, number.map(tidy)))
    }
}

/// Without what binary fractions add: 15, not 15.000000000000002.
fn tidy(number: f64) -> f64 {
    let millionths = (number * 1e6).round() / 1e6;
    if (millionths - number).abs() <= number.abs() * 1e-12 {
        millionths
    } else {
        number
    }
}

/// A weight is a mass, in milligrams like all of them.
fn kilograms(weight: Quantity<'_>) -> Option<f64> {
    weight.plain(What::Mass).map(|mg| mg / 1e6)
}

fn rate(flow: Quantity<'_>) -> Option<f64> {
    let unit = flow.unit?.unit;
    unit.is_flow().then_some(flow.value * unit.factor)
}

fn rate_unknown(flow: Quantity<'_>) -> bool {
    rate(flow).is_none()
}

/// Value and unit for the event, and milligrams (units, millimoles …) in a millilitre.
type Concentration<'m> = ((f64, Label<'m>), f64, What);

fn concentration<'m>(facts: &Facts<'m>, stated: Option<Quantity<'m>>) -> Option<Concentration<'m>> {
    let per_ml = |q: Quantity<'m>| {
        let read = q
            .unit
            .filter(|read| read.unit.per_ml && read.unit.is_amount())?;
        Some((
            (q.value, read.label),
            q.value * read.unit.factor,
            read.unit.what,
        ))
    };
    if let Some(stated) = stated.and_then(per_ml) {
        return Some(stated);
    }
    let strength = facts.strength?;
    if let Some(direct) = per_ml(strength) {
        return Some(direct);
    }
    let unit = strength.unit?.unit;
    let amount = unit
        .is_amount()
        .then(|| strength.plain(unit.what))
        .flatten()?;
    let volume = facts.diluent?.plain(What::Volume).filter(|ml| *ml > 0.0)?;
    let value = amount / volume;
    Some(((value, Label::Code("", base(unit.what)?)), value, unit.what))
}

/// Base unit by the millilitre.
const fn base(what: What) -> Option<&'static str> {
    match what {
        What::Mass => Some("mg/mL"),
        What::Units => Some("[iU]/mL"),
        What::Moles => Some("mmol/mL"),
        What::Equivalents => Some("meq/mL"),
        What::Volume | What::Time => None,
    }
}

/// The rate that a dose rate comes to.
fn rate_of_dose(
    dose: Quantity<'_>,
    (what, per_ml): (What, f64),
    weight: Option<f64>,
    area: Option<f64>,
) -> Option<f64> {
    let unit: Unit = dose.unit?.unit;
    if !unit.per_hour || unit.per_ml || unit.what != what || per_ml <= 0.0 {
        return None;
    }
    let kilograms = if unit.per_kg { weight? } else { 1.0 };
    let square_metres = if unit.per_m2 { area? } else { 1.0 };
    Some(dose.value * unit.factor * kilograms * square_metres / per_ml)
}
