use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use super::{backup, restore};
use crate::cli::{BackupArgs, RestoreArgs};
use crate::site_key;

/// A sensor with a key outside of its state, a rule file, a store and evidence.
fn sensor(name: &str) -> PathBuf {
    let dir = crate::testing::dir(name);
    let state = dir.join("state");
    std::fs::create_dir_all(state.join("evidence")).unwrap();
    std::fs::create_dir_all(dir.join("rules")).unwrap();
    std::fs::write(state.join("inventory.json"), "{\"devices\":[]}").unwrap();
    std::fs::write(state.join("evidence/a.pcapng"), vec![7; 300_000]).unwrap();
    std::fs::write(state.join("store.lock"), "").unwrap();
    std::fs::write(dir.join("rules/site.yaml"), "rules: []\n").unwrap();
    std::fs::write(dir.join("site.key"), "ab".repeat(32)).unwrap();
    let secret = PermissionsExt::from_mode(0o600);
    std::fs::set_permissions(dir.join("site.key"), secret).unwrap();
    let conn = rusqlite::Connection::open(state.join("vitalwire.db")).unwrap();
    conn.pragma_update(None, "journal_mode", "WAL").unwrap();
    conn.execute_batch("CREATE TABLE t (n); INSERT INTO t VALUES (1), (2)")
        .unwrap();
    // As a running appliance leaves it: the log is not in the file yet.
    std::mem::forget(conn);
    let text = format!(
        "state_dir: {0}/state\nsite_key_file: {0}/site.key\nrules: {{paths: [{0}/rules]}}\n",
        dir.display()
    );
    std::fs::write(dir.join("vitalwire.yaml"), text).unwrap();
    dir
}

fn save(dir: &Path, file: &Path) {
    backup(&BackupArgs {
        file: file.to_path_buf(),
        config: dir.join("vitalwire.yaml"),
        no_evidence: false,
        force: false,
    })
    .unwrap();
}

fn bring_back(file: &Path, config: Option<PathBuf>, force: bool) -> Result<(), String> {
    let file = file.to_path_buf();
    restore(&RestoreArgs {
        file,
        config,
        force,
    })
    .map_err(|error| error.to_string())
}

#[expect(clippy::result_large_err, reason = "rusqlite's own")]
fn rows(state: &Path) -> i64 {
    let conn = rusqlite::Connection::open(state.join("vitalwire.db")).unwrap();
    conn.query_row("SELECT count(*) FROM t", [], |row| row.get(0))
        .unwrap()
}

/// Everything below a folder, with its contents and mode.
fn all(dir: &Path) -> Vec<(PathBuf, Vec<u8>, u32)> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir).unwrap().flatten() {
        let path = entry.path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir() {
            found.extend(all(&path));
        } else if !name.starts_with("vitalwire.db") && name != "store.lock" {
            let mode = entry.metadata().unwrap().permissions().mode();
            found.push((path.clone(), std::fs::read(&path).unwrap(), mode));
        }
    }
    found.sort();
    found
}

#[test]
fn what_was_wiped_comes_back_as_it_was() {
    let dir = sensor("backup-wiped");
    let file = dir.with_extension("tar.zst");
    drop(std::fs::remove_file(&file));
    save(&dir, &file);
    let mode = std::fs::metadata(&file).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600, "it holds the key");
    let before = all(&dir);
    assert_eq!(before.len(), 5, "{before:?}");
    let key = site_key::read(&dir.join("site.key")).unwrap().key_id();
    std::fs::remove_dir_all(&dir).unwrap();
    bring_back(&file, None, false).unwrap();
    assert_eq!(all(&dir), before);
    assert_eq!(site_key::read(&dir.join("site.key")).unwrap().key_id(), key);
    assert_eq!(rows(&dir.join("state")), 2);
    assert!(!dir.join("state/store.lock").exists());
    std::fs::remove_file(&file).unwrap();
}

#[test]
fn nothing_is_overwritten_unless_it_is_said() {
    let dir = sensor("backup-force");
    let file = dir.join("b.tar.zst");
    save(&dir, &file);
    let said = bring_back(&file, None, false).unwrap_err();
    assert!(
        said.contains("--force") && said.contains("is there already"),
        "{said}"
    );
    std::fs::write(dir.join("rules/site.yaml"), "other").unwrap();
    std::fs::write(dir.join("rules/new.yaml"), "stays").unwrap();
    bring_back(&file, None, true).unwrap();
    assert_eq!(
        std::fs::read(dir.join("rules/site.yaml")).unwrap(),
        b"rules: []\n"
    );
    assert_eq!(std::fs::read(dir.join("rules/new.yaml")).unwrap(), b"stays");
    assert_eq!(rows(&dir.join("state")), 2);
}

