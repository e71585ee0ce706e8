//! Landlock: the folders that the configuration names, what libraries read, and nothing else.

use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};

use landlock::{
    ABI, Access as _, AccessFs, BitFlags, CompatLevel, Compatible, PathBeneath, PathFd, Ruleset,
    RulesetAttr, RulesetCreatedAttr, RulesetStatus, Scope,
};

use crate::config::{CaptureSource, Config, Silence};

/// The newest that our rules were written for; an older kernel does what it can.
const WANTED: ABI = ABI::V6;

/// What the system's libraries and our looks at the machine read: names, certificates, the time
/// zone, interfaces, memory. What is secret below is kept by its owner and mode.
const SYSTEM: &[&str] = &[
    "/usr",
    "/lib",
    "/lib64",
    "/etc",
    "/proc",
    "/sys",
    "/dev/null",
    "/dev/zero",
    "/dev/urandom",
    "/dev/random",
    "/run/systemd/resolve",
    "/run/NetworkManager",
    "/run/resolvconf",
];

/// Folders whose grant would be no restriction.
const TOO_MUCH: &[&str] = &["/", "/dev", "/home", "/root", "/run", "/var"];

/// Which paths stay open.
#[derive(Clone, Debug, Default)]
pub(super) struct Access {
    read: Vec<PathBuf>,
    write: Vec<PathBuf>,
}

impl Access {
    /// Whether something that is written belongs to somebody else.
    pub(super) fn has_foreign(&self) -> bool {
        let me = rustix::process::geteuid().as_raw();
        let all = self.write.iter();
        all.filter_map(|path| std::fs::metadata(path).ok())
            .any(|meta| meta.is_dir() && meta.uid() != me)
    }
}

/// What the configuration asks for. Folders that are to be written are made.
pub(super) fn access(config: &Config, config_file: &Path) -> Access {
    let mut access = Access {
        read: SYSTEM.iter().map(PathBuf::from).collect(),
        write: Vec::new(),
    };
    for dir in written(config) {
        let mut builder = std::fs::DirBuilder::new();
        // Whoever writes there says what is wrong with it.
        drop(builder.recursive(true).mode(0o750).create(&dir));
        access.write.push(dir);
    }
    let eve = &config.outputs.eve.path;
    access
        .write
        .extend(std::fs::canonicalize(eve).ok().map(holder));
    access.write.extend(config.sandbox.write.iter().cloned());
    if config.capture.silence == Silence::Enforce && config.capture.interface.is_some() {
        access.write.push("/proc/sys/net/ipv6/conf".into());
    }
    if config.capture.source == CaptureSource::Dpdk {
        access
            .write
            .extend(["/dev/hugepages", "/dev/vfio", "/run/dpdk"].map(PathBuf::from));
    }
    access.read.push(holder(absolute(config_file)));
    access.read.extend(config.sandbox.read.iter().cloned());
    let values = serde_json::to_value(config).unwrap_or_default();
    named(&values, &mut access.read);
    access
}

/// The folders that the appliance writes to.
fn written(config: &Config) -> Vec<PathBuf> {
    let store = config.store.dir.clone();
    let mut dirs = vec![config.state_dir.clone(), config.evidence_dir()];
    dirs.extend(store);
    let feeds = config
        .responses
        .iter()
        .filter_map(|one| one.block_list.as_ref());
    dirs.extend(feeds.map(|feed| feed.dir.clone()));
    if config.outputs.eve.enabled {
        dirs.push(holder(absolute(&config.outputs.eve.path)));
    }
    dirs
}

/// Every file and folder that any key names may be read: rules, captures, keys, certificates, those
/// of sections that are yet to come too.
fn named(value: &serde_json::Value, paths: &mut Vec<PathBuf>) {
    match value {
        serde_json::Value::String(text) if !text.is_empty() => {
            if let Ok(path) = std::fs::canonicalize(text) {
                paths.push(holder(path));
                // Where a link stands it may be turned to another file.
                paths.push(holder(absolute(Path::new(text))));
            }
        }
        serde_json::Value::Array(all) => all.iter().for_each(|one| named(one, paths)),
        serde_json::Value::Object(all) => all.values().for_each(|one| named(one, paths)),
        _ => {}
    }
}

