//! Acknowledgments and the messages that they answer, across connections.
//!
//! A message waits under the pseudonym of its control id. The answer may come on another
//! connection, so that what counts is that the two addresses, or else the two applications, have
//! changed places.

use std::net::IpAddr;

use smallvec::SmallVec;

use super::config::ACK_WAIT_NS;
use super::recent::Recent;

/// One end of a message.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(super) struct End {
    pub(super) ip: Option<IpAddr>,
    pub(super) application: Option<Box<str>>,
}

#[derive(Debug)]
pub(super) struct Acks {
    waiting: Recent<Box<str>, SmallVec<[Waiting; 1]>>,
    pub(super) matched: u64,
    pub(super) unmatched: u64,
    pub(super) never_acked: u64,
}

#[derive(Debug)]
struct Waiting {
    time: i64,
    from: End,
    to: End,
    acked: bool,
}

/// Messages of one control id that wait at the same time: a message sent again, or seen on its way
/// into and out of an interface engine.
const SAME_ID_MAX: usize = 8;

impl Acks {
    pub(super) const fn new(max: usize) -> Self {
        Self {
            waiting: Recent::new(max),
            matched: 0,
            unmatched: 0,
            never_acked: 0,
        }
    }

    /// A message was sent. One that is itself an answer may be acknowledged, but need not be: it
    /// is not `owed` one.
    pub(super) fn message(&mut self, id: &str, from: End, to: End, now: i64, owed: bool) {
        let waiting = self.waiting.touch(&id.into(), now, SmallVec::new);
        if waiting.len() >= SAME_ID_MAX {
            let gone = waiting.remove(0);
            self.never_acked = self.never_acked.saturating_add(u64::from(!gone.acked));
        }
        waiting.push(Waiting {
            time: now,
            from,
            to,
            acked: !owed,
        });
    }

    /// An acknowledgment was sent: nanoseconds since the newest message that it answers. An
    /// accept and an application acknowledgment may answer the same message.
    pub(super) fn answer(&mut self, id: &str, from: &End, to: &End, now: i64) -> Option<i64> {
        let key: Box<str> = id.into();
        let found = self
            .waiting
            .get(&key)
            .map(|(last, _)| last)
            .and_then(|last| {
                let waiting = self.waiting.touch(&key, last, SmallVec::new);
                let message = waiting
                    .iter_mut()
                    .rev()
                    .find(|m| m.is_answered_by(from, to))?;
                message.acked = true;
                Some(now.saturating_sub(message.time))
            });
        let counter = if found.is_some() {
            &mut self.matched
        } else {
            &mut self.unmatched
        };
        *counter = counter.saturating_add(1);
        found.filter(|latency| *latency >= 0)
    }

    pub(super) fn expire(&mut self, now: i64) {
        let never = &mut self.never_acked;
        self.waiting
            .expire(now.saturating_sub(ACK_WAIT_NS), |_, waiting| {
                let unacked = waiting.iter().filter(|m| !m.acked).count();
                *never = never.saturating_add(u64::try_from(unacked).unwrap_or(u64::MAX));
            });
    }

    pub(super) fn clear(&mut self) {
        self.waiting.clear();
    }

    #[cfg(test)]
    pub(super) fn waiting(&self) -> usize {
        self.waiting.len()
    }

    pub(super) const fn evicted(&self) -> u64 {
        self.waiting.evicted
    }
}

impl Waiting {
    fn is_answered_by(&self, from: &End, to: &End) -> bool {
        let addresses = from.ip.is_some() && from.ip == self.to.ip && to.ip == self.from.ip;
        let applications = from.application.is_some()
            && from.application == self.to.application
            && to.application == self.from.application;
        addresses || applications
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn end(ip: &str, application: &str) -> End {
        End {
            ip: Some(ip.parse().unwrap()),
            application: Some(application.into()),
        }
    }

    #[test]
    fn an_answer_finds_its_message_by_address_or_application() {
        let mut acks = Acks::new(8);
        let (lab, engine) = (end("10.0.0.1", "LAB"), end("10.0.0.2", "ENGINE"));
        acks.message("control_id:1", lab.clone(), engine.clone(), 100, true);
        assert_eq!(acks.answer("control_id:1", &engine, &lab, 350), Some(250));
        let node = end("10.0.0.3", "ENGINE");
        assert_eq!(acks.answer("control_id:1", &node, &lab, 400), Some(300));
        let stranger = end("10.0.0.9", "EVIL");
        assert_eq!(acks.answer("control_id:1", &stranger, &lab, 400), None);
        assert_eq!((acks.matched, acks.unmatched), (2, 1));
    }

    #[test]
    fn messages_that_nobody_acknowledges_are_counted() {
        let mut acks = Acks::new(8);
        acks.message("a", End::default(), End::default(), 0, true);
        acks.message("b", End::default(), End::default(), 0, false);
        acks.expire(ACK_WAIT_NS + 1);
        assert_eq!((acks.never_acked, acks.waiting()), (1, 0));
    }
}
