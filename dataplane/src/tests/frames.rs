//! Frames made by hand, and a source that gives them.

use std::sync::Arc;

use parsers::time::Time;

use crate::batch::{Block, Frame, LinkType};
use crate::capture::clock::Clock;
use crate::capture::{Batch, CaptureError, Fill, Losses, Source};

/// A TCP segment from `10.0.0.src` to `10.0.0.dest`.
#[derive(Clone, Debug)]
pub(super) struct Seg {
    pub(super) src: (u8, u16),
    pub(super) dest: (u8, u16),
    pub(super) seq: u32,
    pub(super) ack: u32,
    pub(super) flags: u8,
    pub(super) payload: Vec<u8>,
    pub(super) vlan: Option<u16>,
}

pub(super) const SYN: u8 = 2;
pub(super) const SYN_ACK: u8 = 0x12;
pub(super) const ACK: u8 = 0x10;
pub(super) const FIN_ACK: u8 = 0x11;
pub(super) const RST: u8 = 4;

pub(super) fn seg(
    src: (u8, u16),
    dest: (u8, u16),
    seq: u32,
    ack: u32,
    flags: u8,
    payload: &[u8],
) -> Seg {
    Seg {
        src,
        dest,
        seq,
        ack,
        flags,
        payload: payload.to_vec(),
        vlan: None,
    }
}

impl Seg {
    pub(super) fn frame(&self) -> Vec<u8> {
        let mut tcp = Vec::new();
        tcp.extend(self.src.1.to_be_bytes());
        tcp.extend(self.dest.1.to_be_bytes());
        tcp.extend(self.seq.to_be_bytes());
        tcp.extend(self.ack.to_be_bytes());
        tcp.extend([0x50, self.flags, 0xff, 0xff, 0, 0, 0, 0]);
        tcp.extend(&self.payload);
        ip(self.vlan, self.src.0, self.dest.0, 6, &tcp)
    }
}

pub(super) fn udp(src: (u8, u16), dest: (u8, u16), payload: &[u8]) -> Vec<u8> {
    let mut udp = Vec::new();
    udp.extend(src.1.to_be_bytes());
    udp.extend(dest.1.to_be_bytes());
    udp.extend((8 + payload.len() as u16).to_be_bytes());
    udp.extend([0, 0]);
    udp.extend(payload);
    ip(None, src.0, dest.0, 17, &udp)
}

pub(super) fn arp(op: u8, sender: u8, target: u8) -> Vec<u8> {
    let mut frame = ether(None, sender, target, 0x0806);
    frame.extend([
        0, 1, 8, 0, 6, 4, 0, op, 2, 0, 0, 0, 0, sender, 10, 0, 0, sender,
    ]);
    frame.extend([0, 0, 0, 0, 0, 0, 10, 0, 0, target]);
    frame
}

fn ether(vlan: Option<u16>, src: u8, dest: u8, ty: u16) -> Vec<u8> {
    let mut frame = vec![2, 0, 0, 0, 0, dest, 2, 0, 0, 0, 0, src];
    if let Some(id) = vlan {
        frame.extend([0x81, 0]);
        frame.extend(id.to_be_bytes());
    }
    frame.extend(ty.to_be_bytes());
    frame
}

fn ip(vlan: Option<u16>, src: u8, dest: u8, proto: u8, body: &[u8]) -> Vec<u8> {
    let mut frame = ether(vlan, src, dest, 0x0800);
    frame.extend([0x45, 0]);
    frame.extend((20 + body.len() as u16).to_be_bytes());
    frame.extend([
        0, 0, 0x40, 0, 64, proto, 0, 0, 10, 0, 0, src, 10, 0, 0, dest,
    ]);
    frame.extend(body);
    frame
}

/// Gives frames in batches of a size of its own.
pub(super) struct Given {
    pub(super) frames: Vec<(i64, Vec<u8>)>,
    pub(super) each: usize,
    at: usize,
    clock: Clock,
    steered: bool,
    names: Vec<String>,
}

impl Given {
    pub(super) fn new(frames: Vec<(i64, Vec<u8>)>, each: usize) -> Self {
        Self {
            frames,
            each,
            at: 0,
            clock: Clock::default(),
            steered: false,
            names: vec!["mon0".to_owned()],
        }
    }

    /// How many frames it has given.
    pub(super) fn given(&self) -> u64 {
        self.at as u64
    }

    /// The same, as one of several that are read side by side: where there are no bytes, it is
    /// polled in vain.
    pub(super) fn by_stamp(frames: Vec<(i64, Vec<u8>)>, each: usize) -> Self {
        Self {
            clock: Clock::by_stamp(),
            steered: true,
            ..Self::new(frames, each)
        }
    }
}

impl Source for Given {
    fn fill(&mut self, batch: &mut Batch) -> Result<Fill, CaptureError> {
        let mut block = Vec::new();
        for (nanos, bytes) in self.frames.iter().skip(self.at).take(self.each) {
            self.at += 1;
            if bytes.is_empty() && self.steered {
                self.clock.idle(Time(*nanos));
                break;
            }
            let (no, now) = self.clock.frame(Time(*nanos));
            batch.frames.push(Frame {
                no,
                time: Time(*nanos),
                now,
                block: 0,
                offset: block.len() as u32,
                len: bytes.len() as u32,
                wire_len: bytes.len() as u32,
                link: LinkType(1),
                interface: 0,
                vlan: None,
            });
            block.extend(bytes);
        }
        batch.blocks.push(Block::own(Arc::from(block)));
        batch.now = self.clock.now();
        batch.upto = self.clock.upto();
        Ok(if self.at < self.frames.len() {
            Fill::More
        } else {
            Fill::End
        })
    }

    fn interfaces(&self) -> &[String] {
        &self.names
    }

    fn losses(&mut self) -> Losses {
        Losses::default()
    }
}
