//! The flags of an interface, changed without a program beside us.

#![expect(unsafe_code, reason = "an ioctl with a pointer as its argument")]

use std::io;
use std::os::fd::AsRawFd;

/// Up.
pub const UP: i32 = libc::IFF_UP;
/// It neither asks nor answers by ARP.
pub const NOARP: i32 = libc::IFF_NOARP;
/// It takes part in multicast.
pub const MULTICAST: i32 = libc::IFF_MULTICAST;

/// Sets some flags of an interface and clears others.
///
/// # Errors
/// No such interface, or no CAP_NET_ADMIN.
pub fn change(interface: &str, set: i32, clear: i32) -> io::Result<()> {
    let mut name = [0; libc::IFNAMSIZ];
    let bytes = interface.as_bytes();
    let Some(place) = name.get_mut(..bytes.len()) else {
        return Err(io::ErrorKind::InvalidInput.into());
    };
    if bytes.len() == libc::IFNAMSIZ {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    for (to, from) in place.iter_mut().zip(bytes) {
        *to = from.cast_signed();
    }
    let mut request = libc::ifreq {
        ifr_name: name,
        ifr_ifru: libc::__c_anonymous_ifr_ifru { ifru_flags: 0 },
    };
    let socket = std::net::UdpSocket::bind(("127.0.0.1", 0)).or_else(|_| {
        // A network without a loopback address: any socket will do.
        std::net::UdpSocket::bind(("0.0.0.0", 0))
    })?;
    let fd = socket.as_raw_fd();
    // SAFETY: the kernel reads and writes a struct ifreq, which this is.
    if unsafe { libc::ioctl(fd, libc::SIOCGIFFLAGS, &raw mut request) } < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: flags are what the kernel has just written.
    let now = i32::from(unsafe { request.ifr_ifru.ifru_flags });
    let wanted = (now | set) & !clear;
    // All flags that this call knows are in the lower half.
    request.ifr_ifru.ifru_flags = (wanted & 0x7fff).try_into().unwrap_or(0);
    // SAFETY: as above.
    if unsafe { libc::ioctl(fd, libc::SIOCSIFFLAGS, &raw mut request) } < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}
