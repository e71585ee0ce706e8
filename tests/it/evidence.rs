//! Evidence: the headers of an alert's flow from its first frame on, whole, and nothing of payload.
//! tshark reads both the capture and the evidence.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use make::Conversation;
use make::capture::{Capture, SECOND, START_NS};
use make::dicom::{Associate, Dataset, Dimse, Session, Syntax, uid};
use make::frame::{host, vlan};
use make::hl7::{Head, Link, body::adt, message, mllp};
use make::tunnel::Tunnel;
use serde_json::Value;

use crate::support::{self, Run};

/// Manifests by alert, and where they are.
fn manifests(dir: &Path) -> BTreeMap<String, Value> {
    let Ok(entries) = std::fs::read_dir(dir) else {
        return BTreeMap::new();
    };
    let paths = entries.flatten().map(|entry| entry.path());
    let json = paths.filter(|path| path.extension().is_some_and(|end| end == "json"));
    json.map(|path| {
        let text = std::fs::read(&path).expect("readable");
        let id = path.file_stem().expect("a name").to_string_lossy();
        (
            id.into_owned(),
            serde_json::from_slice(&text).expect("JSON"),
        )
    })
    .collect()
}

fn evidence_dir(run: &Run) -> PathBuf {
    run.out.path().join("evidence")
}

/// A line of fields for each frame that tshark shows.
fn tshark(file: &Path, filter: &str, fields: &[&str]) -> Vec<String> {
    let mut command = Command::new("tshark");
    command
        .arg("-r")
        .arg(file)
        .args(["-Y", filter, "-T", "fields"]);
    for field in fields {
        command.args(["-e", field]);
    }
    let output = command.output().expect("tshark runs");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}: {said}", file.display());
    let text = String::from_utf8_lossy(&output.stdout);
    text.lines().map(str::to_owned).collect()
}

/// What of a frame its headers say.
const HEADERS: &[&str] = &[
    "frame.time_epoch",
    "frame.len",
    "eth.src",
    "eth.dst",
    "ip.src",
    "ip.dst",
    "ip.id",
    "ip.len",
    "tcp.srcport",
    "tcp.dstport",
    "tcp.seq_raw",
    "tcp.ack_raw",
    "tcp.flags",
    "tcp.len",
];

/// The frames of an alert's flow in a capture, up to the alert.
fn flow_upto(alert: &Value) -> String {
    let text = |key: &str| alert[key].to_string().replace('"', "");
    format!(
        "ip.addr == {} && ip.addr == {} && tcp.port == {} && tcp.port == {} && frame.number <= {}",
        text("src_ip"),
        text("dest_ip"),
        text("src_port"),
        text("dest_port"),
        text("pcap_cnt"),
    )
}

#[test]
fn evidence_is_the_flow_from_its_syn_to_the_alert_as_tshark_reads_it() {
    if !support::has("tshark") {
        return;
    }
    let mut compared = 0;
    for rule in [
        "dicom-cfind-wildcard-mass",
        "dicom-ndelete",
        "dicom-instance-rewrite",
        "hl7-result-conflict",
        "hl7-web-payload",
        "pump-rate-zero",
        "pump-rate-tenfold",
    ] {
        let capture = support::root().join(format!("pcaps/rules/{rule}/fire.pcap"));
        let run = support::inspect(&[&capture], &[]);
        assert_eq!(run.code, Some(0), "{}", run.stderr);
        let dir = evidence_dir(&run);
        let known = manifests(&dir);
        let alerts = run.of_type("alert");
        let of_flows = alerts.iter().filter(|alert| alert["proto"] == "TCP");
        for alert in of_flows {
            let id = alert["vitalwire"]["alert_id"].as_str().expect("an id");
            let manifest = known
                .get(id)
                .unwrap_or_else(|| panic!("{rule}: no evidence of {alert}"));
            let file = dir.join(format!("{id}.pcapng"));
            let there = tshark(&file, "frame", HEADERS);
            let frames = &manifest["frames"];
            assert_eq!(frames["kept"], there.len(), "{manifest:#}");
            assert_eq!(frames["complete_from_start"], true, "{manifest:#}");
            assert_eq!(frames["kept_to_alert"], true, "{manifest:#}");
            assert_eq!(frames["last"]["number"], alert["pcap_cnt"], "{manifest:#}");
            let all = tshark(&capture, &flow_upto(alert), HEADERS);
            let sum = ["kept", "bulk", "cut"].map(|key| frames[key].as_u64().expect("a number"));
            assert_eq!(sum.iter().sum::<u64>(), all.len() as u64, "{manifest:#}");
            if frames["bulk"] == 0 {
                assert_eq!(there, all, "{rule}");
            }
            assert!(there[0].contains("0x0002"), "a SYN first: {}", there[0]);
            only_headers(&file);
            compared += 1;
        }
    }
    assert!(compared >= 7, "{compared} alerts");
}

