//! Infusion pumps: orders, responses, alarms and stops.

use crate::capture::{Capture, Frame, MILLISECOND, SECOND, START_NS};
use crate::frame::{Endpoint, Host, host};
use crate::hl7::Link;
use crate::hl7::pump::{
    Alarm, ML_PER_H, ML_PER_H_UCUM, ML_PER_MIN, Order, State, UG_PER_KG_MIN, alarm_head,
    event_head, order_head, report_head, response, response_head,
};

use super::{Case, gateway, intruder, merged, programmer};

pub(super) const CASES: &[Case] = &[
    Case {
        rule: "pump-program-unknown-host",
        fires: "10.20.9.66 sends the gateway an RGV^O15 for PUMP0001 at 125 mL/h",
        quiet: "10.20.4.20 sends the same order; the gateway answers with RRG on a second connection",
        make: unknown_programmer,
    },
    Case {
        rule: "pump-rate-over-limit",
        fires: "10.20.4.20 orders 1500 mL/h for PUMP0001, then 30 mL/min (1800 mL/h) for PUMP0002",
        quiet: "10.20.4.20 orders 125 mL/h for PUMP0001, then 2 mL/min for PUMP0002",
        make: over_limit,
    },
    Case {
        rule: "pump-rate-tenfold",
        fires: "10.20.4.20 orders 10 mL/h, then changes the same order to 100 mL/h",
        quiet: "10.20.4.20 orders 10 mL/h, then changes the same order to 12 mL/h",
        make: tenfold,
    },
    Case {
        rule: "pump-alarm-silenced",
        fires: "the gateway reports a high-priority occlusion of PUMP0001 and PUMP0002 to \
                10.20.4.30:3002, then both as `alarm-off` while active",
        quiet: "the gateway reports the same two alarms, and then their end, enabled throughout",
        make: silenced,
    },
    Case {
        rule: "pump-program-error",
        fires: "10.20.4.20 sends 6 orders 10 s apart; RRG refuses them with 9005, 9010 and 9014 in turn",
        quiet: "10.20.4.20 sends 6 orders 10 s apart; RRG accepts them",
        make: program_error,
    },
    Case {
        rule: "pump-stop-burst",
        fires: "within 20 s the gateway sends PCD-10 DELIV_STOP (197290) of 5 pumps to 10.20.4.30:3002, \
                and PCD-01 reports `pump-status-not-infusing` of each",
        quiet: "the same for 1 pump; the other 4 report `pump-status-infusing`",
        make: stops,
    },
    Case {
        rule: "pump-unit-unknown",
        fires: "10.20.4.20 orders a rate of 10 in unit 999999^MDC_DIM_UNHEARD_OF, then one with an \
                empty unit",
        quiet: "10.20.4.20 orders rates in mL/h (in both orders of the two code systems) and ug/kg/min",
        make: unit,
    },
];

/// Where reports and alarms go: 10.20.4.30:3002.
pub(super) fn reporter() -> Endpoint {
    host("10.20.4.30").port(3002)
}

pub(super) fn new_order<'a>(pump: u32, rate: (&'a str, &'a str)) -> Order<'a> {
    Order {
        control: "RE",
        id: "RX000001",
        patient: 1,
        pump,
        drug: "1234^Dopamine",
        vtbi: "250",
        rate,
    }
}

/// One order and what the gateway answers, on a connection of its own.
pub(super) fn ordered(
    n: u16,
    from: Host,
    order: &Order<'_>,
    error: Option<&str>,
) -> Vec<Vec<Frame>> {
    let at = START_NS + u64::from(n) * 10 * SECOND;
    let control = format!("RGV{n:04}");
    let asked = Link::open(at, from.port(45_000 + n), gateway())
        .say(&order_head(&control), &order.segments(), "CA")
        .closed();
    let answer = response(&control, error.map(|code| (code, "refused by the pump")));
    let back = programmer().port(3001);
    let told = Link::open(
        at + 800 * MILLISECOND,
        gateway().host.port(45_500 + n),
        back,
    )
    .say(&response_head(&format!("RRG{n:04}")), &answer, "CA")
    .closed();
    vec![asked, told]
}

