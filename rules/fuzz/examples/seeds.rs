//! Writes every rule of the packs as a pack of its own, to start from: `cargo run --example seeds`.

use std::path::Path;
use std::{fs, io};

fn main() -> io::Result<()> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let corpus = here.join("corpus/compile");
    fs::create_dir_all(&corpus)?;
    for entry in fs::read_dir(here.join("../packs"))? {
        let text = fs::read_to_string(entry?.path())?;
        let Some((head, rules)) = text.split_once("\nrules:\n") else {
            continue;
        };
        for rule in rules.split("\n\n").filter(|rule| rule.contains("- id: ")) {
            let id = rule.split("- id: ").nth(1).and_then(|id| id.lines().next());
            fs::write(
                corpus.join(id.unwrap_or_default()),
                format!("{head}\nrules:\n{rule}\n"),
            )?;
        }
    }
    Ok(())
}
