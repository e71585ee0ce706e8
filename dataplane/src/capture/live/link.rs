//! Whether an interface is there and has a link, as the kernel tells it below `/sys/class/net`.

use std::path::{Path, PathBuf};

/// `IFF_UP` in the interface's flags.
const UP: u32 = 1;

/// What an interface is like. The number is the kernel's own of the interface.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum State {
    Up(u32),
    /// And why.
    Down(u32, &'static str),
    Gone,
}

/// The kernel's number of an interface; 0 if it is gone.
pub(super) fn index(interface: &str) -> u32 {
    read(&folder(interface), "ifindex")
        .and_then(|text| text.parse().ok())
        .unwrap_or(0)
}

/// Looks at an interface.
pub(super) fn state(interface: &str) -> State {
    let folder = folder(interface);
    if !folder.parent().is_some_and(Path::is_dir) {
        return State::Up(0); // Without /sys there is nothing to say against it.
    }
    let index = index(interface);
    let flags = read(&folder, "flags")
        .and_then(|text| u32::from_str_radix(text.trim_start_matches("0x"), 16).ok());
    match flags {
        None => State::Gone,
        Some(flags) if flags & UP == 0 => State::Down(index, "the interface is down"),
        Some(_) if read(&folder, "carrier").as_deref() == Some("0") => {
            State::Down(index, "no link: is the cable in, and the mirror port up?")
        }
        Some(_) => State::Up(index),
    }
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
