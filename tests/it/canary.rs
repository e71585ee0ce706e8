//! Known synthetic values of patients and staff go in; none comes out, anywhere, in any spelling.

use std::path::Path;

use make::capture::{Capture, SECOND, START_NS};
use make::dicom::{Associate, Dataset, Dimse, Session, Syntax, uid};
use make::frame::host;
use make::hl7::{Head, Link};

use crate::support;

/// What must not come out. Each is odd enough not to occur by chance.
const CANARIES: &[&str] = &[
    "ZQXCANARY",
    "KVJGIVEN",
    "WQZMRN7741",
    "QZWACC5512",
    "XJQSTREET",
    "QJXDOCTOR",
    "ZKQOPERATOR",
    "JQZFREETEXT",
    "QXKPASSCODE",
    "ZJQUSER",
    "WXQVISIT93",
    "QWJORDER17",
    "XQZCOMMENT",
    "JXQCTRL88",
    "KQZINSTITUTE",
    "ZXJPRIVATE",
    "19470313",
];

/// Both protocols, with canaries wherever people put such things.
pub(crate) fn capture() -> Capture {
    let mut all = Capture::new();
    all.add(dicom());
    all.add(hl7());
    all.sort();
    all
}

fn dataset() -> Dataset {
    Dataset::new()
        .text((0x0008, 0x0016), "UI", uid::CT_STORAGE)
        .text(
            (0x0008, 0x0018),
            "UI",
            "1.2.826.0.1.3680043.9.7777.19470313.1",
        )
        .text((0x0008, 0x0050), "SH", "QZWACC5512")
        .text((0x0008, 0x0080), "LO", "KQZINSTITUTE")
        .text((0x0008, 0x0090), "PN", "QJXDOCTOR^KVJGIVEN")
        .text((0x0008, 0x1030), "LO", "JQZFREETEXT")
        .text((0x0008, 0x1070), "PN", "ZKQOPERATOR")
        .text((0x0009, 0x0010), "LO", "ZXJPRIVATE")
        .text((0x0010, 0x0010), "PN", "ZQXCANARY^KVJGIVEN")
        .text((0x0010, 0x0020), "LO", "WQZMRN7741")
        .text((0x0010, 0x0030), "DA", "19470313")
        .text((0x0010, 0x4000), "LT", "XQZCOMMENT")
        .text((0x0020, 0x000d), "UI", "../../ZQXCANARY")
}

fn dicom() -> Vec<make::capture::Frame> {
    let (client, server) = (
        host("10.20.9.66").port(40_001),
        host("10.20.2.10").port(104),
    );
    let associate = Associate::new("CT01", "PACS").propose(uid::CT_STORAGE, &[uid::EXPLICIT_LE]);
    let query = Dataset::new()
        .text((0x0008, 0x0052), "CS", "STUDY")
        .text((0x0010, 0x0010), "PN", "ZQXCANARY*")
        .text((0x0010, 0x0020), "LO", "WQZMRN7741");
    Session::at(START_NS, client, server, associate)
        .accepted()
        .client(
            1,
            &Dimse::store(
                1,
                uid::CT_STORAGE,
                "1.2.3.ZQXCANARY/..",
                dataset().encode(Syntax::ExplicitLe),
            ),
        )
        .client(
            1,
            &Dimse::find(2, uid::CT_STORAGE, query.encode(Syntax::ExplicitLe)),
        )
        .released()
}

fn hl7() -> Vec<make::capture::Frame> {
    let (client, server) = (
        host("10.20.9.66").port(40_002),
        host("10.20.3.10").port(2575),
    );
    let head = Head::new(
        ("EVILAPP", "FAC"),
        ("ENGINE", "FAC"),
        "ADT^A01^ADT_A01",
        "JXQCTRL88",
    );
    let segments: Vec<String> = [
        "EVN|A01|20260302080000|||ZKQOPERATOR",
        "PID|1|WQZMRN7741|WQZMRN7741^^^HOSP^MR||ZQXCANARY^KVJGIVEN\\X0D\\OBX|1|NM|X||19470313|F|||XJQSTREET||QXKPASSCODE",
        "NK1|1|ZQXCANARY^KVJGIVEN||XJQSTREET",
        "PV1|1|I|ICU^01||||QJXDOCTOR^KVJGIVEN|||||||||||WXQVISIT93",
        "ORC|NW|QWJORDER17|QWJORDER17||||||19470313|ZJQUSER||QJXDOCTOR",
        "OBX|1|TX|1^JQZFREETEXT||XQZCOMMENT JQZFREETEXT||||||F",
        "NTE|1||JQZFREETEXT",
        "ZZZ|ZXJPRIVATE|KQZINSTITUTE",
    ]
    .map(str::to_owned)
    .into();
    Link::open(START_NS + SECOND, client, server)
        .say(&head, &segments, "AE")
        .reply(b"\x0bMSH|^~\\&|A|B|C|D|20260302||ACK|JXQCTRL88|P|2.5\rMSA|AE|JXQCTRL88|ZQXCANARY is unknown\rERR||PID^1^5|101|E||||JQZFREETEXT\r\x1c\r")
        .raw(b"\x0bMSH|^~\\&|ZQ\x1c\r\x0bPID|ZQXCANARY\r\x1c\r ZQXCANARY")
        .closed()
}

