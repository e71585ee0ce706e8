//! Live capture through libpcap. It listens and never sends: the handle is opened for reading, and
//! nothing here has a way to write to it.
//!
//! An interface that goes down, or away, does not end the capture: the source says that it is
//! blind, waits, and opens it anew when it is back.

mod handle;
pub(super) mod link;
pub mod nic;
pub mod steered;

use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use parsers::time::Time;

use crate::capture::clock::Clock;
use crate::capture::{Batch, CaptureError, Fill, Losses, Source};
use crate::telemetry::{Sample, sockets};
use handle::{Handle, Took};

/// How to listen.
#[derive(Clone)]
pub struct Settings {
    /// The interface's name.
    pub interface: String,
    /// Bytes kept of a frame, at most 256 KiB.
    pub snap_len: u32,
    /// Bytes of the kernel's ring: what bridges the moments in which nobody reads.
    pub ring_bytes: u32,
    /// Whether frames not meant for this machine are taken too, as a mirror port needs.
    pub promiscuous: bool,
    /// Whether frames that this machine itself sends are left out.
    pub inbound_only: bool,
    /// A filter in the language of tcpdump, or nothing.
    pub filter: Option<String>,
    /// Makes an interface that came back fit to be listened on, or says why it cannot.
    pub prepare: Option<Prepare>,
}

/// What is done to an interface before it is opened anew.
pub type Prepare = Arc<dyn Fn(&str) -> Result<(), String> + Send + Sync>;

impl Default for Settings {
    fn default() -> Self {
        Self {
            interface: String::new(),
            snap_len: 65_535,
            ring_bytes: 64 << 20,
            promiscuous: true,
            inbound_only: false,
            filter: None,
            prepare: None,
        }
    }
}

/// The longest wait without a frame before the time is told all the same.
pub(super) const IDLE: Duration = Duration::from_millis(100);

/// Idle polls before the first attempt to open an interface that went away; doubled each time.
const RETRY_POLLS_MIN: u32 = 2;

/// An interface that is back is seen within five seconds.
const RETRY_POLLS_MAX: u32 = 50;

/// Listens on an interface.
pub struct Live {
    settings: Settings,
    interface: [String; 1],
    /// Nothing while the interface is gone.
    handle: Option<Handle>,
    clock: Clock,
    /// What handles lost that are closed by now.
    before: Losses,
    blind: Option<String>,
    retry: Retry,
}

/// When to try again: idle polls to wait now, and to wait the next time.
#[derive(Clone, Copy, Debug)]
pub(super) struct Retry {
    left: u32,
    next: u32,
}

impl Default for Retry {
    fn default() -> Self {
        Self {
            left: RETRY_POLLS_MIN,
            next: RETRY_POLLS_MIN.saturating_mul(2),
        }
    }
}

impl Retry {
    /// An idle poll went by; says whether it is time.
    pub(super) const fn is_due(&mut self) -> bool {
        self.left = self.left.saturating_sub(1);
        self.left == 0
    }

    pub(super) fn later(&mut self) {
        self.left = self.next;
        self.next = self.next.saturating_mul(2).min(RETRY_POLLS_MAX);
    }
}

impl Live {
    /// Opens the interface.
    ///
    /// # Errors
    /// There is none of that name, this process may not listen on it, or the filter is wrong.
    pub fn open(settings: &Settings) -> Result<Self, CaptureError> {
        let handle = Handle::open(settings).map_err(|what| CaptureError::Interface {
            interface: settings.interface.clone(),
            what,
        })?;
        Ok(Self {
            settings: settings.clone(),
            interface: [settings.interface.clone()],
            handle: Some(handle),
            clock: Clock::default(),
            before: Losses::default(),
            blind: None,
            retry: Retry::default(),
        })
    }

    /// Nothing came: is there still an interface that something could come from?
    fn look(&mut self, opened: u32) {
        match link::state(&self.settings.interface) {
            link::State::Up(index) if index == opened => self.blind = None,
            // The kernel's socket comes back with its interface.
            link::State::Down(index, why) if index == opened => self.blind = Some(why.to_owned()),
            // Another interface of that name: the old socket stays deaf for ever.
            link::State::Up(_) | link::State::Down(..) => self.close("was replaced".to_owned()),
            link::State::Gone => self.close("is gone".to_owned()),
        }
    }

    fn close(&mut self, why: String) {
        self.before = self.losses();
        self.handle = None;
        self.blind = Some(why);
        self.retry = Retry::default();
    }

    /// Opens the interface anew, if it is time and it is there.
    fn reopen(&mut self) {
        if !self.retry.is_due() {
            return;
        }
        let interface = &self.settings.interface;
        let opened = match (link::state(interface), &self.settings.prepare) {
            (link::State::Gone, _) => Err("is gone".to_owned()),
            (_, Some(prepare)) => prepare(interface).and_then(|()| Handle::open(&self.settings)),
            (_, None) => Handle::open(&self.settings),
        };
        match opened {
            Ok(handle) => {
                self.handle = Some(handle);
                self.blind = None;
            }
            Err(why) => {
                self.blind = Some(why);
                self.retry.later();
            }
        }
    }
}

impl Source for Live {
    fn fill(&mut self, batch: &mut Batch) -> Result<Fill, CaptureError> {
        if let Some(handle) = &mut self.handle {
            let opened = handle.interface_index();
            match handle.fill(batch, &mut self.clock) {
                Ok(Took::Frames) => {
                    self.blind = None;
                    batch.now = self.clock.now();
                    return Ok(Fill::More);
                }
                Ok(Took::Nothing) => self.look(opened),
                Err(why) => self.close(why),
            }
        } else {
            wait();
            self.reopen();
        }
        batch.now = self.clock.idle(machine_time());
        Ok(Fill::More)
    }

    fn interfaces(&self) -> &[String] {
        &self.interface
    }

    fn losses(&mut self) -> Losses {
        let now = self.handle.as_mut().map(Handle::losses);
        self.before.plus(now.unwrap_or_default())
    }

    fn blind(&self) -> Option<&str> {
        self.blind.as_deref()
    }

    fn samples(&self) -> Vec<Sample> {
        vec![sockets(
            "libpcap",
            "copy",
            usize::from(self.handle.is_some()),
        )]
    }
}

fn wait() {
    pause(IDLE);
}

#[expect(
    clippy::disallowed_methods,
    reason = "for Source::fill, the one place that may wait"
)]
pub(super) fn pause(time: Duration) {
    std::thread::sleep(time);
}

/// What the machine's clock says, as frames are stamped by it too.
pub(super) fn machine_time() -> Time {
    #[expect(
        clippy::disallowed_types,
        reason = "the capture clock of an idle poll: the kernel stamps frames with the same"
    )]
    let since = std::time::SystemTime::now().duration_since(UNIX_EPOCH);
    let nanos = since.map(|d| d.as_nanos()).unwrap_or_default();
    Time(i64::try_from(nanos).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attempts_become_rarer_but_never_rare() {
        let mut retry = Retry::default();
        let mut waits = Vec::new();
        for _ in 0..8 {
            let mut polls = 1;
            while !retry.is_due() {
                polls += 1;
            }
            waits.push(polls);
            retry.later();
        }
        assert_eq!(waits, [2, 4, 8, 16, 32, 50, 50, 50]);
    }
}