/// An alert of no TCP or UDP flow has the frames of the address, and of these no payload.
#[test]
fn an_alert_of_no_flow_has_the_frames_of_its_address() {
    if !support::has("tshark") {
        return;
    }
    for (rule, filter, bytes_max) in [
        ("net-arp-spoof", "arp", 14 + 28),
        ("net-icmp-tunnel", "icmp", 14 + 20 + 8),
    ] {
        let capture = support::root().join(format!("pcaps/rules/{rule}/fire.pcap"));
        let run = support::inspect(&[&capture], &[]);
        let dir = evidence_dir(&run);
        let known = manifests(&dir);
        let alerts = run.of_type("alert").into_iter();
        let mut of_rule = alerts.filter(|alert| alert["vitalwire"]["slug"] == rule);
        let alert = of_rule.next().expect("an alert");
        let id = alert["vitalwire"]["alert_id"].as_str().expect("an id");
        let manifest = known
            .get(id)
            .unwrap_or_else(|| panic!("no evidence of {alert}"));
        assert_eq!(manifest["of"], "address", "{manifest:#}");
        assert_eq!(manifest["flow_id"], alert["flow_id"], "{manifest:#}");
        assert_eq!(manifest["frames"]["complete_from_start"], false);
        assert_eq!(manifest["frames"]["last"]["number"], alert["pcap_cnt"]);
        let file = dir.join(format!("{id}.pcapng"));
        let fields = ["frame.cap_len", "eth.src", "eth.dst", "data.data"];
        let all = tshark(&file, "frame", &fields);
        assert_eq!(manifest["frames"]["kept"], all.len());
        assert_eq!(tshark(&file, filter, &fields).len(), all.len());
        let who = alert["ether"]["src_mac"].as_str().expect("an address");
        assert!(all.iter().any(|line| line.contains(who)), "{who}: {all:?}");
        if rule == "net-arp-spoof" {
            let rightful = all.iter().any(|line| !line.contains(who));
            assert!(rightful, "who claimed it before is there too: {all:?}");
        }
        for line in &all {
            let (len, rest) = line.split_once('\t').expect("a length");
            assert!(
                len.parse::<usize>().expect("a number") <= bytes_max,
                "{line}"
            );
            assert!(rest.ends_with('\t'), "no payload: {line}");
        }
    }
}

/// No frame is longer than its headers.
fn only_headers(file: &Path) {
    let fields = ["frame.cap_len", "ip.hdr_len", "tcp.hdr_len", "tcp.payload"];
    for line in tshark(file, "frame", &fields) {
        let mut parts = line.split('\t');
        let mut number = || parts.next().unwrap_or_default().parse::<u32>();
        let (Ok(cap), Ok(ip), Ok(tcp)) = (number(), number(), number()) else {
            panic!("{}: {line}", file.display());
        };
        assert_eq!(cap, 14 + ip + tcp, "{}: {line}", file.display());
        assert_eq!(parts.next().unwrap_or_default(), "", "{}", file.display());
    }
}

