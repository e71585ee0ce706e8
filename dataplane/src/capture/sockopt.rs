//! Socket options that no crate of ours has.

#![expect(unsafe_code, reason = "setsockopt and getsockopt as they are")]

use std::io;
use std::mem::size_of;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

use libc::{c_int, socklen_t};

/// A socket of a family that no crate of ours has.
pub(super) fn socket(family: c_int) -> io::Result<OwnedFd> {
    raw(family, 0)
}

/// A raw socket for a protocol of a family.
pub(super) fn raw(family: c_int, protocol: c_int) -> io::Result<OwnedFd> {
    let kind = libc::SOCK_RAW | libc::SOCK_CLOEXEC;
    // SAFETY: takes no pointer.
    let fd = unsafe { libc::socket(family, kind, protocol) };
    if fd < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the kernel gave it to us just now, and nobody else has it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// Binds a socket to an address of its family.
pub(super) fn bind<T>(fd: BorrowedFd<'_>, address: &T) -> io::Result<()> {
    let (at, len) = (&raw const *address, len_of::<T>());
    // SAFETY: the address lives until the call is over, and is as long as is said.
    let bound = unsafe { libc::bind(fd.as_raw_fd(), at.cast(), len) };
    if bound < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}

/// Sets an option to a value, which is plain data.
pub(super) fn set<T>(fd: BorrowedFd<'_>, level: c_int, name: c_int, value: &T) -> io::Result<()> {
    let (at, len) = (&raw const *value, len_of::<T>());
    // SAFETY: the value lives until the call is over, and is as long as is said.
    let set = unsafe { libc::setsockopt(fd.as_raw_fd(), level, name, at.cast(), len) };
    if set < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}

/// An option's value: so many integers.
pub(super) fn get<T: Integer, const N: usize>(
    fd: BorrowedFd<'_>,
    level: c_int,
    name: c_int,
) -> io::Result<[T; N]> {
    let (mut value, mut len) = ([T::default(); N], len_of::<[T; N]>());
    let (at, len) = (&raw mut value, &raw mut len);
    // SAFETY: both live until the call is over; the kernel writes no more than is said, and any
    // bytes are integers.
    let got = unsafe { libc::getsockopt(fd.as_raw_fd(), level, name, at.cast(), len) };
    if got < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(value)
}

/// What any bytes are a value of.
pub(super) trait Integer: Copy + Default {}
impl Integer for u32 {}
impl Integer for u64 {}

fn len_of<T>() -> socklen_t {
    socklen_t::try_from(size_of::<T>()).unwrap_or(0)
}
