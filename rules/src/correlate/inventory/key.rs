//! What a device is known by: its Ethernet address and VLAN, or its address where only a router's
//! Ethernet address was seen.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// An Ethernet address.
pub type Mac = [u8; 6];

/// What a device is known by. Written as `mac-HEX`, `mac-HEX-VLAN` or `ip-ADDRESS`.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, Deserialize, Serialize)]
#[serde(try_from = "String", into = "String")]
pub enum Key {
    /// Seen on its own wire.
    Mac {
        /// Outermost VLAN; 0 without one.
        vlan: u16,
        /// Its Ethernet address.
        mac: Mac,
    },
    /// Seen behind a router.
    Ip(IpAddr),
}

impl Key {
    /// The Ethernet address.
    #[must_use]
    pub const fn mac(&self) -> Option<Mac> {
        match self {
            Self::Mac { mac, .. } => Some(*mac),
            Self::Ip(_) => None,
        }
    }

    /// The outermost VLAN, 0 without one.
    #[must_use]
    pub const fn vlan(&self) -> u16 {
        match self {
            Self::Mac { vlan, .. } => *vlan,
            Self::Ip(_) => 0,
        }
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ip(ip) => write!(f, "ip-{ip}"),
            Self::Mac { vlan, mac } => {
                f.write_str("mac-")?;
                for byte in mac {
                    write!(f, "{byte:02x}")?;
                }
                if *vlan != 0 {
                    write!(f, "-{vlan}")?;
                }
                Ok(())
            }
        }
    }
}

/// A text that is no key.
#[derive(Debug, thiserror::Error)]
#[error("no key of a device: it is mac-HEX, mac-HEX-VLAN or ip-ADDRESS")]
pub struct NoKey;

impl FromStr for Key {
    type Err = NoKey;

    fn from_str(text: &str) -> Result<Self, NoKey> {
        if let Some(ip) = text.strip_prefix("ip-") {
            return ip.parse().map(Self::Ip).map_err(|_| NoKey);
        }
        let rest = text.strip_prefix("mac-").ok_or(NoKey)?;
        let (hex, vlan) = match rest.split_once('-') {
            Some((hex, vlan)) => (hex, vlan.parse().map_err(|_| NoKey)?),
            None => (rest, 0),
        };
        let mac = read_mac(hex).ok_or(NoKey)?;
        Ok(Self::Mac { vlan, mac })
    }
}

impl TryFrom<String> for Key {
    type Error = NoKey;

    fn try_from(text: String) -> Result<Self, NoKey> {
        text.parse()
    }
}

impl From<Key> for String {
    fn from(key: Key) -> Self {
        key.to_string()
    }
}

/// Reads an Ethernet address in any of the ways in which people write one: `00:1b:…`, `00-1B-…`,
/// `001b.1122.3344`, `001b11223344`.
#[must_use]
pub fn read_mac(text: &str) -> Option<Mac> {
    let separator = |c: &char| matches!(c, ':' | '-' | '.');
    let digits = text.chars().filter(|c| !separator(c));
    let digits: Vec<u8> = digits
        .map(|c| c.to_digit(16).and_then(|d| u8::try_from(d).ok()))
        .collect::<Option<_>>()?;
    let (pairs, rest) = digits.as_chunks::<2>();
    let bytes: Vec<u8> = pairs.iter().map(|[high, low]| high << 4 | low).collect();
    bytes.try_into().ok().filter(|_| rest.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_reads_as_it_is_written() {
        let mac = [0, 0x1b, 0x11, 0x22, 0x33, 0x44];
        for (key, text) in [
            (Key::Mac { vlan: 0, mac }, "mac-001b11223344"),
            (Key::Mac { vlan: 20, mac }, "mac-001b11223344-20"),
            (Key::Ip([10, 0, 0, 1].into()), "ip-10.0.0.1"),
        ] {
            assert_eq!(key.to_string(), text);
            assert_eq!(text.parse::<Key>().ok(), Some(key));
        }
        for text in [
            "",
            "mac-",
            "mac-001b1122334",
            "ip-10.0.0",
            "mac-001b11223344-x",
        ] {
            assert!(text.parse::<Key>().is_err(), "{text}");
        }
        for text in ["00:1B:11:22:33:44", "00-1b-11-22-33-44", "001b.1122.3344"] {
            assert_eq!(read_mac(text), Some(mac), "{text}");
        }
    }
}
