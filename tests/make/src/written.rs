//! The written captures under `pcaps/`: which files there are, and whether they are up to date.

use std::fmt::Write as _;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::capture::write;
use crate::rules::cases;

const INTRODUCTION: &str = "\
# Sample captures

Every capture here is written by the program in `tests/make`, or recorded by it from real
open-source peers. All patients are invented. Written by `cargo run -p make -- all`; do not edit.

- `cargo run -p make -- all` writes the files under `rules/` and this page, the same bytes every time.
- `cargo run -p make -- check` tells whether they are what the program writes.
- `cargo run -p make -- record ward` records the files under `ward/` anew (root, and the peers installed).

## `ward/`: recorded

Real peers (Orthanc, DCMTK, pynetdicom, python-hl7, hl7apy, nmap) in network namespaces on one bridge.
Beside each capture, `*.peers.json` says what every peer did: tool, addresses, AE titles, DIMSE
commands with their counts, HL7 messages with their control ids, pump orders.

| capture | shows |
|---|---|
| `ward/imaging.pcap` | C-ECHO, C-STORE, C-FIND, C-MOVE, C-GET, worklist, procedure step, storage commitment, a rejection, and C-STORE inside TLS (port 2762), between DCMTK, pynetdicom and Orthanc |
| `ward/hl7-pumps.pcap` | ADT, ORU, ORM and RDE with their ACKs; PCD-01 reports, PCD-03 orders with responses on a second connection, PCD-04 alarms, PCD-10 events |
| `ward/attack.pcap` | a nmap scan, dicom-ping and dicom-brute, a wildcard C-FIND, a C-MOVE to an unknown destination, a forged pump order, amid ordinary traffic |

## `rules/`: written, two for each rule

`fire.pcap` must fire the rule, `quiet.pcap` must not. Every capture starts at
2026-03-02T08:00:00Z.

| address | is |
|---|---|
| 10.20.0.1 | router |
| 10.20.1.11 | CT, AE `CT01` |
| 10.20.2.10:104 | archive, AE `PACS` |
| 10.20.2.31 | reading workstation, AE `WS01` |
| 10.20.3.10:2575 | interface engine |
| 10.20.3.20, 10.20.3.21 | admission system (`ADTSYS`), laboratory (`LABSYS`) |
| 10.20.4.10:3000 | pump gateway |
| 10.20.4.20 | system that programs pumps; takes responses on port 3001 |
| 10.20.4.30:3002 | takes pump reports and alarms |
| 10.20.5.0/24, 10.20.6.0/24 | pumps, bedside monitors |
| 10.20.9.66 | intruder |
| 10.30.0.0/24 | office, no medical device |
| 203.0.113.0/24 | stands for the Internet |

| rule | `fire.pcap` | `quiet.pcap` |
|---|---|---|
";

/// Every written file: its path below `pcaps/`, and its bytes.
pub fn files() -> Vec<(PathBuf, Vec<u8>)> {
    let mut out = vec![(PathBuf::from("README.md"), readme().into_bytes())];
    for case in cases() {
        let folder = Path::new("rules").join(case.rule);
        let (fire, quiet) = (case.make)();
        out.push((folder.join("fire.pcap"), fire.pcap()));
        out.push((folder.join("quiet.pcap"), quiet.pcap()));
    }
    out
}

fn readme() -> String {
    let mut out = INTRODUCTION.to_owned();
    for case in cases() {
        let escape = |text: &str| text.replace('|', "\\|");
        let _ = writeln!(
            out,
            "| {} | {} | {} |",
            case.rule,
            escape(case.fires),
            escape(case.quiet)
        );
    }
    out
}

/// Writes every file below `root`.
pub fn write_all(root: &Path) -> io::Result<usize> {
    let files = files();
    for (path, bytes) in &files {
        write(&root.join(path), bytes)?;
    }
    Ok(files.len())
}

/// The files below `root` that are missing or differ, and folders of rules that nobody makes.
pub fn differing(root: &Path) -> Vec<PathBuf> {
    let files = files();
    let mut out: Vec<PathBuf> = files
        .iter()
        .filter(|(path, bytes)| fs::read(root.join(path)).ok().as_ref() != Some(bytes))
        .map(|(path, _)| path.clone())
        .collect();
    let entries = fs::read_dir(root.join("rules"))
        .into_iter()
        .flatten()
        .flatten();
    let names = entries.map(|entry| Path::new("rules").join(entry.file_name()));
    out.extend(names.filter(|name| !files.iter().any(|(path, _)| path.starts_with(name))));
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn written_captures_are_up_to_date() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../pcaps");
        assert_eq!(differing(&root), Vec::<PathBuf>::new(), "run `make all`");
    }

    #[test]
    fn the_same_bytes_every_time() {
        assert_eq!(files(), files());
    }
}
