//! The language as its users see it.

mod correlator;
mod errors;
mod example;
mod files;
mod operators;
mod properties;

use std::collections::BTreeMap;
use std::net::IpAddr;

use parsers::catalogue::FieldIx;
use parsers::event::{Direction, Envelope, Event, Value};
use parsers::kinds;
use smallvec::SmallVec;

use crate::{Diagnostic, Ruleset, Scratch, SourceFile};

fn source(text: &str) -> SourceFile {
    SourceFile {
        name: "test.yaml".into(),
        text: text.into(),
    }
}

fn compile(text: &str) -> Result<Ruleset, Vec<Diagnostic>> {
    Ruleset::compile(&[source(text)], &BTreeMap::new())
}

/// A file with one rule about `on` whose condition is `when`, on line 2.
fn one(on: &str, when: &str) -> String {
    format!(
        "rules:\n  - when: {when}\n    id: a-rule\n    sid: 1000001\n    title: A rule\n    \
         severity: low\n    explain: It happened.\n    on: {on}\n"
    )
}

fn ruleset(on: &str, when: &str) -> Ruleset {
    match compile(&one(on, when)) {
        Ok(ruleset) => ruleset,
        Err(errors) => panic!("{when}\n{}", errors[0]),
    }
}

/// The ids of the rules that an event meets.
fn ids(ruleset: &Ruleset, event: &Event<'_>, envelope: &Envelope) -> Vec<String> {
    let mut matched = SmallVec::new();
    ruleset.matches(&mut Scratch::default(), event, envelope, &mut matched);
    let ids = matched
        .iter()
        .map(|ix| ruleset.rules()[usize::from(ix.0)].id.to_string());
    ids.collect()
}

fn dicom<'a>(fields: &[(FieldIx, Value<'a>)]) -> Event<'a> {
    let mut event = Event::new(&kinds::dicom::KIND, Direction::ToServer);
    for (field, value) in fields {
        event.set(*field, *value);
    }
    event
}

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn envelope() -> Envelope {
    let mut envelope = Envelope::default();
    envelope.src.ip = Some(ip("10.0.0.9"));
    envelope.src.port = Some(50_000);
    envelope.src.mac = Some([0, 0x11, 0x22, 0x33, 0x44, 0x55]);
    envelope.dest.ip = Some(ip("8.8.8.8"));
    envelope.dest.port = Some(104);
    envelope
}
