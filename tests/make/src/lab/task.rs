//! Processes that run in a lab.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::Duration;

const POLL: Duration = Duration::from_millis(50);
const POLLS_MAX: u32 = 400;
/// A client that is not done after five minutes never will be.
const WAIT_POLLS_MAX: u32 = 6000;
/// tcpdump reads a block of frames after at most one second, and loses what it has not read.
const DRAIN: Duration = Duration::from_millis(1500);

static TASKS: AtomicU32 = AtomicU32::new(0);

/// A process that is killed when this is dropped. Its output goes to a file.
pub struct Task {
    child: Child,
    log: PathBuf,
}

impl Task {
    pub(super) fn start(mut command: Command, folder: &Path) -> io::Result<Self> {
        let log = folder.join(format!(
            "task-{}.log",
            TASKS.fetch_add(1, Ordering::Relaxed)
        ));
        let file = File::create(&log)?;
        let child = command
            .stdin(Stdio::null())
            .stdout(file.try_clone()?)
            .stderr(file)
            .spawn()?;
        Ok(Self { child, log })
    }

    /// The number of the process.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// What it has written so far, to both outputs.
    pub fn log(&self) -> String {
        fs::read(&self.log)
            .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
            .unwrap_or_default()
    }

    /// Waits until it has written a text, for at most 20 s.
    pub fn wait_for(&self, text: &str) -> io::Result<()> {
        until(&format!("nothing said {text:?}"), || {
            Ok(self.log().contains(text))
        })
        .map_err(|error| io::Error::other(format!("{error}: {}", self.log().trim())))
    }

    /// Sends a signal, such as `INT` or `HUP`.
    pub fn signal(&self, name: &str) -> io::Result<()> {
        super::run(Command::new("kill").args(["-s", name, &self.id().to_string()]))
    }

    /// Whether it has ended, and if so whether well.
    pub fn ended(&mut self) -> io::Result<Option<bool>> {
        Ok(self.child.try_wait()?.map(|status| status.success()))
    }

    /// Sends a signal, waits for the end, for at most 20 s, and gives back whether it ended well.
    pub fn stop(&mut self, signal: &str) -> io::Result<bool> {
        self.signal(signal)?;
        self.end(POLLS_MAX, &format!("goes on after {signal}"))
    }

    /// Waits for the end, for at most five minutes, and gives back whether it ended well.
    pub fn wait(&mut self) -> io::Result<bool> {
        self.end(WAIT_POLLS_MAX, "does not end")
    }

    fn end(&mut self, polls: u32, what: &str) -> io::Result<bool> {
        for _ in 0..polls {
            if let Some(well) = self.ended()? {
                return Ok(well);
            }
            pause(POLL);
        }
        let said = format!("process {} {what}: {}", self.id(), self.log().trim());
        Err(io::Error::new(io::ErrorKind::TimedOut, said))
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A running tcpdump.
pub struct Recording {
    task: Task,
}

impl Recording {
    pub(super) fn start(command: Command, folder: &Path) -> io::Result<Self> {
        let task = Task::start(command, folder)?;
        task.wait_for("listening on")?;
        Ok(Self { task })
    }

    /// Ends the recording once the last frames are in the file, and says how many the kernel dropped.
    pub fn stop(mut self) -> io::Result<u64> {
        pause(DRAIN);
        self.task.stop("INT")?;
        let log = self.task.log();
        let dropped = log
            .lines()
            .find_map(|line| line.strip_suffix(" packets dropped by kernel"));
        Ok(dropped
            .and_then(|count| count.trim().parse().ok())
            .unwrap_or(0))
    }
}

/// Asks until the answer is yes, for at most 20 s.
pub(super) fn until(what: &str, mut ready: impl FnMut() -> io::Result<bool>) -> io::Result<()> {
    for _ in 0..POLLS_MAX {
        if ready()? {
            return Ok(());
        }
        pause(POLL);
    }
    Err(io::Error::new(io::ErrorKind::TimedOut, what.to_owned()))
}

/// Lets real peers do what they do.
#[expect(
    clippy::disallowed_methods,
    reason = "real processes: there is no condition to wait on"
)]
pub(crate) fn pause(time: Duration) {
    thread::sleep(time);
}
