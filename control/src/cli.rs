//! The command line: a contract, since other people's scripts hold it.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use serde::Deserialize;
use serde::de::IntoDeserializer;

pub use crate::backup::args::{BackupArgs, RestoreArgs};
use crate::config::units::Span;
use crate::doctor::Dialect;

/// Passive inspection of medical-device networks: DICOM, HL7 v2, infusion pumps.
///
/// Vitalwire listens, on a SPAN port or in capture files, and transmits nothing. It writes alerts
/// and events as JSON lines in Suricata's EVE form. Patients and staff appear under pseudonyms
/// only; there is no switch that prints more.
///
/// Vitalwire is not a medical device, not an alarm system, and not for clinical decisions.
#[derive(Debug, Parser)]
#[command(
    name = "vitalwire",
    disable_version_flag = true,
    arg_required_else_help = true,
    max_term_width = 100,
    after_long_help = "Exit codes:
  0  done; captures were read, whether they gave alerts or not
  1  a capture could not be read (what was readable before the damage was processed), a rule's
     test failed, or the appliance had to stop
  2  bad arguments, configuration or rules

Examples:
  vitalwire inspect ward.pcapng                  look into a capture
  vitalwire inspect --out report *.pcap          several, one after the other
  vitalwire evidence --dir report/evidence       headers of the flows behind alerts
  sudo vitalwire doctor --interface span0        what stands between you and a clean capture
  vitalwire config example > vitalwire.yaml      a configuration to start from
  vitalwire run --config vitalwire.yaml          the appliance

Errors go to stderr, one line each, saying what to do."
)]
pub struct Cli {
    /// Print version, commit, features, schema and rule packs.
    #[arg(short = 'V', long)]
    pub version: bool,
    /// What to do.
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Read capture files, write what was found to eve.json, and print a summary.
    Inspect(InspectArgs),
    /// Run the appliance: live capture, outputs, metrics.
    Run(RunArgs),
    /// Check, test, list, explain and measure detection rules.
    #[command(subcommand)]
    Rules(RulesCommand),
    /// List the fields that rules may match on.
    Fields(FieldsArgs),
    /// List the devices that are known, with what each said of itself.
    Assets(AssetsArgs),
    /// Print the page of metrics: name, type, unit, labels, what each is.
    Metrics,
    /// Tell what a value you know is called in our events.
    Pseudonym(PseudonymArgs),
    /// Check a configuration, print its schema or an annotated example.
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Check the audit log.
    #[command(subcommand)]
    Audit(AuditCommand),
    /// Describe the API.
    #[command(subcommand)]
    Api(ApiCommand),
    /// Let somebody in who has the machine and no login any more.
    #[command(subcommand)]
    Users(UsersCommand),
    /// Try the ways to receivers.
    #[command(subcommand)]
    Sinks(SinksCommand),
    /// Print the JSON Schema of what sinks send.
    Schema(SchemaArgs),
    /// Examine interfaces and permissions, and say how to mend each finding.
    Doctor(DoctorArgs),
    /// Put everything that a sensor is into one file: key, store, state, configuration, certificates.
    Backup(BackupArgs),
    /// Put a backup back.
    Restore(RestoreArgs),
    /// List the evidence of alerts, or show, check and copy that of one.
    Evidence(EvidenceArgs),
}

/// Arguments of `inspect`.
#[derive(Args, Clone, Debug, Default)]
#[command(
    after_long_help = "Files are read one after the other, state carried over. DIR/eve.json
is written anew, and so is DIR/evidence, which has the headers of alerts' flows; eve.json's last line is a `stats` event that accounts for every frame. Interrupted
(Ctrl-C), it stops reading, and writes and summarises what it has read.

Exit codes: 0 all captures were read; 1 one could not be read, or only in part; 2 bad arguments,
configuration or rules.

