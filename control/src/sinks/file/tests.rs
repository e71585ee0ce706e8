use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use parsers::time::Time;
use rules::correlate::{Item, Out};

use super::{Counts, EveFile, Sink};
use crate::config;
use crate::config::units::{Bytes, Span};
use crate::testing;

fn out(lines: &[(&'static str, &str)]) -> Out {
    let mut out = Out::default();
    for (event_type, line) in lines {
        let from = u32::try_from(out.arena.len()).unwrap();
        out.arena.extend_from_slice(line.as_bytes());
        out.arena.push(b'\n');
        let to = u32::try_from(out.arena.len()).unwrap();
        out.items.push(Item {
            line: from..to,
            object: from,
            event_type,
            time: Time::new(5, 0),
            alert: None,
        });
    }
    out
}

fn config(path: &Path) -> config::EveFile {
    config::EveFile {
        path: path.to_path_buf(),
        rotate: config::Rotate {
            size: Bytes(0),
            interval: Span::secs(0),
            keep: 2,
            compress: false,
        },
        ..config::EveFile::default()
    }
}

#[test]
fn it_goes_on_where_it_ended_without_half_lines() {
    let path = testing::dir("eve-resume").join("eve.json");
    std::fs::write(&path, "{\"a\":1}\n{\"half").unwrap();
    let mut file = EveFile::resumed(&config(&path), Arc::default()).unwrap();
    file.take(&out(&[("dicom", "{\"b\":2}")]));
    drop(file);
    assert_eq!(
        std::fs::read_to_string(&path).unwrap(),
        "{\"a\":1}\n{\"b\":2}\n"
    );
}

#[test]
fn only_the_wanted_types_are_written() {
    let path = testing::dir("eve-types").join("eve.json");
    let mut config = config(&path);
    config.types = vec!["alert".to_owned()];
    let counts = Arc::new(Counts::default());
    let mut file = EveFile::resumed(&config, Arc::clone(&counts)).unwrap();
    file.take(&out(&[("dicom", "d"), ("alert", "a")]));
    file.flush();
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "a\n");
    assert_eq!(counts.written.load(Ordering::Relaxed), 1);
    assert_eq!(file.newest(), Time::new(5, 0));
}

#[test]
fn it_rotates_at_its_size_and_keeps_so_many() {
    let dir = testing::dir("eve-rotate");
    let path = dir.join("eve.json");
    let mut config = config(&path);
    config.rotate.size = Bytes(8);
    let mut file = EveFile::resumed(&config, Arc::default()).unwrap();
    for at in 0..5 {
        file.take(&out(&[("dicom", &format!("line number {at}"))]));
        file.flush();
    }
    drop(file);
    let mut old: Vec<String> = std::fs::read_dir(&dir)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name != "eve.json")
        .collect();
    old.sort();
    assert_eq!(old.len(), 2, "{old:?}");
    let text = |name: &String| std::fs::read_to_string(dir.join(name)).unwrap();
    let mut kept: Vec<String> = old.iter().map(text).collect();
    kept.sort();
    assert_eq!(kept, ["line number 3\n", "line number 4\n"]);
}

#[test]
fn it_rotates_after_its_time() {
    for (interval, wanted) in [(Span::secs(3600), 1), (Span(Duration::from_millis(1)), 2)] {
        let dir = testing::dir("eve-interval");
        let mut config = config(&dir.join("eve.json"));
        config.rotate.interval = interval;
        let mut file = EveFile::resumed(&config, Arc::default()).unwrap();
        crate::clock::pause(Duration::from_millis(5));
        file.take(&out(&[("dicom", "line")]));
        file.flush();
        assert_eq!(std::fs::read_dir(&dir).unwrap().count(), wanted);
    }
}

#[test]
fn rotated_files_are_compressed_whole() {
    use std::io::Read;
    let dir = testing::dir("eve-gzip");
    let path = dir.join("eve.json");
    let mut config = config(&path);
    config.rotate.size = Bytes(1);
    config.rotate.compress = true;
    let mut file = EveFile::resumed(&config, Arc::default()).unwrap();
    file.take(&out(&[("dicom", "once")]));
    drop(file);
    let packed = std::fs::read_dir(&dir)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .find(|path| path.extension().is_some_and(|ext| ext == "gz"))
        .unwrap();
    let mut text = String::new();
    let mut unpacked = flate2::read::GzDecoder::new(std::fs::File::open(packed).unwrap());
    unpacked.read_to_string(&mut text).unwrap();
    assert_eq!(text, "once\n");
}

#[test]
fn reopening_follows_a_moved_file() {
    let dir = testing::dir("eve-reopen");
    let path = dir.join("eve.json");
    let mut file = EveFile::resumed(&config(&path), Arc::default()).unwrap();
    file.take(&out(&[("dicom", "old")]));
    file.flush();
    std::fs::rename(&path, dir.join("moved.json")).unwrap();
    file.reopen();
    file.take(&out(&[("dicom", "new")]));
    file.flush();
    assert_eq!(
        std::fs::read_to_string(dir.join("moved.json")).unwrap(),
        "old\n"
    );
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "new\n");
}

#[test]
fn a_full_disk_is_counted_and_survived() {
    let full = Path::new("/dev/full");
    if !full.exists() {
        return;
    }
    let counts = Arc::new(Counts::default());
    let Ok(mut file) = EveFile::resumed(&config(full), Arc::clone(&counts)) else {
        return;
    };
    file.take(&out(&[("dicom", "lost"), ("dicom", "lost too")]));
    file.flush();
    assert_eq!(counts.lost.load(Ordering::Relaxed), 2);
    assert_eq!(counts.written.load(Ordering::Relaxed), 0);
}