/// A connection with many messages; the last one is an A03.
fn long_session(messages: u32) -> Capture {
    let (client, server) = (
        host("10.20.3.20").port(40_000),
        host("10.20.3.10").port(2575),
    );
    let mut link = Link::open(START_NS, client, server);
    for n in 1..=messages {
        let trigger = if n == messages { "A03" } else { "A08" };
        let kind = format!("ADT^{trigger}");
        let head = Head::new(("ADT", "F"), ("ENGINE", "F"), &kind, &format!("C{n}"));
        link = link.say(&head, &adt(trigger, n), "AA");
    }
    let mut capture = Capture::new();
    capture.add(link.closed());
    capture
}

/// Rules that fire on discharges, and on images stored.
const DISCHARGED: &str = "pack: {name: site, version: \"9\"}
rules:
  - id: site-discharged
    sid: 1900001
    rev: 3
    title: Somebody went home
    severity: low
    category: operations
    on: hl7
    when: direction == \"to_server\" and hl7.trigger == \"A03\"
    explain: \"{src_ip} told of a discharge\"
    what_to_do: Nothing.
  - id: site-stored
    sid: 1900002
    rev: 1
    title: An image was stored
    severity: low
    category: operations
    on: dicom
    when: dicom.command == \"C-STORE-RSP\"
    explain: \"{src_ip} stored an image\"
    what_to_do: Nothing.
";

fn inspected(capture: &Capture, config: &str, args: &[&str]) -> Run {
    let dir = tempfile::TempDir::new().expect("temporary folder");
    let file = |name: &str| dir.path().join(name);
    capture.write(&file("c.pcap")).expect("written");
    std::fs::write(file("rules.yaml"), DISCHARGED).expect("written");
    std::fs::write(file("config.yaml"), config).expect("written");
    let [rules, config] = ["rules.yaml", "config.yaml"].map(file);
    let more = [
        "--no-default-rules",
        "--rules",
        rules.to_str().expect("UTF-8"),
        "--config",
        config.to_str().expect("UTF-8"),
    ];
    let run = support::inspect(&[&file("c.pcap")], &[&more[..], args].concat());
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    run
}

#[test]
fn a_flow_longer_than_the_bound_is_cut_at_its_beginning_and_says_so() {
    let run = inspected(&long_session(600), "", &[]);
    let all = manifests(&evidence_dir(&run));
    let manifest = all.values().next().expect("evidence");
    let frames = &manifest["frames"];
    let alert = &run.of_type("alert")[0];
    assert_eq!(frames["kept"], 1024);
    let of_flow = alert["pcap_cnt"].as_u64().expect("a number");
    assert_eq!(frames["cut"], of_flow - 1024, "the capture is one flow");
    assert_eq!(frames["complete_from_start"], false);
    assert_eq!(frames["first"]["number"], of_flow - 1023);
    assert_eq!(manifest["rule"]["rev"], 3);
    assert_eq!(manifest["rule"]["pack"], "site 9");
    assert_eq!(manifest["coverage"], alert["vitalwire"]["coverage"]);
    assert_eq!(manifest["clock"]["source"], "capture");
}

/// Another session pushes a quiet one out of the ring.
#[test]
fn what_the_ring_no_longer_has_is_told() {
    let mut capture = session_around(|capture, from_ns| {
        let client = host("10.20.3.22").port(40_002);
        let head = Head::new(("ADT", "F"), ("ENGINE", "F"), "ADT^A08", "C");
        let message = mllp(&message(&head, &adt("A08", 2)));
        let mut link = Link::open(from_ns, client, host("10.20.3.10").port(2575));
        for _ in 0..9000 {
            link = link.raw(&message);
        }
        capture.add(link.closed());
    });
    capture.sort();
    // The least memory that may be configured has the smallest ring.
    let run = inspected(&capture, "limits: {memory: 64MiB}\n", &["--workers", "1"]);
    let all = manifests(&evidence_dir(&run));
    let (_, manifest) = all.iter().next().expect("evidence");
    let frames = &manifest["frames"];
    assert_eq!(frames["complete_from_start"], false, "{manifest:#}");
    assert!(frames["cut"].as_u64() >= Some(4), "{manifest:#}");
    assert!(frames["kept"].as_u64() >= Some(1), "{manifest:#}");
}

