//! Infusion pumps: orders, alarms and connections that do not belong together.

use crate::capture::{Capture, Frame, SECOND, START_NS};
use crate::conversation::Side;
use crate::frame::{Host, host};
use crate::hl7::Link;
use crate::hl7::pump::{Alarm, ML_PER_H, Order, State, alarm_head, report_head};

use super::pump::{accepted, new_order, ordered, reporter, state};
use super::{Case, gateway, intruder, merged, programmer, talk};

pub(super) const CASES: &[Case] = &[
    Case {
        rule: "pump-patient-mismatch",
        fires: "PUMP0001 reports patient SYN000001; 60 s later 10.20.4.20 programs it for SYN000002",
        quiet: "PUMP0001 reports patient SYN000001; 60 s later 10.20.4.20 programs it for SYN000001",
        make: patient_mismatch,
    },
    Case {
        rule: "pump-program-burst",
        fires: "10.20.4.20 programs PUMP0001 … PUMP0008 in 16 s",
        quiet: "10.20.4.20 programs PUMP0001 … PUMP0003, one every 10 s",
        make: burst,
    },
    Case {
        rule: "pump-rate-zero",
        fires: "10.20.4.20 orders a rate of 0 mL/h, then of -5 mL/h",
        quiet: "10.20.4.20 orders a rate of 0.5 mL/h",
        make: zero,
    },
    Case {
        rule: "pump-alarm-downgrade",
        fires: "the gateway reports a high-priority (PH) occlusion of PUMP0001, then the same alarm as PL",
        quiet: "the gateway reports the alarm as PH twice",
        make: downgrade,
    },
    Case {
        rule: "pump-alarm-spoof",
        fires: "the gateway reports the start of an alarm; 10.20.9.66 sends 10.20.4.30:3002 its end",
        quiet: "the gateway reports start and end of the alarm",
        make: spoof,
    },
    Case {
        rule: "pump-unsolicited-inbound",
        fires: "10.20.9.66 connects to PUMP at 10.20.5.11:8080",
        quiet: "the pump 10.20.5.11 connects to its gateway 10.20.4.10:3613",
        make: inbound,
    },
    Case {
        rule: "pump-rate-jump",
        fires: "PCD-01 reports of PUMP0001 go 10, 60, 5, 80 mL/h in 4 minutes, with no order",
        quiet: "PCD-01 reports of PUMP0001 stay at 10 mL/h for 4 minutes",
        make: jump,
    },
];

/// Reports of the gateway some time apart.
fn reported(states: &[State<'_>], apart: u64) -> Vec<Frame> {
    let mut link = Link::open(START_NS, gateway().host.port(45_800), reporter());
    for (n, state) in states.iter().enumerate() {
        link = link
            .say(&report_head(&format!("R{n:05}")), &state.report(), "CA")
            .wait(apart);
    }
    link.closed()
}

fn patient_mismatch() -> (Capture, Capture) {
    let programmed = |patient: u32| {
        let order = Order {
            patient,
            ..new_order(1, ("125", ML_PER_H))
        };
        let mut parts = ordered(6, programmer(), &order, None);
        parts.push(reported(&[state(1, true)], SECOND));
        merged(parts)
    };
    (programmed(2), programmed(1))
}

fn burst() -> (Capture, Capture) {
    let mut link = Link::open(START_NS, programmer().port(45_810), gateway());
    for pump in 1..=8 {
        let head = crate::hl7::pump::order_head(&format!("RGV{pump:04}"));
        let order = new_order(pump, ("125", ML_PER_H));
        link = link.say(&head, &order.segments(), "CA").wait(2 * SECOND);
    }
    let few: Vec<_> = (1..=3)
        .map(|pump| new_order(pump, ("125", ML_PER_H)))
        .collect();
    (merged([link.closed()]), accepted(&few))
}

fn zero() -> (Capture, Capture) {
    let rate = |rate| new_order(1, (rate, ML_PER_H));
    (accepted(&[rate("0"), rate("-5")]), accepted(&[rate("0.5")]))
}

fn alarm(phase: &'static str, state: &'static str, priority: &'static str) -> Alarm<'static> {
    Alarm {
        patient: 1,
        pump: 1,
        number: 1,
        event: "196940^MDC_EVT_FLUID_LINE_OCCL^MDC",
        phase,
        state,
        inactivation: "enabled",
        priority,
    }
}

/// One alarm message on a connection of its own.
fn told(n: u16, from: Host, alarm: &Alarm<'_>) -> Vec<Frame> {
    let at = START_NS + u64::from(n) * 10 * SECOND;
    Link::open(at, from.port(45_820 + n), reporter())
        .say(&alarm_head(&format!("AL{n:04}")), &alarm.segments(), "CA")
        .closed()
}

fn downgrade() -> (Capture, Capture) {
    let from = gateway().host;
    let first = told(0, from, &alarm("start", "active", "PH"));
    let second = |priority| told(1, from, &alarm("update", "active", priority));
    (
        merged([first.clone(), second("PL")]),
        merged([first, second("PH")]),
    )
}

fn spoof() -> (Capture, Capture) {
    let first = told(0, gateway().host, &alarm("start", "active", "PH"));
    let end = |from| told(1, from, &alarm("end", "inactive", "PH"));
    (
        merged([first.clone(), end(intruder())]),
        merged([first, end(gateway().host)]),
    )
}

fn inbound() -> (Capture, Capture) {
    let pump = host("10.20.5.11");
    let said: [(Side, &[u8]); 1] = [(Side::Client, b"\x01\x02\x03\x04")];
    let fire = talk(intruder().port(45_830), pump.port(8080), START_NS, &said);
    let quiet = talk(
        pump.port(45_831),
        gateway().host.port(3613),
        START_NS,
        &said,
    );
    (merged([fire.frames()]), merged([quiet.frames()]))
}

fn jump() -> (Capture, Capture) {
    let reports = |rates: [&'static str; 4]| {
        let states = rates.map(|rate| State {
            rate,
            ..state(1, true)
        });
        merged([reported(&states, 60 * SECOND)])
    };
    (reports(["10", "60", "5", "80"]), reports(["10"; 4]))
}
