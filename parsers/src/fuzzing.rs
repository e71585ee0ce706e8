//! The bodies of the fuzz targets: one for all protocols, since every row of the table keeps the
//! same contract. The targets themselves are one line each (`parsers/fuzz`).
//!
//! ```text
//! row · flags · four cuts (u16) · pieces: [direction and length (u16)] bytes …
//! ```

use crate::event::Direction::{self, ToClient, ToServer};
use crate::protocol::{BUFFER_BYTES_MAX, Open, Probe, Spec, Verdict};
use crate::testing::{Cuts, Streams, run};

/// The most that a parser of one flow may hold; more is growth without a bound.
const HEAP_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Cuts that an input names.
const CUTS: usize = 4;
/// The bit of a piece's length that says who sent it.
const FROM_SERVER: u16 = 1 << 15;

/// What an input of the fuzzer says.
struct Case<'a> {
    spec: &'static Spec,
    flags: u8,
    cuts: [usize; CUTS],
    conversation: Vec<(Direction, &'a [u8])>,
}

impl<'a> Case<'a> {
    fn read(data: &'a [u8]) -> Option<Self> {
        let (row, data) = data.split_first()?;
        let (flags, mut data) = data.split_first()?;
        let rows = crate::PROTOCOLS;
        let spec = rows.get(usize::from(*row).checked_rem(rows.len())?)?;
        let mut cuts = [0; CUTS];
        for cut in &mut cuts {
            *cut = usize::from(number(&mut data)?);
        }
        cuts.sort_unstable();
        let mut conversation = Vec::new();
        while let Some(head) = number(&mut data) {
            let direction = if head & FROM_SERVER == 0 {
                ToServer
            } else {
                ToClient
            };
            let len = usize::from(head & !FROM_SERVER).min(data.len());
            let (piece, behind) = data.split_at_checked(len)?;
            conversation.push((direction, piece));
            data = behind;
        }
        Some(Self {
            spec,
            flags: *flags,
            cuts,
            conversation,
        })
    }
}

fn number(data: &mut &[u8]) -> Option<u16> {
    let (bytes, rest) = data.split_first_chunk::<2>()?;
    *data = rest;
    Some(u16::from_be_bytes(*bytes))
}

/// No input panics a parser, makes it hold on to ever more, or has it ask for what it cannot get.
///
/// # Panics
///
/// When one does.
pub fn protocol(data: &[u8]) {
    let Some(case) = Case::read(data) else { return };
    for (direction, bytes) in &case.conversation {
        probe(case.spec, *direction, bytes);
    }
    let open = Open {
        midstream: case.flags & 1 != 0,
        ..Open::default()
    };
    let Some(mut streams) = Streams::open(case.spec, &open) else {
        return;
    };
    for (n, (direction, bytes)) in case.conversation.iter().enumerate() {
        // The bits above the first say behind which pieces bytes are missing.
        let gap = u32::try_from(n)
            .is_ok_and(|n| u32::from(case.flags >> 1) & (1_u32.wrapping_shl(n)) != 0);
        streams.push(*direction, bytes);
        if gap && n < 7 {
            streams.gap(*direction, 100);
        }
        assert!(streams.buffered_bytes() <= 2 * BUFFER_BYTES_MAX);
        assert!(streams.heap_bytes() <= HEAP_BYTES_MAX);
    }
    streams.close();
}

fn probe(spec: &Spec, direction: Direction, bytes: &[u8]) {
    for from_start in [true, false] {
        let verdict = (spec.probe)(&Probe {
            direction,
            bytes,
            from_start,
            server_port: 0,
        });
        if let Verdict::Yes(at) = verdict {
            assert!(at <= bytes.len());
        }
    }
}

/// A conversation gives the same events wherever its segments were cut.
///
/// # Panics
///
/// When it does not.
pub fn split(data: &[u8]) {
    let Some(case) = Case::read(data) else { return };
    let whole = run(case.spec, &case.conversation, Cuts::Whole);
    assert_eq!(
        whole,
        run(case.spec, &case.conversation, Cuts::At(&case.cuts))
    );
    let each = usize::from(case.flags).max(1);
    assert_eq!(whole, run(case.spec, &case.conversation, Cuts::Every(each)));
}

/// A protocol's sample as an input, to start from.
#[must_use]
pub fn seed(row: u8) -> Option<Vec<u8>> {
    let spec = crate::PROTOCOLS.get(usize::from(row))?;
    let mut data = vec![row, 0];
    data.extend_from_slice(&[0; CUTS * 2]);
    for (direction, bytes) in spec.sample {
        let side = if *direction == ToServer {
            0
        } else {
            FROM_SERVER
        };
        for piece in bytes.chunks(usize::from(FROM_SERVER - 1)) {
            let len = u16::try_from(piece.len()).unwrap_or(0);
            data.extend_from_slice(&(side | len).to_be_bytes());
            data.extend_from_slice(piece);
        }
    }
    Some(data)
}
