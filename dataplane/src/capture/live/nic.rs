//! What a network card says of itself, by the kernel's ethtool interface (`<linux/ethtool.h>`).
//! Only questions: nothing here changes a card.

use std::ffi::c_void;
use std::io;
use std::os::fd::OwnedFd;

use rustix::ioctl::{Updater, ioctl};
use rustix::net::{AddressFamily, SocketType, socket};

/// What a card says; `None` for what its driver does not answer.
#[derive(Clone, Debug, Default)]
pub struct Nic {
    /// The driver's name.
    pub driver: Option<String>,
    /// Slots of the receive ring.
    pub ring: Option<Of>,
    /// Receive queues.
    pub queues: Option<Queues>,
    /// Whether the card sends PAUSE frames when its ring is full, and obeys those of others.
    pub pause: Option<Pause>,
    /// How it spreads packets over queues.
    pub spread: Option<Spread>,
    /// What it hashes for that, by kind of packet.
    pub hashed: Vec<Hashed>,
    /// Whether the card itself stamps every frame that it receives.
    pub stamps: Option<bool>,
    /// Offloads and other features.
    pub features: Vec<Feature>,
}

/// How much there is now, of how much there could be.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Of {
    /// Now.
    pub now: u32,
    /// At most.
    pub most: u32,
}

/// Queues of a card.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Queues {
    /// For receiving only.
    pub receive: Of,
    /// For both ways.
    pub combined: Of,
}

impl Queues {
    /// Queues that receive.
    #[must_use]
    pub const fn receiving(self) -> u32 {
        self.receive.now.saturating_add(self.combined.now)
    }
}

/// Flow control, IEEE 802.3 annex 31B.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Pause {
    /// The card obeys PAUSE frames.
    pub receives: bool,
    /// The card sends them.
    pub sends: bool,
}

/// Receive-side scaling.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Spread {
    /// The key of the hash.
    pub key: Vec<u8>,
    /// Whether the hash is Toeplitz's.
    pub toeplitz: bool,
    /// Whether the card swaps addresses into an order before it hashes them.
    pub ordered: bool,
}

impl Spread {
    /// Whether both directions of a conversation come to one queue.
    ///
    /// Toeplitz's hash is symmetric if its key repeats every 16 bits, since ports are 16 and
    /// addresses a multiple of 16 bits apart.
    #[must_use]
    pub fn is_symmetric(&self) -> bool {
        let repeats = self
            .key
            .windows(3)
            .all(|bytes| bytes.first() == bytes.last());
        self.ordered || (self.toeplitz && self.key.len() >= 40 && repeats)
    }
}

/// What is hashed of one kind of packet.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Hashed {
    /// The kind, as `ethtool -N` has it: `tcp4`.
    pub kind: &'static str,
    /// Fields, as bits of `<linux/ethtool.h>`.
    pub fields: u64,
}

impl Hashed {
    /// Whether addresses are.
    #[must_use]
    pub const fn addresses(self) -> bool {
        self.fields & RXH_ADDRESSES == RXH_ADDRESSES
    }

    /// Whether ports are.
    #[must_use]
    pub const fn ports(self) -> bool {
        self.fields & RXH_PORTS == RXH_PORTS
    }

    /// Whether of two that belong together only one is, so that the way back hashes otherwise.
    #[must_use]
    pub fn one_sided(self) -> bool {
        let half = |both: u64| self.fields & both != 0 && self.fields & both != both;
        half(RXH_ADDRESSES) || half(RXH_PORTS)
    }

    /// Whether the card throws such packets away.
    #[must_use]
    pub const fn discarded(self) -> bool {
        self.fields & RXH_DISCARD != 0
    }

    /// The fields as `ethtool -N` has them: `sdfn`.
    #[must_use]
    pub fn letters(self) -> String {
        let named = |(bit, letter): &(u64, char)| (self.fields & bit != 0).then_some(*letter);
        RXH_LETTERS.iter().filter_map(named).collect()
    }
}

/// A feature as `ethtool -k` lists it, by the kernel's name.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Feature {
    /// As `rx-gro`.
    pub name: String,
    /// Whether it is on.
    pub on: bool,
    /// Whether nobody can change that.
    pub fixed: bool,
}

