//! A block list that firewalls and NACs poll: one address a line, and the same as sets of nftables.

use std::net::IpAddr;
use std::path::PathBuf;

use super::Effect;
use super::state::{Active, write_whole};
use crate::config::BlockList as Config;

/// The feed's files: `NAME.txt` and `NAME.nft`.
pub(super) struct BlockList {
    text: PathBuf,
    nft: PathBuf,
}

impl BlockList {
    /// Puts an empty feed there if there is none, so that whoever polls finds it.
    pub(super) fn new(name: &str, config: &Config) -> Result<Self, String> {
        let dir = &config.dir;
        std::fs::create_dir_all(dir).map_err(|error| format!("dir: {}: {error}", dir.display()))?;
        let file = |ending: &str| dir.join(format!("{}.{ending}", name));
        let list = Self {
            text: file("txt"),
            nft: file("nft"),
        };
        if !list.text.exists() {
            list.write(&[]).map_err(|why| format!("dir: {why}"))?;
        }
        Ok(list)
    }

    fn write(&self, all: &[Active]) -> Result<(), String> {
        write_whole(&self.text, plain(all).as_bytes())?;
        write_whole(&self.nft, nftables(all).as_bytes())
    }
}

impl Effect for BlockList {
    fn begin(&mut self, _: &Active, all: &[Active]) -> Result<(), String> {
        self.write(all)
    }

    fn end(&mut self, all: &[Active]) -> Result<(), String> {
        self.write(all)
    }
}

/// One address a line, each once.
fn plain(all: &[Active]) -> String {
    each(all)
        .into_iter()
        .map(|(ip, _)| format!("{ip}\n"))
        .collect()
}

/// Every address with the seconds that are left.
fn each(all: &[Active]) -> Vec<(IpAddr, i64)> {
    let mut found: Vec<(IpAddr, i64)> = Vec::new();
    for active in all {
        let Ok(ip) = active.ip.parse() else {
            continue;
        };
        let left = active.secs_left();
        match found.iter_mut().find(|(known, _)| *known == ip) {
            Some((_, secs)) => *secs = left.max(*secs),
            None => found.push((ip, left)),
        }
    }
    found
}

/// For `nft -f`: what a rule such as `ip saddr @blocked4 drop` of theirs looks into. An address goes by
/// itself when its time is over, even if nobody loads the feed again.
fn nftables(all: &[Active]) -> String {
    let mut text = String::from(
        "table inet vitalwire {\n\tset blocked4 { type ipv4_addr; flags timeout; }\n\
         \tset blocked6 { type ipv6_addr; flags timeout; }\n}\n\
         flush set inet vitalwire blocked4\nflush set inet vitalwire blocked6\n",
    );
    for (ip, secs) in each(all) {
        let set = if ip.is_ipv4() { "blocked4" } else { "blocked6" };
        text.push_str(&format!(
            "add element inet vitalwire {set} {{ {ip} timeout {secs}s }}\n"
        ));
    }
    text
}
