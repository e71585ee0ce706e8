//! `vitalwire evidence`: what there is, and one alert's, checked against its manifest.

use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};

use super::manifest::{Clock, Frames, Manifest, sha256};
use super::{MANIFEST, is_id, manifest_name, pcapng_name};
use crate::cli::EvidenceArgs;
use crate::config::{self, Config};
use crate::error::Error;
use crate::terminal::{self, table};

/// Lists evidence, or shows, checks and copies that of one alert.
///
/// # Errors
/// A folder or file that cannot be read, no such alert, a file that is not what its manifest says.
pub fn run(args: &EvidenceArgs) -> Result<(), Error> {
    let dir = match (&args.dir, &args.config) {
        (Some(dir), _) => dir.clone(),
        (None, Some(path)) => config::read(path)?.evidence_dir(),
        (None, None) => Config::default().evidence_dir(),
    };
    match &args.id {
        Some(id) => one(args, &dir, &find(&dir, id)?),
        None => list(args, &dir),
    }
}

fn one(args: &EvidenceArgs, dir: &Path, id: &str) -> Result<(), Error> {
    let manifest = read(&dir.join(manifest_name(id)))?;
    let path = dir.join(pcapng_name(id));
    let bytes = std::fs::read(&path)
        .map_err(|error| Error::file(&path, error, "its manifest is there; was it moved away?"))?;
    let found = sha256(&bytes);
    if found != manifest.pcapng.sha256 {
        return Err(Error::Failed(format!(
            "{}: this is not the file that was written: its SHA-256 is {found}, the manifest says {}",
            path.display(),
            manifest.pcapng.sha256
        )));
    }
    if let Some(to) = &args.out {
        std::fs::write(to, &bytes)
            .map_err(|error| Error::file(to, error, "name a writable file for --out"))?;
    }
    if args.json {
        let text = serde_json::to_string_pretty(&manifest).unwrap_or_default();
        return terminal::show(&format!("{text}\n"));
    }
    terminal::show(&told(&manifest, args.out.as_ref().unwrap_or(&path)))
}

fn told(manifest: &Manifest, path: &Path) -> String {
    let (rule, sensor) = (&manifest.rule, &manifest.sensor);
    let Frames { first, last, .. } = &manifest.frames;
    let file = &manifest.pcapng;
    let pack = rule.pack.as_deref().unwrap_or("of no pack");
    let number = format!("{}:{}, revision {}", rule.gid, rule.sid, rule.rev);
    let rows = [
        (
            "alert",
            format!("{}, {}", manifest.alert_id, manifest.alert_time),
        ),
        ("rule", format!("{} ({number}): {}", rule.slug, rule.title)),
        ("severity", rule.severity.clone()),
        (
            "flow",
            match manifest.flow_id {
                Some(id) => format!("{id} {}", manifest.app_proto),
                None => "none: frames of the sender's address".to_owned(),
            },
        ),
        ("frames", frames(&manifest.frames)),
        ("from", format!("{}, frame {}", first.time, first.number)),
        ("to", format!("{}, frame {}", last.time, last.number)),
        ("holds", manifest.content.clone()),
        ("clock", clock(&manifest.clock)),
        ("coverage", coverage(&manifest.coverage)),
        ("sensor", format!("{} {}", sensor.id, sensor.site)),
        ("rules", format!("{pack}, sha256 {}", rule.ruleset_sha256)),
        ("made by", manifest.made_by.clone()),
        ("file", format!("{}, {} bytes", path.display(), file.bytes)),
        ("sha256", format!("{}, as in the manifest", file.sha256)),
    ];
    let row = |(name, value): (&str, String)| vec![name.to_owned(), value.trim_end().to_owned()];
    table(&rows.into_iter().map(row).collect::<Vec<_>>())
}

fn frames(frames: &Frames) -> String {
    let begins = if frames.complete_from_start {
        "from the flow's first one".to_owned()
    } else if frames.cut > 0 {
        format!("{} before them are no longer there", frames.cut)
    } else {
        "the flow's beginning was not captured".to_owned()
    };
    let bulk = match frames.bulk {
        0 => String::new(),
        n => format!("; {n} inside large values left out"),
    };
    let ends = if frames.kept_to_alert {
        ""
    } else {
        "; none after the flow was known not to be a medical one"
    };
    format!("{}, {begins}{bulk}{ends}", frames.kept)
}

