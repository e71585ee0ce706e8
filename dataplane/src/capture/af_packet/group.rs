//! All rings of an interface, opened together.

use std::io;
use std::sync::{Mutex, PoisonError};

use super::fanout::{Fanout, Misplaced};
use super::ring::Ring;
use super::socket::{Size, Socket, compile, stamp_in_adapter};
use super::{MISPLACED, Settings};
use crate::capture::live::link;
use crate::telemetry::{Sample, counter};

/// What the rings of an interface share.
pub(super) struct Group {
    pub(super) settings: Settings,
    /// Nothing where one ring takes everything.
    pub(super) fanout: Option<Fanout>,
    /// Rings that were opened anew and wait for their sources.
    reopened: Mutex<Vec<Option<(Ring, u32)>>>,
}

/// A group and its rings.
pub(super) struct Opened {
    pub(super) group: Group,
    pub(super) rings: Vec<Ring>,
    pub(super) notes: Vec<String>,
}

impl Group {
    /// Loads the program where there are several rings, and opens these. Without the program there
    /// is one ring, and a note that says why.
    pub(super) fn open(settings: &Settings) -> Result<Opened, String> {
        let (mut settings, mut notes) = (settings.clone(), Vec::new());
        settings.rings = settings.rings.max(1);
        let mut fanout = None;
        if settings.rings > 1 {
            match Fanout::load(settings.snap_len) {
                Ok(loaded) => fanout = Some(loaded),
                Err(why) => {
                    notes.push(format!("one ring instead of {}: {why}", settings.rings));
                    settings.rings = 1;
                }
            }
        }
        if settings.adapter_stamps
            && let Err(error) = stamp_in_adapter(&settings.interface)
        {
            notes.push(format!(
                "the adapter does not stamp frames, the kernel does: {error}"
            ));
        }
        let group = Self {
            settings,
            fanout,
            reopened: Mutex::default(),
        };
        let (rings, _) = group.rings()?;
        let micros = group.settings.busy_poll_micros;
        if rings.iter().any(|ring| ring.socket().polls_for() < micros) {
            notes.push(
                "the kernel does not poll the adapter while we wait, for which older ones want \
                 CAP_NET_ADMIN: only the ring is looked at again and again"
                    .to_owned(),
            );
        }
        Ok(Opened {
            group,
            rings,
            notes,
        })
    }

    /// Opens all rings anew; each source finds its own with [`Self::waiting`].
    pub(super) fn reopen(&self) -> Result<(), String> {
        let interface = &self.settings.interface;
        if link::state(interface) == link::State::Gone {
            return Err("is gone".to_owned());
        }
        if let Some(prepare) = &self.settings.prepare {
            prepare(interface)?;
        }
        let (rings, index) = self.rings()?;
        let rings = rings.into_iter().map(|ring| Some((ring, index)));
        let mut reopened = self.reopened.lock().unwrap_or_else(PoisonError::into_inner);
        *reopened = rings.collect();
        Ok(())
    }

    /// The ring of this source, if it was opened anew.
    pub(super) fn waiting(&self, at: usize) -> Option<(Ring, u32)> {
        let mut reopened = self.reopened.lock().unwrap_or_else(PoisonError::into_inner);
        reopened.get_mut(at).and_then(Option::take)
    }

    /// All rings and the kernel's number of the interface. No ring takes a frame before all of
    /// them are in the group, so that no flow begins on one and goes on on another.
    fn rings(&self) -> Result<(Vec<Ring>, u32), String> {
        let settings = &self.settings;
        let index = match link::state(&settings.interface) {
            link::State::Gone => {
                return Err("no such interface: `ip link` lists those there are".to_owned());
            }
            link::State::Down(..) if !link::is_up(&settings.interface) => {
                return Err("the interface is down: `ip link set <interface> up`".to_owned());
            }
            _ => link::index(&settings.interface),
        };
        if !link::is_ethernet(&settings.interface) {
            return Err("no Ethernet: set capture.source to libpcap".to_owned());
        }
        let filter = compile(settings)?;
        let size = Size::of(settings.ring_bytes, settings.rings);
        let mut rings = Vec::with_capacity(settings.rings);
        let mut group = None;
        for _ in 0..settings.rings {
            let socket = Socket::new(settings, index, size).map_err(|e| explain(&e))?;
            if let Some(fanout) = &self.fanout {
                let joined = socket.join(group).map_err(|e| format!("fanout: {e}"))?;
                if group.is_none() {
                    let program = fanout.program()?;
                    socket.steer(program).map_err(|e| format!("fanout: {e}"))?;
                }
                group = Some(joined);
            }
            rings.push(Ring::new(socket, size).map_err(|e| format!("ring: {e}"))?);
        }
        for ring in &rings {
            let opened = ring.socket().open_up(&filter);
            opened.map_err(|e| format!("filter: {e}"))?;
        }
        Ok((rings, index))
    }

    /// How frames are spread over the rings.
    pub(super) const fn mode(&self) -> &'static str {
        if self.fanout.is_some() {
            "fanout"
        } else {
            "one_ring"
        }
    }

    /// What the program counts.
    pub(super) fn samples(&self) -> Vec<Sample> {
        let misplaced = self.fanout.as_ref().map(Fanout::misplaced);
        let Misplaced {
            early_fragments,
            short_fragments,
            too_deep,
        } = misplaced.unwrap_or_default();
        let causes = [
            ("fragment_before_first", early_fragments),
            ("short_first_fragment", short_fragments),
            ("too_deep", too_deep),
        ];
        let sample = |(cause, count)| {
            counter(
                "vitalwire_capture_misplaced_frames_total",
                MISPLACED,
                &[("cause", cause)],
                count,
            )
        };
        causes.into_iter().map(sample).collect()
    }
}

/// What the kernel said, and what to do.
fn explain(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::PermissionDenied => "not allowed to listen: run as root, or give the \
                                            program CAP_NET_RAW (sudo setcap cap_net_raw+ep on it)"
            .to_owned(),
        io::ErrorKind::OutOfMemory => {
            "no memory for the rings: set capture.buffer to less".to_owned()
        }
        _ => error.to_string(),
    }
}
