//! Events that the correlator makes, or completes before rules see them.

use std::sync::Arc;

use parsers::event::{Envelope, Event};
use parsers::json;
use parsers::kinds::arp;
use smallvec::SmallVec;

use super::inventory::Sides;
use super::opens::Sum;
use super::subject::{Subject, crossing, rebuilt};
use super::{Correlator, Out};
use crate::Ruleset;
use crate::record::Owned;

impl Correlator {
    /// An event that crossed whole because its rules are matched here.
    pub(super) fn event_matched_here(
        &mut self,
        subject: &Subject<'_>,
        written: bool,
        out: &mut Out,
    ) {
        let envelope = addressed(subject);
        let mut event = rebuilt(subject.kind, &envelope, subject.ruleset, subject.fields);
        let mut extra = std::mem::take(&mut self.extra);
        extra.clear();
        if let Some(mac) = self.previous_mac(subject) {
            event.set(arp::PREVIOUS_MAC, mac);
            extra.extend_from_slice(b"\"previous_mac\":\"");
            json::mac(mac, &mut extra);
            extra.push(b'"');
        }
        let fields = crossing(&event, subject.ruleset, &self.site);
        let subject = Subject {
            envelope: &envelope,
            fields: &fields,
            extra: &extra,
            ..*subject
        };
        self.match_here(&subject, &event, written, out);
        self.extra = extra;
    }

    /// The opens of a second are complete: matches rules on the sum of each pair of hosts.
    pub(super) fn close_opens(&mut self, out: &mut Out) {
        let Some(ruleset) = self.ruleset().map(Arc::clone) else {
            return;
        };
        for sum in self.opens.take() {
            self.opened(&sum, &ruleset, out);
        }
    }

    fn opened(&mut self, sum: &Sum, ruleset: &Ruleset, out: &mut Out) {
        if sum.count > 0 {
            let ports = sum.port_values();
            let event = sum.event(&ports);
            self.made(&event, &sum.envelope, ruleset, false, out);
        }
        self.inventory.served(&sum.envelope, &sum.services);
        self.tell_news(ruleset, out);
    }

    /// Renders and matches an event that was made here.
    pub(super) fn made(
        &mut self,
        event: &Event<'_>,
        envelope: &Envelope,
        ruleset: &Ruleset,
        written: bool,
        out: &mut Out,
    ) {
        let (mut head, mut object) = (Vec::new(), Vec::new());
        self.eve.head(envelope, &mut head);
        json::object(event, &self.site, &mut object);
        object.pop();
        let fields = crossing(event, ruleset, &self.site);
        let subject = Subject {
            kind: event.kind(),
            envelope,
            ruleset,
            fields: &fields,
            head: &head,
            object: &object,
            extra: &[],
            sides: Sides::NONE,
        };
        self.match_here(&subject, event, written, out);
    }

    fn match_here(
        &mut self,
        subject: &Subject<'_>,
        event: &Event<'_>,
        written: bool,
        out: &mut Out,
    ) {
        let mut matched = SmallVec::new();
        let scratch = &mut self.scratch;
        subject
            .ruleset
            .matches(scratch, event, subject.envelope, &mut matched);
        self.conclude(subject, &matched, written, out);
    }
}

/// The envelope; for ARP with the addresses that the message speaks of, so that an alert names them
/// as its source and target.
fn addressed(subject: &Subject<'_>) -> Envelope {
    let mut envelope = *subject.envelope;
    if subject.kind.id == arp::KIND.id {
        for (endpoint, ip, mac) in [
            (&mut envelope.src, arp::SRC_IP, arp::SRC_MAC),
            (&mut envelope.dest, arp::DEST_IP, arp::DEST_MAC),
        ] {
            if let (None, Owned::Ip(ip)) = (endpoint.ip, subject.field(ip)) {
                endpoint.ip = Some(*ip);
            }
            if let (None, Owned::Mac(mac)) = (endpoint.mac, subject.field(mac)) {
                endpoint.mac = Some(*mac);
            }
        }
    }
    envelope
}
