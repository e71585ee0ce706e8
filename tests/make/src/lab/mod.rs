//! A network of namespaces: hosts on one hub, and a SPAN port that sees every frame.
//!
//! ```text
//! host ── host ── host     each in a namespace of its own, 10.0.0.0/8, no default route
//!    └─────┼───────┘
//!        hub ── span0      in the namespace `sensor`, without an address
//! ```
//!
//! Offloads are off, so that frames look as they would on a wire. Namespaces and their processes go
//! away when the [`Lab`] does, and also when its process is killed: a helper waits for that.
//! It needs root, `ip`, `ethtool` and `tcpdump`; [`Lab::missing`] says what is not there.

mod guard;
mod task;

use std::fs;
use std::io;
use std::os::fd::AsFd as _;
use std::path::{Path, PathBuf};
use std::process::{self, Command, Output};
use std::sync::atomic::{AtomicU32, Ordering};

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

use crate::frame::host;
use guard::Guard;
pub(crate) use task::pause;
pub use task::{Recording, Task};

/// The host that has the SPAN port.
pub const SENSOR: &str = "sensor";
/// The interface of [`SENSOR`] that sees every frame.
pub const SPAN: &str = "span0";

const HUB: &str = "hub";
const PLAYER: &str = "player";
/// Linux takes 15 bytes; the rest of an interface name is the host's.
const HOST_NAME_MAX: usize = 12;

static LABS: AtomicU32 = AtomicU32::new(0);

/// Namespaces on one hub. Several can exist at a time, also in one process.
pub struct Lab {
    prefix: String,
    folder: PathBuf,
    guard: Guard,
}

impl Lab {
    /// What a lab needs and this machine lacks; `None` when it can be used.
    pub fn missing() -> Option<String> {
        for (program, option) in [
            ("ip", "-V"),
            ("ethtool", "--version"),
            ("tcpdump", "--version"),
        ] {
            if Command::new(program).arg(option).output().is_err() {
                return Some(format!("{program} is not installed"));
            }
        }
        // Tests that run at a time ask at a time.
        let number = LABS.fetch_add(1, Ordering::Relaxed);
        let probe = format!("vw{}-{number}-probe", process::id());
        if run(Command::new("ip").args(["netns", "add", &probe])).is_err() {
            return Some("network namespaces need root".to_owned());
        }
        run(Command::new("ip").args(["netns", "del", &probe]))
            .err()
            .map(|error| error.to_string())
    }

    /// A hub and the sensor on it. `name` is for the names of files.
    pub fn new(name: &str) -> io::Result<Self> {
        let prefix = format!(
            "vw{}-{}",
            process::id(),
            LABS.fetch_add(1, Ordering::Relaxed)
        );
        let folder = work_folder().join(format!("{name}-{prefix}"));
        fs::create_dir_all(&folder)?;
        let guard = Guard::new(&prefix, &folder)?;
        let lab = Self {
            prefix,
            folder,
            guard,
        };
        lab.add_namespace(HUB)?;
        let hub = lab.namespace(HUB);
        // Ageing 0: the bridge forgets at once who is where, so every port sees every frame.
        ip(&["-n", &hub, "link", "add", "name", "br0", "type", "bridge"])?;
        ip(&[
            "-n",
            &hub,
            "link",
            "set",
            "dev",
            "br0",
            "type",
            "bridge",
            "ageing_time",
            "0",
            "mcast_snooping",
            "0",
        ])?;
        ip(&["-n", &hub, "link", "set", "dev", "br0", "up"])?;
        lab.add_namespace(SENSOR)?;
        lab.plug(SENSOR, SPAN)?;
        Ok(lab)
    }

    /// Adds a host with an address in 10.0.0.0/8, with the MAC that [`host`] gives it.
    pub fn add_host(&self, name: &str, address: &str) -> io::Result<()> {
        if name.len() > HOST_NAME_MAX {
            return Err(io::Error::other(format!(
                "{name}: at most {HOST_NAME_MAX} letters"
            )));
        }
        self.add_namespace(name)?;
        self.plug(name, "eth0")?;
        let namespace = self.namespace(name);
        let mac = host(address)
            .mac
            .map(|byte| format!("{byte:02x}"))
            .join(":");
        ip(&["-n", &namespace, "link", "set", "dev", "eth0", "down"])?;
        ip(&[
            "-n", &namespace, "link", "set", "dev", "eth0", "address", &mac,
        ])?;
        ip(&[
            "-n",
            &namespace,
            "addr",
            "add",
            &format!("{address}/8"),
            "dev",
            "eth0",
        ])?;
        ip(&["-n", &namespace, "link", "set", "dev", "eth0", "up"])
    }