Examples:
  vitalwire inspect ward.pcapng
  vitalwire inspect --out /tmp/out --rules site.yaml monday.pcap tuesday.pcap
  vitalwire inspect --quiet ward.pcap && jq 'select(.event_type==\"alert\")' \\
      vitalwire-out/eve.json
  ssh span-box tcpdump -i span0 -U -w - | vitalwire inspect -
  vitalwire inspect --follow /var/spool/captures     as a recorder writes them"
)]
pub struct InspectArgs {
    /// pcap or pcapng files, also gzip- or zstd-compressed; a directory stands for the captures in
    /// it, in the order of their names; `-` is standard input.
    #[arg(required = true, value_name = "CAPTURE")]
    pub captures: Vec<PathBuf>,
    /// The last file is still being written: read it as it grows, and of a directory each new
    /// file, until interrupted.
    #[arg(long)]
    pub follow: bool,
    /// Where to write eve.json; made if missing.
    #[arg(long, value_name = "DIR", default_value = "./vitalwire-out")]
    pub out: PathBuf,
    /// Take sets, suppressions, limits and flow options from this configuration.
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Rules, or a directory of them, beside the embedded packs. May be repeated.
    #[arg(long, value_name = "PATH")]
    pub rules: Vec<PathBuf>,
    /// Leave out the embedded packs.
    #[arg(long)]
    pub no_default_rules: bool,
    /// Worker threads [default: one for each processor but one, at most 8]. The output does not depend on it.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256))]
    pub workers: Option<u16>,
    /// Keep the site key, and the devices that are known, here [default: ~/.local/state/vitalwire,
    /// the key only].
    #[arg(long, value_name = "DIR")]
    pub state: Option<PathBuf>,
    /// Print nothing but errors.
    #[arg(long, short)]
    pub quiet: bool,
}

/// Arguments of `run`.
#[derive(Args, Clone, Debug)]
#[command(
    after_long_help = "An interface that goes down does not end it: it tells that it is blind, waits,
and goes on when the interface is back. It never sends.

Signals: SIGTERM and SIGINT stop cleanly, everything read is written;
SIGHUP reloads the rules and the list of devices, keeping the old ones if the new ones are wrong, and
reopens outputs. The devices that are known are kept in state_dir each minute and at the end.

HTTP, on loopback unless configured otherwise: /metrics, /healthz (the process lives) and /readyz
(503 while it is blind: interface down or gone, no source, stuck workers, or no frame for
ready.max_silence).

Exit codes: 0 stopped by a signal, or all files read; 1 it had to stop; 2 bad configuration or
rules, no such interface, or no permission to capture (CAP_NET_RAW).

Examples:
  vitalwire config check vitalwire.yaml && vitalwire run --config vitalwire.yaml
  curl -s 127.0.0.1:9470/readyz"
)]
pub struct RunArgs {
    /// The configuration; `vitalwire config example` prints one.
    #[arg(long, value_name = "FILE")]
    pub config: PathBuf,
}

/// What to do with rules.
#[derive(Clone, Debug, Subcommand)]
#[command(
    after_long_help = "Exit codes: 0 done; 1 a rule's own test failed; 2 bad arguments or rules.

Examples:
  vitalwire rules check site.yaml                every mistake as file:line:column
  vitalwire rules test site.yaml --pcaps caps    must fire where it should, and only there
  vitalwire rules explain --id dicom-ae-brute    what it watches, and what to do"
)]
pub enum RulesCommand {
    /// Compile rules and print every mistake as file:line:column.
    Check(RulePaths),
    /// Run each rule's own tests: captures on which it has to fire, and to be silent.
    Test(RulesTestArgs),
    /// List rules: id, sid, severity, whether armed, title.
    List(RulesListArgs),
    /// Explain rules in words: what they watch, what they need, what to do when they fire.
    Explain(RulesExplainArgs),
    /// Measure what the rules cost on a capture.
    Bench(RulesBenchArgs),
    /// Print the JSON Schema of rule files, for editors.
    Schema,
}

/// Which rules.
#[derive(Args, Clone, Debug, Default)]
pub struct RulePaths {
    /// Rule files or directories; without any, the embedded packs.
    #[arg(value_name = "PATH")]
    pub paths: Vec<PathBuf>,
    /// Take sets from this configuration, so that rules that need them are armed.
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
}

/// Arguments of `rules list`.
#[derive(Args, Clone, Debug, Default)]
#[command(
    after_long_help = "--json prints an array with one object for each rule: id, sid, rev, status,
title, severity, clinical_impact, tier, category, attack, references, on, when, requires, armed,
missing, explain, what_to_do, false_positives, pack, file, line.

Exit codes: 0 listed; 2 bad arguments, configuration or rules.