/// Orders of the programmer, all accepted, 10 s apart.
pub(super) fn accepted(orders: &[Order<'_>]) -> Capture {
    let parts = orders.iter().enumerate();
    merged(parts.flat_map(|(n, order)| ordered(n as u16, programmer(), order, None)))
}

fn unknown_programmer() -> (Capture, Capture) {
    let order = new_order(1, ("125", ML_PER_H));
    let fire = ordered(0, intruder(), &order, None).swap_remove(0);
    (merged([fire]), accepted(&[order]))
}

fn over_limit() -> (Capture, Capture) {
    let two = |hour, minute| {
        accepted(&[
            new_order(1, (hour, ML_PER_H)),
            new_order(2, (minute, ML_PER_MIN)),
        ])
    };
    (two("1500", "30"), two("125", "2"))
}

fn tenfold() -> (Capture, Capture) {
    let changed = |rate| {
        let change = Order {
            control: "XO",
            ..new_order(1, (rate, ML_PER_H))
        };
        accepted(&[new_order(1, ("10", ML_PER_H)), change])
    };
    (changed("100"), changed("12"))
}

fn silenced() -> (Capture, Capture) {
    let alarm = |pump, phase, state, inactivation| Alarm {
        patient: pump,
        pump,
        number: pump,
        event: "196940^MDC_EVT_FLUID_LINE_OCCL^MDC",
        phase,
        state,
        inactivation,
        priority: "PH",
    };
    let send = |phase, state, inactivation| {
        let from = gateway().host.port(45_600);
        let mut link = Link::open(START_NS, from, reporter());
        for pump in 1..=2 {
            let segments = alarm(pump, "start", "active", "enabled").segments();
            link = link
                .say(&alarm_head(&format!("AL{pump}A")), &segments, "CA")
                .wait(2 * SECOND);
        }
        for pump in 1..=2 {
            let segments = alarm(pump, phase, state, inactivation).segments();
            link = link
                .say(&alarm_head(&format!("AL{pump}B")), &segments, "CA")
                .wait(2 * SECOND);
        }
        link.closed()
    };
    (
        merged([send("update", "active", "alarm-off")]),
        merged([send("end", "inactive", "enabled")]),
    )
}

fn program_error() -> (Capture, Capture) {
    let orders = |errors: &[Option<&str>]| {
        let order = new_order(1, ("125", ML_PER_H));
        let parts = errors.iter().enumerate();
        merged(parts.flat_map(|(n, error)| ordered(n as u16, programmer(), &order, *error)))
    };
    let codes = [Some("9005"), Some("9010"), Some("9014")];
    (orders(&codes.repeat(2)), orders(&[None; 6]))
}

pub(super) fn state(pump: u32, infusing: bool) -> State<'static> {
    let (status, delivery, rate) = if infusing {
        (
            "pump-status-infusing",
            "pump-delivery-status-delivering",
            "125",
        )
    } else {
        (
            "pump-status-not-infusing",
            "pump-delivery-status-not-delivering",
            "0",
        )
    };
    let volume = ("250", "180");
    State {
        patient: pump,
        pump,
        status,
        delivery,
        rate,
        volume,
        drug: "Dopamine",
    }
}

fn stops() -> (Capture, Capture) {
    let send = |stopped: u32| {
        let mut link = Link::open(START_NS, gateway().host.port(45_700), reporter());
        for pump in 1..=5 {
            let report = state(pump, true).report();
            link = link.say(&report_head(&format!("R{pump}A")), &report, "CA");
        }
        for pump in 1..=5 {
            link = link.wait(4 * SECOND);
            let now = state(pump, pump > stopped);
            if pump <= stopped {
                let event = now.event("197290^MDC_EVT_PUMP_DELIV_STOP^MDC", &format!("RX{pump}"));
                link = link.say(&event_head(&format!("E{pump}")), &event, "CA");
            }
            link = link.say(&report_head(&format!("R{pump}B")), &now.report(), "CA");
        }
        link.closed()
    };
    (merged([send(5)]), merged([send(1)]))
}

fn unit() -> (Capture, Capture) {
    let strange = "999999^MDC_DIM_UNHEARD_OF^MDC^xx^xx^UCUM";
    let fire = accepted(&[new_order(1, ("10", strange)), new_order(2, ("10", ""))]);
    let quiet = accepted(&[
        new_order(1, ("10", ML_PER_H)),
        new_order(2, ("10", ML_PER_H_UCUM)),
        new_order(3, ("5", UG_PER_KG_MIN)),
    ]);
    (fire, quiet)
}
