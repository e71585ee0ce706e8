//! What `vitalwire run` gives up once its source is open, before it reads the first frame: rights,
//! files, system calls, and memory dumps. Every thread comes later and inherits it.
//!
//! An interface that goes away has to be opened again, by the threads that read it. So the
//! capabilities for that stay, and no others: a helper thread that kept them would share our memory,
//! and whoever runs code in one thread has the other. Without them, only a restart would see again.

mod calls;
mod files;
mod memory;
mod rights;

use std::path::Path;

use crate::config::Config;
use crate::error::Error;

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
            rights::drop(config, &access)
        }),
        ("files", wanted.files, &|| files::restrict(&access)),
        ("calls", wanted.calls, &|| calls::restrict(config)),
    ];
    if others() > 0 && config.capture.source != crate::config::CaptureSource::Dpdk {
        tracing::warn!(
            threads = others(),
            "threads from before the sandbox are outside of it"
        );
    }
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

/// Threads beside this one.
fn others() -> usize {
    let tasks = std::fs::read_dir("/proc/self/task").map_or(1, Iterator::count);
    tasks.saturating_sub(1)
}
