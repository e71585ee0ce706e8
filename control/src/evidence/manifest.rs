//! What goes beside a pcapng file of evidence.

use dataplane::capture::live::steered;
use dataplane::evidence::{Evidence, HEADER_BYTES_MAX};
use parsers::time::Time;
use rules::correlate::GID;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{About, pcapng_name};

/// The manifest's own version; keys are only ever added.
const SCHEMA: &str = "1";

/// What evidence is, of which alert, and what it lacks.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Manifest {
    /// The manifest's version.
    pub schema: String,
    /// Names the alert, as in `eve.json`.
    pub alert_id: String,
    /// When the event happened that fired the rule.
    pub alert_time: String,
    /// The frame that completed it.
    pub alert_frame: u64,
    /// `flow`, or `address` where the alert is of no TCP or UDP flow: then frames are those that the
    /// sender's Ethernet address sent or got, and ARP messages that claim the same IP address.
    #[serde(default)]
    pub of: String,
    /// The flow, as in `eve.json`, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub flow_id: Option<u64>,
    /// Its recognised protocol, or empty.
    pub app_proto: String,
    /// The rule that fired.
    pub rule: Rule,
    /// Who saw it.
    pub sensor: Sensor,
    /// What is in the file.
    pub content: String,
    /// How much of the flow is in it.
    pub frames: Frames,
    /// Whose clock stamped the frames.
    pub clock: Clock,
    /// What was seen of all traffic in the minute before, as on the alert.
    pub coverage: serde_json::Value,
    /// The file.
    pub pcapng: File,
    /// The program and its commit.
    pub made_by: String,
}

/// The rule that fired.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Rule {
    /// Its id.
    pub slug: String,
    /// Our generator id.
    pub gid: u32,
    /// Its number.
    pub sid: u32,
    /// Its revision.
    pub rev: u32,
    /// Its title.
    pub title: String,
    /// How bad, by name.
    pub severity: String,
    /// Its pack and the pack's version.
    pub pack: Option<String>,
    /// SHA-256 over all rule files and configured lists that were loaded.
    pub ruleset_sha256: String,
}

/// Who saw it.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Sensor {
    /// Its name.
    pub id: String,
    /// The hospital or building.
    pub site: String,
    /// The machine.
    pub host: String,
    /// Names the site key of the pseudonyms.
    pub key_id: String,
}

/// How much of the flow there is.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Frames {
    /// Frames in the file.
    pub kept: u64,
    /// Frames of the flow that came before these and are not in it.
    pub cut: u64,
    /// Frames in between that are not in it: the inside of large values, such as pixels.
    pub bulk: u64,
    /// Whether the flow was seen from its beginning, and the file begins there.
    pub complete_from_start: bool,
    /// Whether frames were kept up to the alert. Of a flow that turns out to be none of a medical
    /// protocol they are kept until then.
    pub kept_to_alert: bool,
    /// The first one.
    pub first: Place,
    /// The last one.
    pub last: Place,
    /// The most bytes of each.
    pub bytes_max: usize,
}

/// A frame's number over all captures of the run, and its time.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Place {
    /// From 1.
    pub number: u64,
    /// Its stamp.
    pub time: String,
}

/// Whose clock stamped the frames.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Clock {
    /// `capture` for stamps that a file had, `sensor` for this machine's.
    pub source: String,
    /// Whether this machine's was synchronised.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub synchronised: Option<bool>,
    /// How wrong it may have been at most, in microseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error_max_us: Option<i64>,
}

/// The file.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct File {
    /// Its name.
    pub name: String,
    /// Its length.
    pub bytes: u64,
    /// Its SHA-256, as `sha256sum` prints it.
    pub sha256: String,
}

impl Manifest {
    /// Of evidence whose file has these bytes.
    #[must_use]
    pub fn new(about: &About, evidence: &Evidence, pcapng: &[u8]) -> Self {
        let alert = &evidence.alert;
        let extent = evidence.extent();
        let place = |(number, time)| Place {
            number,
            time: stamp(time),
        };
        let pack = alert.pack.as_ref();
        let (of, content) = if evidence.is_of_flow() {
            ("flow", "link to transport headers, no payload")
        } else {
            ("address", "ARP messages, ICMP and link headers, no payload")
        };
        Self {
            schema: SCHEMA.to_owned(),
            alert_id: alert.alert_id.clone(),
            alert_time: stamp(alert.time),
            alert_frame: alert.frame,
            of: of.to_owned(),
            flow_id: alert.flow,
            app_proto: alert.app.to_owned(),
            rule: Rule {
                slug: alert.slug.to_string(),
                gid: GID,
                sid: alert.sid,
                rev: alert.rev,
                title: alert.title.clone(),
                severity: alert.severity.word().to_owned(),
                pack: pack.map(|(name, version)| format!("{name} {version}")),
                ruleset_sha256: hex(&alert.ruleset),
            },
            sensor: Sensor {
                id: about.eve.sensor_id.clone(),
                site: about.eve.site.clone(),
                host: about.eve.host.clone(),
                key_id: format!("{:08x}", about.key_id),
            },
            content: content.to_owned(),
            frames: Frames {
                kept: extent.kept,
                cut: extent.cut,
                bulk: extent.bulk,
                complete_from_start: extent.from_start,
                kept_to_alert: extent.to_alert,
                first: place(extent.first),
                last: place(extent.last),
                bytes_max: HEADER_BYTES_MAX,
            },
            clock: Clock::now(about.live),
            coverage: serde_json::from_str(&alert.coverage).unwrap_or_default(),
            pcapng: File {
                name: pcapng_name(&alert.alert_id),
                bytes: u64::try_from(pcapng.len()).unwrap_or(u64::MAX),
                sha256: sha256(pcapng),
            },
            made_by: program(),
        }
    }
}

impl Clock {
    /// Of frames that come now.
    fn now(live: bool) -> Self {
        let asked = live.then(steered::clock).flatten();
        Self {
            source: if live { "sensor" } else { "capture" }.to_owned(),
            synchronised: asked.map(|clock| clock.synchronised),
            error_max_us: asked
                .filter(|clock| clock.synchronised)
                .map(|clock| clock.error_max_us),
        }
    }
}

/// What made the files.
pub(super) fn program() -> String {
    format!(
        "vitalwire {} ({})",
        crate::version::VERSION,
        crate::version::COMMIT
    )
}

/// As `sha256sum` prints it.
pub(super) fn sha256(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn stamp(time: Time) -> String {
    let mut text = Vec::new();
    rules::eve::timestamp(time, &mut text);
    String::from_utf8_lossy(&text).into_owned()
}
