//! When anything could be seen at all. Charts hatch the rest: nothing is made up for it.

use std::collections::VecDeque;

/// Spans that are kept, the newest.
const SPANS_MAX: usize = 256;
/// A wire may be silent for so long, in microseconds; a longer jump is another span, as it is between
/// two captures.
const SILENCE_MAX: i64 = 3_600_000_000;

/// A span of packet time, in microseconds.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Span {
    /// Its begin.
    pub from: i64,
    /// Its end.
    pub to: i64,
}

/// The spans in which it was seen, as they came.
#[derive(Clone, Debug, Default)]
pub struct Watched {
    spans: VecDeque<Span>,
    blind: bool,
}

impl Watched {
    /// Something was seen.
    pub fn at(&mut self, at: i64) {
        if self.blind {
            return;
        }
        let near = |span: &&mut Span| {
            let (from, to) = (span.from, span.to);
            (from.saturating_sub(SILENCE_MAX)..=to.saturating_add(SILENCE_MAX)).contains(&at)
        };
        match self.spans.back_mut().filter(near) {
            Some(span) => {
                span.from = span.from.min(at);
                span.to = span.to.max(at);
            }
            None => self.open(at),
        }
    }

    fn open(&mut self, at: i64) {
        if self.spans.len() >= SPANS_MAX {
            self.spans.pop_front();
        }
        self.spans.push_back(Span { from: at, to: at });
    }

    /// From now on nothing is seen.
    pub fn blind(&mut self, at: i64) {
        self.at(at);
        self.blind = true;
    }

    /// It is seen again.
    pub fn seeing(&mut self, at: i64) {
        if self.blind {
            self.blind = false;
            self.open(at);
        }
    }

    /// What of a span was not seen, in the order of time.
    #[must_use]
    pub fn unseen(&self, whole: Span) -> Vec<Span> {
        let mut seen: Vec<Span> = self.spans.iter().copied().collect();
        seen.sort_by_key(|span| span.from);
        let mut unseen = Vec::new();
        let mut upto = whole.from;
        for span in seen {
            if span.from > upto && upto < whole.to {
                let to = span.from.min(whole.to);
                unseen.push(Span { from: upto, to });
            }
            upto = upto.max(span.to);
        }
        if upto < whole.to {
            unseen.push(Span {
                from: upto,
                to: whole.to,
            });
        }
        unseen
    }

    /// Until when it was seen, of what is near a time.
    #[must_use]
    pub fn until(&self, at: i64) -> i64 {
        let near = self
            .spans
            .iter()
            .filter(|span| (span.from..=span.to).contains(&at));
        near.map(|span| span.to).max().unwrap_or(at)
    }
}

#[cfg(test)]
mod tests {
    use super::{SILENCE_MAX, SPANS_MAX, Span, Watched};

    fn span(from: i64, to: i64) -> Span {
        Span { from, to }
    }

    #[test]
    fn what_was_not_seen_is_before_the_first_event_while_blind_and_after_the_last() {
        let mut watched = Watched::default();
        watched.at(10);
        watched.at(20);
        watched.blind(30);
        watched.at(35);
        watched.seeing(40);
        watched.at(50);
        let unseen = watched.unseen(span(0, 60));
        assert_eq!(unseen, [span(0, 10), span(30, 40), span(50, 60)]);
        assert_eq!(watched.unseen(span(12, 28)), []);
        assert_eq!(watched.until(45), 50);
    }

    #[test]
    fn a_capture_of_another_day_is_another_span_and_there_are_not_endlessly_many() {
        let mut watched = Watched::default();
        for day in 0..1_000 {
            watched.at(day * 3 * SILENCE_MAX);
        }
        assert_eq!(watched.spans.len(), SPANS_MAX);
        assert!(
            watched.unseen(span(0, 4 * SILENCE_MAX)).len() == 1,
            "forgotten is not seen"
        );
    }
}