/// Connections that never say anything push nothing out of a medical session.
#[test]
fn a_flood_of_connections_costs_no_evidence() {
    let mut capture = session_around(|capture, from_ns| {
        for n in 0..20_000_u32 {
            let [_, a, b, c] = n.wrapping_mul(2_654_435_761).to_be_bytes();
            let client = host(&format!("100.{a}.{b}.{c}")).port(1024);
            let mut tcp = Conversation::new(client, host("10.20.3.10").port(2575));
            tcp.wait_until(from_ns + u64::from(n) * 1000).unanswered();
            capture.add(tcp.frames());
        }
    });
    capture.sort();
    let run = inspected(&capture, "limits: {memory: 64MiB}\n", &["--workers", "1"]);
    let all = manifests(&evidence_dir(&run));
    let (_, manifest) = all.iter().next().expect("evidence");
    assert_eq!(
        manifest["frames"]["complete_from_start"], true,
        "{manifest:#}"
    );
    assert_eq!(manifest["frames"]["cut"], 0, "{manifest:#}");
}

/// An HL7 connection with a discharge at its end, half an hour after it began, and what happens
/// from a second after its beginning on.
fn session_around(meanwhile: impl FnOnce(&mut Capture, u64)) -> Capture {
    let half_an_hour = 1800 * SECOND;
    let client = host("10.20.3.21").port(40_001);
    let message = |trigger: &str| {
        let kind = format!("ADT^{trigger}");
        let head = Head::new(("ADT", "F"), ("ENGINE", "F"), &kind, "C");
        mllp(&message(&head, &adt(trigger, 1)))
    };
    let session = Link::open(START_NS, client, host("10.20.3.10").port(2575))
        .raw(&message("A08"))
        .wait(half_an_hour)
        .raw(&message("A03"))
        .closed();
    let mut capture = Capture::new();
    capture.add(session);
    meanwhile(&mut capture, START_NS + SECOND);
    capture
}

/// Most frames of an image carry pixels: they are counted, not kept.
#[test]
fn the_inside_of_an_image_is_left_out_and_counted() {
    let pixels = vec![7; 400_000];
    let data = Dataset::new()
        .text((0x0008, 0x0016), "UI", uid::CT_STORAGE)
        .bytes((0x7fe0, 0x0010), "OW", &pixels)
        .encode(Syntax::ExplicitLe);
    let (client, server) = (
        host("10.20.1.11").port(40_000),
        host("10.20.2.10").port(104),
    );
    let associate = Associate::new("CT1", "PACS").propose(uid::CT_STORAGE, &[uid::EXPLICIT_LE]);
    let session = Session::at(START_NS, client, server, associate)
        .accepted()
        .client(1, &Dimse::store(1, uid::CT_STORAGE, "1.2.3", data))
        .server(1, &Dimse::store_response(1, uid::CT_STORAGE, "1.2.3", 0));
    let mut capture = Capture::new();
    capture.add(session.released());
    let run = inspected(&capture, "", &[]);
    let alert = &run.of_type("alert")[0];
    let all = manifests(&evidence_dir(&run));
    let (_, manifest) = all.iter().next().expect("evidence");
    let [kept, bulk] =
        ["kept", "bulk"].map(|key| manifest["frames"][key].as_u64().expect("a number"));
    assert_eq!(kept + bulk, alert["pcap_cnt"].as_u64().expect("a number"));
    assert!(kept >= 10 && bulk > 5 * kept, "{manifest:#}");
    assert_eq!(
        manifest["frames"]["complete_from_start"], true,
        "{manifest:#}"
    );
}

