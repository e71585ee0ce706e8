//! Which files there are to read: directories become the captures in them.

use std::cmp::Ordering;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use crate::capture::compressed;
use crate::capture::pcap_file::Pcap;
use crate::capture::pcapng::Pcapng;

/// The captures in a directory whose names come after `after`: told by their content, since those
/// who rotate captures name them as they like, and in the order in which people count: `ring2`
/// before `ring10`.
///
/// # Errors
/// The directory cannot be read.
pub(crate) fn captures(dir: &Path, after: Option<&Path>) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir)? {
        let path = entry?.path();
        let is_next = after.is_none_or(|after| in_order(after, &path) == Ordering::Less);
        if is_next && path.is_file() && is_capture(&path) {
            found.push(path);
        }
    }
    found.sort_by(|a, b| in_order(a, b));
    Ok(found)
}

fn is_capture(path: &Path) -> bool {
    let Ok(file) = File::open(path) else {
        return true; // to be told in its turn
    };
    let Ok((mut bytes, _)) = compressed::recognise(file) else {
        return true;
    };
    let mut magic = [0; 4];
    bytes.read_exact(&mut magic).is_ok() && (Pcap::is(magic) || Pcapng::is(magic))
}

/// Runs of digits count as numbers.
fn in_order(a: &Path, b: &Path) -> Ordering {
    let (a, b) = (
        a.as_os_str().as_encoded_bytes(),
        b.as_os_str().as_encoded_bytes(),
    );
    pieces(a).cmp(pieces(b)).then_with(|| a.cmp(b))
}

/// A number's digits without leading zeros, longer first being larger; or one other byte.
#[derive(Eq, Ord, PartialEq, PartialOrd)]
enum Piece<'a> {
    Number(usize, &'a [u8]),
    Byte(u8),
}

fn pieces(mut rest: &[u8]) -> impl Iterator<Item = Piece<'_>> {
    std::iter::from_fn(move || {
        let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        if digits == 0 {
            let (first, behind) = rest.split_first()?;
            rest = behind;
            return Some(Piece::Byte(*first));
        }
        let (number, behind) = rest.split_at(digits);
        rest = behind;
        let zeros = number.iter().take_while(|byte| **byte == b'0').count();
        let number = number.get(zeros..).unwrap_or_default();
        Some(Piece::Number(number.len(), number))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn captures_of_a_directory_come_in_the_order_in_which_people_count() {
        let dir = tempfile::tempdir().unwrap();
        let pcap = [0xd4, 0xc3, 0xb2, 0xa1, 2, 0, 4, 0];
        for name in ["ring10", "ring2", "ring1.pcap", "ring02b"] {
            std::fs::write(dir.path().join(name), pcap).unwrap();
        }
        std::fs::write(dir.path().join("notes.txt"), "no capture").unwrap();
        std::fs::create_dir(dir.path().join("ring3")).unwrap();
        let name = |path: &PathBuf| path.file_name().unwrap().to_str().unwrap().to_owned();
        let all = captures(dir.path(), None).unwrap();
        let names: Vec<String> = all.iter().map(name).collect();
        assert_eq!(names, ["ring1.pcap", "ring2", "ring02b", "ring10"]);
        let later = captures(dir.path(), Some(&all[1])).unwrap();
        assert_eq!(later, all[2..]);
    }
}
