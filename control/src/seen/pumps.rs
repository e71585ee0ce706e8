//! What pumps were told, and what they said.

use std::collections::VecDeque;

use super::event::{self, Line};
use super::{PUMPS_MAX, State, place, short};

/// Of a pump, the newest orders and reports.
const SAID_MAX: usize = 256;
/// Of all pumps together.
const SAID_OF_ALL_MAX: usize = 40_000;
/// Orders whose answer is waited for.
const UNANSWERED_MAX: usize = 1_024;

/// An order to a pump, or what it said.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Said {
    /// When, in microseconds of packet time.
    pub at: i64,
    /// `program`, `start`, `report`, `alarm` and the like.
    pub action: String,
    /// The part of the pump; nothing for the pump as a whole, as in orders.
    pub channel: String,
    /// What the pump calls the channel.
    pub label: String,
    /// Who sent it.
    pub by: String,
    /// The application that sent it.
    pub application: String,
    /// What kind of order: new, changed, a bolus.
    pub control: String,
    /// Whose it is: a pseudonym.
    pub patient: String,
    /// What flows.
    pub drug: String,
    /// How fast, in ml/h.
    pub rate: Option<f64>,
    /// How much of the drug, in its unit.
    pub dose: Option<f64>,
    /// The unit of the dose.
    pub dose_unit: String,
    /// How much is to be given, in ml.
    pub vtbi: Option<f64>,
    /// How much of that is left, in ml.
    pub left: Option<f64>,
    /// Whether a unit could not be read.
    pub unit_unknown: bool,
    /// What the pump does.
    pub status: String,
    /// The alarm.
    pub alarm: String,
    /// What was answered to an order, with the error if there was one.
    pub answer: String,
}

/// Limits that a pump told of what a patient may call for.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Limits {
    /// The most in the period, with its unit.
    pub dose: Option<(f64, String)>,
    /// The same in ml.
    pub volume: Option<f64>,
    /// The period, in seconds.
    pub period: Option<f64>,
    /// The least time between doses, in seconds.
    pub lockout: Option<f64>,
    /// Doses in an hour.
    pub per_hour: Option<f64>,
}

/// A pump.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Pump {
    /// What kind it is.
    pub kind: String,
    /// Vendor, model, software and drug library, as it told them.
    pub about: [String; 4],
    /// What it does, as it said last.
    pub status: String,
    /// Limits, as it told them last.
    pub limits: Limits,
    /// The newest orders and reports, the oldest first.
    pub said: VecDeque<Said>,
    /// Older ones that made room.
    pub gone: u64,
}

/// All pumps, and what is bounded over all of them.
#[derive(Clone, Debug, Default)]
pub struct Told {
    /// Orders and reports that are kept.
    kept: usize,
    /// Orders that were not answered yet: their id and the pump, the oldest first.
    unanswered: VecDeque<(String, String)>,
}

fn learn(old: &mut String, new: &str) {
    if !new.is_empty() {
        *old = short(new);
    }
}

/// Takes what a pump was told, or told.
pub(super) fn pump(state: &mut State, line: &Line<'_>) {
    let Some(pump) = line.own::<event::Pump<'_>>() else {
        return;
    };
    if pump.action == "response" {
        answer(state, &pump);
        return;
    }
    if pump.device.is_empty() {
        return;
    }
    let device = short(&pump.device);
    let Some(kept) = place(&mut state.pumps, device.clone(), PUMPS_MAX, &mut state.cut) else {
        return;
    };
    learn(&mut kept.kind, &pump.device_type);
    learn(&mut kept.status, &pump.status);
    let about = [&pump.vendor, &pump.model, &pump.software, &pump.library];
    for (old, new) in kept.about.iter_mut().zip(about) {
        learn(old, new);
    }
    if let Some(pca) = &pump.pca {
        limits(&mut kept.limits, pca);
    }
    if pump.action == "program" {
        if state.told.unanswered.len() >= UNANSWERED_MAX {
            state.told.unanswered.pop_front();
        }
        let order = (short(&pump.control_id), device);
        state.told.unanswered.push_back(order);
    }
    keep(kept, &mut state.told, said(line, &pump));
}

fn said(line: &Line<'_>, pump: &event::Pump<'_>) -> Said {
    Said {
        at: line.at,
        action: short(&pump.action),
        channel: short(&pump.channel),
        label: short(&pump.channel_label),
        by: short(&line.around().src_ip),
        application: short(&pump.sending_application),
        control: short(&pump.order_control),
        patient: short(&pump.patient_id),
        drug: short(&pump.drug),
        rate: pump.rate_ml_per_h,
        dose: pump.dose,
        dose_unit: short(&pump.dose_unit),
        vtbi: pump.vtbi_ml,
        left: pump.vtbi_remaining_ml,
        unit_unknown: pump.unit_unknown,
        status: short(&pump.status),
        alarm: short(&pump.alarm.code),
        answer: String::new(),
    }
}