Examples:
  vitalwire rules list
  vitalwire rules list --config /etc/vitalwire/vitalwire.yaml
  vitalwire rules list --json | jq -r '.[] | select(.armed | not) | .id, .missing[]'"
)]
pub struct RulesListArgs {
    /// Which rules.
    #[command(flatten)]
    pub rules: RulePaths,
    /// As JSON: an array of objects, everything that a rule says of itself.
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `rules test`.
#[derive(Args, Clone, Debug, Default)]
pub struct RulesTestArgs {
    /// Which rules.
    #[command(flatten)]
    pub rules: RulePaths,
    /// Where the captures named in tests are, when they are not beside the rule file.
    #[arg(long, value_name = "DIR", default_value = "./pcaps")]
    pub pcaps: PathBuf,
}

/// Arguments of `rules explain`.
#[derive(Args, Clone, Debug, Default)]
pub struct RulesExplainArgs {
    /// Which rules.
    #[command(flatten)]
    pub rules: RulePaths,
    /// Only the rule of this id. May be repeated.
    #[arg(long, value_name = "ID")]
    pub id: Vec<String>,
}

/// Arguments of `rules bench`.
#[derive(Args, Clone, Debug, Default)]
pub struct RulesBenchArgs {
    /// Which rules.
    #[command(flatten)]
    pub rules: RulePaths,
    /// The capture to measure on. May be repeated.
    #[arg(long, value_name = "CAPTURE", required = true)]
    pub capture: Vec<PathBuf>,
    /// How often to read it, with and without the rules.
    #[arg(long, value_name = "K", default_value_t = 5)]
    pub repeat: u32,
}

/// Arguments of `fields`.
#[derive(Args, Clone, Debug, Default)]
#[command(
    after_long_help = "A field has one name: in rules, in eve.json and here. Fields of class phi
or staff are in eve.json as pseudonyms only; rules may test the value itself where it is read.

Exit codes: 0 printed; 2 bad arguments.

Examples:
  vitalwire fields | less
  vitalwire fields --markdown > fields.md
  vitalwire fields --json | jq -r '.kinds[] | select(.name==\"pump\") | .fields[].name'"
)]
pub struct FieldsArgs {
    /// As JSON.
    #[arg(long, conflicts_with = "markdown")]
    pub json: bool,
    /// As Markdown tables.
    #[arg(long)]
    pub markdown: bool,
}

/// Arguments of `assets`.
#[derive(Args, Clone, Debug, Default)]
#[command(
    after_long_help = "Devices are known by what they said themselves and by who answers where; nothing
is sent. `run` keeps them in its state_dir, anew each minute; `inspect --state DIR` in DIR. With
--config, names come from the list that inventory.import names. The CSV may be completed (name, role,
owner, phone, unit, criticality, life_support) and be that list.

Exit codes: 0 printed; 1 no devices are kept there; 2 bad arguments, configuration or list.

Examples:
  vitalwire assets --config /etc/vitalwire/vitalwire.yaml
  vitalwire assets --state DIR --format csv > devices.csv
  vitalwire assets --state DIR --format json | jq -r '.[] | select(.facts.ae_title) | .ip'"
)]
pub struct AssetsArgs {
    /// Take the state directory and the imported list from this configuration.
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// The state directory [default: the configuration's, else ~/.local/state/vitalwire].
    #[arg(long, value_name = "DIR")]
    pub state: Option<PathBuf>,
    /// For people, spreadsheets or programs.
    #[arg(long, value_enum, default_value_t)]
    pub format: AssetsFormat,
}

/// How `assets` prints.
#[derive(Clone, Copy, Debug, Default, clap::ValueEnum)]
pub enum AssetsFormat {
    /// For people.
    #[default]
    Table,
    /// For spreadsheets: what would be a formula there begins with an apostrophe.
    Csv,
    /// Everything, and who told.
    Json,
}

/// Arguments of `pseudonym`.
#[derive(Args, Clone, Debug)]
#[command(
    after_long_help = "A pseudonym depends on the site key: with another key the same patient has
another pseudonym. Ask with the key of the sensor that wrote the events. Forward only: nothing turns
a pseudonym into a value, and there is no table of them.

Exit codes: 0 printed; 1 the key or stdin cannot be read; 2 bad arguments or configuration.

Examples:
  vitalwire pseudonym --class mrn 00012345 --config /etc/vitalwire/vitalwire.yaml
  vitalwire pseudonym --class name - < name.txt     the value stays out of the shell's history
  jq -c 'select(.dicom.query.patient_id == \"mrn:…\")' eve.json     then: who asked for it"
)]
pub struct PseudonymArgs {
    /// What the value is: mrn, name, date, accession, uid, control_id, contact, free_text, staff.
    #[arg(long)]
    pub class: String,
    /// The value; `-` reads it from stdin, so that it stays out of the shell's history.
    pub value: String,
    /// Take the site key that this configuration names.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["key_file", "state"])]
    pub config: Option<PathBuf>,
    /// Take the site key from this file.
    #[arg(long, value_name = "FILE", conflicts_with = "state")]
    pub key_file: Option<PathBuf>,
    /// Take the site key from this state directory [default: ~/.local/state/vitalwire].
    #[arg(long, value_name = "DIR")]
    pub state: Option<PathBuf>,
}

