//! The program in the kernel that gives each frame to the socket of its flow.
//!
//! It walks a frame as [`crate::decode`] does, so that both directions of the innermost flow, and
//! the fragments of its packets, come to one worker, whatever tunnel they are in. `bpf/` has its
//! source; the object beside it is what runs.

use std::net::Ipv4Addr;
use std::os::fd::{AsFd, BorrowedFd};

use aya::maps::PerCpuArray;
use aya::programs::{SocketFilter, TestRun, TestRunOptions};
use aya::{Ebpf, EbpfLoader};
use etherparse::PacketBuilder;

use super::hash::Hash;
use crate::batch::{Frame, LinkType};
use crate::decode::{DecodeIssue, Net, Packet, Transport, decode};

/// The program as it was compiled.
static OBJECT: &[u8] = aya::include_bytes_aligned!("../../../bpf/fanout.o");

/// The program, loaded.
pub struct Fanout {
    ebpf: Ebpf,
    hash: Hash,
    snap_len: u32,
}

/// What the program could not place as it should, since it was loaded.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Misplaced {
    /// Fragments that came before the first one of their packet.
    pub early_fragments: u64,
    /// First fragments too short to tell of which flow they are.
    pub short_fragments: u64,
    /// Frames of more headers than it follows.
    pub too_deep: u64,
}

impl Fanout {
    /// Loads the program, for sockets that keep this many bytes of a frame, and tries it.
    ///
    /// # Errors
    /// What the kernel has against it, or what it gets wrong.
    pub fn load(snap_len: u32) -> Result<Self, String> {
        if cfg!(target_endian = "big") {
            return Err("the fanout program is for little-endian machines".to_owned());
        }
        let hash = Hash::new();
        let mut ebpf = EbpfLoader::new()
            .override_global("KEY", &hash.key, true)
            .override_global("SNAP_LEN", &snap_len, true)
            .load(OBJECT)
            .map_err(|error| explain(&error))?;
        program_mut(&mut ebpf)?
            .load()
            .map_err(|error| explain(&error))?;
        let loaded = Self {
            ebpf,
            hash,
            snap_len,
        };
        loaded.verify()?;
        Ok(loaded)
    }

    /// The program, for `PACKET_FANOUT_DATA`.
    pub(crate) fn program(&self) -> Result<BorrowedFd<'_>, String> {
        let fd = program(&self.ebpf)?.fd().map_err(|error| explain(&error))?;
        Ok(fd.as_fd())
    }

    /// What the program gives for a frame: it is run once, in the kernel, as for one that came.
    ///
    /// # Errors
    /// What the kernel says.
    pub fn value(&self, frame: &[u8]) -> Result<u32, String> {
        let mut options = TestRunOptions::new();
        options.data_in = Some(frame);
        let result = program(&self.ebpf)?
            .test_run(options)
            .map_err(|error| explain(&error))?;
        Ok(result.return_value)
    }

    /// What it should give for a frame, by what [`decode`] reads in it; nothing for a fragment.
    #[must_use]
    pub fn expected(&self, frame: &[u8]) -> Option<u32> {
        let len = u32::try_from(frame.len()).unwrap_or(u32::MAX);
        let kept = usize::try_from(self.snap_len).unwrap_or(usize::MAX);
        let bytes = frame.get(..kept).unwrap_or(frame);
        let described = Frame {
            len: len.min(self.snap_len),
            wire_len: len,
            link: LinkType::ETHERNET,
            ..Frame::default()
        };
        self.expected_of(&decode(&described, bytes), bytes)
    }

    /// The same, of a packet that was decoded already.
    pub(crate) fn expected_of(
        &self,
        packet: &Result<Packet, DecodeIssue>,
        bytes: &[u8],
    ) -> Option<u32> {
        let is_fragment = matches!(
            packet,
            Ok(Packet { net: Net::Ip(ip), .. }) if matches!(ip.transport, Transport::Fragment(_))
        );
        (!is_fragment).then(|| self.hash.of(packet, bytes))
    }

    /// What it could not place so far.
    #[must_use]
    pub fn misplaced(&self) -> Misplaced {
        let counts = self.ebpf.map("counts").map(PerCpuArray::<_, u64>::try_from);
        let Some(Ok(counts)) = counts else {
            return Misplaced::default();
        };
        let sum = |place: u32| {
            let values = counts.get(&place, 0);
            values.map_or(0, |all| all.iter().copied().fold(0, u64::saturating_add))
        };
        Misplaced {
            early_fragments: sum(0),
            short_fragments: sum(1),
            too_deep: sum(2),
        }
    }

    /// Both directions of a flow, plain and in a tunnel, and its fragments: one value.
    fn verify(&self) -> Result<(), String> {
        let wanted = self.expected(&tcp(false)).unwrap_or_default();
        let [first, later] = fragments();
        let expected = self.expected(&udp()).unwrap_or_default();
        let cases = [
            ("a flow", wanted, tcp(false)),
            ("its other direction", wanted, tcp(true)),
            ("the same in VXLAN", wanted, vxlan(&tcp(false))),
            ("the other direction in VXLAN", wanted, vxlan(&tcp(true))),
            ("a first fragment", expected, first),
            ("a later fragment", expected, later),
        ];
        let kept = usize::try_from(self.snap_len).unwrap_or(usize::MAX);
        for (what, wanted, frame) in cases {
            if frame.len() > kept {
                continue; // what is cut away decides nothing
            }
            let value = self.value(&frame)?;
            if value != wanted {
                return Err(format!("the fanout program misplaces {what}"));
            }
        }
        Ok(())
    }
}

