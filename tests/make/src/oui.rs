//! The table of Ethernet vendors: made from the public listings of the IEEE Registration Authority.

use std::collections::BTreeMap;
use std::path::Path;

/// Entries by the bytes of their block, each with its owner.
type Blocks = BTreeMap<Vec<u8>, String>;

/// A name is at most this long in the table.
const NAME_BYTES_MAX: usize = 64;

/// Whom these blocks belong to is not said, or said by a smaller block.
const NOBODY: [&str; 2] = ["Private", "IEEE Registration Authority"];

/// Reads every listing (`*.csv`) of a folder and writes the table.
///
/// # Errors
/// What cannot be read or written.
pub fn write(listings: &Path, out: &Path) -> Result<usize, String> {
    let mut parts: [Blocks; 3] = Default::default();
    let folder = std::fs::read_dir(listings).map_err(|e| format!("{}: {e}", listings.display()))?;
    let mut files: Vec<_> = folder.flatten().map(|entry| entry.path()).collect();
    files.sort();
    for file in files
        .iter()
        .filter(|f| f.extension().is_some_and(|e| e == "csv"))
    {
        read(file, &mut parts).map_err(|e| format!("{}: {e}", file.display()))?;
    }
    let table = table(&parts);
    std::fs::write(out, table).map_err(|e| format!("{}: {e}", out.display()))?;
    Ok(parts.iter().map(BTreeMap::len).sum())
}

fn read(file: &Path, parts: &mut [Blocks; 3]) -> Result<(), csv::Error> {
    for record in csv::Reader::from_path(file)?.records() {
        let record = record?;
        let (Some(registry), Some(block), Some(name)) =
            (record.get(0), record.get(1), record.get(2))
        else {
            continue;
        };
        let name = tidy(name);
        let part = match registry {
            "MA-L" => 0,
            "MA-M" => 1,
            "MA-S" | "IAB" => 2,
            _ => continue,
        };
        if !NOBODY.contains(&name.as_str()) && !name.is_empty() {
            parts[part].entry(bytes(block)).or_insert(name);
        }
    }
    Ok(())
}

/// On one line, single spaces, not too long.
fn tidy(name: &str) -> String {
    let mut name = name.split_whitespace().collect::<Vec<_>>().join(" ");
    while name.len() > NAME_BYTES_MAX {
        name.pop();
    }
    name
}

/// Hex digits to bytes; a last single digit is a high nibble.
fn bytes(block: &str) -> Vec<u8> {
    let digits: Vec<u8> = block
        .chars()
        .filter_map(|c| c.to_digit(16).and_then(|d| u8::try_from(d).ok()))
        .collect();
    digits
        .chunks(2)
        .map(|pair| pair[0] << 4 | pair.get(1).unwrap_or(&0))
        .collect()
}

/// As `rules/src/correlate/inventory/oui.rs` reads it.
fn table(parts: &[Blocks; 3]) -> Vec<u8> {
    let mut names: BTreeMap<&str, u32> = BTreeMap::new();
    let mut text = Vec::new();
    for name in parts.iter().flat_map(BTreeMap::values) {
        names.entry(name).or_insert_with(|| {
            let at = u32::try_from(text.len()).expect("below 16 MiB");
            text.push(u8::try_from(name.len()).expect("short"));
            text.extend_from_slice(name.as_bytes());
            at
        });
    }
    let mut out = b"VWOUI1".to_vec();
    for part in parts {
        out.extend_from_slice(&u32::try_from(part.len()).expect("few").to_be_bytes());
    }
    for (block, name) in parts.iter().flatten() {
        out.extend_from_slice(block);
        out.extend_from_slice(&names[name.as_str()].to_be_bytes()[1..]);
    }
    out.extend_from_slice(&text);
    out
}