    /// Gives a host a second address.
    pub fn add_address(&self, name: &str, address: &str) -> io::Result<()> {
        let namespace = self.namespace(name);
        ip(&[
            "-n",
            &namespace,
            "addr",
            "add",
            &format!("{address}/8"),
            "dev",
            "eth0",
        ])
    }

    /// A command that will run on a host.
    pub fn command(&self, host: &str, command: &[&str]) -> Command {
        let mut out = Command::new("ip");
        out.args(["netns", "exec", &self.namespace(host)])
            .args(command);
        out.current_dir(&self.folder);
        out
    }

    /// Runs a command on a host and waits for it; its exit status is the caller's to judge.
    pub fn exec(&self, host: &str, command: &[&str]) -> io::Result<Output> {
        self.command(host, command).output()
    }

    /// Starts a command on a host; it is killed when the task is dropped.
    pub fn spawn(&self, host: &str, command: &[&str]) -> io::Result<Task> {
        Task::start(self.command(host, command), &self.folder)
    }

    /// From now on this thread is on a host, and so is what it starts: threads, programs, connections.
    pub fn enter(&self, host: &str) -> io::Result<()> {
        let namespace = fs::File::open(Path::new("/run/netns").join(self.namespace(host)))?;
        let network = Some(LinkNameSpaceType::Network);
        Ok(move_into_link_name_space(namespace.as_fd(), network)?)
    }

    /// Waits until a TCP port of a host listens, for at most 20 s.
    pub fn wait_listening(&self, host: &str, port: u16) -> io::Result<()> {
        let filter = format!("sport = :{port}");
        task::until(&format!("{host} does not listen on {port}"), || {
            let output = self.exec(host, &["ss", "-ltnH", &filter])?;
            Ok(!output.stdout.is_empty())
        })
    }

    /// Records what the SPAN port sees until the recording is stopped.
    pub fn record(&self, file: &Path) -> io::Result<Recording> {
        let file = std::path::absolute(file)?;
        if let Some(folder) = file.parent() {
            fs::create_dir_all(folder)?;
        }
        let name = file.to_string_lossy();
        // `-Z root`: the folder may be writable for nobody else.
        let command = self.command(
            SENSOR,
            &[
                "tcpdump", "-Z", "root", "-U", "-B", "65536", "-s", "0", "-i", SPAN, "-w", &name,
            ],
        );
        Recording::start(command, &self.folder)
    }

    /// Puts the frames of an Ethernet pcap file on the hub, from a host that is only there for that,
    /// and waits for the end. `speed` 1 keeps the recorded times, 10 is ten times as fast, 0 does
    /// not wait at all.
    pub fn replay(&self, file: &Path, speed: f64) -> io::Result<()> {
        if !self.has(PLAYER) {
            self.add_namespace(PLAYER)?;
            self.plug(PLAYER, "eth0")?;
        }
        let script = std::path::absolute(peers_folder().join("replay.py"))?;
        let file = std::path::absolute(file)?;
        let mut command = self.command(PLAYER, &["python3"]);
        run(command
            .arg(script)
            .arg(file)
            .args(["eth0", "--speed", &speed.to_string()]))
    }

    /// Takes the sensor's interface away, as a USB adapter that is pulled out.
    pub fn unplug_sensor(&self) -> io::Result<()> {
        ip(&["-n", &self.namespace(SENSOR), "link", "del", "dev", SPAN])
    }

    /// Gives the sensor an interface of the same name again.
    pub fn plug_sensor(&self) -> io::Result<()> {
        self.plug(SENSOR, SPAN)
    }

    /// How many frames the sensor itself has sent, as its interface says, or as the hub's end of
    /// the pair got, which is more if something goes out past the interface's own count: a passive
    /// sensor sends none.
    pub fn sensor_transmitted(&self) -> io::Result<u64> {
        let sent = self.statistic(SENSOR, SPAN, "tx_packets")?;
        let got = self.statistic(HUB, &format!("p-{SENSOR}"), "rx_packets")?;
        Ok(sent.max(got))
    }