/// In the order of time, which is not the order of arrival where several sensors' captures are read;
/// the same message twice is one.
fn keep(pump: &mut Pump, told: &mut Told, said: Said) {
    let after = pump.said.partition_point(|one| one.at <= said.at);
    let same = |one: &Said| {
        Said {
            answer: String::new(),
            ..one.clone()
        } == said
    };
    let mut before = pump.said.iter().take(after).rev();
    if before
        .by_ref()
        .take_while(|one| one.at == said.at)
        .any(same)
    {
        return;
    }
    if pump.said.len() >= SAID_MAX || told.kept >= SAID_OF_ALL_MAX {
        pump.gone = pump.gone.saturating_add(1);
        if after > 0 {
            pump.said.pop_front();
            pump.said.insert(after.saturating_sub(1), said);
        }
        return;
    }
    told.kept = told.kept.saturating_add(1);
    pump.said.insert(after, said);
}

/// The receiver's word on an order. `CA` says only that it came.
fn answer(state: &mut State, pump: &event::Pump<'_>) {
    if pump.response == "CA" {
        return;
    }
    let (word, id) = (short(&pump.response), short(&pump.answers));
    let waiting = &mut state.told.unanswered;
    let Some(at) = waiting.iter().rposition(|(known, _)| *known == id) else {
        return;
    };
    let Some((_, device)) = waiting.remove(at) else {
        return;
    };
    let order = state.pumps.get_mut(&device).and_then(|pump| {
        let orders = pump.said.iter_mut().rev();
        orders
            .filter(|one| one.action == "program")
            .find(|one| one.answer.is_empty())
    });
    if let Some(order) = order {
        order.answer = match pump.error {
            Some(error) => format!("{word} {error}"),
            None => word,
        };
    }
}

fn limits(old: &mut Limits, pca: &event::Pca<'_>) {
    let unit = short(&pca.dose_limit_unit);
    let new = Limits {
        dose: pca.dose_limit.map(|dose| (dose, unit)),
        volume: pca.volume_limit_ml,
        period: pca.limit_period_s,
        lockout: pca.lockout_s,
        per_hour: pca.max_doses_per_h,
    };
    *old = Limits {
        dose: new.dose.or_else(|| old.dose.take()),
        volume: new.volume.or(old.volume),
        period: new.period.or(old.period),
        lockout: new.lockout.or(old.lockout),
        per_hour: new.per_hour.or(old.per_hour),
    };
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::State;
    use super::{Line, SAID_MAX, pump};

    fn say(state: &mut State, at: i64, own: &Value) {
        let line = Line {
            at,
            kind: "pump",
            whole: r#"{"src_ip": "10.0.0.1"}"#,
            object: &own.to_string(),
        };
        pump(state, &line);
    }

    fn report(rate: i64) -> Value {
        json!({"action": "report", "device": "P1", "channel": "1.1.2", "rate_ml_per_h": rate})
    }

    #[test]
    fn what_is_said_is_kept_in_the_order_of_time_once_and_not_endlessly() {
        let mut state = State::default();
        for (at, rate) in [(3, 30), (1, 10), (2, 20), (2, 20)] {
            say(&mut state, at, &report(rate));
        }
        let rates: Vec<Option<f64>> = state.pumps["P1"].said.iter().map(|one| one.rate).collect();
        assert_eq!(rates, [Some(10.0), Some(20.0), Some(30.0)]);
        for at in 0..300 {
            say(&mut state, 10 + at, &report(5));
        }
        let pump = &state.pumps["P1"];
        assert_eq!((pump.said.len(), pump.gone), (SAID_MAX, 47));
        assert_eq!(pump.said.back().unwrap().at, 309);
        say(&mut state, 0, &report(1));
        assert_eq!(
            state.pumps["P1"].said.front().unwrap().at,
            54,
            "older than all that is kept"
        );
    }

    #[test]
    fn an_order_knows_how_it_was_answered() {
        let mut state = State::default();
        say(
            &mut state,
            1,
            &json!({"action": "program", "device": "P1", "control_id": "control_id:a"}),
        );
        for (response, error) in [("CA", None), ("AE", Some(9001))] {
            let own = json!({"action": "response", "answers": "control_id:a", "response": response, "error": error});
            say(&mut state, 2, &own);
        }
        assert_eq!(state.pumps["P1"].said[0].answer, "AE 9001");
    }

    #[test]
    fn limits_that_were_told_stay_until_others_are() {
        let mut state = State::default();
        let own = |pca| json!({"action": "report", "device": "P1", "pca": pca});
        say(
            &mut state,
            1,
            &own(json!({"dose_limit": 10, "dose_limit_unit": "mg"})),
        );
        say(&mut state, 2, &own(json!({"lockout_s": 600})));
        let limits = &state.pumps["P1"].limits;
        assert_eq!(limits.dose, Some((10.0, "mg".to_owned())));
        assert_eq!(limits.lockout, Some(600.0));
    }
}
