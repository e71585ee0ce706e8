//! Syslog: RFC 5424 over UDP (RFC 5426), TCP (RFC 6587) and TLS (RFC 5425).
//!
//! Syslog has no acknowledgment: what was written to a connection may never be read. Therefore the
//! messages of the last half minute are kept and sent again over a new connection when one breaks;
//! a receiver tells them by the id. A black hole is noticed within that time.
//!
//! A message is never cut. One that is longer than `max_size` is sent without what matters least,
//! with `vitalwire.truncated`; one that is longer all the same is given up, and counted.

mod message;
mod recent;
mod wire;

use std::time::Duration;

use crate::clock;
use crate::config::{Syslog as Config, Transport};
use crate::outbox::{Deliver, Entry, Failure};
use message::Shape;
use recent::Recent;
use wire::Wire;

/// Less holds no header (RFC 5424 6.1).
const SIZE_MIN: u64 = 480;
/// Room for the longest line.
const SIZE_MAX: u64 = 1024 * 1024;
/// Datagrams are sent in bursts of so many, with a pause after each: a receiver's socket holds some
/// hundred kilobytes, and what it cannot hold is lost without a word.
const BURST: usize = 32;
/// The pause.
const PAUSE: Duration = Duration::from_millis(5);
/// What a datagram holds.
const DATAGRAM_MAX: u64 = 65_000;

pub(super) fn make(config: &Config) -> Result<Box<dyn Deliver>, String> {
    let most = if config.transport == Transport::Udp {
        DATAGRAM_MAX
    } else {
        SIZE_MAX
    };
    if !(SIZE_MIN..=most).contains(&config.max_size.0) {
        return Err(format!(
            "max_size has to be within {SIZE_MIN} and {most} bytes"
        ));
    }
    Ok(Box::new(Syslog {
        shape: Shape::new(config),
        wire: Wire::new(config)?,
        recent: Recent::default(),
        again: false,
    }))
}

struct Syslog {
    shape: Shape,
    wire: Wire,
    recent: Recent,
    /// Whether a connection broke, and what went over it lately has to be sent again.
    again: bool,
}

impl Deliver for Syslog {
    fn deliver(&mut self, batch: &[Entry]) -> Result<(), Failure> {
        self.ready().map_err(|why| Failure::later(0, why))?;
        for (at, entry) in batch.iter().enumerate() {
            let message = self.shape.message(entry);
            let message = message.map_err(|why| Failure::refused(at, why))?;
            self.wire
                .send(&message)
                .map_err(|why| self.broken(at, why))?;
            self.recent.keep(message);
        }
        self.settle().map_err(|why| self.broken(0, why))?;
        self.pace();
        Ok(())
    }

    fn batch_max(&self) -> usize {
        if self.wire.is_datagram() { BURST } else { 256 }
    }

    /// A connection that broke while there was nothing to send is made anew.
    fn idle(&mut self) {
        if let Err(why) = self.ready() {
            self.broken(0, why);
        }
    }
}

impl Syslog {
    /// Connected, and with nothing owed. Without anything to send or owed it stays as it is.
    fn ready(&mut self) -> Result<(), String> {
        if let Err(why) = self.wire.look() {
            self.broken(0, why);
        }
        self.wire.connect()?;
        if self.again {
            for (at, message) in self.recent.all().enumerate() {
                self.wire.send(message)?;
                if at % BURST == BURST - 1 {
                    self.pace();
                }
            }
        }
        self.settle()
    }

    fn pace(&self) {
        if self.wire.is_datagram() {
            clock::pause(PAUSE);
        }
    }

    /// Everything is written, and nobody says that it was in vain.
    fn settle(&mut self) -> Result<(), String> {
        self.wire.flush()?;
        self.wire.look()?;
        self.again = false;
        self.recent.forget();
        Ok(())
    }

    /// What went over it lately has to be sent again.
    fn broken(&mut self, delivered: usize, why: String) -> Failure {
        self.wire.close();
        self.again = true;
        Failure::later(delivered, why)
    }
}

#[cfg(test)]
mod tests;
