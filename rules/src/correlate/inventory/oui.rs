//! Who was assigned an Ethernet address: the public listings of the IEEE Registration Authority
//! (MA-L, MA-M, MA-S and IAB), in a table that is searched where it lies in the program.
//!
//! `cargo run -p make -- oui FOLDER` makes the table from the listings as CSV
//! (standards-oui.ieee.org, or Debian's package `ieee-data`).

use super::key::Mac;

/// `VWOUI1`, then for blocks of 24, 28 and 36 bits their number (u32), then the entries of each:
/// the block (3, 4 and 5 bytes, big endian, the low nibble of the longer ones zero) and the offset
/// of its owner's name (u24); then the names, each with its length before it. All sorted.
static TABLE: &[u8] = include_bytes!("oui.bin");

const MAGIC: &[u8] = b"VWOUI1";
/// Bytes of a block in each part of the table.
const BLOCKS: [usize; 3] = [3, 4, 5];
const OFFSET: usize = 3;

/// Whether an address is locally administered: made up by software, so that it names no vendor.
#[must_use]
pub const fn is_local(mac: Mac) -> bool {
    let [first, ..] = mac;
    first & 2 != 0
}

/// Who was assigned an address; the smallest block that it is in says so.
#[must_use]
pub fn vendor(mac: Mac) -> Option<&'static str> {
    if is_local(mac) {
        return None;
    }
    let rest = TABLE.strip_prefix(MAGIC)?;
    let (counts, mut rest) = rest.split_at_checked(12)?;
    let [a, b, c, d, e] = [
        mac.first()?,
        mac.get(1)?,
        mac.get(2)?,
        mac.get(3)?,
        mac.get(4)?,
    ];
    let wanted: [&[u8]; 3] = [
        &[*a, *b, *c],
        &[*a, *b, *c, d & 0xf0],
        &[*a, *b, *c, *d, e & 0xf0],
    ];
    let mut found = None;
    for ((count, block), wanted) in counts.chunks_exact(4).zip(BLOCKS).zip(wanted) {
        let count = usize::try_from(u32::from_be_bytes(count.try_into().ok()?)).ok()?;
        let width = block.checked_add(OFFSET)?;
        let (entries, after) = rest.split_at_checked(count.checked_mul(width)?)?;
        rest = after;
        found = search(entries, width, wanted).or(found);
    }
    let [high, middle, low] = found?;
    let at = usize::try_from(u32::from_be_bytes([0, high, middle, low])).ok()?;
    let (len, name) = rest.get(at..)?.split_first()?;
    std::str::from_utf8(name.get(..usize::from(*len))?).ok()
}

/// The offset behind an entry, by bisection.
fn search(entries: &[u8], width: usize, wanted: &[u8]) -> Option<[u8; OFFSET]> {
    let (mut low, mut high) = (0, entries.len().checked_div(width)?);
    while low < high {
        let middle = low.midpoint(high);
        let from = middle.checked_mul(width)?;
        let entry = entries.get(from..from.checked_add(width)?)?;
        let (block, offset) = entry.split_at_checked(wanted.len())?;
        match block.cmp(wanted) {
            std::cmp::Ordering::Equal => return offset.try_into().ok(),
            std::cmp::Ordering::Less => low = middle.checked_add(1)?,
            std::cmp::Ordering::Greater => high = middle,
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_smallest_block_names_the_vendor() {
        assert_eq!(vendor([0, 0, 0, 1, 2, 3]), Some("XEROX CORPORATION"));
        let of = |mac| vendor(mac).unwrap_or_default().to_lowercase();
        assert!(
            of([0x00, 0x09, 0xfb, 0, 0, 1]).contains("philips"),
            "Philips patient monitoring"
        );
        // An IAB of 36 bits within a block of the IEEE's own.
        assert_eq!(vendor([0x00, 0x50, 0xc2, 0xf7, 0x10, 1]), Some("RF Code"));
    }

    #[test]
    fn what_software_made_up_names_nobody() {
        assert!(is_local([0x02, 0, 0, 0, 0, 1]));
        assert_eq!(vendor([0x02, 0, 0, 0, 0, 1]), None);
        assert_eq!(vendor([0xfc, 0xff, 0xff, 0xff, 0xff, 0xff]), None);
    }
}
