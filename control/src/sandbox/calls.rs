//! System calls. A list of what is refused, not of what is allowed: libc, SQLite and libpcap take new
//! calls with new versions, and a sensor that goes blind after an update is worse off than one that
//! may still call `getrandom`. Refused is what makes programs, rights, name spaces, kernel code and
//! other processes' memory reachable, and every socket that is not for the network or for capture.

use std::collections::BTreeMap;

use libc::c_long;
use rustix::net::{AddressFamily, SocketType};
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
    SeccompRule,
};

use super::rights;
use crate::config::Config;

/// Refused whatever their arguments.
const NEVER: &[c_long] = &[
    // Programs, and other processes.
    libc::SYS_execve,
    libc::SYS_execveat,
    libc::SYS_ptrace,
    libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev,
    libc::SYS_process_madvise,
    libc::SYS_pidfd_getfd,
    libc::SYS_kcmp,
    // Name spaces and mounts.
    libc::SYS_unshare,
    libc::SYS_setns,
    libc::SYS_mount,
    libc::SYS_umount2,
    libc::SYS_pivot_root,
    libc::SYS_chroot,
    libc::SYS_move_mount,
    libc::SYS_open_tree,
    libc::SYS_fsopen,
    libc::SYS_fsconfig,
    libc::SYS_fsmount,
    libc::SYS_fspick,
    libc::SYS_mount_setattr,
    libc::SYS_open_by_handle_at,
    libc::SYS_quotactl,
    libc::SYS_swapon,
    libc::SYS_swapoff,
    // The kernel itself, and what was often a way into it.
    libc::SYS_init_module,
    libc::SYS_finit_module,
    libc::SYS_delete_module,
    libc::SYS_kexec_load,
    libc::SYS_kexec_file_load,
    libc::SYS_reboot,
    libc::SYS_acct,
    libc::SYS_perf_event_open,
    libc::SYS_userfaultfd,
    libc::SYS_io_uring_setup,
    libc::SYS_io_uring_enter,
    libc::SYS_io_uring_register,
    libc::SYS_add_key,
    libc::SYS_request_key,
    libc::SYS_keyctl,
    libc::SYS_fanotify_init,
    libc::SYS_personality,
    libc::SYS_pkey_mprotect,
    // The clock and the machine's names.
    libc::SYS_settimeofday,
    libc::SYS_clock_settime,
    libc::SYS_sethostname,
    libc::SYS_setdomainname,
    // Who we are.
    libc::SYS_setuid,
    libc::SYS_setgid,
    libc::SYS_setresuid,
    libc::SYS_setresgid,
    libc::SYS_setreuid,
    libc::SYS_setregid,
    libc::SYS_setgroups,
];

/// For processors that have them.
#[cfg(target_arch = "x86_64")]
const OF_PROCESSOR: &[c_long] = &[libc::SYS_iopl, libc::SYS_ioperm, libc::SYS_modify_ldt];
#[cfg(not(target_arch = "x86_64"))]
const OF_PROCESSOR: &[c_long] = &[];

/// The families that sockets may be of: the network for sinks and pages, interfaces, capture.
const FAMILIES: &[i32] = &[
    libc::AF_UNIX,
    libc::AF_INET,
    libc::AF_INET6,
    libc::AF_NETLINK,
    libc::AF_PACKET,
    libc::AF_XDP,
];

/// Name spaces that a new process could get.
const NAMESPACES: i32 = libc::CLONE_NEWUSER
    | libc::CLONE_NEWNS
    | libc::CLONE_NEWNET
    | libc::CLONE_NEWPID
    | libc::CLONE_NEWIPC
    | libc::CLONE_NEWUTS
    | libc::CLONE_NEWCGROUP;

type Rules = BTreeMap<c_long, Vec<SeccompRule>>;

/// Refuses them from now on, and tries two.
pub(super) fn restrict(config: &Config) -> Result<String, String> {
    let refused = rules(config).map_err(|error| error.to_string())?;
    let count = refused.len();
    let errno = |number: i32| SeccompAction::Errno(number.unsigned_abs());
    // Its arguments are in memory, where no filter can look; libc then takes clone.
    let clone3 = Rules::from([(libc::SYS_clone3, Vec::new())]);
    for (rules, action) in [(clone3, errno(libc::ENOSYS)), (refused, errno(libc::EPERM))] {
        install(rules, action)?;
    }
    try_them()?;
    Ok(format!("seccomp, {count} refused"))
}

fn install(rules: Rules, action: SeccompAction) -> Result<(), String> {
    let architecture = std::env::consts::ARCH;
    let architecture = architecture
        .try_into()
        .map_err(|_| format!("no filter for {architecture}"))?;
    let filter = SeccompFilter::new(rules, SeccompAction::Allow, action, architecture);
    let program: BpfProgram = filter
        .and_then(TryInto::try_into)
        .map_err(|error| error.to_string())?;
    seccompiler::apply_filter_all_threads(&program).map_err(|error| error.to_string())
}

fn rules(config: &Config) -> Result<Rules, seccompiler::BackendError> {
    let always = NEVER.iter().chain(OF_PROCESSOR);
    let mut rules: Rules = always.map(|call| (*call, Vec::new())).collect();
    if !rights::loads_programs(config) {
        rules.insert(libc::SYS_bpf, Vec::new());
    }
    let families = FAMILIES
        .iter()
        .map(|family| argument(0, SeccompCmpOp::Ne, u64::from(family.unsigned_abs())));
    let other = SeccompRule::new(families.collect::<Result<_, _>>()?)?;
    rules.insert(libc::SYS_socket, vec![other]);
    let flags = (0..32)
        .map(|bit| 1_i32 << bit)
        .filter(|flag| NAMESPACES & flag != 0);
    let namespaces = flags.map(|flag| all_of(0, flag));
    rules.insert(libc::SYS_clone, namespaces.collect::<Result<_, _>>()?);
    // Memory that is written is never run.
    let writable = libc::PROT_WRITE | libc::PROT_EXEC;
    rules.insert(libc::SYS_mmap, vec![all_of(2, writable)?]);
    rules.insert(libc::SYS_mprotect, vec![all_of(2, libc::PROT_EXEC)?]);
    rules.insert(libc::SYS_shmat, vec![all_of(2, libc::SHM_EXEC)?]);
    Ok(rules)
}

fn argument(
    index: u8,
    is: SeccompCmpOp,
    value: u64,
) -> Result<SeccompCondition, seccompiler::BackendError> {
    SeccompCondition::new(index, SeccompCmpArgLen::Dword, is, value)
}

/// An argument that has all of these bits.
fn all_of(index: u8, bits: i32) -> Result<SeccompRule, seccompiler::BackendError> {
    let bits = u64::from(bits.cast_unsigned());
    SeccompRule::new(vec![argument(index, SeccompCmpOp::MaskedEq(bits), bits)?])
}

/// A program, and a socket of a family that nothing here needs.
fn try_them() -> Result<(), String> {
    let is_refusal = |number: Option<i32>| number == Some(libc::EPERM);
    let program = std::process::Command::new("/proc/self/exe")
        .arg("-V")
        .output();
    if !program.is_err_and(|error| is_refusal(error.raw_os_error())) {
        return Err("tried, and a program can still be started".to_owned());
    }
    let rds = AddressFamily::from_raw(21);
    let socket = rustix::net::socket(rds, SocketType::DGRAM, None);
    if !socket.is_err_and(|error| is_refusal(Some(error.raw_os_error()))) {
        return Err("tried, and a socket of any family can still be made".to_owned());
    }
    Ok(())
}