/// A value as it may hide in text.
fn spellings(value: &str) -> Vec<String> {
    let hex = |bytes: &[u8]| bytes.iter().map(|b| format!("{b:02x}")).collect::<String>();
    let utf16: Vec<u8> = value.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let url: String = value.bytes().map(|b| format!("%{b:02X}")).collect();
    let escaped: String = value
        .chars()
        .map(|c| format!("\\u{:04x}", c as u32))
        .collect();
    let mut all = vec![
        value.to_owned(),
        hex(value.as_bytes()),
        hex(&utf16),
        hex(value.as_bytes()).to_uppercase(),
        url,
        escaped,
        String::from_utf8_lossy(&utf16).into_owned(),
    ];
    // Base64 of the value at each of the three places in a group; the ends depend on neighbours.
    for lead in 0..3 {
        let padded = [&vec![b' '; lead][..], value.as_bytes()].concat();
        let text = base64(&padded);
        all.push(text[(lead * 8).div_ceil(6)..value.len() * 8 / 6].to_owned());
    }
    all.iter().map(|s| s.to_lowercase()).collect()
}

fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::new();
    for group in bytes.chunks(3) {
        let word = group
            .iter()
            .fold(0_u32, |word, b| word << 8 | u32::from(*b))
            << (8 * (3 - group.len()));
        for place in 0..=group.len() {
            out.push(DIGITS[(word >> (18 - 6 * place)) as usize & 63] as char);
        }
    }
    out
}

/// Looks for canaries in a text, whatever the letter case.
pub(crate) fn search(what: &str, text: &[u8]) {
    let text = String::from_utf8_lossy(text).to_lowercase();
    for canary in CANARIES {
        for spelling in spellings(canary) {
            assert!(
                !text.contains(&spelling),
                "{canary} as {spelling:?} is in {what}"
            );
        }
    }
}

fn search_below(dir: &Path) {
    for entry in std::fs::read_dir(dir).expect("readable").flatten() {
        if entry.path().is_dir() {
            search_below(&entry.path());
        } else {
            let bytes = std::fs::read(entry.path()).expect("readable");
            search(&entry.path().display().to_string(), &bytes);
        }
    }
}

#[test]
fn nothing_of_a_patient_comes_out_of_inspect() {
    let dir = tempfile::TempDir::new().expect("temporary folder");
    let pcap = dir.path().join("canary.pcap");
    capture().write(&pcap).expect("written");
    let config = dir.path().join("vitalwire.yaml");
    let yaml =
        "flow:\n  records: all\nsets:\n  dicom_peers: [10.20.1.11]\n  hl7_senders: [10.20.3.20]\n";
    std::fs::write(&config, yaml).expect("written");
    let config = config.to_str().expect("UTF-8");
    let run = support::inspect(&[&pcap], &["--config", config]);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    assert!(run.of_type("dicom").len() >= 6, "the capture is read");
    assert!(run.of_type("hl7").len() >= 2, "the capture is read");
    assert!(!run.of_type("alert").is_empty(), "alerts are looked at too");
    search("standard output", run.stdout.as_bytes());
    search("standard error", run.stderr.as_bytes());
    let evidence = run.out.path().join("evidence");
    let files = std::fs::read_dir(evidence).map_or(0, Iterator::count);
    assert!(files >= 4, "evidence is looked at too: {files} files");
    search_below(run.out.path());
}

/// The same patient is one pseudonym in DICOM and in HL7, and the one that the command names.
#[test]
fn one_patient_is_one_pseudonym() {
    let dir = tempfile::TempDir::new().expect("temporary folder");
    let pcap = dir.path().join("canary.pcap");
    capture().write(&pcap).expect("written");
    let run = support::inspect(&[&pcap], &[]);
    let dicom = run.of_type("dicom");
    let dicom = dicom
        .iter()
        .find_map(|e| e["dicom"]["patient_id"].as_str())
        .expect("a DICOM patient");
    let hl7 = run.of_type("hl7");
    let hl7 = hl7
        .iter()
        .find_map(|e| e["hl7"]["patient_id"].as_str())
        .expect("an HL7 patient");
    assert_eq!(dicom, hl7);
    assert!(dicom.starts_with("mrn:") && dicom.len() == 28, "{dicom}");
    let state = run.out.path().join("state");
    let state = state.to_str().expect("UTF-8");
    let args = [
        "pseudonym",
        "--class",
        "mrn",
        "--state",
        state,
        "WQZMRN7741",
    ];
    let (code, stdout, stderr) = support::run(&args);
    assert_eq!(code, Some(0), "{stderr}");
    assert_eq!(stdout.trim(), dicom);
}

#[test]
fn the_search_finds_what_it_looks_for() {
    for spelled in ["zqxcanary", &base64(b"a ZQXCANARY^"), &base64(b"ZQXCANARY")] {
        let found = std::panic::catch_unwind(|| search("a test", spelled.as_bytes()));
        assert!(found.is_err(), "{spelled}");
    }
}
