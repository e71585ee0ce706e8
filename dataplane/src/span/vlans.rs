//! Which VLANs there are.

use parsers::time::Time;

use super::Expect;
use crate::batch::Frame;

/// VLAN numbers have twelve bits.
const COUNT: usize = 4096;
/// Frames after which a VLAN that nobody announced is known, and missed when it falls silent.
const KNOWN_FRAMES: u64 = 100;

#[derive(Clone, Copy, Default)]
struct Vlan {
    /// Of this window.
    frames: u64,
    bytes: u64,
    /// Of windows before.
    before: u64,
    last: Option<Time>,
}

pub(super) struct Vlans {
    table: Box<[Vlan]>,
}

impl Vlans {
    pub(super) fn new() -> Self {
        Self {
            table: vec![Vlan::default(); COUNT].into_boxed_slice(),
        }
    }

    pub(super) fn begin(&mut self) {
        for vlan in &mut self.table {
            vlan.before = vlan.before.saturating_add(vlan.frames);
            (vlan.frames, vlan.bytes) = (0, 0);
        }
    }

    pub(super) fn frame(&mut self, tags: impl Iterator<Item = u16>, frame: &Frame) {
        for tag in tags {
            if let Some(vlan) = self.table.get_mut(usize::from(tag)) {
                vlan.frames = vlan.frames.saturating_add(1);
                vlan.bytes = vlan.bytes.saturating_add(u64::from(frame.wire_len));
                vlan.last = Some(frame.time);
            }
        }
    }

    pub(super) fn seen(&self) -> impl Iterator<Item = (u16, u64, u64)> {
        (0_u16..)
            .zip(&self.table)
            .filter(|(_, vlan)| vlan.frames > 0)
            .map(|(id, vlan)| (id, vlan.frames, vlan.bytes))
    }

    /// Whether any frame had a tag, in this window or before.
    pub(super) fn were_ever(&self) -> bool {
        self.table.iter().any(|vlan| vlan.last.is_some())
    }

    /// VLANs that ought to say something and do not, with the time of their last frame.
    pub(super) fn silent<'a>(
        &'a self,
        expect: &'a Expect,
        began: Time,
        now: Time,
    ) -> impl Iterator<Item = (u16, Option<Time>)> + Clone + 'a {
        let watched = expect.silent_after > 0;
        (0_u16..)
            .zip(&self.table)
            .filter(move |(id, vlan)| {
                let known = watched && vlan.before.saturating_add(vlan.frames) >= KNOWN_FRAMES;
                if !known && !expect.vlans.contains(id) {
                    return false;
                }
                if watched {
                    now.since(vlan.last.unwrap_or(began)) >= expect.silent_after
                } else {
                    vlan.frames == 0
                }
            })
            .map(|(id, vlan)| (id, vlan.last))
    }
}
