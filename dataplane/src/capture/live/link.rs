//! Whether an interface is there and has a link, as the kernel tells it below `/sys/class/net`.

use std::path::{Path, PathBuf};

/// `IFF_UP` in the interface's flags.
const UP: u32 = 1;

/// Kinds of interfaces, as `type` tells them.
const ARPHRD_ETHER: &str = "1";
const ARPHRD_LOOPBACK: &str = "772";

/// What an interface is like. The number is the kernel's own of the interface.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(in crate::capture) enum State {
    Up(u32),
    /// And why.
    Down(u32, &'static str),
    Gone,
}

/// The kernel's number of an interface; 0 if it is gone.
pub(in crate::capture) fn index(interface: &str) -> u32 {
    read(&folder(interface), "ifindex")
        .and_then(|text| text.parse().ok())
        .unwrap_or(0)
}

/// Looks at an interface.
pub(in crate::capture) fn state(interface: &str) -> State {
    let folder = folder(interface);
    if !folder.parent().is_some_and(Path::is_dir) {
        return State::Up(0); // Without /sys there is nothing to say against it.
    }
    let index = index(interface);
    match flags(&folder) {
        None => State::Gone,
        Some(flags) if flags & UP == 0 => State::Down(index, "the interface is down"),
        Some(_) if read(&folder, "carrier").as_deref() == Some("0") => {
            State::Down(index, "no link: is the cable in, and the mirror port up?")
        }
        Some(_) => State::Up(index),
    }
}

/// Whether it is switched on.
pub(in crate::capture) fn is_up(interface: &str) -> bool {
    flags(&folder(interface)).is_some_and(|flags| flags & UP != 0)
}

/// Whether its frames begin with an Ethernet header, as those of the loopback do too.
pub(in crate::capture) fn is_ethernet(interface: &str) -> bool {
    let kind = read(&folder(interface), "type");
    // Without /sys there is nothing to say against it.
    kind.is_none_or(|kind| kind == ARPHRD_ETHER || kind == ARPHRD_LOOPBACK)
}

/// How many queues frames come in by.
pub(in crate::capture) fn queues(interface: &str) -> usize {
    let queues = std::fs::read_dir(folder(interface).join("queues"));
    let names = queues
        .into_iter()
        .flatten()
        .flatten()
        .map(|e| e.file_name());
    let count = names.filter(|name| name.to_string_lossy().starts_with("rx-"));
    count.count().max(1)
}

/// Frames that the interface has lost since it is there.
pub(in crate::capture) fn dropped(interface: &str) -> u64 {
    let statistics = folder(interface).join("statistics");
    let count = |name| read(&statistics, name).and_then(|text| text.parse::<u64>().ok());
    let counts = ["rx_missed_errors", "rx_fifo_errors"].map(|name| count(name).unwrap_or(0));
    counts.into_iter().fold(0, u64::saturating_add)
}

fn flags(folder: &Path) -> Option<u32> {
    let text = read(folder, "flags")?;
    u32::from_str_radix(text.trim_start_matches("0x"), 16).ok()
}

fn folder(interface: &str) -> PathBuf {
    Path::new("/sys/class/net").join(interface)
}

fn read(folder: &Path, name: &str) -> Option<String> {
    let text = std::fs::read_to_string(folder.join(name)).ok()?;
    Some(text.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loopback_is_up_and_a_name_that_nobody_has_is_gone() {
        if !Path::new("/sys/class/net/lo").exists() {
            return;
        }
        assert_eq!(index("lo"), 1);
        assert!(matches!(state("lo"), State::Up(1) | State::Down(1, _)));
        assert_eq!(state("nosuchinterface"), State::Gone);
    }
}