impl Nic {
    /// Asks.
    ///
    /// # Errors
    /// The system gives no socket to ask through.
    pub fn read(interface: &str) -> io::Result<Self> {
        let card = Card {
            socket: socket(AddressFamily::INET, SocketType::DGRAM, None)?,
            name: interface,
        };
        Ok(Self {
            driver: card.driver(),
            ring: card.ring(),
            queues: card.queues(),
            pause: card.pause(),
            spread: card.spread(),
            hashed: card.hashed(),
            stamps: card.stamps(),
            features: card.features().unwrap_or_default(),
        })
    }

    /// A feature, if the kernel knows it.
    #[must_use]
    pub fn feature(&self, name: &str) -> Option<&Feature> {
        self.features.iter().find(|feature| feature.name == name)
    }
}

/// A card that is asked. Each answer is laid out as a struct of `<linux/ethtool.h>`, in words of
/// 32 bits of which the first is the question.
struct Card<'a> {
    socket: OwnedFd,
    name: &'a str,
}

impl Card<'_> {
    fn driver(&self) -> Option<String> {
        // struct ethtool_drvinfo: the question, then names of 32 bytes each.
        let words = self.ask::<49>([GDRVINFO])?;
        Some(text(words.get(1..9)?)).filter(|name| !name.is_empty())
    }

    fn ring(&self) -> Option<Of> {
        // struct ethtool_ringparam: four maxima, then what is set; receiving comes first of each.
        let [_, most, _, _, _, now, ..] = self.ask::<9>([GRINGPARAM])?;
        (most > 0).then_some(Of { now, most })
    }

    fn queues(&self) -> Option<Queues> {
        // struct ethtool_channels: maxima of rx, tx, other, combined, then what is set.
        let [_, rx_most, _, _, both_most, rx, _, _, both] = self.ask::<9>([GCHANNELS])?;
        let of = |now, most| Of { now, most };
        Some(Queues {
            receive: of(rx, rx_most),
            combined: of(both, both_most),
        })
    }

    fn pause(&self) -> Option<Pause> {
        // struct ethtool_pauseparam: autoneg, rx, tx.
        let [_, _, rx, tx] = self.ask::<4>([GPAUSEPARAM])?;
        Some(Pause {
            receives: rx != 0,
            sends: tx != 0,
        })
    }

    fn spread(&self) -> Option<Spread> {
        // struct ethtool_rxfh: context, sizes of table and key, four single bytes, reserved; then
        // the table in words, and the key. The kernel takes these sizes or none.
        let [_, _, table, key, ..] = self.ask::<RXFH_WORDS>([GRSSH])?;
        let table = usize::try_from(table).ok().filter(|n| *n <= TABLE_MAX)?;
        let bytes = usize::try_from(key)
            .ok()
            .filter(|n| (1..=KEY_MAX).contains(n))?;
        let key_at = RXFH_WORDS.saturating_add(table);
        let mut words = vec![0; key_at.saturating_add(bytes.div_ceil(4))];
        let sizes = [GRSSH, 0, u32::try_from(table).ok()?, key];
        words.get_mut(..4)?.copy_from_slice(&sizes);
        self.fill(&mut words).ok()?;
        let [hash, transform, ..] = words.get(4)?.to_ne_bytes();
        let key = words.get(key_at..)?.iter().flat_map(|w| w.to_ne_bytes());
        Some(Spread {
            key: key.take(bytes).collect(),
            toeplitz: hash & HASH_TOEPLITZ != 0,
            ordered: transform & TRANSFORM_SYMMETRIC != 0,
        })
    }

    fn hashed(&self) -> Vec<Hashed> {
        let kinds = FLOW_KINDS.iter().filter_map(|(kind, number)| {
            // struct ethtool_rxnfc: the kind, then fields of 64 bits, in the order of the machine's
            // bytes; what follows is for other questions.
            let answer = self.ask::<RXNFC_WORDS>([GRXFH, *number])?;
            let [_, _, first, second, ..] = answer.map(u32::to_ne_bytes);
            let [a, b, c, d] = first;
            let [e, f, g, h] = second;
            let fields = u64::from_ne_bytes([a, b, c, d, e, f, g, h]);
            Some(Hashed { kind, fields })
        });
        kinds.collect()
    }

    fn stamps(&self) -> Option<bool> {
        // struct ethtool_ts_info: capabilities, clock, transmit types, 3 reserved, receive filters.
        let [_, can, _, _, _, _, _, filters, ..] = self.ask::<11>([GET_TS_INFO])?;
        Some(can & STAMP_RX_HARDWARE != 0 && filters & STAMP_FILTER_ALL != 0)
    }

    fn features(&self) -> Option<Vec<Feature>> {
        // struct ethtool_sset_info: reserved, a mask of 64 bits, then a count for each bit.
        let set = 1_u64.checked_shl(FEATURES)?.to_ne_bytes();
        let (low, high) = set.split_first_chunk::<4>()?;
        let high = u32::from_ne_bytes(*high.first_chunk::<4>()?);
        let asked = [GSSET_INFO, 0, u32::from_ne_bytes(*low), high];
        let [.., count] = self.ask::<5>(asked)?;
        let count = usize::try_from(count).ok()?;
        if count > FEATURES_MAX {
            return None;
        }
        // struct ethtool_gstrings: which set, how many, then names of 32 bytes.
        let mut names = vec![0; 3 + FEATURES_MAX * NAME_WORDS];
        let asked = [GSTRINGS, FEATURES, u32::try_from(count).ok()?];
        names.get_mut(..3)?.copy_from_slice(&asked);
        self.fill(&mut names).ok()?;
        // struct ethtool_gfeatures: how many blocks, then blocks of 32 features: what is available,
        // requested, active, and never changed.
        let blocks = FEATURES_MAX / 32;
        let mut states = vec![0; 2 + blocks * 4];
        let asked = [GFEATURES, u32::try_from(blocks).ok()?];
        states.get_mut(..2)?.copy_from_slice(&asked);
        self.fill(&mut states).ok()?;
        let names = names.get(3..)?.chunks(NAME_WORDS).take(count);
        let told = names.enumerate().filter_map(|(at, name)| {
            let block = states.get(2..)?.chunks(4).nth(at / 32)?;
            let bit = |word: &u32| word >> (at % 32) & 1 == 1;
            let [available, _, active, never] = block else {
                return None;
            };
            Some(Feature {
                name: text(name),
                on: bit(active),
                fixed: bit(never) || !bit(available),
            })
        });
        Some(told.filter(|feature| !feature.name.is_empty()).collect())
    }

    /// Asks with these first words; the answer has `N`.
    fn ask<const N: usize>(&self, first: impl AsRef<[u32]>) -> Option<[u32; N]> {
        let mut words = [0; N];
        let first = first.as_ref();
        words.get_mut(..first.len())?.copy_from_slice(first);
        self.fill(&mut words).ok()?;
        Some(words)
    }

    /// Lets the kernel answer in place. `words` has room for what the question in its first word,
    /// with the counts that follow it, is answered with: the callers above see to that.
    #[expect(unsafe_code, reason = "an ioctl with a pointer in its argument")]
    fn fill(&self, words: &mut [u32]) -> io::Result<()> {
        let mut name = [0; NAME_MAX];
        let bytes = self.name.as_bytes();
        let Some(place) = name.get_mut(..bytes.len()).filter(|p| p.len() < NAME_MAX) else {
            return Err(io::ErrorKind::InvalidInput.into());
        };
        place.copy_from_slice(bytes);
        let mut request = Request {
            name,
            data: words.as_mut_ptr().cast(),
            _rest: [0; 2],
        };
        // SAFETY: SIOCETHTOOL takes a struct ifreq, which `Request` is, longer if anything.
        let question = unsafe { Updater::<SIOCETHTOOL, Request>::new(&mut request) };
        // SAFETY: the kernel writes through `data` as much as the question's answer has; `words` is
        // as long (see above), and is borrowed mutably until this returns.
        unsafe { ioctl(&self.socket, question) }?;
        Ok(())
    }
}

