//! Sequences and items within each other: a stack of what is open, and where it ends.

use super::wire::{Encoding, Tag, UNDEFINED};

/// Sequences and items within each other. Structured reports go to some 20 levels; a limit of 32
/// reads them all and stops a bomb.
pub(super) const DEPTH_MAX: usize = 32;

/// Sequences, items and encapsulated pixel data.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum LevelKind {
    Sequence,
    Item,
    Fragments,
}

/// One of them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Level {
    pub(super) kind: LevelKind,
    /// The sequence's tag.
    pub(super) tag: Tag,
    pub(super) encoding: Encoding,
    /// Where it ends, counted from the dataset's first byte; none until its delimiter.
    end: Option<u64>,
    /// Where the innermost level of known length ends. `end <= limit`.
    limit: u64,
    /// Items so far, of fragments.
    pub(super) items: u32,
}

/// What is open, the innermost last.
pub(super) struct Levels(Vec<Level>);

impl Levels {
    pub(super) const fn new() -> Self {
        Self(Vec::new())
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn innermost(&self) -> Option<&Level> {
        self.0.last()
    }

    pub(super) fn innermost_mut(&mut self) -> Option<&mut Level> {
        self.0.last_mut()
    }

    /// The outermost sequence, and how many levels are open.
    pub(super) fn outermost(&self) -> (Option<Tag>, usize) {
        (self.0.first().map(|level| level.tag), self.0.len())
    }

    /// Where the innermost level of known length ends.
    pub(super) fn limit(&self) -> u64 {
        self.innermost().map_or(u64::MAX, |level| level.limit)
    }

    /// Opens a level of `len` bytes at `here`. False if it would be too deep.
    pub(super) fn open(
        &mut self,
        kind: LevelKind,
        tag: Tag,
        encoding: Encoding,
        here: u64,
        len: u32,
    ) -> bool {
        if self.0.len() >= DEPTH_MAX {
            return false;
        }
        let end = (len != UNDEFINED).then(|| here.saturating_add(u64::from(len)));
        let limit = end.unwrap_or_else(|| self.limit());
        self.0.push(Level {
            kind,
            tag,
            encoding,
            end,
            limit,
            items: 0,
        });
        true
    }

    /// A delimiter ends the innermost level. One of known length ends where that says.
    pub(super) fn delimit(&mut self) {
        if self.innermost().is_some_and(|level| level.end.is_none()) {
            self.0.pop();
        }
    }

    /// Ends the levels whose length says that they end here.
    pub(super) fn close(&mut self, here: u64) {
        let ends = |level: &Level| level.end.is_some_and(|end| end <= here);
        while self.innermost().is_some_and(ends) {
            self.0.pop();
        }
    }

    pub(super) const fn heap_bytes(&self) -> usize {
        self.0.capacity().saturating_mul(size_of::<Level>())
    }
}
