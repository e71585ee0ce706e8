//! Admissions, results, orders and infusion pumps.

use std::io;
use std::path::Path;
use std::time::Duration;

use serde_json::json;

use super::{INTERFACES, head};
use crate::hl7::{body, message, pump};
use crate::lab::{Task, pause};
use crate::record::stage::{Beside, Stage};

/// Records admissions, results and orders, and pumps that are programmed, report and alarm.
pub fn pumps(file: &Path, beside: Option<Box<dyn Beside>>) -> io::Result<()> {
    let mut stage = Stage::new(file, beside)?;
    stage.hosts(&INTERFACES)?;
    stage.record()?;
    let _servers = [
        stage.serve("engine", "hl7_server.py", 2575, &["--reject", "CPOE00003"])?,
        stage.serve("engine2", "hl7apy_server.py", 2575, &[])?,
        stage.serve("bcma", "hl7_server.py", 3001, &[])?,
        stage.serve("reporter", "hl7_server.py", 3002, &[])?,
    ];
    let options = ["--respond", "10.20.4.20:3001", "--refuse", "1200"];
    let gateway = stage.serve("gateway", "hl7_server.py", 3000, &options)?;
    let feeds = [
        ("adt", "engine", "2575", admissions(24)),
        ("lab", "engine", "2575", results(16)),
        ("cpoe", "engine", "2575", orders()),
        ("bcma", "gateway", "3000", programs()),
        ("gateway", "reporter", "3002", reports(0)),
    ];
    let mut running: Vec<(&str, Task)> = Vec::new();
    for (from, to, port, messages) in feeds {
        let name = stage.file(&format!("{from}.json"), &json!(messages))?;
        let options = [stage.address(to), port, name.as_str(), "--pause", "0.1"];
        running.push((from, stage.start(from, "hl7_client.py", &options)?));
    }
    stage.play(
        "clinic",
        "hl7apy_client.py",
        &["10.20.3.11", "2575", "--count", "8"],
    )?;
    for (host, task) in running {
        stage.finish(host, task)?;
    }
    pause(Duration::from_secs(1));
    stage.note_lines("gateway", &gateway.log());
    stage.end()
}

pub(in crate::record) fn admissions(count: u32) -> Vec<String> {
    let kinds = [
        ("A01", "ADT_A01"),
        ("A08", "ADT_A01"),
        ("A04", "ADT_A01"),
        ("A03", "ADT_A03"),
    ];
    let one = |n: u32| {
        let (trigger, structure) = kinds[n as usize % kinds.len()];
        message(
            &head("ADT", &format!("ADT^{trigger}^{structure}"), n),
            &body::adt(trigger, n),
        )
    };
    (1..=count).map(one).collect()
}

/// Results; every eighth has a report of 32 KB in it.
pub(in crate::record) fn results(count: u32) -> Vec<String> {
    let one = |n: u32| {
        let mut segments = body::result(n, &format!("4.{}", n % 10), "F");
        if n.is_multiple_of(8) {
            let report = "JVBERi0xLjQK".to_owned() + &"QUJDREVGR0hJSktM".repeat(2048);
            segments.push(format!(
                "OBX|2|ED|PDF^Report^L||LAB^application^pdf^Base64^{report}||||||F"
            ));
        }
        message(&head("LAB", "ORU^R01^ORU_R01", n), &segments)
    };
    (1..=count).map(one).collect()
}

fn orders() -> Vec<String> {
    let one = |n: u32| {
        if n.is_multiple_of(2) {
            message(&head("CPOE", "ORM^O01^ORM_O01", n), &body::order(n))
        } else {
            message(
                &head("CPOE", "RDE^O11^RDE_O11", n),
                &body::medication(n, "10"),
            )
        }
    };
    (1..=12).map(one).collect()
}

/// Orders for five pumps; the fourth exceeds what the gateway allows.
pub(super) fn programs() -> Vec<String> {
    let rates = ["125", "10", "62.5", "1500", "83.3"];
    let one = |(n, rate): (usize, &&str)| {
        let number = n as u32 + 1;
        let id = format!("RX{number:06}");
        let order = pump::Order {
            control: "RE",
            id: &id,
            patient: number,
            pump: number,
            drug: "1234^Dopamine",
            vtbi: "250",
            rate: (
                rate,
                if number == 3 {
                    pump::ML_PER_H_UCUM
                } else {
                    pump::ML_PER_H
                },
            ),
        };
        message(
            &pump::order_head(&format!("PIV{number:05}")),
            &order.segments(),
        )
    };
    rates.iter().enumerate().map(one).collect()
}

/// Reports, an event and an alarm of five pumps; each round has control ids of its own.
pub(in crate::record) fn reports(round: u32) -> Vec<String> {
    let mut out = Vec::new();
    for number in 1..=5 {
        let state = pump::State {
            patient: number,
            pump: number,
            status: "pump-status-infusing",
            delivery: "pump-delivery-status-delivering",
            rate: "125",
            volume: ("250", "180"),
            drug: "Dopamine",
        };
        let started = state.event(
            "197288^MDC_EVT_PUMP_DELIV_START^MDC",
            &format!("RX{number:06}"),
        );
        out.push(message(
            &pump::event_head(&format!("EVT{round:04}{number:03}")),
            &started,
        ));
        for part in 0..3 {
            let id = format!("DEC{round:04}{number:03}{part:02}");
            out.push(message(&pump::report_head(&id), &state.report()));
        }
    }
    for (n, phase, state) in [(1, "start", "active"), (2, "end", "inactive")] {
        let alarm = pump::Alarm {
            patient: 1,
            pump: 1,
            number: round + 1,
            event: "196940^MDC_EVT_FLUID_LINE_OCCL^MDC",
            phase,
            state,
            inactivation: "enabled",
            priority: "PH",
        };
        out.push(message(
            &pump::alarm_head(&format!("ACM{round:04}{n:03}")),
            &alarm.segments(),
        ));
    }
    out
}
