//! What the kernel says of a network interface, from /sys and /proc.

use std::net::IpAddr;
use std::path::{Path, PathBuf};

use super::system::{number, text};
use crate::error::{Error, did_you_mean};

const IFF_UP: u32 = 0x1;
const IFF_LOOPBACK: u32 = 0x8;
const IFF_NOARP: u32 = 0x80;
const IFF_PROMISC: u32 = 0x100;
const IFF_MULTICAST: u32 = 0x1000;

/// One interface.
#[derive(Clone, Debug, Default)]
pub struct Link {
    /// Its name.
    pub name: String,
    /// Interface flags as `<linux/if.h>` has them.
    pub flags: u32,
    /// `up`, `down`, `unknown`, …
    pub operstate: String,
    /// Bytes.
    pub mtu: u32,
    /// Mbit/s, where the driver says.
    pub speed: Option<u32>,
    /// Addresses with prefix lengths.
    pub addresses: Vec<String>,
    /// Whether the kernel speaks IPv6 on it.
    pub ipv6: bool,
    /// Whether IPv6 addresses would be made by themselves.
    pub ipv6_autoconf: bool,
    /// Frames received, and frames that the card or the driver dropped or missed.
    pub received: u64,
    /// See `received`.
    pub missed: u64,
    /// Frames sent.
    pub sent: u64,
    /// Frames that the card threw away because they were too long.
    pub too_long: u64,
    /// Frames that came with a wrong checksum.
    pub damaged: u64,
    /// Whether it cannot send and receive at a time.
    pub half_duplex: bool,
    /// The bridge or bond that it belongs to.
    pub master: Option<String>,
}

/// Something that makes an interface speak, and how to stop it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Noise {
    /// What.
    pub what: String,
    /// The command that mends it.
    pub fix: String,
}

impl Link {
    /// Asks the kernel.
    ///
    /// # Errors
    /// No such interface; says which there are.
    pub fn read(name: &str) -> Result<Self, Error> {
        let all = names();
        if !all.iter().any(|known| known == name) {
            let hint = did_you_mean(name, all.iter().map(String::as_str));
            return Err(Error::Config(format!(
                "{name}: no such interface{hint}; there are: {}",
                all.join(", ")
            )));
        }
        let sys = Path::new("/sys/class/net").join(name);
        let ipv6 = PathBuf::from(format!("/proc/sys/net/ipv6/conf/{name}"));
        let stat = |key: &str| number(sys.join("statistics").join(key)).unwrap_or(0);
        let flags = text(sys.join("flags"));
        Ok(Self {
            name: name.to_owned(),
            flags: u32::from_str_radix(flags.trim_start_matches("0x"), 16).unwrap_or(0),
            operstate: text(sys.join("operstate")),
            mtu: number(sys.join("mtu"))
                .and_then(|n| u32::try_from(n).ok())
                .unwrap_or(0),
            speed: number(sys.join("speed")).and_then(|n| u32::try_from(n).ok()),
            addresses: addresses(name),
            ipv6: text(ipv6.join("disable_ipv6")) == "0",
            ipv6_autoconf: ipv6.exists() && text(ipv6.join("addr_gen_mode")) != "1",
            received: stat("rx_packets"),
            missed: ["rx_dropped", "rx_missed_errors", "rx_fifo_errors"]
                .into_iter()
                .map(stat)
                .sum(),
            sent: stat("tx_packets"),
            too_long: stat("rx_length_errors"),
            damaged: stat("rx_crc_errors"),
            half_duplex: text(sys.join("duplex")) == "half",
            master: std::fs::read_link(sys.join("master"))
                .ok()
                .and_then(|target| Some(target.file_name()?.to_str()?.to_owned())),
        })
    }

    /// Whether it is administratively up.
    #[must_use]
    pub const fn is_up(&self) -> bool {
        self.flags & IFF_UP != 0
    }

    /// Whether somebody switched it to promiscuous mode for good.
    #[must_use]
    pub const fn is_promiscuous(&self) -> bool {
        self.flags & IFF_PROMISC != 0
    }

    /// Whether it is the loopback.
    #[must_use]
    pub const fn is_loopback(&self) -> bool {
        self.flags & IFF_LOOPBACK != 0
    }

    /// What makes the kernel speak on it.
    #[must_use]
    pub fn noises(&self) -> Vec<Noise> {
        let name = &self.name;
        let mut noises = Vec::new();
        let mut noise = |what: String, fix: String| noises.push(Noise { what, fix });
        if !self.addresses.is_empty() {
            noise(
                format!(
                    "has addresses ({}): the kernel answers to them; if anybody needs them, \
                     capture on another interface",
                    self.addresses.join(", ")
                ),
                format!("sudo ip address flush dev {name}"),
            );
        }
        if self.ipv6 {
            noise(
                "IPv6 is on: neighbour discovery and MLD reports go out".to_owned(),
                format!(
                    "sudo sysctl -w net.ipv6.conf.{}.disable_ipv6=1",
                    name.replace('.', "/")
                ),
            );
        }
        if self.ipv6 && self.ipv6_autoconf {
            noise(
                "IPv6 addresses are made by themselves".to_owned(),
                format!("sudo ip link set dev {name} addrgenmode none"),
            );
        }
        if self.flags & IFF_NOARP == 0 && !self.is_loopback() {
            noise(
                "ARP is on: the kernel would answer requests".to_owned(),
                format!("sudo ip link set dev {name} arp off"),
            );
        }
        if self.flags & IFF_MULTICAST != 0 {
            noise(
                "multicast is on: group reports may go out".to_owned(),
                format!("sudo ip link set dev {name} multicast off"),
            );
        }
        noises
    }
}

/// Every interface, sorted.
#[must_use]
pub fn names() -> Vec<String> {
    let mut names: Vec<String> = std::fs::read_dir("/sys/class/net")
        .into_iter()
        .flatten()
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter(|name| Path::new("/sys/class/net").join(name).is_dir())
        .collect();
    names.sort();
    names
}

/// Every address, with the length of its prefix. Without the help of `ip`: the appliance looks again
/// when its interface comes back, and may then start no program.
fn addresses(name: &str) -> Vec<String> {
    let all = nix::ifaddrs::getifaddrs().into_iter().flatten();
    all.filter(|one| one.interface_name == name)
        .filter_map(|one| {
            let address = ip(one.address.as_ref()?)?;
            let mask = one.netmask.as_ref().and_then(ip);
            let prefix = mask.map_or(0, prefix);
            Some(format!("{address}/{prefix}"))
        })
        .collect()
}

fn ip(address: &nix::sys::socket::SockaddrStorage) -> Option<IpAddr> {
    let v4 = address.as_sockaddr_in().map(|address| address.ip().into());
    v4.or_else(|| address.as_sockaddr_in6().map(|address| address.ip().into()))
}

const fn prefix(mask: IpAddr) -> u32 {
    match mask {
        IpAddr::V4(mask) => mask.to_bits().count_ones(),
        IpAddr::V6(mask) => mask.to_bits().count_ones(),
    }
}