/// `struct ifreq` with a pointer in its union.
#[repr(C)]
struct Request {
    name: [u8; NAME_MAX],
    data: *mut c_void,
    _rest: [u64; 2],
}

/// A string that ends with a zero byte, or with its place.
fn text(words: &[u32]) -> String {
    let bytes: Vec<u8> = words
        .iter()
        .flat_map(|word| word.to_ne_bytes())
        .take_while(|byte| *byte != 0)
        .collect();
    String::from_utf8_lossy(&bytes).into_owned()
}

/// `IFNAMSIZ`.
const NAME_MAX: usize = 16;
const SIOCETHTOOL: rustix::ioctl::Opcode = 0x8946;
const GDRVINFO: u32 = 0x03;
const GRINGPARAM: u32 = 0x10;
const GPAUSEPARAM: u32 = 0x12;
const GSTRINGS: u32 = 0x1b;
const GRXFH: u32 = 0x29;
const GSSET_INFO: u32 = 0x37;
const GFEATURES: u32 = 0x3a;
const GCHANNELS: u32 = 0x3c;
const GET_TS_INFO: u32 = 0x41;
const GRSSH: u32 = 0x46;
/// `ETH_SS_FEATURES`.
const FEATURES: u32 = 4;
/// `ETH_GSTRING_LEN` in words.
const NAME_WORDS: usize = 8;
/// Kernels know some 60 features, and the number of one kernel never changes.
const FEATURES_MAX: usize = 256;
const RXFH_WORDS: usize = 6;
/// The largest tables and keys of cards have 2048 entries and 64 bytes or so.
const TABLE_MAX: usize = 65_536;
const KEY_MAX: usize = 1024;
/// `struct ethtool_rxnfc`, with room.
const RXNFC_WORDS: usize = 64;
/// Kinds of packets, by the names of `ethtool -N` and the numbers of `<linux/ethtool.h>`. What is of
/// none, other protocols and fragments, is hashed by addresses where it is.
const FLOW_KINDS: [(&str, u32); 4] = [("tcp4", 1), ("udp4", 2), ("tcp6", 5), ("udp6", 6)];
const RXH_ADDRESSES: u64 = 1 << 4 | 1 << 5;
const RXH_PORTS: u64 = 1 << 6 | 1 << 7;
const RXH_DISCARD: u64 = 1 << 31;
const RXH_LETTERS: [(u64, char); 8] = [
    (1 << 1, 'm'),
    (1 << 2, 'v'),
    (1 << 3, 't'),
    (1 << 4, 's'),
    (1 << 5, 'd'),
    (1 << 6, 'f'),
    (1 << 7, 'n'),
    (1 << 31, 'r'),
];
/// `ETH_RSS_HASH_TOP`.
const HASH_TOEPLITZ: u8 = 1;
/// `RXH_XFRM_SYM_XOR` and `RXH_XFRM_SYM_OR_XOR`.
const TRANSFORM_SYMMETRIC: u8 = 3;
/// `SOF_TIMESTAMPING_RX_HARDWARE`.
const STAMP_RX_HARDWARE: u32 = 1 << 2;
/// `HWTSTAMP_FILTER_ALL`.
const STAMP_FILTER_ALL: u32 = 1 << 1;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loopback_has_features_and_a_name_that_nobody_has_says_nothing() {
        let lo = Nic::read("lo").unwrap();
        assert!(lo.features.len() > 20, "{}", lo.features.len());
        assert!(lo.feature("loopback").is_some_and(|f| f.on && f.fixed));
        assert!(lo.feature("rx-gro").is_some(), "{:?}", lo.features);
        let nobody = Nic::read("nosuchinterface").unwrap();
        assert!(nobody.features.is_empty() && nobody.ring.is_none());
        assert!(
            Nic::read("a name that is too long")
                .unwrap()
                .driver
                .is_none()
        );
    }

    #[test]
    fn fields_are_told_as_ethtool_does() {
        let of = |fields| Hashed {
            kind: "tcp4",
            fields,
        };
        let all = of(RXH_ADDRESSES | RXH_PORTS);
        assert_eq!(all.letters(), "sdfn");
        assert!(all.addresses() && all.ports() && !all.one_sided() && !all.discarded());
        assert!(of(1 << 4).one_sided() && of(RXH_ADDRESSES | 1 << 7).one_sided());
        assert!(of(RXH_DISCARD).discarded());
        assert!(Nic::read("lo").unwrap().hashed.is_empty());
    }

    #[test]
    fn a_key_that_repeats_is_symmetric() {
        let toeplitz = |key: Vec<u8>| Spread {
            key,
            toeplitz: true,
            ordered: false,
        };
        let repeated: Vec<u8> = [0x6d, 0x5a].repeat(20);
        assert!(toeplitz(repeated.clone()).is_symmetric());
        let microsofts: Vec<u8> = (0..40).map(|n| n * 3).collect();
        assert!(!toeplitz(microsofts.clone()).is_symmetric());
        let ordered = Spread {
            ordered: true,
            ..toeplitz(microsofts)
        };
        assert!(ordered.is_symmetric());
        let other = Spread {
            toeplitz: false,
            ..toeplitz(repeated)
        };
        assert!(!other.is_symmetric());
    }
}