#[test]
fn an_appliance_that_runs_is_left_alone() {
    let dir = sensor("backup-running");
    let file = dir.join("b.tar.zst");
    save(&dir, &file);
    let lock = std::fs::File::create(dir.join("state/store.lock")).unwrap();
    lock.lock().unwrap();
    let said = bring_back(&file, None, true).unwrap_err();
    assert!(said.contains("stop it first"), "{said}");
}

#[test]
fn with_another_configuration_only_the_state_comes_back() {
    let dir = sensor("backup-elsewhere");
    let file = dir.join("b.tar.zst");
    save(&dir, &file);
    std::fs::remove_file(dir.join("rules/site.yaml")).unwrap();
    let other = dir.join("other.yaml");
    std::fs::write(&other, format!("state_dir: {}/new\n", dir.display())).unwrap();
    bring_back(&file, Some(other), false).unwrap();
    assert_eq!(rows(&dir.join("new")), 2);
    assert!(dir.join("new/evidence/a.pcapng").exists());
    assert!(!dir.join("rules/site.yaml").exists());
}

#[test]
fn a_damaged_or_cut_backup_changes_nothing() {
    let dir = sensor("backup-damaged");
    let file = dir.join("b.tar.zst");
    save(&dir, &file);
    let whole = std::fs::read(&file).unwrap();
    let before = all(&dir.join("state"));
    std::fs::remove_dir_all(dir.join("state")).unwrap();
    std::fs::write(dir.join("vitalwire.yaml"), "other").unwrap();
    let mut tried = 0;
    for at in (0..whole.len()).step_by(whole.len() / 40 + 1) {
        let mut bent = whole.clone();
        bent[at] ^= 0x55;
        for damaged in [&bent, &whole[..at].to_vec()] {
            std::fs::write(&file, damaged).unwrap();
            match bring_back(&file, None, true) {
                Err(said) => {
                    assert_eq!(said.lines().count(), 1, "{said}");
                    assert!(!dir.join("state").exists(), "{at}: {said}");
                    tried += 1;
                }
                // A bit that nobody reads.
                Ok(()) => {
                    assert_eq!(all(&dir.join("state")), before, "{at}");
                    std::fs::remove_dir_all(dir.join("state")).unwrap();
                    std::fs::write(dir.join("vitalwire.yaml"), "other").unwrap();
                }
            }
        }
    }
    assert!(tried > 70, "{tried}");
    assert_eq!(std::fs::read(dir.join("vitalwire.yaml")).unwrap(), b"other");
}

#[test]
fn names_that_lead_elsewhere_and_newer_forms_are_refused() {
    let dir = crate::testing::dir("backup-hostile");
    let file = dir.join("b.tar.zst");
    let about = |format: u32| {
        serde_json::json!({"format": format, "made": "x", "made_by": "vitalwire 9", "sensor": "s",
            "key_id": "k", "config": dir.join("c.yaml")})
    };
    let config = format!("state_dir: {}/state\n", dir.display());
    for (name, format, word) in [
        ("state/../../out", 1, "leads elsewhere"),
        ("else/where", 1, "no backup has"),
        ("state", 1, "leads elsewhere"),
        ("state/fine", 2, "newer form"),
    ] {
        let out = zstd::Encoder::new(std::fs::File::create(&file).unwrap(), 1).unwrap();
        let mut archive = tar::Builder::new(out);
        let mut sums = super::Checksums::new();
        let about = about(format).to_string();
        for (name, text) in [
            ("backup.json", about.as_str()),
            ("config", &config),
            (name, "x"),
        ] {
            let mut header = tar::Header::new_gnu();
            header.as_mut_bytes()[..name.len()].copy_from_slice(name.as_bytes());
            header.set_size(text.len() as u64);
            header.set_cksum();
            archive.append(&header, text.as_bytes()).unwrap();
            let mut sum = <sha2::Sha256 as sha2::Digest>::new();
            sha2::Digest::update(&mut sum, text);
            sums.insert(name.to_owned(), super::write::hex(sum));
        }
        sums.remove("backup.json");
        let sums = serde_json::to_vec(&sums).unwrap();
        let mut header = tar::Header::new_gnu();
        header.set_size(sums.len() as u64);
        archive
            .append_data(&mut header, "checksums.json", sums.as_slice())
            .unwrap();
        archive.into_inner().unwrap().finish().unwrap();
        let said = bring_back(&file, None, true).unwrap_err();
        assert!(said.contains(word), "{name}: {said}");
        assert!(
            !dir.join("out").exists() && !dir.join("state").exists(),
            "{name}"
        );
    }
}
