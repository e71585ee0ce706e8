//! Lists the shipped packs, so that they are in the binary: `packs/*.yaml`, by name.

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

fn main() -> io::Result<()> {
    println!("cargo::rerun-if-changed=packs");
    let var = |name| env::var_os(name).map(PathBuf::from).unwrap_or_default();
    let mut list = String::from("&[\n");
    for path in packs(&var("CARGO_MANIFEST_DIR").join("packs"))? {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let line = writeln!(list, "(\"packs/{name}\", include_str!({path:?})),");
        line.map_err(io::Error::other)?;
    }
    list.push(']');
    fs::write(var("OUT_DIR").join("packs.rs"), list)
}

fn packs(folder: &Path) -> io::Result<Vec<PathBuf>> {
    if !folder.exists() {
        return Ok(Vec::new());
    }
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|ext| ext == "yaml") {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}
