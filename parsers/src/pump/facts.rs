//! What a message says of one channel, gathered from its segments; and the event made of it.

use std::borrow::Cow;

use smallvec::SmallVec;

use super::dosing::{Dosing, Quantity};
use super::mdc::{self, Measure, Term};
use super::units::{self, Label};
use crate::catalogue::FieldIx;
use crate::event::{Direction, Event};
use crate::hl7::message::{Fields, Message};
use crate::hl7::wire::{Delims, decimal, piece};
use crate::json::display;
use crate::kinds::pump as field;
use crate::protocol::Emit;

/// The most texts kept of one channel; the terms that have a field are fewer. What comes behind is
/// a repetition.
const TEXTS_MAX: usize = 48;

/// What is known of a channel, or of the part of the device around it.
#[derive(Clone)]
pub(super) struct Facts<'m> {
    texts: SmallVec<[(FieldIx, &'m [u8]); 16]>,
    pub(super) measures: [Option<Quantity<'m>>; Measure::COUNT],
    /// Strength and diluent of an order, from which the concentration follows.
    pub(super) strength: Option<Quantity<'m>>,
    pub(super) diluent: Option<Quantity<'m>>,
}

impl<'m> Facts<'m> {
    pub(super) fn new() -> Self {
        Self {
            texts: SmallVec::new(),
            measures: [None; Measure::COUNT],
            strength: None,
            diluent: None,
        }
    }

    /// Takes over what others say; what is said again replaces it.
    pub(super) fn overlay(&mut self, other: &Self) {
        for (at, text) in &other.texts {
            self.text(*at, Some(text));
        }
        for (own, new) in self.measures.iter_mut().zip(&other.measures) {
            *own = new.or(*own);
        }
        self.strength = other.strength.or(self.strength);
        self.diluent = other.diluent.or(self.diluent);
    }

    /// Sets a text, if there is one and it is not empty.
    pub(super) fn text(&mut self, at: FieldIx, text: Option<&'m [u8]>) {
        let Some(text) = text.filter(|t| !t.is_empty()) else {
            return;
        };
        if let Some((_, old)) = self.texts.iter_mut().find(|(known, _)| *known == at) {
            *old = text;
        } else if self.texts.len() < TEXTS_MAX {
            self.texts.push((at, text));
        }
    }

    /// Whether a text is known.
    pub(super) fn known(&self, at: FieldIx) -> Option<&'m [u8]> {
        let found = self.texts.iter().find(|(known, _)| *known == at);
        found.map(|(_, text)| *text)
    }

    /// Sets a measure.
    pub(super) fn measure(&mut self, at: Measure, quantity: Option<Quantity<'m>>) {
        if let Some(slot) = self.measures.get_mut(at as usize)
            && quantity.is_some()
        {
            *slot = quantity;
        }
    }

    /// Takes what one observation (OBX) says, as far as it has a field.
    pub(super) fn observe(&mut self, segment: &Fields<'m>, message: &Message<'m>) -> Option<Term> {
        let delims = message.delims;
        let term = mdc::observed(segment, delims)?;
        let value = || segment.filled(5, 0);
        match term {
            Term::Text(at) => self.text(at, value()),
            Term::Coded(at) => self.text(at, value().and_then(|v| token(v, message))),
            Term::Measured(at) => self.measure(at, observed(segment, message)),
            Term::Model => {
                self.text(
                    field::MODEL,
                    segment.filled(5, 2).or_else(|| segment.filled(5, 1)),
                );
                if segment.filled(5, 2).is_some() {
                    self.text(field::VENDOR, segment.filled(5, 1));
                }
            }
            Term::Device => {
                let named = segment.filled(3, 0).and_then(|v| mdc::name(v, delims));
                self.text(field::DEVICE_TYPE, named);
                self.device(segment, delims);
            }
            _ => {}
        }
        Some(term)
    }

    /// The device, from OBX-18: an identifier, and that of the system it belongs to.
    pub(super) fn device(&mut self, segment: &Fields<'m>, delims: Delims) {
        let Some(device) = segment.filled(18, 0) else {
            return;
        };
        let part = |n| piece(device, delims.component, n).filter(|part| !part.is_empty());
        let system = part(3);
        self.text(field::DEVICE, part(1).or(system));
        if part(4) == Some(b"EUI-64") {
            self.text(field::DEVICE_EUI64, system);
        }
    }
}

/// A coded value in one word: its text, or its code. Names may be in the ninth component alone.
fn token<'m>(value: &'m [u8], message: &Message<'m>) -> Option<&'m [u8]> {
    [2, 1, 9]
        .into_iter()
        .filter_map(|n| piece(value, message.delims.component, n))
        .find(|part| !part.is_empty())
}

/// Value and unit of an observation.
fn observed<'m>(segment: &Fields<'m>, message: &Message<'m>) -> Option<Quantity<'m>> {
    quantity(segment, 5, 6, message)
}

/// A number in one field, and its unit in another.
pub(super) fn quantity<'m>(
    segment: &Fields<'m>,
    number: u16,
    unit: u16,
    message: &Message<'m>,
) -> Option<Quantity<'m>> {
    let value = decimal(segment.filled(number, 1)?)?;
    let unit = segment.filled(unit, 0);
    Some(Quantity {
        value,
        unit: unit.and_then(|u| units::unit(u, message.delims)),
    })
}

