//! The configuration: its keys, defaults and units, once. The doc comments are the schema's texts.

mod api;
mod dpdk;
mod place;
mod read;
pub mod reload;
mod responses;
mod sandbox;
mod select;
mod sinks;
mod store;
pub mod units;

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use api::{Api, ApiLimits, Session, Tls as ServerTls};
pub use dpdk::{Dpdk, Poll};
pub use read::{parse, read, try_sinks};
pub use responses::{ActionHook, BlockList, Response};
pub use sandbox::Sandbox;
pub use select::Select;
pub use sinks::{
    Alertmanager, Facility, Framing, Kafka, Nats, Opensearch, Secret, Sink, Syslog, Tls, Transport,
    Webhook,
};
pub use store::{Incidents, Keep, Outbox, Store};
use units::{Bytes, Span};

/// The annotated default configuration, as `vitalwire config example` prints it.
pub const EXAMPLE: &str = include_str!("../../../deploy/config/vitalwire.yaml");

/// The configuration of one sensor.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Who this sensor is; on every line.
    pub sensor: Sensor,
    /// Where the site key and what outlives a restart is kept.
    pub state_dir: PathBuf,
    /// The site key for pseudonyms: 32 bytes, raw or as 64 hex digits. Without it, a key is made
    /// once in `state_dir` (mode 0600). Back it up; all sensors of one organisation share it.
    pub site_key_file: Option<PathBuf>,
    /// Where frames come from.
    pub capture: Capture,
    /// Worker threads; 0 takes one for each processor, less the one of a reader of its own, at most 8.
    pub workers: u16,
    /// Bounds.
    pub limits: Limits,
    /// Flows.
    pub flow: Flow,
    /// Detection rules.
    pub rules: Rules,
    /// The devices on the network.
    pub inventory: Inventory,
    /// Lists that rules name, such as `archives` or `pump_servers`: addresses, networks, AE titles.
    pub sets: BTreeMap<String, Vec<String>>,
    /// Alerts that are known and accepted.
    pub suppressions: Vec<Suppression>,
    /// Where events go.
    pub outputs: Outputs,
    /// Where alerts, incidents and the like are sent.
    pub sinks: Vec<Sink>,
    /// What is done about alerts.
    pub responses: Vec<Response>,
    /// The embedded store.
    pub store: Store,
    /// What is kept of the traffic behind alerts.
    pub evidence: Evidence,
    /// What it gives up once its source is open.
    pub sandbox: Sandbox,
    /// The `stats` events.
    pub stats: Every,
    /// The `heartbeat` events.
    pub heartbeat: Every,
    /// When the appliance counts as blind.
    pub ready: Ready,
    /// The HTTP listener for metrics and health.
    pub http: Http,
    /// The API and the console.
    pub api: Api,
    /// The program's own log, on stderr. It never holds event contents.
    pub log: Log,
}

/// Who a sensor is.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Sensor {
    /// A name that stays; empty takes the host name.
    pub id: String,
    /// The hospital or building.
    pub site: String,
}

/// Where frames come from: an interface, or files for testing.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Capture {
    /// The interface that the SPAN port feeds.
    pub interface: Option<String>,
    /// How frames are taken from the interface. What cannot be opened gives way to `libpcap`, and
    /// that is said.
    pub source: CaptureSource,
    /// Capture files, or directories of them, instead of an interface.
    pub files: Vec<PathBuf>,
    /// Whether the last file is still being written: then it is read as it grows, and of a
    /// directory each new file.
    pub follow: bool,
    /// Whether to read the files again and again.
    #[serde(rename = "loop")]
    pub repeat: bool,
    /// With `loop`, how long a round takes: frames come at an even pace, with their stamps moved so
    /// that the captures end as the round begins, and each round tells new alerts. `0s` reads as fast
    /// as it can, with the stamps as recorded: each round tells the same alerts, which are kept once.
    pub round: Span,
    /// Bytes kept of a frame; less than the MTU loses payload.
    pub snaplen: u32,
    /// The kernel's rings, all together: they bridge moments in which workers are busy. 0 is an
    /// eighth of `limits.memory`, beside it.
    #[serde(default = "by_budget")]
    pub buffer: Bytes,
    /// A BPF filter in libpcap's syntax; empty captures everything.
    pub bpf: String,
    /// Whether frames for other stations are taken, as a SPAN port needs.
    pub promiscuous: bool,
    /// Whether the kernel's own chatter (IPv6, MLD, ARP) is kept off the interface: `enforce`
    /// switches it off and refuses an interface that has addresses, `check` warns, `off` does
    /// nothing.
    pub silence: Silence,
    /// VLANs that the SPAN port has to show: `vitalwire doctor` names those that say nothing.
    pub expect_vlans: Vec<u16>,
    /// Whether every worker has a ring of its own and the kernel gives each flow to one of them, by
    /// an eBPF program; if not, one thread reads for all. For `af_packet`.
    pub fanout: bool,
    /// How long a reader looks again and again before it waits, in microseconds: less latency for
    /// more heat. For `af_packet` and `af_xdp`.
    pub busy_poll_us: u32,
    /// Who stamps frames. For `af_packet`.
    pub stamps: Stamps,
    /// How `af_xdp` takes frames.
    pub xdp: XdpMode,
    /// Where remote mirrors send to, for `remote`.
    pub remote: Remote,
    /// The adapter that DPDK drives, for `dpdk`.
    pub dpdk: Dpdk,
}