#[test]
fn tags_tunnels_and_fragments_bring_no_payload_along() {
    let (client, server) = (
        host("10.20.3.20").port(40_000),
        host("10.20.3.10").port(2575),
    );
    let (from, to) = (host("192.0.2.1"), host("192.0.2.2"));
    let plain = || Conversation::new(client, server);
    for (name, tcp) in [
        ("tags", plain().vlans(&[vlan(20), vlan(30)])),
        ("VXLAN", plain().tunnel(Tunnel::Vxlan(from, to, 7))),
        ("ERSPAN III", plain().tunnel(Tunnel::Erspan3(from, to, 7))),
        ("MPLS", plain().tunnel(Tunnel::Mpls(vec![16, 17]))),
        ("fragments", plain().fragment(200)),
    ] {
        let head = Head::new(("ADT", "F"), ("ENGINE", "F"), "ADT^A03", "C");
        let link = Link::over(tcp).say(&head, &adt("A03", 1), "AA");
        let mut capture = Capture::new();
        capture.add(link.closed());
        let run = inspected(&capture, "", &[]);
        let dir = evidence_dir(&run);
        let all = manifests(&dir);
        let (id, manifest) = all.iter().next().expect(name);
        let kept = manifest["frames"]["kept"].as_u64().expect("a number");
        assert!(kept >= 4, "{name}: {manifest:#}");
        let file = dir.join(format!("{id}.pcapng"));
        let bytes = std::fs::read(&file).expect("readable");
        for word in ["SYNTHETIC", "ADT", "|"] {
            let found = bytes
                .windows(word.len())
                .any(|part| part == word.as_bytes());
            assert!(!found, "{name}: {word}");
        }
        if support::has("tshark") {
            let lens = tshark(&file, "frame", &["frame.cap_len", "tcp.payload"]);
            assert_eq!(lens.len() as u64, kept, "{name}");
            for line in lens {
                let (len, payload) = line.split_once('\t').unwrap_or((&line, ""));
                assert!(
                    len.parse::<u32>().is_ok_and(|len| len <= 96),
                    "{name}: {line}"
                );
                assert_eq!(payload, "", "{name}");
            }
        }
    }
}

#[test]
fn the_files_are_the_same_with_any_number_of_workers() {
    let captures = support::captures_below(&support::root().join("pcaps/ward"));
    let state = tempfile::TempDir::new().expect("temporary folder");
    let state = ["--state", state.path().to_str().expect("UTF-8")];
    let files = |workers: &str| {
        let run = support::inspect(&captures, &[&["--workers", workers][..], &state].concat());
        let entries = std::fs::read_dir(evidence_dir(&run)).expect("evidence");
        let read = |entry: std::fs::DirEntry| {
            let bytes = std::fs::read(entry.path()).expect("readable");
            (entry.file_name(), bytes)
        };
        entries.flatten().map(read).collect::<BTreeMap<_, _>>()
    };
    let one = files("1");
    assert!(one.len() >= 4);
    for workers in ["2", "4"] {
        assert!(one == files(workers), "{workers} workers");
    }
}

#[test]
fn inspect_begins_anew_and_can_do_without() {
    let run = inspected(&long_session(3), "evidence: {enabled: false}\n", &[]);
    assert!(!evidence_dir(&run).exists());
    let capture = support::root().join("pcaps/rules/dicom-ndelete/fire.pcap");
    let quiet = support::root().join("pcaps/rules/dicom-ndelete/quiet.pcap");
    let dir = tempfile::TempDir::new().expect("temporary folder");
    let out = dir.path().to_str().expect("UTF-8");
    let inspect = |capture: &Path| {
        let capture = capture.to_str().expect("UTF-8");
        let (code, stdout, stderr) =
            support::run(&["inspect", "--out", out, "--state", out, capture]);
        assert_eq!(code, Some(0), "{stderr}");
        stdout
    };
    let told = inspect(&capture);
    let there = manifests(&dir.path().join("evidence")).len();
    assert!(there >= 1 && told.contains("Evidence of"), "{told}");
    let told = inspect(&quiet);
    assert!(!told.contains("Evidence of"), "{told}");
    assert_eq!(manifests(&dir.path().join("evidence")).len(), 0);
}

