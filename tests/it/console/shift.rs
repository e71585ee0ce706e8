//! Four hours of one pump: reports every five minutes with a pause, orders by the system that programs
//! pumps and one by somebody else, an alarm and its end, a stop.

use make::capture::{Capture, Frame, SECOND, START_NS};
use make::frame::{Endpoint, host};
use make::hl7::Link;
use make::hl7::pump::{
    Alarm, ML_PER_H, Order, State, alarm_head, event_head, order_head, report_head, response,
    response_head,
};

const MINUTE: u64 = 60 * SECOND;
/// The pump; its name is what [`make::hl7::pump::pump_id`] makes of it.
const PUMP: u32 = 42;
pub const NAME: &str = "PUMP0042";
/// Of each report: minutes after the begin, the rate, and what is left.
const REPORTS: u64 = 48;

fn gateway(port: u16) -> Endpoint {
    host("10.20.4.10").port(port)
}

fn state<'a>(rate: &'a str, left: &'a str) -> State<'a> {
    let stopped = rate == "0";
    State {
        patient: 7,
        pump: PUMP,
        status: if stopped {
            "pump-status-not-infusing"
        } else {
            "pump-status-infusing"
        },
        delivery: if stopped {
            "pump-delivery-status-not-delivering"
        } else {
            "pump-delivery-status-delivering"
        },
        rate,
        volume: ("500", left),
        drug: "Dopamine",
    }
}

/// What flows at a minute of the shift.
const fn rate(minute: u64) -> (f64, &'static str) {
    match minute {
        0..60 => (62.5, "62.5"),
        60..150 => (125.0, "125"),
        150..215 => (250.0, "250"),
        _ => (0.0, "0"),
    }
}

fn reports() -> Vec<Frame> {
    let reporter = host("10.20.4.30").port(3002);
    let mut link = Link::open(START_NS, gateway(45_900), reporter);
    let mut left = 500.0;
    for n in 0..REPORTS {
        let (flows, told) = rate(n * 5);
        // A gateway that was restarted: nobody knows what flowed meanwhile.
        if !(18..24).contains(&n) {
            let left = format!("{left:.0}");
            let head = report_head(&format!("R{n}"));
            link = link.say(&head, &state(told, &left).report(), "AA");
        }
        left = f64::max(left - flows / 12.0, 0.0);
        link = link.wait(5 * MINUTE);
    }
    link.closed()
}

fn event(minute: u64, port: u16, code: &str, told: &str) -> Vec<Frame> {
    let at = START_NS + minute * MINUTE;
    let head = event_head(&format!("E{minute}"));
    Link::open(at, gateway(port), host("10.20.4.30").port(3002))
        .say(&head, &state(told, "300").event(code, "ORD1"), "AA")
        .closed()
}

fn ordered(minute: u64, by: &str, rate: &str, error: Option<(&str, &str)>) -> Vec<Frame> {
    let at = START_NS + minute * MINUTE;
    let port = u16::try_from(46_000 + minute).expect("minutes of a shift");
    let id = format!("O{minute}");
    let order = Order {
        control: "RE",
        id: "ORD1",
        patient: 7,
        pump: PUMP,
        drug: "1234^Dopamine",
        vtbi: "500",
        rate: (rate, ML_PER_H),
    };
    let mut frames = Link::open(at, host(by).port(port), gateway(3000))
        .say(&order_head(&id), &order.segments(), "CA")
        .closed();
    let answer = response_head(&format!("A{minute}"));
    frames.extend(
        Link::open(at + SECOND, gateway(port), host(by).port(3001))
            .say(&answer, &response(&id, error), "CA")
            .closed(),
    );
    frames
}

fn alarm(minute: u64, phase: &str, state: &str) -> Vec<Frame> {
    let alarm = Alarm {
        patient: 7,
        pump: PUMP,
        number: 1,
        event: "196940^MDC_EVT_FLUID_LINE_OCCL^MDC",
        phase,
        state,
        inactivation: "enabled",
        priority: "PH",
    };
    let at = START_NS + minute * MINUTE;
    let port = u16::try_from(47_000 + minute).expect("minutes of a shift");
    Link::open(at, gateway(port), host("10.20.4.30").port(3002))
        .say(&alarm_head(&format!("L{minute}")), &alarm.segments(), "AA")
        .closed()
}

/// The capture.
pub fn capture() -> Capture {
    let mut all = Capture::new();
    all.add(reports());
    all.add(ordered(1, "10.20.4.20", "62.5", None));
    all.add(event(
        2,
        48_002,
        "197288^MDC_EVT_PUMP_DELIV_START^MDC",
        "62.5",
    ));
    all.add(ordered(59, "10.20.4.20", "125", None));
    all.add(ordered(
        100,
        "10.20.4.20",
        "1200",
        Some(("9010", "rate out of range")),
    ));
    all.add(ordered(149, "10.20.9.66", "250", None));
    all.add(alarm(190, "start", "active"));
    all.add(alarm(196, "end", "inactive"));
    all.add(event(
        215,
        48_215,
        "197290^MDC_EVT_PUMP_DELIV_STOP^MDC",
        "0",
    ));
    all.sort();
    all
}
