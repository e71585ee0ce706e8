//! What this program is: version, commit, features, schema, packs.

/// The commit that it was built from.
pub const COMMIT: &str = env!("VITALWIRE_COMMIT");

/// The version in the manifest.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Cargo features that are on; capture backends, mostly.
pub const FEATURES: &[&str] = if cfg!(feature = "kafka") {
    &["libpcap", "af_packet", "af_xdp", "kafka"]
} else {
    &["libpcap", "af_packet", "af_xdp"]
};

/// The text of `--version`.
#[must_use]
pub fn text() -> String {
    let packs = crate::ruleset::load(&crate::config::Config::default())
        .map_or_else(|_| Vec::new(), |loaded| loaded.packs());
    format!(
        "vitalwire {VERSION}\ncommit: {COMMIT}\nfeatures: {}\nschema: {}\nrule packs: {}\n",
        FEATURES.join(", "),
        rules::eve::SCHEMA,
        if packs.is_empty() {
            "none".to_owned()
        } else {
            packs.join(", ")
        },
    )
}
