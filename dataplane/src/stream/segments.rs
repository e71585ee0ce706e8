//! Bytes out of order, kept until those before them come.

use super::Memory;

/// Pieces of one direction beyond its first hole: sorted, without overlap. First bytes win.
#[derive(Debug, Default)]
pub(crate) struct Segments {
    pieces: Vec<Piece>,
    bytes: usize,
}

/// Bytes at a place in the stream. Of a truncated frame the last ones are missing.
#[derive(Debug)]
pub(crate) struct Piece {
    pub(crate) at: u64,
    /// At least the number of bytes in `data`.
    pub(crate) len: u64,
    pub(crate) data: Vec<u8>,
}

impl Piece {
    pub(crate) const fn end(&self) -> u64 {
        self.at.saturating_add(self.len)
    }
}

impl Segments {
    pub(crate) const fn is_empty(&self) -> bool {
        self.pieces.is_empty()
    }

    pub(crate) const fn bytes(&self) -> usize {
        self.bytes
    }

    pub(crate) const fn count(&self) -> usize {
        self.pieces.len()
    }

    /// Where the first piece begins.
    pub(crate) fn first(&self) -> Option<u64> {
        self.pieces.first().map(|piece| piece.at)
    }

    /// Takes the first piece if it begins at or before `next`.
    pub(crate) fn pop(&mut self, next: u64, memory: &mut Memory) -> Option<Piece> {
        if self.first()? > next {
            return None;
        }
        let piece = self.pieces.remove(0);
        self.bytes = self.bytes.saturating_sub(piece.data.len());
        memory.out_of_order = memory.out_of_order.saturating_sub(piece.data.len());
        Some(piece)
    }

    /// Keeps what is not there yet. Says whether bytes differed from those already there.
    pub(crate) fn insert(&mut self, at: u64, data: &[u8], len: u64, memory: &mut Memory) -> bool {
        let end = at.saturating_add(len);
        let mut conflict = false;
        let mut from = at;
        // The first piece that ends behind `at`.
        let mut place = self.pieces.partition_point(|piece| piece.end() <= at);
        while from < end {
            let until = match self.pieces.get(place) {
                Some(piece) if piece.at <= from => {
                    conflict |= differs(piece, at, data);
                    from = piece.end();
                    place = place.saturating_add(1);
                    continue;
                }
                Some(piece) => piece.at.min(end),
                None => end,
            };
            place = self.put(place, from, slice(data, at, from, until), until, memory);
            from = until;
        }
        conflict
    }

    /// Puts one piece before `place`, or onto the end of the one before it. Says which place comes
    /// next.
    fn put(&mut self, place: usize, at: u64, data: &[u8], end: u64, memory: &mut Memory) -> usize {
        self.bytes = self.bytes.saturating_add(data.len());
        memory.out_of_order = memory.out_of_order.saturating_add(data.len());
        let len = end.saturating_sub(at);
        let before = place.checked_sub(1).and_then(|at| self.pieces.get_mut(at));
        if let Some(before) = before
            && before.end() == at
            && before.data.len() as u64 == before.len
            && before.data.len() < PIECE_BYTES_MAX
        {
            before.data.extend_from_slice(data);
            before.len = before.len.saturating_add(len);
            return place;
        }
        let mut copy = memory.buffer();
        copy.extend_from_slice(data);
        self.pieces.insert(
            place,
            Piece {
                at,
                len,
                data: copy,
            },
        );
        place.saturating_add(1)
    }

    /// Forgets everything.
    pub(crate) fn clear(&mut self, memory: &mut Memory) {
        memory.out_of_order = memory.out_of_order.saturating_sub(self.bytes);
        self.bytes = 0;
        self.pieces = Vec::new();
    }
}

/// Of `data`, which begins at `at`: what lies between two places.
fn slice(data: &[u8], at: u64, from: u64, until: u64) -> &[u8] {
    let index = |place: u64| usize::try_from(place.saturating_sub(at)).unwrap_or(usize::MAX);
    let until = index(until).min(data.len());
    data.get(index(from).min(until)..until).unwrap_or_default()
}

fn differs(piece: &Piece, at: u64, data: &[u8]) -> bool {
    let from = piece.at.max(at);
    let until = piece.end().min(at.saturating_add(data.len() as u64));
    let ours = slice(&piece.data, piece.at, from, until);
    let theirs = slice(data, at, from, until);
    ours.iter().zip(theirs).any(|(a, b)| a != b)
}

/// A piece that grew to this begins a new one, so that growing never copies much.
const PIECE_BYTES_MAX: usize = 64 * 1024;
