//! A ring of frame headers, each of which knows how far back the one before it of its flow is.

use parsers::time::Time;

use crate::batch::{Frame, LinkType};

/// The most bytes that are kept of a frame: link to transport header, with a tag or two.
pub const HEADER_BYTES_MAX: usize = 96;

/// What is kept of a frame.
#[derive(Clone, Debug)]
pub(super) struct Slot {
    pub(super) no: u64,
    pub(super) time: Time,
    /// How far back the flow's frame before this one is; 0 if there is none.
    back: u32,
    /// Which frame of its flow it is, from 1.
    pub(super) nth: u32,
    pub(super) wire_len: u32,
    pub(super) link: LinkType,
    pub(super) interface: u16,
    pub(super) vlan: Option<u16>,
    len: u8,
    bytes: [u8; HEADER_BYTES_MAX],
}

/// What one frame takes.
pub(crate) const SLOT_BYTES: usize = size_of::<Slot>();

impl Slot {
    const EMPTY: Self = Self {
        no: 0,
        time: Time::ZERO,
        back: 0,
        nth: 0,
        wire_len: 0,
        link: LinkType::NULL,
        interface: 0,
        vlan: None,
        len: 0,
        bytes: [0; HEADER_BYTES_MAX],
    };

    fn fill(&mut self, frame: &Frame, header: &[u8], nth: u32) {
        self.no = frame.no;
        self.time = frame.time;
        self.nth = nth;
        self.wire_len = frame.wire_len;
        self.link = frame.link;
        self.interface = frame.interface;
        self.vlan = frame.vlan;
        let header = header.get(..HEADER_BYTES_MAX).unwrap_or(header);
        if let Some(room) = self.bytes.get_mut(..header.len()) {
            room.copy_from_slice(header);
        }
        self.len = u8::try_from(header.len()).unwrap_or(u8::MAX);
    }

    /// The headers.
    pub(super) fn bytes(&self) -> &[u8] {
        self.bytes.get(..self.len.into()).unwrap_or(&self.bytes)
    }
}

/// The newest frames of many flows. Its room is taken at once and touched as it fills.
#[derive(Debug)]
pub(super) struct Ring {
    slots: Vec<Slot>,
    max: usize,
    /// Where the next frame goes.
    at: usize,
    /// How many came so far: a frame is named by how many came before it.
    pub(super) count: u64,
}

impl Ring {
    /// A ring of so many bytes.
    pub(super) fn new(bytes: usize) -> Self {
        let max = bytes.checked_div(SLOT_BYTES).unwrap_or(0).max(1);
        Self {
            slots: Vec::with_capacity(max),
            max,
            at: 0,
            count: 0,
        }
    }

    /// Keeps a frame, the `nth` of its flow, whose frame before it is `before`; names it.
    pub(super) fn keep(
        &mut self,
        frame: &Frame,
        header: &[u8],
        nth: u32,
        before: Option<u64>,
    ) -> u64 {
        if let Some(slot) = self.next(before) {
            slot.fill(frame, header, nth);
        }
        self.count.saturating_sub(1)
    }

    /// Keeps what another ring kept.
    pub(super) fn adopt(&mut self, other: &Slot, before: Option<u64>) -> u64 {
        if let Some(slot) = self.next(before) {
            let back = slot.back;
            slot.clone_from(other);
            slot.back = back;
        }
        self.count.saturating_sub(1)
    }

    fn next(&mut self, before: Option<u64>) -> Option<&mut Slot> {
        let back = before.map_or(0, |before| {
            u32::try_from(self.count.saturating_sub(before)).unwrap_or(u32::MAX)
        });
        self.count = self.count.saturating_add(1);
        if self.at >= self.max {
            self.at = 0;
        }
        if self.at >= self.slots.len() {
            // Within the room that was taken at the beginning.
            self.slots.push(Slot::EMPTY);
        }
        let slot = self.slots.get_mut(self.at)?;
        self.at = self.at.saturating_add(1);
        slot.back = back;
        Some(slot)
    }

    /// A flow's frames from this one back, as far as they are still there.
    pub(super) fn back_from(&self, newest: u64) -> impl Iterator<Item = &Slot> {
        let mut at = Some(newest);
        std::iter::from_fn(move || {
            let name = at?;
            let slot = self.get(name)?;
            at = (slot.back > 0)
                .then(|| name.checked_sub(slot.back.into()))
                .flatten();
            Some(slot)
        })
    }

    /// Every frame from this one back, of whatever flow, as far as they are still there.
    pub(super) fn all_back_from(&self, newest: u64) -> impl Iterator<Item = &Slot> {
        let mut at = Some(newest);
        std::iter::from_fn(move || {
            let name = at?;
            at = name.checked_sub(1);
            self.get(name)
        })
    }

    pub(super) fn get(&self, name: u64) -> Option<&Slot> {
        let max = u64::try_from(self.max).ok()?;
        let age = self.count.checked_sub(name)?;
        if age == 0 || age > max {
            return None;
        }
        let at = usize::try_from(name.checked_rem(max)?).ok()?;
        self.slots.get(at)
    }
}
