//! The program on the interface that gives each frame to the socket of its queue. It goes away with
//! the process, however that ends.

use aya::Ebpf;
use aya::maps::XskMap;
use aya::programs::{Xdp, XdpMode};

use super::Mode;
use super::queue::Queue;
use crate::capture::af_packet::fanout::explain;

/// The program as it was compiled.
static OBJECT: &[u8] = aya::include_bytes_aligned!("../../../bpf/xdp.o");

/// The program, attached until it is dropped.
pub(super) struct Program {
    ebpf: Ebpf,
}

impl Program {
    /// Attaches it to the interface of this number; `pieces` for frames of several too.
    pub(super) fn attach(index: u32, mode: Mode, pieces: bool) -> Result<Self, String> {
        let mut ebpf = Ebpf::load(OBJECT).map_err(|error| explain(&error))?;
        let name = if pieces {
            "pieces_to_socket"
        } else {
            "to_socket"
        };
        let program = ebpf.program_mut(name);
        let program = program.ok_or_else(|| "the object has no XDP program".to_owned())?;
        let program: &mut Xdp = program.try_into().map_err(|error| explain(&error))?;
        program.load().map_err(|error| explain(&error))?;
        let place = match mode {
            Mode::ZeroCopy | Mode::Copy => XdpMode::Driver,
            Mode::Generic => XdpMode::Skb,
        };
        let attached = program.attach_to_if_index(index, place);
        attached.map_err(|error| explain(&error))?;
        Ok(Self { ebpf })
    }

    /// From now on frames of a queue go to its socket.
    pub(super) fn feed(&mut self, at: u32, queue: &Queue) -> Result<(), String> {
        let map = self.ebpf.map_mut("sockets");
        let map = map.ok_or_else(|| "the object has no map of sockets".to_owned())?;
        let mut map = XskMap::try_from(map).map_err(|error| explain(&error))?;
        map.set(at, queue, 0).map_err(|error| explain(&error))
    }
}
