//! The capture interface says nothing: the kernel's IPv6, MLD and ARP chatter is switched off
//! before the first frame is read. Vitalwire itself never sends.

use std::path::{Path, PathBuf};

use dataplane::capture::flags;

use crate::config::Silence;
use crate::doctor::link::Link;
use crate::error::Error;

/// Makes an interface silent, or warns, as configured.
///
/// # Errors
/// An interface that is missing, that has addresses, or that cannot be made silent.
pub fn prepare(interface: &str, silence: Silence) -> Result<(), Error> {
    let link = Link::read(interface)?;
    let noises = link.noises();
    match silence {
        Silence::Off => return Ok(()),
        _ if noises.is_empty() => {}
        Silence::Check => {
            for noise in &noises {
                tracing::warn!(interface, "{}; run: {}", noise.what, noise.fix);
            }
            return Ok(());
        }
        Silence::Enforce => enforce(interface, &link)?,
    }
    if link.is_up() {
        return Ok(());
    }
    // Only now: an interface that comes up with IPv6 on announces itself at once.
    flags::change(interface, flags::UP, 0).map_err(|why| {
        Error::Failed(format!(
            "{interface}: is down ({why}); run: sudo ip link set dev {interface} up"
        ))
    })
}

fn enforce(interface: &str, link: &Link) -> Result<(), Error> {
    // Link-local addresses made themselves; they go away with IPv6. Others somebody gave.
    let given: Vec<&str> = link
        .addresses
        .iter()
        .map(String::as_str)
        .filter(|address| !address.starts_with("fe80:"))
        .collect();
    if !given.is_empty() {
        return Err(Error::Config(format!(
            "{interface}: has addresses ({}), so the kernel answers on it; capture from an \
             interface of its own, or run: sudo ip address flush dev {interface}; or set \
             capture.silence: check",
            given.join(", ")
        )));
    }
    let ipv6 = PathBuf::from(format!("/proc/sys/net/ipv6/conf/{interface}"));
    let mut failed = Vec::new();
    for (key, value) in [("addr_gen_mode", "1"), ("disable_ipv6", "1")] {
        failed.extend(set(&ipv6.join(key), value).err());
    }
    let quiet = flags::change(interface, flags::NOARP, flags::MULTICAST);
    failed.extend(quiet.err().map(|error| format!("its flags: {error}")));
    let left = Link::read(interface)?.noises();
    if left.is_empty() {
        tracing::info!(interface, "made silent: no IPv6, no ARP, no multicast");
        return Ok(());
    }
    let fixes: Vec<String> = left.iter().map(|noise| noise.fix.clone()).collect();
    let why = failed.first().map_or("still noisy", String::as_str);
    Err(Error::Config(format!(
        "{interface}: cannot be made silent ({why}); run: {}; or enable \
         vitalwire-silence@{interface}.service; or set capture.silence: check",
        fixes.join(" && ")
    )))
}

fn set(path: &Path, value: &str) -> Result<(), String> {
    if !path.exists() {
        return Ok(()); // A kernel without IPv6 is silent already.
    }
    if std::fs::read_to_string(path).is_ok_and(|now| now.trim() == value) {
        return Ok(()); // Nothing to do needs no permission.
    }
    std::fs::write(path, value).map_err(|error| format!("{}: {error}", path.display()))
}
