//! The flow table: a slab of flows, and an index under a keyed hash.

use std::hash::BuildHasher;

use hashbrown::{DefaultHashBuilder, HashTable};

use super::Flow;
use super::expiry::{Entry, What, Wheel, deadline};
use super::key::{Keyed, Vlans};
use crate::pipeline::VlanInKey;

/// All flows of one worker. The hash is keyed at random (foldhash), since strangers choose the
/// keys: what collides on one sensor does not on another.
pub(crate) struct Table {
    index: HashTable<u32>,
    slots: Vec<Option<Flow>>,
    free: Vec<u32>,
    hasher: DefaultHashBuilder,
    pub(crate) wheel: Wheel,
    max: usize,
    vlan_in_key: VlanInKey,
}

/// What a lookup found.
pub(crate) enum Found {
    /// The flow.
    Flow(u32),
    /// The flow, whose other direction carries other VLAN tags.
    AcrossVlans(u32),
    /// None.
    None,
}

impl Table {
    pub(crate) fn new(max: usize, vlan_in_key: VlanInKey) -> Self {
        Self {
            index: HashTable::new(),
            slots: Vec::new(),
            free: Vec::new(),
            hasher: DefaultHashBuilder::default(),
            wheel: Wheel::default(),
            max,
            vlan_in_key,
        }
    }

    /// The key's part of VLANs that names flows, if it has one.
    pub(crate) fn named_vlans(&self, vlans: Vlans) -> Option<Vlans> {
        (self.vlan_in_key == VlanInKey::Yes).then_some(vlans)
    }

    pub(crate) fn hash(&self, keyed: &Keyed) -> u64 {
        self.hasher.hash_one(keyed.key.words())
    }

    pub(crate) fn find(&self, hash: u64, keyed: &Keyed) -> Found {
        let strict = |flow: &Flow| match self.vlan_in_key {
            VlanInKey::No => true,
            VlanInKey::Yes | VlanInKey::Auto => {
                let same = flow.vlans(keyed.from_a);
                same.or_else(|| flow.vlans(!keyed.from_a)) == Some(keyed.vlans)
            }
        };
        if let Some(slot) = self.search(hash, keyed, strict) {
            return Found::Flow(slot);
        }
        if self.vlan_in_key != VlanInKey::Auto {
            return Found::None;
        }
        // A direction that was not seen yet may carry other tags, or none: then the VLAN says
        // nothing about who talks to whom.
        let unseen = |flow: &Flow| flow.vlans(keyed.from_a).is_none();
        match self.search(hash, keyed, unseen) {
            Some(slot) => Found::AcrossVlans(slot),
            None => Found::None,
        }
    }

    fn search(&self, hash: u64, keyed: &Keyed, fits: impl Fn(&Flow) -> bool) -> Option<u32> {
        let found = self.index.find(hash, |slot| {
            self.get(*slot)
                .is_some_and(|flow| flow.key == keyed.key && fits(flow))
        });
        found.copied()
    }

    pub(crate) fn get(&self, slot: u32) -> Option<&Flow> {
        self.slots.get(slot as usize)?.as_ref()
    }

    pub(crate) fn get_mut(&mut self, slot: u32) -> Option<&mut Flow> {
        self.slots.get_mut(slot as usize)?.as_mut()
    }

    pub(crate) fn is_full(&self) -> bool {
        self.index.len() >= self.max
    }

    /// Adds a flow and files its end.
    pub(crate) fn insert(&mut self, hash: u64, mut flow: Flow) -> Option<u32> {
        flow.cold.filed = deadline(&flow);
        let (filed, first_frame) = (flow.cold.filed, flow.cold.first_frame);
        let slot = match self.free.pop() {
            Some(slot) => slot,
            None => {
                let slot = u32::try_from(self.slots.len()).ok()?;
                self.slots.push(None);
                slot
            }
        };
        *self.slots.get_mut(slot as usize)? = Some(flow);
        let Self {
            index,
            slots,
            hasher,
            ..
        } = self;
        index.insert_unique(hash, slot, |slot| {
            let flow = slots.get(*slot as usize).and_then(Option::as_ref);
            flow.map_or(0, |flow| hasher.hash_one(flow.key.words()))
        });
        let entry = Entry {
            first_frame,
            slot,
            what: What::Idle,
        };
        self.wheel.file(filed, entry);
        Some(slot)
    }

    /// Takes a flow out.
    pub(crate) fn remove(&mut self, slot: u32) -> Option<Flow> {
        let flow = self.slots.get_mut(slot as usize)?.take()?;
        let hash = self.hasher.hash_one(flow.key.words());
        if let Ok(found) = self.index.find_entry(hash, |other| *other == slot) {
            found.remove();
        }
        self.free.push(slot);
        Some(flow)
    }

    /// Files the flow's end again where it has come nearer, as when a connection closes.
    pub(crate) fn hurry(&mut self, slot: u32) {
        let Some(flow) = self.get_mut(slot) else {
            return;
        };
        let due = deadline(flow);
        if due < flow.cold.filed {
            flow.cold.filed = due;
            let entry = Entry {
                first_frame: flow.cold.first_frame,
                slot,
                what: What::Idle,
            };
            self.wheel.file(due, entry);
        }
    }

    /// Looks at an entry that was filed under `filed`: whether its flow is over at `second`. One
    /// whose deadline has moved is filed anew.
    pub(crate) fn is_over(&mut self, filed: i64, entry: Entry, second: i64) -> bool {
        let Some(flow) = self.get_mut(entry.slot) else {
            return false;
        };
        if flow.cold.first_frame != entry.first_frame || flow.cold.filed != filed {
            return false;
        }
        let due = deadline(flow);
        if due <= second {
            return true;
        }
        flow.cold.filed = due;
        self.wheel.file(due, entry);
        false
    }

    /// The flow to end so that another has room: the one that would end first, which a medical
    /// session never is while there are others.
    pub(crate) fn victim(&mut self) -> Option<u32> {
        for _ in 0..VICTIMS_LOOKED_AT_MAX {
            let (filed, entry) = self.wheel.soonest()?;
            if entry.what == What::Idle && self.is_over(filed, entry, filed) {
                return Some(entry.slot);
            }
        }
        let any = |flow: &&Option<Flow>| flow.is_some();
        let at = self.slots.iter().position(|flow| any(&flow))?;
        u32::try_from(at).ok()
    }

    /// The places of all flows, in order of their first frames.
    pub(crate) fn in_order(&self) -> Vec<u32> {
        let mut all: Vec<(u64, u32)> = (0_u32..)
            .zip(&self.slots)
            .filter_map(|(slot, flow)| Some((flow.as_ref()?.cold.first_frame, slot)))
            .collect();
        all.sort_unstable();
        all.into_iter().map(|(_, slot)| slot).collect()
    }
}

/// Entries filed anew while looking for a victim are not looked at again within one search, and
/// each is moved once at most for each packet of its flow: this bounds one packet's cost.
const VICTIMS_LOOKED_AT_MAX: usize = 4096;
