//! DPDK's environment: initialised once a process, told of the threads that receive.

#![expect(unsafe_code, reason = "DPDK is a C library")]

use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::sync::OnceLock;
use std::time::Duration;

use crossbeam::channel::bounded;
use dpdk_sys::{
    rte_eal_alarm_set, rte_eal_init, rte_strerror, rte_thread_register, rte_thread_unregister,
    vw_errno,
};

/// How it went, the one time that a process has.
static INITIALISED: OnceLock<Result<(), String>> = OnceLock::new();

/// Initialises the environment; the second time it only says how the first one went.
pub(super) fn init(arguments: &[String]) -> Result<(), String> {
    INITIALISED.get_or_init(|| in_own_thread(arguments)).clone()
}

/// EAL pins the thread that initialises it to a processor, and threads inherit that: it gets one
/// that ends right after.
fn in_own_thread(arguments: &[String]) -> Result<(), String> {
    let mut all = vec!["vitalwire".to_owned()];
    if !arguments.iter().any(|a| chooses_processors(a)) {
        all.extend(processors());
    }
    all.extend_from_slice(arguments);
    let thread = std::thread::Builder::new().name("eal".to_owned());
    thread
        .spawn(move || initialise(&all))
        .map_err(|error| error.to_string())?
        .join()
        .unwrap_or_else(|_| Err("EAL panicked".to_owned()))
}

/// Does something in the thread that EAL has for interrupts and alarms, which is older than
/// whatever this process gives up once its source is open: what holds for a thread alone has to be
/// done there too.
///
/// # Errors
/// EAL was never initialised, or its thread does not answer.
pub fn in_its_thread<T: Send + 'static>(
    what: impl FnOnce() -> T + Send + 'static,
) -> Result<T, String> {
    if !matches!(INITIALISED.get(), Some(Ok(()))) {
        return Err("EAL is not initialised".to_owned());
    }
    let (answer, answered) = bounded(1);
    let errand: Errand = Box::new(move || {
        // Nobody listens any more once it took too long.
        drop(answer.send(what()));
    });
    // A pointer to a box of a fat pointer: C hands on a thin one.
    let errand = Box::into_raw(Box::new(errand));
    // SAFETY: `run` takes the box, once.
    let set = unsafe { rte_eal_alarm_set(1, Some(run), errand.cast()) };
    if set != 0 {
        // SAFETY: nobody took it.
        drop(unsafe { Box::from_raw(errand) });
        return Err(error_text(set));
    }
    let gone = |_| "EAL's thread for interrupts does not answer".to_owned();
    answered.recv_timeout(PATIENCE).map_err(gone)
}

type Errand = Box<dyn FnOnce() + Send>;

/// Alarms are looked at at once; a driver's interrupt may be before.
const PATIENCE: Duration = Duration::from_secs(5);

unsafe extern "C" fn run(errand: *mut c_void) {
    // SAFETY: what `in_its_thread` gave, which nobody else has.
    let errand: Box<Errand> = unsafe { Box::from_raw(errand.cast()) };
    errand();
}

fn initialise(arguments: &[String]) -> Result<(), String> {
    let mut pointers = Vec::with_capacity(arguments.len());
    for argument in arguments {
        let text = CString::new(argument.as_str())
            .map_err(|_| "capture.dpdk.eal_args: a zero byte in an argument".to_owned())?;
        // EAL may keep pointers into them, so they are never freed: once a process.
        pointers.push(text.into_raw());
    }
    let count = c_int::try_from(pointers.len()).unwrap_or(c_int::MAX);
    let strings: *mut *mut c_char = pointers.as_mut_ptr();
    // SAFETY: `count` strings that are never freed, in an array that lives through the call; this
    // is the only call in this process, as `INITIALISED` sees to.
    if unsafe { rte_eal_init(count, strings) } < 0 {
        return Err(format!(
            "EAL does not start with {}: {} (its own words are on stderr){}",
            arguments.join(" "),
            last_error(),
            hint(arguments)
        ));
    }
    Ok(())
}

fn chooses_processors(argument: &str) -> bool {
    ["-l", "-c", "--lcores", "-s", "-S"]
        .iter()
        .any(|option| argument.starts_with(option))
}

/// One thread of EAL's own, on any processor that this process may use.
fn processors() -> Option<String> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let allowed = status
        .lines()
        .find_map(|line| line.strip_prefix("Cpus_allowed_list:"))?;
    Some(format!("--lcores=0@({})", allowed.trim()))
}

/// The most common reason.
fn hint(arguments: &[String]) -> &'static str {
    let without = arguments.iter().any(|a| a == "--no-huge");
    let total = std::fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let none = total
        .lines()
        .find_map(|line| line.strip_prefix("HugePages_Total:"))
        .is_some_and(|n| n.trim() == "0");
    if none && !without {
        "; no huge pages are reserved: `dpdk-hugepages.py --setup 1G`, or for devices that are \
         none put --no-huge and --no-shconf in the place of --in-memory"
    } else {
        ""
    }
}

/// What DPDK says of its last call that failed in this thread.
pub(super) fn last_error() -> String {
    // SAFETY: reads a variable of this thread.
    error_text(unsafe { vw_errno() })
}

/// What an error number means; those that calls return are negative.
pub(super) fn error_text(code: c_int) -> String {
    // SAFETY: takes any number.
    let text = unsafe { rte_strerror(code.saturating_abs()) };
    // SAFETY: a text that lives until this thread asks for the next one.
    let text = unsafe { CStr::from_ptr(text) };
    text.to_string_lossy().into_owned()
}

/// Makes the calling thread known, once: then it has a cache of mbufs of its own. It works without
/// one too, so a refusal is not told.
pub(super) fn register_thread() {
    thread_local! {
        static KNOWN: Known = Known::register();
    }
    KNOWN.with(|_| ());
}

/// A thread that EAL knows, until it ends.
struct Known(bool);

impl Known {
    fn register() -> Self {
        // SAFETY: EAL is initialised, and this thread has not been registered before.
        Self(unsafe { rte_thread_register() } == 0)
    }
}

impl Drop for Known {
    fn drop(&mut self) {
        if self.0 {
            // SAFETY: this thread was registered.
            unsafe { rte_thread_unregister() };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processors_are_chosen_unless_somebody_did() {
        for chosen in ["-l", "--lcores=0", "-c3", "-l0-3"] {
            assert!(chooses_processors(chosen), "{chosen}");
        }
        for other in ["--no-huge", "--vdev=net_null0", "-m"] {
            assert!(!chooses_processors(other), "{other}");
        }
        let own = processors().unwrap();
        assert!(
            own.starts_with("--lcores=0@(") && own.ends_with(')'),
            "{own}"
        );
    }
}
