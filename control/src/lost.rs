//! Losses announced in the log as they happen: each stage and cause at most once in a while, with
//! how much it has become since.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::clock::Stopwatch;
use crate::ledger::Loss;

/// The shortest time between two lines about the same loss.
const SILENCE: Duration = Duration::from_secs(60);

/// What was lost so far, as it was told.
#[derive(Default)]
pub struct Lost {
    told: BTreeMap<(String, String), Told>,
}

struct Told {
    count: u64,
    since: Stopwatch,
}

impl Lost {
    /// What to say now: losses that are new, or have grown and were not mentioned lately, each with
    /// how many since it was told last.
    pub fn news(&mut self, losses: &[Loss]) -> Vec<(Loss, u64)> {
        let mut news = Vec::new();
        for loss in losses {
            let key = (loss.stage.clone(), loss.cause.clone());
            let known = self.told.get(&key);
            if known.is_some_and(|told| told.since.elapsed() < SILENCE) {
                continue;
            }
            let more = loss
                .count
                .saturating_sub(known.map_or(0, |told| told.count));
            if more > 0 {
                news.push((loss.clone(), more));
                let told = Told {
                    count: loss.count,
                    since: Stopwatch::start(),
                };
                self.told.insert(key, told);
            }
        }
        news
    }

    /// Says it in the log.
    pub fn announce(&mut self, losses: &[Loss]) {
        for (loss, more) in self.news(losses) {
            let (stage, cause) = (loss.stage.as_str(), loss.cause.as_str());
            tracing::warn!(
                stage,
                cause,
                lost = more,
                total = loss.count,
                "{}",
                loss.help
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_loss_is_told_at_once_and_then_rarely() {
        let loss = |count| Loss {
            stage: "lane".to_owned(),
            cause: "full".to_owned(),
            count,
            help: "records shed",
        };
        let mut lost = Lost::default();
        assert!(lost.news(&[]).is_empty());
        let news = lost.news(&[loss(5)]);
        assert_eq!(news.len(), 1);
        assert_eq!(news[0].1, 5);
        assert!(lost.news(&[loss(900)]).is_empty(), "a moment ago");
    }
}
