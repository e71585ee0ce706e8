//! Receivers: real servers as child processes, which are stopped and started again.

use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// A port that nobody uses.
pub fn free_port() -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
    listener.local_addr().expect("an address").port()
}

/// Waits until something holds.
pub fn until(what: &str, secs: u64, mut holds: impl FnMut() -> bool) {
    let since = Instant::now();
    while !holds() {
        assert!(
            since.elapsed() < Duration::from_secs(secs),
            "not within {secs} s: {what}"
        );
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// A server that can be stopped and started again.
pub struct Server {
    program: PathBuf,
    args: Vec<String>,
    environment: Vec<(String, String)>,
    log: PathBuf,
    /// Where it listens, if by TCP.
    port: Option<u16>,
    child: Option<Child>,
}

impl Server {
    pub fn new(program: impl Into<PathBuf>, args: &[&str], log: &Path, port: Option<u16>) -> Self {
        Self {
            program: program.into(),
            args: args.iter().map(|&arg| arg.to_owned()).collect(),
            environment: Vec::new(),
            log: log.to_path_buf(),
            port,
            child: None,
        }
    }

    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    pub fn start(&mut self) {
        let log = std::fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(&self.log)
            .expect("a log");
        let child = Command::new(&self.program)
            .args(&self.args)
            .envs(self.environment.iter().cloned())
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("a log"))
            .stderr(log)
            .spawn();
        self.child = Some(child.unwrap_or_else(|err| panic!("{}: {err}", self.program.display())));
        if let Some(port) = self.port {
            until(&format!("{} listens", self.program.display()), 30, || {
                TcpStream::connect(("127.0.0.1", port)).is_ok()
            });
        } else {
            std::thread::sleep(Duration::from_secs(1));
        }
    }

    /// Asks it to end, as an administrator does.
    pub fn stop(&mut self) {
        let Some(mut child) = self.child.take() else {
            return;
        };
        let id = child.id().to_string();
        drop(Command::new("kill").args(["-TERM", &id]).status());
        let since = Instant::now();
        while since.elapsed() < Duration::from_secs(10) {
            if child.try_wait().is_ok_and(|status| status.is_some()) {
                return;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        self.child = Some(child);
        self.kill();
    }

    /// Asks it to read its configuration anew.
    pub fn hang_up(&self) {
        if let Some(child) = &self.child {
            let id = child.id().to_string();
            drop(Command::new("kill").args(["-HUP", &id]).status());
        }
    }

    /// Lets it hang: its machine goes on taking what it will never read.
    pub fn freeze(&self) {
        if let Some(child) = &self.child {
            let id = child.id().to_string();
            drop(Command::new("kill").args(["-STOP", &id]).status());
        }
    }

    /// Ends it without asking.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            drop(child.kill());
            drop(child.wait());
        }
    }

    pub fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}