    fn statistic(&self, host: &str, interface: &str, name: &str) -> io::Result<u64> {
        let path = format!("/sys/class/net/{interface}/statistics/{name}");
        let output = self.exec(host, &["cat", &path])?;
        let text = String::from_utf8_lossy(&output.stdout);
        text.trim()
            .parse()
            .map_err(|_| io::Error::other(format!("{path}: {text:?}")))
    }

    /// What the names of this lab's namespaces begin with; a host's is this, `-` and its name.
    pub fn prefix(&self) -> &str {
        &self.prefix
    }

    /// A folder for the files of this lab, deleted with it.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    fn has(&self, host: &str) -> bool {
        Path::new("/run/netns").join(self.namespace(host)).exists()
    }

    fn namespace(&self, host: &str) -> String {
        format!("{}-{host}", self.prefix)
    }

    fn add_namespace(&self, name: &str) -> io::Result<()> {
        let namespace = self.namespace(name);
        ip(&["netns", "add", &namespace])?;
        let settings = [
            "net.ipv6.conf.all.disable_ipv6=1",
            "net.ipv6.conf.default.disable_ipv6=1",
        ];
        run(self.command(name, &["sysctl", "-qw"]).args(settings))?;
        ip(&["-n", &namespace, "link", "set", "dev", "lo", "up"])
    }

    /// Joins a host to the hub by a pair of interfaces.
    fn plug(&self, name: &str, interface: &str) -> io::Result<()> {
        let (namespace, hub, port) = (
            self.namespace(name),
            self.namespace(HUB),
            format!("p-{name}"),
        );
        ip(&[
            "-n", &hub, "link", "add", "name", &port, "type", "veth", "peer", "name", interface,
            "netns", &namespace,
        ])?;
        let offloads = ["tx", "off", "tso", "off", "gso", "off", "gro", "off"];
        run(self.command(HUB, &["ethtool", "-K", &port]).args(offloads))?;
        run(self
            .command(name, &["ethtool", "-K", interface])
            .args(offloads))?;
        ip(&[
            "-n", &hub, "link", "set", "dev", &port, "master", "br0", "up",
        ])?;
        ip(&["-n", &namespace, "link", "set", "dev", interface, "up"])
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        self.guard.finish();
    }
}

/// `target/lab`: where labs and the Python environment are.
pub fn work_folder() -> PathBuf {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let target = std::env::var_os("CARGO_TARGET_DIR")
        .map_or_else(|| workspace.join("target"), |folder| workspace.join(folder));
    target.join("lab")
}

/// The Python of an environment with the packages of `tests/peers/requirements.txt`, which is made
/// on first use.
pub fn python() -> io::Result<PathBuf> {
    let environment = work_folder().join("venv");
    let requirements = peers_folder().join("requirements.txt");
    fs::create_dir_all(work_folder())?;
    // Tests run in parallel; one of them makes the environment.
    let lock = fs::File::create(work_folder().join("venv.lock"))?;
    lock.lock()?;
    let (python, done) = (
        environment.join("bin/python"),
        environment.join("requirements.txt"),
    );
    if fs::read(&done).ok() != Some(fs::read(&requirements)?) {
        run(Command::new("python3")
            .args(["-m", "venv"])
            .arg(&environment))?;
        run(Command::new(&python)
            .args(["-m", "pip", "install", "-q", "--no-cache-dir", "-r"])
            .arg(&requirements))?;
        fs::copy(&requirements, &done)?;
    }
    Ok(python)
}

/// `tests/peers`: the Python peers.
pub fn peers_folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../peers")
}

fn ip(arguments: &[&str]) -> io::Result<()> {
    run(Command::new("ip").args(arguments))
}

/// Runs a command that has to succeed.
pub(crate) fn run(command: &mut Command) -> io::Result<()> {
    let output = command.output()?;
    if output.status.success() {
        return Ok(());
    }
    let reason = String::from_utf8_lossy(&output.stderr);
    Err(io::Error::other(format!("{command:?}: {}", reason.trim())))
}