#[test]
fn the_bound_on_alerts_keeps_the_newest() {
    let capture = support::root().join("pcaps/ward/attack.pcap");
    let dir = tempfile::TempDir::new().expect("temporary folder");
    let config = dir.path().join("c.yaml");
    std::fs::write(&config, "evidence: {alerts: 2}\n").expect("written");
    let run = support::inspect(&[&capture], &["--config", config.to_str().expect("UTF-8")]);
    let all = manifests(&evidence_dir(&run));
    assert_eq!(all.len(), 2);
    let last = run.of_type("alert").into_iter().rfind(|alert| {
        let id = alert["vitalwire"]["alert_id"].as_str().expect("an id");
        all.contains_key(id)
    });
    assert!(last.is_some(), "the newest are there");
}

/// A web server's port is where a rule expects DICOM: only what came before that was known is kept.
#[test]
fn a_flow_that_is_not_medical_is_kept_until_that_is_known() {
    let capture = support::root().join("pcaps/rules/dicom-nondicom-on-port/fire.pcap");
    let run = support::inspect(&[&capture], &[]);
    let all = manifests(&evidence_dir(&run));
    assert!(!all.is_empty());
    for (_, manifest) in all {
        let frames = &manifest["frames"];
        assert_eq!(frames["kept_to_alert"], false, "{manifest:#}");
        assert!(frames["kept"].as_u64() >= Some(4), "{manifest:#}");
    }
}

#[test]
fn the_command_lists_checks_and_copies() {
    let capture = support::root().join("pcaps/rules/dicom-ndelete/fire.pcap");
    let run = support::inspect(&[&capture], &[]);
    let dir = evidence_dir(&run);
    let all = manifests(&dir);
    let (id, manifest) = all.iter().next().expect("evidence");
    let place = dir.to_str().expect("UTF-8");
    let evidence = |args: &[&str]| support::run(&[&["evidence", "--dir", place], args].concat());

    let (code, listed, _) = evidence(&[]);
    assert_eq!(code, Some(0));
    assert_eq!(listed.lines().count(), all.len(), "{listed}");
    assert!(
        listed.contains(id) && listed.contains("dicom-ndelete"),
        "{listed}"
    );

    let copy = run.out.path().join("copy.pcapng");
    let (code, told, stderr) = evidence(&[&id[..12], "--out", copy.to_str().expect("UTF-8")]);
    assert_eq!(code, Some(0), "{stderr}");
    assert!(
        told.contains(id) && told.contains("from the flow's first one"),
        "{told}"
    );
    let file = dir.join(format!("{id}.pcapng"));
    assert_eq!(
        std::fs::read(&copy).expect("copy"),
        std::fs::read(&file).expect("file")
    );
    let sum = Command::new("sha256sum")
        .arg(&copy)
        .output()
        .expect("sha256sum");
    let sum = String::from_utf8_lossy(&sum.stdout).into_owned();
    let said = manifest["pcapng"]["sha256"].as_str().expect("a hash");
    assert_eq!(sum.split(' ').next(), Some(said));

    let (code, json, _) = evidence(&[id, "--json"]);
    assert_eq!(code, Some(0));
    assert_eq!(
        &serde_json::from_str::<Value>(&json).expect("JSON"),
        manifest
    );

    let (code, _, stderr) = evidence(&["ffffffffffff"]);
    assert_eq!(code, Some(1), "{stderr}");
    let (code, _, stderr) = evidence(&["../../etc/passwd"]);
    assert_eq!(code, Some(1), "{stderr}");

    let mut bytes = std::fs::read(&file).expect("file");
    bytes.push(0);
    std::fs::write(&file, bytes).expect("written");
    let (code, _, stderr) = evidence(&[id]);
    assert_eq!(code, Some(1));
    assert!(stderr.contains("not the file that was written"), "{stderr}");
}