/// What all pump events of a message have.
#[derive(Clone, Copy)]
pub(super) struct Telling<'t> {
    pub(super) message: &'t Message<'t>,
    pub(super) direction: Direction,
    pub(super) source: &'static str,
}

/// Emits one event.
pub(super) fn tell<'m>(
    telling: &Telling<'m>,
    action: &'static str,
    facts: &Facts<'m>,
    emit: &mut dyn Emit,
) {
    let message = telling.message;
    let texts: SmallVec<[(FieldIx, Cow<'_, [u8]>); 24]> = header(message)
        .iter()
        .chain(&facts.texts)
        .map(|(at, raw)| (*at, message.text(raw)))
        .collect();
    let dosing = Dosing::of(facts);
    let labels =
        [dosing.dose, dosing.concentration, dosing.pca_dose_limit].map(|d| d.map(|d| label(d.1)));
    let [dose_unit, concentration_unit, pca_unit] = &labels;

    let mut event = Event::new(&field::KIND, telling.direction);
    event.set(field::SOURCE, telling.source);
    event.set(field::ACTION, action);
    for (at, text) in &texts {
        if *at == field::ERROR {
            event.set_opt(*at, crate::hl7::wire::integer(text));
        } else {
            event.set(*at, text.as_ref());
        }
    }
    for (at, number) in dosing.numbers() {
        event.set_opt(at, number);
    }
    event.set_opt(field::DOSE_UNIT, dose_unit.as_deref());
    event.set_opt(field::CONCENTRATION_UNIT, concentration_unit.as_deref());
    event.set_opt(field::PCA_DOSE_LIMIT_UNIT, pca_unit.as_deref());
    if dosing.unit_unknown {
        event.set(field::UNIT_UNKNOWN, true);
    }
    emit.event(&event);
}

/// A unit's text.
fn label(label: Label<'_>) -> Cow<'_, [u8]> {
    match label {
        Label::Wire(text) => Cow::Borrowed(text),
        Label::Code(prefix, family) => {
            let mut text = Vec::new();
            display(&mut text, format_args!("{prefix}{family}"));
            Cow::Owned(text)
        }
    }
}

/// Fields that the message has once.
fn header<'m>(message: &Message<'m>) -> SmallVec<[(FieldIx, &'m [u8]); 8]> {
    let places = [
        (field::PATIENT_ID, *b"PID", 3, 1),
        (field::CARE_UNIT, *b"PV1", 3, 1),
        (field::SENDING_APPLICATION, *b"MSH", 3, 1),
        (field::CONTROL_ID, *b"MSH", 10, 0),
    ];
    places
        .into_iter()
        .filter_map(|(at, name, n, component)| Some((at, message.value(name, n, component)?)))
        .filter(|(_, text)| !text.is_empty())
        .collect()
}