/// A folder is itself. A file stands for its folder: who replaces it makes a new file of that name.
fn holder(path: PathBuf) -> PathBuf {
    if path.is_dir() {
        return path;
    }
    let special = path.exists() && !path.is_file();
    match path.parent() {
        Some(dir) if !special && !TOO_MUCH.iter().any(|much| dir == Path::new(much)) => {
            dir.to_path_buf()
        }
        _ => path,
    }
}

fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf())
}

/// Shuts the rest, and tries a door.
pub(super) fn restrict(access: &Access) -> Result<String, String> {
    let failed = |error: landlock::RulesetError| error.to_string();
    let read = AccessFs::from_read(WANTED) & !AccessFs::Execute;
    let write = AccessFs::from_all(WANTED) & !AccessFs::Execute;
    let mut ruleset = Ruleset::default()
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(AccessFs::from_all(WANTED))
        .map_err(failed)?
        .scope(Scope::Signal)
        .map_err(failed)?
        .create()
        .map_err(failed)?;
    let reads = access.read.iter().map(|path| (path, read));
    let writes = access.write.iter().map(|path| (path, write));
    for (path, rights) in reads.chain(writes) {
        let Ok(fd) = PathFd::new(path) else {
            continue; // Not on this machine.
        };
        let rights = of_kind(path, rights);
        ruleset = ruleset
            .add_rule(PathBeneath::new(fd, rights))
            .map_err(failed)?;
    }
    let status = ruleset.restrict_self().map_err(failed)?;
    let how = match status.ruleset {
        RulesetStatus::FullyEnforced => "Landlock",
        RulesetStatus::PartiallyEnforced => "Landlock, as far as this kernel has it",
        RulesetStatus::NotEnforced => return Err("this kernel has no Landlock".to_owned()),
    };
    match std::fs::read_dir("/") {
        Err(error) if error.kind() == std::io::ErrorKind::PermissionDenied => Ok(how.to_owned()),
        _ => Err("tried, and / can still be read".to_owned()),
    }
}

/// What makes sense for a folder makes none for a file.
fn of_kind(path: &Path, rights: BitFlags<AccessFs>) -> BitFlags<AccessFs> {
    if path.is_dir() {
        rights
    } else {
        rights & AccessFs::from_file(WANTED)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_any_key_names_may_be_read_and_what_is_written_is_there() {
        let dir = crate::testing::dir("sandbox-files");
        let key = dir.join("secrets/tls.key");
        std::fs::create_dir_all(dir.join("secrets")).unwrap();
        std::fs::write(&key, "").unwrap();
        let text = format!(
            "state_dir: {0}/state\noutputs: {{eve: {{path: {0}/log/eve.json}}}}\nsets: {{any: ['{1}']}}",
            dir.display(),
            key.display()
        );
        let config = crate::config::parse("c", &text).unwrap();
        let access = access(&config, &dir.join("c.yaml"));
        for read in ["", "secrets"] {
            assert!(access.read.contains(&dir.join(read)), "{read}: {access:?}");
        }
        for write in ["state", "log"] {
            assert!(
                access.write.contains(&dir.join(write)),
                "{write}: {access:?}"
            );
            assert!(dir.join(write).is_dir(), "{write}");
        }
    }

    #[test]
    fn a_file_in_a_folder_of_everything_stands_for_itself() {
        assert_eq!(
            holder("/vitalwire.yaml".into()),
            Path::new("/vitalwire.yaml")
        );
        assert_eq!(holder("/dev/null".into()), Path::new("/dev/null"));
        assert_eq!(holder("/etc/hostname".into()), Path::new("/etc"));
    }
}
