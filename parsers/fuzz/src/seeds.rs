//! Writes the samples of all protocols as corpora to start from: `cargo run --bin seeds`.

use std::path::Path;

fn main() -> std::io::Result<()> {
    for target in ["protocol", "split"] {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("corpus")
            .join(target);
        std::fs::create_dir_all(&folder)?;
        for (row, spec) in (0_u8..).zip(parsers::PROTOCOLS) {
            if let Some(seed) = parsers::fuzzing::seed(row) {
                std::fs::write(folder.join(spec.name), seed)?;
            }
        }
    }
    Ok(())
}