fn by_budget() -> Bytes {
    Bytes(0)
}

impl Capture {
    /// What the kernel's rings have of a memory budget, or rather beside it: enough for what libpcap
    /// needs at least, and no more than it takes.
    pub(crate) fn share(memory: Bytes) -> Bytes {
        Bytes(memory.0 / 8).clamp(Bytes::mib(4), Bytes::mib(2047))
    }

    /// What frames come from, in the log and in findings.
    #[must_use]
    pub fn name(&self) -> &str {
        match self.source {
            CaptureSource::Dpdk => &self.dpdk.port,
            CaptureSource::Remote => "remote",
            _ => self.interface.as_deref().unwrap_or("-"),
        }
    }

    /// Whether frames come as they are sent, and not from files.
    #[must_use]
    pub const fn is_live(&self) -> bool {
        self.interface.is_some()
            || matches!(self.source, CaptureSource::Dpdk | CaptureSource::Remote)
    }
}

/// How frames are taken from the interface.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CaptureSource {
    /// By libpcap, in one thread, each frame copied once.
    Libpcap,
    /// From AF_PACKET rings, where the kernel wrote them.
    #[default]
    AfPacket,
    /// From AF_XDP sockets, before the kernel's network stack, which sees none of the frames.
    AfXdp,
    /// From sockets that remote mirrors send to (VXLAN, Geneve, TZSP, ERSPAN in GRE); what is
    /// named below `remote`.
    Remote,
    /// From an adapter that DPDK drives, past the kernel; it is named below `dpdk`.
    Dpdk,
}

/// Where remote mirrors send to: an address of this machine, which is not that of a SPAN port.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Remote {
    /// The machine's own address that they send to; 0.0.0.0 is any of them.
    pub address: Ipv4Addr,
    /// UDP ports: 4789 VXLAN, 6081 Geneve, 37008 TZSP.
    pub ports: Vec<u16>,
    /// Whether GRE is taken too, with ERSPAN in it. Needs CAP_NET_RAW.
    pub gre: bool,
}

/// Who stamps frames.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Stamps {
    /// The kernel, when it gets them.
    #[default]
    Kernel,
    /// The adapter, where its driver can; this changes its setting, and its clock has to be right.
    Adapter,
}

/// How `af_xdp` takes frames.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum XdpMode {
    /// Without a copy where the driver can, else with one, else in the kernel's generic way; what
    /// it came to is said.
    #[default]
    Auto,
    /// In the driver, with a copy.
    Copy,
    /// In the kernel's generic way, which every interface has.
    Generic,
}

/// What is done about the kernel's own chatter on the capture interface.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Silence {
    /// Switch it off, or refuse to capture.
    #[default]
    Enforce,
    /// Warn.
    Check,
    /// Nothing.
    Off,
}

/// Bounds.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// The one memory budget: flow tables, buffers and queues take shares of it.
    pub memory: Bytes,
    /// How long a slow worker is waited for, live, before its records count as late.
    pub lag_max: Span,
    /// Batches that a queue between threads holds.
    pub queue_depth: u16,
    /// Protocol events that wait for one sink; what finds no room is lost to it, and counted.
    pub sink_queue: Bytes,
}

/// Flow options.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Flow {
    /// Which flows are written as `flow` events.
    pub records: FlowRecords,
    /// Whether the VLAN stack is part of a flow's identity; `auto` leaves it out for an address
    /// pair that is seen tagged in one direction only.
    pub vlan_in_key: VlanInKey,
    /// Whether to pick up connections whose beginning was not seen.
    pub midstream: bool,
    /// What is done with packets that the mirror gave twice, as where both VLANs of a routed
    /// packet are mirrored: `remove` counts and drops the second one.
    pub duplicates: Duplicates,
    /// Whether wrong checksums drop a packet. Checksum offload makes them wrong on many SPAN ports.
    pub checksums: bool,
}

