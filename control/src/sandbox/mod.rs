//! What `vitalwire run` gives up once its source is open, before it reads the first frame: rights,
//! files, system calls, and memory dumps. Every thread comes later and inherits it; but for the one
//! that DPDK has for interrupts, which does the same itself when it is asked to.
//!
//! An interface that goes away has to be opened again, by the threads that read it. So the
//! capabilities for that stay, and no others: a helper thread that kept them would share our memory,
//! and whoever runs code in one thread has the other. Without them, only a restart would see again.

mod calls;
mod files;
mod memory;
mod rights;

use std::path::Path;

use crate::config::{CaptureSource, Config};
use crate::dpdk;
use crate::error::Error;
use files::Access;

/// Goes in, tries that the door is shut, and says what this kernel cannot do.
///
/// # Errors
/// Something is wanted that cannot be had, and `sandbox.required` is set; or a shut door is open.
pub fn enter(config: &Config, config_file: &Path) -> Result<(), Error> {
    let wanted = &config.sandbox;
    let access = files::access(config, config_file);
    let parts: [(&str, bool, Part<'_>); 4] = [
        ("dumps", wanted.no_dumps, &memory::no_dumps),
        ("capabilities", wanted.capabilities, &|| {
            everywhere(config, &access, rights::drop)
        }),
        ("files", wanted.files, &|| {
            everywhere(config, &access, |_, access| files::restrict(access))
        }),
        ("calls", wanted.calls, &|| calls::restrict(config)),
    ];
    outside(config)?;
    let mut held = Vec::new();
    for (name, wanted, part) in parts {
        if !wanted {
            tracing::warn!("sandbox.{} is off", key(name));
            continue;
        }
        match part() {
            Ok(how) => held.push(format!("{name}: {how}")),
            Err(why) if config.sandbox.required => {
                return Err(Error::Failed(format!(
                    "sandbox.{}: {why}; mend it, or set sandbox.required: false",
                    key(name)
                )));
            }
            Err(why) => tracing::warn!("sandbox.{} cannot be had: {why}", key(name)),
        }
    }
    if !held.is_empty() {
        tracing::info!("sandboxed, and tried; {}", held.join("; "));
    }
    Ok(())
}

/// Restricts, tries, and says how it is held; or why it is not.
type Part<'a> = &'a dyn Fn() -> Result<String, String>;

fn key(name: &str) -> &str {
    if name == "dumps" { "no_dumps" } else { name }
}

/// What holds for a thread and those that it starts, done in each thread that there is.
fn everywhere(config: &Config, access: &Access, part: EachThread) -> Result<String, String> {
    if config.capture.source == CaptureSource::Dpdk {
        let (config, access) = (config.clone(), access.clone());
        dpdk::in_its_thread(move || part(&config, &access))
            .and_then(|done| done)
            .map_err(|why| format!("in DPDK's thread for interrupts: {why}"))?;
    }
    part(config, access)
}

type EachThread = fn(&Config, &Access) -> Result<String, String>;

/// Says which threads are older than the sandbox and stay outside of it.
fn outside(config: &Config) -> Result<(), Error> {
    let mut inside = vec![rustix::thread::gettid()];
    if config.capture.source == CaptureSource::Dpdk {
        inside.extend(dpdk::in_its_thread(rustix::thread::gettid));
    }
    let names = others(&inside).join(", ");
    if names.is_empty() {
        return Ok(());
    }
    let what = format!(
        "these threads are older than the sandbox, and capabilities and files stay open to them: \
         {names}; with DPDK leave -l, -c, --lcores, and whatever else starts threads, out of \
         capture.dpdk.eal_args"
    );
    if config.sandbox.required {
        return Err(Error::Failed(format!(
            "{what}; or set sandbox.required: false"
        )));
    }
    tracing::warn!("{what}");
    Ok(())
}

/// The names of all threads but these.
fn others(but: &[rustix::thread::Pid]) -> Vec<String> {
    let tasks = std::fs::read_dir("/proc/self/task").into_iter().flatten();
    tasks
        .flatten()
        .filter_map(|task| {
            let id: i32 = task.file_name().to_str()?.parse().ok()?;
            let known = but.iter().any(|one| one.as_raw_nonzero().get() == id);
            (!known).then(|| std::fs::read_to_string(task.path().join("comm")).ok())?
        })
        .map(|name| name.trim().to_owned())
        .collect()
}