/// What to do with the configuration.
#[derive(Clone, Debug, Subcommand)]
#[command(
    after_long_help = "Exit codes: 0 good; 2 wrong, each mistake as file:line:column.

Examples:
  vitalwire config example > vitalwire.yaml
  vitalwire config check vitalwire.yaml
  vitalwire config schema > vitalwire.schema.json    for completion in an editor"
)]
pub enum ConfigCommand {
    /// Read a configuration, compile its rules, look for what its sinks need, and say what is wrong.
    Check {
        /// The file.
        file: PathBuf,
    },
    /// Print the JSON Schema of the configuration.
    Schema,
    /// Print the annotated default configuration.
    Example,
}

/// What to do with sinks.
#[derive(Clone, Debug, Subcommand)]
pub enum SinksCommand {
    /// Send one test message, past the outbox, and say what became of it.
    Test(SinksTestArgs),
}

/// Arguments of `sinks test`.
#[derive(Args, Clone, Debug)]
#[command(after_long_help = "It may run beside the appliance.

Exit codes: 0 delivered; 1 not delivered, with the reason; 2 bad arguments or configuration.

Example:
  vitalwire sinks test siem --config /etc/vitalwire/vitalwire.yaml")]
pub struct SinksTestArgs {
    /// The sink's name in the configuration.
    #[arg(value_name = "NAME")]
    pub name: String,
    /// The configuration.
    #[arg(
        long,
        value_name = "FILE",
        default_value = "/etc/vitalwire/vitalwire.yaml"
    )]
    pub config: PathBuf,
}

/// Arguments of `schema`.
#[derive(Args, Clone, Copy, Debug)]
#[command(
    after_long_help = "Within a version fields are only added: a reader that ignores what it does
not know keeps working.

Example:
  vitalwire schema eve > eve.schema.json"
)]
pub struct SchemaArgs {
    /// The dialect.
    #[arg(value_enum)]
    pub dialect: crate::formats::schema::Dialect,
}

/// What to do with the audit log.
#[derive(Clone, Debug, Subcommand)]
pub enum AuditCommand {
    /// Walk the chain of hashes from its begin, and say where it is broken.
    Verify(AuditVerifyArgs),
}

/// Arguments of `audit verify`.
#[derive(Args, Clone, Debug, Default)]
#[command(
    after_long_help = "Each entry is sealed with a hash over itself and the hash of the one before it:
an entry that was changed, left out or put in breaks the chain. Whoever rewrote the whole chain, or cut
its end, is found with a hash that a sink received (audit.hash in its events): --contains HASH.

It may run beside the appliance. A store that was set aside has a chain of its own: --store FILE.

Exit codes: 0 whole; 1 broken, or without that hash; 2 bad arguments or configuration.

Examples:
  vitalwire audit verify --config /etc/vitalwire/vitalwire.yaml
  vitalwire audit verify --store /var/lib/vitalwire/vitalwire.db"
)]
pub struct AuditVerifyArgs {
    /// Take the store that this configuration names.
    #[arg(long, value_name = "FILE", conflicts_with = "store")]
    pub config: Option<PathBuf>,
    /// The store's file [default: that of the default configuration].
    #[arg(long, value_name = "FILE")]
    pub store: Option<PathBuf>,
    /// An entry with this hash has to be in it.
    #[arg(
        long,
        value_name = "HASH",
        default_value = "",
        hide_default_value = true
    )]
    pub contains: String,
}

/// What to do with the API.
#[derive(Clone, Debug, Subcommand)]
#[command(
    after_long_help = "The appliance serves the same document as /api/v1/openapi.json.

Exit codes: 0 printed.

Examples:
  vitalwire api schema > vitalwire-openapi.json"
)]
pub enum ApiCommand {
    /// Print the OpenAPI document.
    Schema,
}

/// What to do with users.
#[derive(Clone, Debug, Subcommand)]
pub enum UsersCommand {
    /// Give a user another password, and print it. The appliance has to be stopped.
    ResetPassword(ResetPasswordArgs),
}

/// Arguments of `users reset-password`.
#[derive(Args, Clone, Debug)]
#[command(
    after_long_help = "The user may log in again, and its sessions end. It is in the audit log.

Exit codes: 0 done; 1 the store is in use or cannot be written; 2 no such user, bad configuration.

Examples:
  systemctl stop vitalwire
  vitalwire users reset-password anna --config /etc/vitalwire/vitalwire.yaml
  systemctl start vitalwire"
)]
pub struct ResetPasswordArgs {
    /// The user's name.
    pub name: String,
    /// Take the store that this configuration names.
    #[arg(long, value_name = "FILE")]
    pub config: PathBuf,
}