/// Which flows are written.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum FlowRecords {
    /// Those of medical protocols.
    #[default]
    Medical,
    /// Every one.
    All,
    /// None.
    Off,
}

/// What is done with packets that the mirror gave twice.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Duplicates {
    /// The second one is counted and dropped.
    #[default]
    Remove,
    /// Each is looked at.
    Keep,
}

/// Whether the VLAN stack is part of a flow's identity.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum VlanInKey {
    /// Unless an address pair is seen tagged in one direction only.
    #[default]
    Auto,
    /// Always.
    Yes,
    /// Never.
    No,
}

/// Detection rules.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Rules {
    /// Whether the embedded packs are loaded.
    pub default: bool,
    /// Rule files, or directories of them, beside the embedded packs.
    pub paths: Vec<PathBuf>,
}

/// The devices on the network.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Inventory {
    /// The hospital's own list of its devices, a CSV file whose first line names the columns: name,
    /// role, owner, phone, unit, criticality, life_support, patient_connected, mac, ip, serial. It
    /// names devices in alerts, and each role feeds the set of its name: `pump_server` the set
    /// `pump_servers`. Read again on SIGHUP.
    pub import: Option<PathBuf>,
    /// Whom to call about a device where the list names nobody; on every alert.
    pub contact: Contact,
}

/// Whom to call.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Contact {
    /// Who, as `clinical engineering`.
    pub name: String,
    /// The number.
    pub phone: String,
}

/// An alert that is known and accepted: by whom, why, until when.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Suppression {
    /// The rule's id.
    pub rule: String,
    /// Only events of which this condition, in the language of rules, holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub when: Option<String>,
    /// Only events with one of these values in each of these fields, as `src_ip: [10.20.0.9]`.
    #[serde(default, rename = "match", skip_serializing_if = "BTreeMap::is_empty")]
    pub fields: BTreeMap<String, Vec<String>>,
    /// Who answers for it.
    pub owner: String,
    /// Why: somebody will ask.
    pub reason: String,
    /// Its last day, as `2027-03-31`.
    pub expires: String,
}

/// Where events go.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Outputs {
    /// JSON lines in a file.
    pub eve: EveFile,
}

/// JSON lines in a file.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct EveFile {
    /// Whether it is written.
    pub enabled: bool,
    /// The file.
    pub path: PathBuf,
    /// Only these event types; empty means all.
    pub types: Vec<String>,
    /// When a new file is begun.
    pub rotate: Rotate,
}

/// When a new file is begun, and what becomes of old ones.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Rotate {
    /// At this size; 0 never.
    pub size: Bytes,
    /// After this time; 0s never.
    pub interval: Span,
    /// Old files that are kept; 0 keeps all.
    pub keep: u32,
    /// Whether old files are compressed with gzip.
    pub compress: bool,
}

/// What is kept of the traffic behind alerts: the headers of their flows' frames, no payload.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Evidence {
    /// Whether it is kept.
    pub enabled: bool,
    /// Where; without it, in `evidence` below `state_dir`.
    pub dir: Option<PathBuf>,
    /// All of it together; beyond that the oldest is removed.
    pub size: Bytes,
    /// The most alerts; beyond that the oldest is removed.
    pub alerts: u32,
    /// How long it is kept; 0s until there is no room.
    pub keep: Span,
}

impl Config {
    /// Where evidence is.
    #[must_use]
    pub fn evidence_dir(&self) -> PathBuf {
        let dir = self.evidence.dir.clone();
        dir.unwrap_or_else(|| self.state_dir.join("evidence"))
    }
}

/// Something that happens again and again.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Every {
    /// How often; 0s never.
    pub interval: Span,
}

/// When the appliance counts as blind.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Ready {
    /// No frame for this long: a SPAN port is never silent for long. 0s never.
    pub max_silence: Span,
}

/// The HTTP listener. Loopback by default: metrics tell a stranger much about a network.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Http {
    /// Whether there is one.
    pub enabled: bool,
    /// Address and port.
    pub listen: SocketAddr,
}

/// The program's own log.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Log {
    /// How much.
    pub level: Level,
    /// How it looks.
    pub format: LogFormat,
}

/// How much is logged.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// What stops something.
    Error,
    /// What needs a look.
    Warn,
    /// What happens.
    #[default]
    Info,
    /// What developers ask for.
    Debug,
}

/// How the log looks.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// For machines.
    Json,
}

mod defaults;

/// The JSON Schema of the configuration.
#[must_use]
pub fn schema() -> String {
    let schema = schemars::schema_for!(Config);
    let mut text = serde_json::to_string_pretty(&schema).unwrap_or_default();
    text.push('\n');
    text
}

#[cfg(test)]
mod tests;
