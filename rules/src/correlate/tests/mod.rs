//! The correlator on records as workers make them.

mod alerts;
mod counting;
mod events;
mod packs;

use std::collections::BTreeMap;
use std::sync::Arc;

use parsers::catalogue::Kind;
use parsers::event::{Direction, Endpoint, Envelope, Event, FlowFacts};
use parsers::json;
use parsers::phi::Pseudonymizer;
use parsers::time::Time;
use serde_json::Value as Json;
use smallvec::SmallVec;

use super::{Config, Correlator, Out, matched_in_correlator};
use crate::eve::Eve;
use crate::record::{Batch, Body, EventBody, Key, OpenSum, Owned, Phase, Record};
use crate::{Ruleset, Scratch, SourceFile};

pub(super) const SECOND: i64 = 1_000_000_000;

/// A rule file of one rule about DICOM, with these lines in it.
pub(super) fn rule(id: &str, on: &str, when: &str, more: &str) -> String {
    format!(
        "rules:\n  - id: {id}\n    sid: 1000001\n    rev: 3\n    title: T\n    severity: high\n    \
         on: {on}\n    when: {when}\n    explain: \"{{src_ip}} did it to {{dest_ip}}\"\n{more}"
    )
}

pub(super) fn compiled(text: &str, sets: &[(&str, &[&str])]) -> Arc<Ruleset> {
    let file = SourceFile {
        name: "test.yaml".into(),
        text: text.into(),
    };
    let sets: BTreeMap<String, Vec<String>> = sets
        .iter()
        .map(|(name, entries)| {
            let entries = entries.iter().map(|e| (*e).to_owned()).collect();
            ((*name).to_owned(), entries)
        })
        .collect();
    match Ruleset::compile(&[file], &sets) {
        Ok(ruleset) => Arc::new(ruleset),
        Err(wrong) => panic!("{wrong:#?}"),
    }
}

/// A correlator with a worker in front of it.
pub(super) struct Rig {
    pub(super) correlator: Correlator,
    pub(super) ruleset: Arc<Ruleset>,
    pub(super) out: Out,
    frame: u64,
}

impl Rig {
    pub(super) fn new(ruleset: &Arc<Ruleset>) -> Self {
        Self::bounded(ruleset, Config::default())
    }

    pub(super) fn bounded(ruleset: &Arc<Ruleset>, config: Config) -> Self {
        // It learns of interfaces as it does in the pipeline: from what comes.
        let eve = Eve {
            interfaces: Arc::default(),
            ..eve()
        };
        Self {
            correlator: Correlator::new(eve, site(), config),
            ruleset: Arc::clone(ruleset),
            out: Out::default(),
            frame: 0,
        }
    }

    /// An event, written if it is of a medical kind, made in the way of a worker.
    pub(super) fn event(&mut self, envelope: &Envelope, event: &Event<'_>) {
        self.frame += 1;
        let envelope = Envelope {
            frame: self.frame,
            ..*envelope
        };
        let body = |batch: &mut Batch| {
            let from = batch.arena.len();
            eve().head(&envelope, &mut batch.arena);
            let middle = batch.arena.len();
            json::object(event, &site(), &mut batch.arena);
            batch.arena.pop();
            let place = |at: usize| u32::try_from(at).unwrap();
            let mut matched = SmallVec::new();
            if !matched_in_correlator(event.kind().id) {
                let ruleset = &batch.ruleset;
                ruleset.matches(&mut Scratch::default(), event, &envelope, &mut matched);
            }
            let fields = batch.fields.len();
            let ruleset = Arc::clone(&batch.ruleset);
            Owned::all_of(event, &ruleset, &site(), &mut batch.fields);
            Body::Event(EventBody {
                kind: event.kind().id,
                head: place(from)..place(middle),
                object: place(middle)..place(batch.arena.len()),
                matched,
                fields: place(fields)..place(batch.fields.len()),
                written: event.kind().medical,
            })
        };
        self.record(Phase::Frame, &envelope, body);
    }

    /// One worker's sum of opens.
    pub(super) fn opens(&mut self, envelope: &Envelope, first_frame: u64, sum: OpenSum) {
        let key = Key {
            frame: self.frame + 1,
            phase: Phase::Timer,
            first_frame,
            sub: 0,
        };
        self.push(key, envelope, |_| Body::Opens(sum));
    }

    pub(super) fn record(
        &mut self,
        phase: Phase,
        envelope: &Envelope,
        body: impl FnOnce(&mut Batch) -> Body,
    ) {
        let key = Key {
            frame: self.frame,
            phase,
            first_frame: 0,
            sub: 0,
        };
        self.push(key, envelope, body);
    }

    fn push(&mut self, key: Key, envelope: &Envelope, body: impl FnOnce(&mut Batch) -> Body) {
        let mut batch = Batch {
            ruleset: Arc::clone(&self.ruleset),
            interfaces: eve().interfaces,
            arena: b"something before".to_vec(),
            fields: vec![Owned::Bool(true)],
            records: Vec::new(),
            watermark: 0,
            now: Time::ZERO,
        };
        let body = body(&mut batch);
        let record = Record {
            key,
            envelope: *envelope,
            trail: None,
            body,
        };
        self.correlator.record(&batch, &record, &mut self.out);
    }

    /// The lines so far; each has to be valid JSON.
    pub(super) fn lines(&self) -> Vec<Json> {
        let items = self.out.items.iter();
        items
            .map(|item| {
                let line = item.line.start as usize..item.line.end as usize;
                let json: Json = serde_json::from_slice(&self.out.arena[line]).unwrap();
                assert_eq!(json["event_type"], item.event_type);
                json
            })
            .collect()
    }

    /// The alerts so far.
    pub(super) fn alerts(&self) -> Vec<Json> {
        let lines = self.lines().into_iter();
        lines.filter(|l| l["event_type"] == "alert").collect()
    }

    pub(super) fn counter(&self, name: &str, label: &str) -> u64 {
        let counters = self.correlator.counters();
        let fits = |labels: &[(&str, String)]| {
            label.is_empty() || labels.iter().any(|(_, value)| value == label)
        };
        let found = counters
            .iter()
            .filter(|(n, _, labels, _)| *n == name && fits(labels));
        found.map(|(_, _, _, value)| value).sum()
    }
}

pub(super) fn eve() -> Eve {
    Eve {
        host: "sensor".into(),
        sensor_id: "s1".into(),
        site: "north".into(),
        interfaces: ["span0".into()].into(),
    }
}

pub(super) fn site() -> Pseudonymizer {
    Pseudonymizer::new(&[7; 32])
}

/// Between two hosts at a time, on a flow.
pub(super) fn between(src: &str, dest: &str, time: i64, flow: u64) -> Envelope {
    let endpoint = |ip: &str, port: u16| Endpoint {
        ip: Some(ip.parse().unwrap()),
        port: Some(port),
        mac: None,
    };
    Envelope {
        time: Time(time),
        src: endpoint(src, 40_000),
        dest: endpoint(dest, 104),
        proto: Some(6),
        direction: Some(Direction::ToServer),
        flow: Some(FlowFacts {
            id: flow,
            first_frame: 1,
            start: Time(time),
            app: "dicom",
            midstream: false,
            one_sided: false,
            gaps: false,
        }),
        ..Envelope::default()
    }
}

pub(super) fn event<'a>(kind: &'static Kind) -> Event<'a> {
    Event::new(kind, Direction::ToServer)
}
