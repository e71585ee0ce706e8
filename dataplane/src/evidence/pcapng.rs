//! Kept headers as a pcapng file (draft-ietf-opsawg-pcapng): little-endian, times in nanoseconds.

use super::ring::{HEADER_BYTES_MAX, Slot};
use crate::batch::LinkType;

/// A file of these frames.
pub(super) fn write(frames: &[Slot], names: &[String], program: &str, about: &str) -> Vec<u8> {
    let mut out = Vec::with_capacity(frames.len().saturating_mul(FRAME_BYTES).saturating_add(512));
    section(program, about, &mut out);
    let mut interfaces: Vec<(u16, LinkType)> = Vec::new();
    for frame in frames {
        let of = (frame.interface, frame.link);
        let known = interfaces.iter().position(|other| *other == of);
        let id = known.unwrap_or_else(|| {
            let name = names.get(usize::from(frame.interface));
            interface(frame.link, name.map_or("", String::as_str), &mut out);
            interfaces.push(of);
            interfaces.len().saturating_sub(1)
        });
        packet(u32::try_from(id).unwrap_or(0), frame, &mut out);
    }
    out
}

/// What an Enhanced Packet Block of a full slot takes.
const FRAME_BYTES: usize = 32 + HEADER_BYTES_MAX;

fn section(program: &str, about: &str, out: &mut Vec<u8>) {
    block(0x0a0d_0d0a, out, |out| {
        out.extend(0x1a2b_3c4d_u32.to_le_bytes());
        out.extend(1_u16.to_le_bytes());
        out.extend(0_u16.to_le_bytes());
        out.extend(u64::MAX.to_le_bytes()); // as long as the file
        option(OPT_COMMENT, about.as_bytes(), out);
        option(SHB_USERAPPL, program.as_bytes(), out);
        option(OPT_END, &[], out);
    });
}

fn interface(link: LinkType, name: &str, out: &mut Vec<u8>) {
    block(1, out, |out| {
        out.extend(link.0.to_le_bytes());
        out.extend(0_u16.to_le_bytes());
        out.extend(u32::try_from(HEADER_BYTES_MAX).unwrap_or(0).to_le_bytes());
        if !name.is_empty() {
            option(IF_NAME, name.as_bytes(), out);
        }
        option(IF_TSRESOL, &[9], out);
        option(OPT_END, &[], out);
    });
}

fn packet(interface: u32, frame: &Slot, out: &mut Vec<u8>) {
    let mut bytes = frame.bytes();
    let mut wire_len = frame.wire_len;
    let mut tagged = [0_u8; HEADER_BYTES_MAX];
    if let Some(whole) = with_tag(frame, &mut tagged) {
        bytes = whole;
        wire_len = wire_len.saturating_add(4);
    }
    let stamp = u64::try_from(frame.time.0).unwrap_or(0).to_le_bytes();
    let [low, high] = [stamp.first_chunk::<4>(), stamp.last_chunk::<4>()];
    block(6, out, |out| {
        out.extend(interface.to_le_bytes());
        out.extend(high.into_iter().flatten());
        out.extend(low.into_iter().flatten());
        out.extend(u32::try_from(bytes.len()).unwrap_or(0).to_le_bytes());
        out.extend(wire_len.to_le_bytes());
        padded(bytes, out);
    });
}

/// The frame with the tag that the capture took off, where Ethernet has it.
fn with_tag<'a>(frame: &Slot, room: &'a mut [u8; HEADER_BYTES_MAX]) -> Option<&'a [u8]> {
    let tci = frame.vlan.filter(|_| frame.link == LinkType::ETHERNET)?;
    let (macs, rest) = frame.bytes().split_at_checked(12)?;
    let tag = [&0x8100_u16.to_be_bytes()[..], &tci.to_be_bytes()].concat();
    let mut len = 0_usize;
    for (to, from) in room.iter_mut().zip(macs.iter().chain(&tag).chain(rest)) {
        *to = *from;
        len = len.saturating_add(1);
    }
    room.get(..len)
}

fn block(kind: u32, out: &mut Vec<u8>, body: impl FnOnce(&mut Vec<u8>)) {
    let from = out.len();
    out.extend(kind.to_le_bytes());
    out.extend([0; 4]);
    body(out);
    let len = out.len().saturating_sub(from).saturating_add(4);
    let len = u32::try_from(len).unwrap_or(u32::MAX).to_le_bytes();
    let place = from.saturating_add(4)..from.saturating_add(8);
    if let Some(place) = out.get_mut(place) {
        place.copy_from_slice(&len);
    }
    out.extend(len);
}

fn option(code: u16, value: &[u8], out: &mut Vec<u8>) {
    let value = value.get(..OPTION_BYTES_MAX).unwrap_or(value);
    out.extend(code.to_le_bytes());
    out.extend(u16::try_from(value.len()).unwrap_or(0).to_le_bytes());
    padded(value, out);
}

fn padded(bytes: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(bytes);
    let over = bytes.len() % 4;
    if over > 0 {
        out.extend(std::iter::repeat_n(0, 4_usize.saturating_sub(over)));
    }
}

/// A name longer than this is not what anybody meant.
const OPTION_BYTES_MAX: usize = 1024;
const OPT_END: u16 = 0;
const OPT_COMMENT: u16 = 1;
const SHB_USERAPPL: u16 = 4;
const IF_NAME: u16 = 2;
const IF_TSRESOL: u16 = 9;