fn clock(clock: &Clock) -> String {
    let whose = match (clock.synchronised, clock.error_max_us) {
        (Some(true), Some(us)) => {
            return format!("this sensor's, synchronised, at most {us} µs off");
        }
        (Some(_), _) => "this sensor's, not synchronised",
        (None, _) if clock.source == "capture" => "that of the capture file",
        (None, _) => "this sensor's; whether it was synchronised is not known",
    };
    whose.to_owned()
}

fn coverage(coverage: &serde_json::Value) -> String {
    let ratio = coverage.get("ratio").and_then(serde_json::Value::as_f64);
    let told = |ratio: f64| format!("{:.2} % of the traffic in the minute before", ratio * 100.0);
    ratio.map_or_else(|| "unknown".to_owned(), told)
}

fn list(args: &EvidenceArgs, dir: &Path) -> Result<(), Error> {
    let mut all = Vec::new();
    for id in ids(dir)? {
        // One that was removed meanwhile, or that nobody can read, does not hide the others.
        match read(&dir.join(manifest_name(&id))) {
            Ok(manifest) => all.push(manifest),
            Err(error) => terminal::complain(&error.to_string()),
        }
    }
    all.sort_by(|a, b| (&a.alert_time, &a.alert_id).cmp(&(&b.alert_time, &b.alert_id)));
    if args.json {
        let text = serde_json::to_string_pretty(&all).unwrap_or_default();
        return terminal::show(&format!("{text}\n"));
    }
    if all.is_empty() {
        return terminal::show(&format!("No evidence in {}.\n", dir.display()));
    }
    let row = |m: &Manifest| {
        vec![
            m.alert_id.clone(),
            m.alert_time.clone(),
            m.rule.severity.clone(),
            format!("{} frames", m.frames.kept),
            m.rule.slug.clone(),
        ]
    };
    terminal::show(&table(&all.iter().map(row).collect::<Vec<_>>()))
}

/// The id that this is, or the one that it begins.
fn find(dir: &Path, text: &str) -> Result<String, Error> {
    let text = text.to_ascii_lowercase();
    if is_id(&text) && dir.join(manifest_name(&text)).exists() {
        return Ok(text);
    }
    let all = ids(dir)?;
    let mut fitting = all
        .iter()
        .filter(|id| !text.is_empty() && id.starts_with(&text));
    match (fitting.next(), fitting.next()) {
        (Some(id), None) => Ok(id.clone()),
        (Some(_), Some(_)) => Err(Error::Usage(format!(
            "{text}: several alerts begin so; give more of the id"
        ))),
        (None, _) => Err(Error::Failed(format!(
            "{text}: no evidence of this alert in {}; `vitalwire evidence --dir DIR` lists what there \
             is (alerts about sums, silence and the sensor itself have none, and old evidence is removed)",
            dir.display()
        ))),
    }
}

fn ids(dir: &Path) -> Result<Vec<String>, Error> {
    let hint = "name the folder with --dir, or the configuration with --config";
    let entries = std::fs::read_dir(dir).map_err(|error| Error::file(dir, error, hint))?;
    let mut ids: Vec<String> = entries
        .flatten()
        .filter_map(|entry| {
            let path = PathBuf::from(entry.file_name());
            let id = path.file_stem()?.to_str()?.to_owned();
            (path.extension()? == MANIFEST && is_id(&id)).then_some(id)
        })
        .collect();
    ids.sort();
    Ok(ids)
}

fn read(path: &Path) -> Result<Manifest, Error> {
    let file = std::fs::File::open(path);
    let mut text = String::new();
    file.and_then(|file| file.take(MANIFEST_BYTES_MAX).read_to_string(&mut text))
        .map_err(|error| {
            Error::file(
                path,
                error,
                "evidence can be read by whoever runs vitalwire",
            )
        })?;
    serde_json::from_str(&text).map_err(|error| {
        Error::file(
            path,
            std::io::Error::new(ErrorKind::InvalidData, error),
            "this is no manifest of evidence",
        )
    })
}

/// Ours take two kilobytes.
const MANIFEST_BYTES_MAX: u64 = 64 * 1024;
