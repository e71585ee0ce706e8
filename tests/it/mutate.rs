//! Damages captures in repeatable ways.

/// A small generator of repeatable numbers (xorshift64*).
pub struct Dice(u64);

impl Dice {
    pub fn new(seed: u64) -> Self {
        Self(seed | 1)
    }

    pub fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    pub fn below(&mut self, end: usize) -> usize {
        (self.next() % end.max(1) as u64) as usize
    }
}

/// Flips one byte in about two hundred, headers of the file included.
pub fn flip(bytes: &[u8], dice: &mut Dice) -> Vec<u8> {
    let mut out = bytes.to_vec();
    for _ in 0..(bytes.len() / 200).max(1) {
        let at = dice.below(out.len());
        if let Some(byte) = out.get_mut(at) {
            *byte ^= (dice.next() % 255 + 1) as u8;
        }
    }
    out
}

/// Cuts the file somewhere.
pub fn cut(bytes: &[u8], dice: &mut Dice) -> Vec<u8> {
    bytes[..dice.below(bytes.len() + 1)].to_vec()
}

/// Swaps neighbouring frames and repeats others. Only classic pcap files can be taken apart this
/// simply; others come back as they are.
pub fn shuffle(bytes: &[u8], dice: &mut Dice) -> Vec<u8> {
    let Some(mut frames) = frames(bytes) else {
        return bytes.to_vec();
    };
    for at in 1..frames.len() {
        match dice.below(10) {
            0 => frames.swap(at - 1, at),
            1 => frames[at - 1] = frames[at],
            _ => {}
        }
    }
    let mut out = bytes[..24].to_vec();
    for frame in frames {
        out.extend_from_slice(frame);
    }
    out
}

/// The records of a classic pcap file, record headers included.
fn frames(bytes: &[u8]) -> Option<Vec<&[u8]>> {
    let magic: [u8; 4] = bytes.get(..4)?.try_into().ok()?;
    let little = match magic {
        [0xd4, 0xc3, 0xb2, 0xa1] | [0x4d, 0x3c, 0xb2, 0xa1] => true,
        [0xa1, 0xb2, 0xc3, 0xd4] | [0xa1, 0xb2, 0x3c, 0x4d] => false,
        _ => return None,
    };
    let mut at = 24;
    let mut out = Vec::new();
    while let Some(len) = bytes.get(at + 8..at + 12) {
        let len: [u8; 4] = len.try_into().ok()?;
        let len = if little {
            u32::from_le_bytes(len)
        } else {
            u32::from_be_bytes(len)
        };
        let end = at.checked_add(16)?.checked_add(len as usize)?;
        out.push(bytes.get(at..end)?);
        at = end;
    }
    Some(out)
}
