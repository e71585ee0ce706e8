//! Repeats a capture with other IP addresses in each copy, so that every copy has flows of its own.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write as _};
use std::path::Path;

const FILE_HEADER: usize = 24;
const RECORD_HEADER: usize = 16;

/// Where IP begins in a frame, and whether it is IPv6.
type Place = (usize, bool);

/// A pcap file in memory.
struct Input<'a> {
    bytes: &'a [u8],
    big_endian: bool,
    units_per_second: u64,
    link: u32,
}

impl<'a> Input<'a> {
    fn new(bytes: &'a [u8]) -> io::Result<Self> {
        let magic = bytes
            .first_chunk::<4>()
            .filter(|_| bytes.len() >= FILE_HEADER);
        let (big_endian, units_per_second) = match magic {
            Some([0xd4, 0xc3, 0xb2, 0xa1]) => (false, 1_000_000),
            Some([0xa1, 0xb2, 0xc3, 0xd4]) => (true, 1_000_000),
            Some([0x4d, 0x3c, 0xb2, 0xa1]) => (false, 1_000_000_000),
            Some([0xa1, 0xb2, 0x3c, 0x4d]) => (true, 1_000_000_000),
            _ => return Err(io::Error::other("the input is no pcap file")),
        };
        let mut out = Self {
            bytes,
            big_endian,
            units_per_second,
            link: 0,
        };
        out.link = out.word(20) & 0xffff;
        Ok(out)
    }

    fn word(&self, at: usize) -> u32 {
        let bytes = self.bytes[at..at + 4].try_into().unwrap_or([0; 4]);
        if self.big_endian {
            u32::from_be_bytes(bytes)
        } else {
            u32::from_le_bytes(bytes)
        }
    }

    fn stored(&self, word: u32) -> [u8; 4] {
        if self.big_endian {
            word.to_be_bytes()
        } else {
            word.to_le_bytes()
        }
    }

    /// The places of all whole records.
    fn records(&self) -> Vec<usize> {
        let (mut out, mut at) = (Vec::new(), FILE_HEADER);
        while at + RECORD_HEADER <= self.bytes.len() {
            let next = at + RECORD_HEADER + self.word(at + 8) as usize;
            if next > self.bytes.len() {
                break;
            }
            out.push(at);
            at = next;
        }
        out
    }

    fn time(&self, record: usize) -> u64 {
        u64::from(self.word(record)) * self.units_per_second + u64::from(self.word(record + 4))
    }
}

/// Writes `times` copies of a pcap file one after the other. The first is as it was; in the others
/// addresses differ, and nothing else: checksums and tunnels stay as they are.
pub fn multiply(input: &Path, times: u32, out: &Path) -> io::Result<()> {
    let bytes = fs::read(input)?;
    let input = Input::new(&bytes)?;
    let records = input.records();
    let span = span(&input, &records);
    let mut file = BufWriter::new(File::create(out)?);
    file.write_all(&bytes[..FILE_HEADER])?;
    for copy in 0..times {
        for &at in &records {
            let length = input.word(at + 8) as usize;
            let mut record = bytes[at..at + RECORD_HEADER + length].to_vec();
            let time = input.time(at) + span * u64::from(copy);
            let (seconds, rest) = (time / input.units_per_second, time % input.units_per_second);
            record[..4].copy_from_slice(&input.stored(seconds as u32));
            record[4..8].copy_from_slice(&input.stored(rest as u32));
            salt(&mut record[RECORD_HEADER..], input.link, copy);
            file.write_all(&record)?;
        }
    }
    file.flush()
}

/// How much later each copy is: what lies between the first and the last record, and a second.
fn span(input: &Input<'_>, records: &[usize]) -> u64 {
    let times = records.iter().map(|&at| input.time(at));
    let (first, last) = (times.clone().min().unwrap_or(0), times.max().unwrap_or(0));
    last - first + input.units_per_second
}

/// Changes both addresses of a frame; those of groups stay.
fn salt(frame: &mut [u8], link: u32, copy: u32) {
    let Some((at, v6)) = place(frame, link) else {
        return;
    };
    let (offsets, length) = if v6 { ([8, 24], 16) } else { ([12, 16], 4) };
    for offset in offsets {
        let Some(address) = frame.get_mut(at + offset..at + offset + length) else {
            return;
        };
        let group = if v6 {
            address[0] == 0xff
        } else {
            address[0] >= 224
        };
        if !group {
            // The first byte tells private from public, so it stays.
            let first = if v6 { 4 } else { 1 };
            address[first] ^= copy as u8;
            address[first + 1] ^= (copy >> 8) as u8;
        }
    }
}

fn place(frame: &[u8], link: u32) -> Option<Place> {
    let mut at = match link {
        1 => 12,
        113 => 14,
        101 => return Some((0, frame.first()? >> 4 == 6)),
        _ => return None,
    };
    loop {
        let ethertype = u16::from_be_bytes([*frame.get(at)?, *frame.get(at + 1)?]);
        match ethertype {
            0x8100 | 0x88a8 | 0x9100 => at += 4,
            0x0800 => return Some((at + 2, false)),
            0x86dd => return Some((at + 2, true)),
            _ => return None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Conversation, host};

    #[test]
    fn copies_have_other_addresses_and_later_times() {
        let mut tcp = Conversation::new(host("10.20.1.1").port(1), host("10.20.1.2").port(2));
        let once = tcp.open().capture().pcap();
        let folder = crate::lab::work_folder().join(format!("multiply-{}", std::process::id()));
        let (input, out) = (folder.join("in.pcap"), folder.join("out.pcap"));
        crate::capture::write(&input, &once).expect("the input is written");
        multiply(&input, 3, &out).expect("the copies are written");
        let bytes = fs::read(&out).expect("the copies are there");
        fs::remove_dir_all(&folder).expect("the folder goes away");
        let whole = Input::new(&bytes).expect("it is a pcap file");
        let records = whole.records();
        assert_eq!(records.len(), 9);
        assert!(bytes.starts_with(&once));
        let address = |at: usize| &bytes[at + RECORD_HEADER + 26..at + RECORD_HEADER + 30];
        assert_eq!(address(records[3]), [10, 20 ^ 1, 1, 1]);
        assert_eq!(address(records[6]), [10, 20 ^ 2, 1, 1]);
        assert!(
            records
                .windows(2)
                .all(|pair| whole.time(pair[0]) < whole.time(pair[1]))
        );
    }
}