/// Arguments of `doctor`.
#[derive(Args, Clone, Debug)]
#[command(
    after_long_help = "Looks at this machine: permissions, kernel, clock, processors, huge pages, disk and
memory; at each interface: link, silence, losses, MTU, ring, queues and their hash, offloads, flow
control, interrupts, memory node. With an interface it then listens for some seconds and judges the
SPAN itself: silent, one-sided, tagged in one direction only, silent VLANs (capture.expect_vlans),
no tags where VLANs are expected, packets that come twice, cut or giant frames, no mirror but an
access port. Each finding has the command that mends it; for what a switch mends, the commands of
Cisco, Aruba and Juniper switches follow. Changes nothing and sends nothing.

--json prints an array of findings: about (machine, interface, span), interface, check, verdict (ok,
note, warn, fail), what, fix, switch where there are commands for one (by ios, nxos, aruba, aruba-switch,
junos), and facts where there are numbers.

Exit codes: 0 nothing keeps capture from working; 1 something does, on the interface asked for;
2 no such interface.

Examples:
  vitalwire doctor
  sudo vitalwire doctor --interface span0 --listen 60s
  sudo vitalwire doctor --interface span0 --switch nxos
  vitalwire doctor --capture ward.pcapng           the SPAN that a recording was made from
  vitalwire doctor --json | jq -r '.[] | select(.verdict==\"fail\") | .fix'"
)]
pub struct DoctorArgs {
    /// Only this interface; listen to it [default: the configuration's].
    #[arg(long, short, value_name = "IF")]
    pub interface: Option<String>,
    /// How long to listen, as 10s or 5m.
    #[arg(long, value_name = "SPAN", default_value = "10s", value_parser = span)]
    pub listen: Span,
    /// Do not listen.
    #[arg(long, conflicts_with = "listen")]
    pub no_listen: bool,
    /// Judge a recording in the place of an interface, and nothing else.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["interface", "listen", "no_listen"])]
    pub capture: Option<PathBuf>,
    /// Take the interface, expected VLANs, folders and limits from this configuration.
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Say what to type on this switch only [default: on each]. `aruba` is AOS-CX, `aruba-switch`
    /// ArubaOS-Switch, `ios` IOS-XE too.
    #[arg(long, value_name = "SWITCH")]
    pub switch: Option<Dialect>,
    /// As JSON.
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `evidence`.
#[derive(Args, Clone, Debug, Default)]
#[command(
    after_long_help = "Of each alert about a flow of a medical protocol, Vitalwire keeps the headers of the
flow's frames from before the alert on: DIR/ID.pcapng, and beside it a manifest, DIR/ID.json.
Frames are cut behind the transport header and at 96 bytes: no payload is kept, so no patient
is in it. Frames inside large values, such as pixels, are left out and counted; so is what was
no longer there.

Without ID it lists what there is. With ID it checks the file against the SHA-256 in its
manifest, and says what it holds and what it lacks. --json prints manifests: alert_id, rule
(with revision, pack and the SHA-256 of all rules), sensor, frames, clock, coverage, pcapng
(name, bytes, sha256), made_by.

Exit codes: 0 listed, or checked and good; 1 no such evidence, or not what its manifest says;
2 bad arguments or configuration.

Examples:
  vitalwire evidence --config /etc/vitalwire/vitalwire.yaml
  vitalwire evidence 3fa2 --dir vitalwire-out/evidence     the beginning of an id will do
  vitalwire evidence 3fa2 --out alert.pcapng && tshark -r alert.pcapng
  jq -r 'select(.event_type==\"alert\") | .vitalwire.alert_id' eve.json"
)]
pub struct EvidenceArgs {
    /// The alert's id, as `vitalwire.alert_id` in eve.json, or its beginning.
    #[arg(value_name = "ID")]
    pub id: Option<String>,
    /// Where evidence is [default: /var/lib/vitalwire/evidence].
    #[arg(long, value_name = "DIR", conflicts_with = "config")]
    pub dir: Option<PathBuf>,
    /// Take the folder from this configuration.
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Copy the checked pcapng file to here.
    #[arg(long, value_name = "FILE", requires = "id")]
    pub out: Option<PathBuf>,
    /// As JSON: the manifest, or an array of all.
    #[arg(long)]
    pub json: bool,
}

fn span(text: &str) -> Result<Span, serde::de::value::Error> {
    Span::deserialize(text.into_deserializer())
}