fn program(ebpf: &Ebpf) -> Result<&SocketFilter, String> {
    let program = ebpf.program(NAME).ok_or_else(missing)?;
    program.try_into().map_err(|error| explain(&error))
}

fn program_mut(ebpf: &mut Ebpf) -> Result<&mut SocketFilter, String> {
    let program = ebpf.program_mut(NAME).ok_or_else(missing)?;
    program.try_into().map_err(|error| explain(&error))
}

fn missing() -> String {
    "the object has no fanout program".to_owned()
}

/// An error with its causes, on one line, and what to do where that is known.
pub(crate) fn explain(error: &dyn std::error::Error) -> String {
    let mut said = first_line(error);
    let mut cause = error.source();
    while let Some(error) = cause {
        let next = first_line(error);
        if !said.contains(&next) {
            said = format!("{said}: {next}");
        }
        cause = error.source();
    }
    // The verifier's log comes behind it.
    if let Some((before, _)) = said.split_once(". Verifier output") {
        said = before.to_owned();
    }
    if said.contains("not permitted") || said.contains("BPF_PROG_LOAD") {
        said.push_str("; eBPF needs root, or CAP_BPF and CAP_PERFMON");
    }
    said
}

fn first_line(error: &dyn std::error::Error) -> String {
    let text = error.to_string();
    text.lines().next().unwrap_or_default().to_owned()
}

const NAME: &str = "fanout";
const HERE: [u8; 4] = Ipv4Addr::new(192, 0, 2, 1).octets();
const THERE: [u8; 4] = Ipv4Addr::new(192, 0, 2, 2).octets();
const HERE_MAC: [u8; 6] = [2, 0, 0, 0, 0, 1];
const THERE_MAC: [u8; 6] = [2, 0, 0, 0, 0, 2];

fn tcp(back: bool) -> Vec<u8> {
    let mut frame = Vec::new();
    // What is built here always fits; a frame that were short would be found out.
    drop(if back {
        PacketBuilder::ethernet2(THERE_MAC, HERE_MAC)
            .ipv4(THERE, HERE, 64)
            .tcp(104, 40_000, 1, 1)
            .write(&mut frame, &[])
    } else {
        PacketBuilder::ethernet2(HERE_MAC, THERE_MAC)
            .ipv4(HERE, THERE, 64)
            .tcp(40_000, 104, 1, 1)
            .write(&mut frame, &[])
    });
    frame
}

fn vxlan(inner: &[u8]) -> Vec<u8> {
    let mut frame = Vec::new();
    let payload = [&[8, 0, 0, 0, 0, 0, 1, 0], inner].concat();
    let builder = PacketBuilder::ethernet2(HERE_MAC, THERE_MAC);
    drop(
        builder
            .ipv4([198, 51, 100, 1], [198, 51, 100, 2], 64)
            .udp(u16::from(inner.last().copied().unwrap_or(0)), 4789)
            .write(&mut frame, &payload),
    );
    frame
}

fn udp() -> Vec<u8> {
    let mut frame = Vec::new();
    let builder = PacketBuilder::ethernet2(HERE_MAC, THERE_MAC);
    let builder = builder.ipv4(HERE, THERE, 64).udp(2575, 40_000);
    drop(builder.write(&mut frame, &[0; 24]));
    frame
}

/// The datagram of [`udp`] in two fragments.
fn fragments() -> [Vec<u8>; 2] {
    const HEADERS: usize = 34;
    let whole = udp();
    let (head, payload) = whole.split_at_checked(HEADERS).unwrap_or_default();
    let (one, two) = payload.split_at_checked(16).unwrap_or_default();
    let part = |field: [u8; 2], part: &[u8]| {
        let mut frame = [head, part].concat();
        let total = u16::try_from(part.len().saturating_add(20)).unwrap_or(u16::MAX);
        let fields = [(16, total.to_be_bytes()), (18, [0xca, 0xfe]), (20, field)];
        for (at, bytes) in fields {
            if let Some(place) = frame.get_mut(at..).and_then(|f| f.first_chunk_mut()) {
                *place = bytes;
            }
        }
        frame
    };
    [part([0x20, 0], one), part([0, 2], two)]
}
