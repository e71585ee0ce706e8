//! The finding that a sink panicked, until it delivers again.

use crate::store::{Store, findings};

/// What the finding is called.
const NAME: &str = "sink-panicked";

pub(super) struct Alarm {
    store: Store,
    sink: String,
    /// Whether it may be raised: it may be so from before the start.
    raised: bool,
}

impl Alarm {
    pub(super) fn new(store: &Store, sink: String) -> Self {
        Self {
            store: store.clone(),
            sink,
            raised: true,
        }
    }

    pub(super) fn raise(&mut self) {
        self.raised = true;
        let sink = self.sink.clone();
        self.tell(move |change| {
            let explain = format!(
                "a fault in vitalwire stopped the sink {sink}; it is started anew, and what it has \
                 not delivered waits"
            );
            let told = findings::Told {
                name: NAME,
                subject: &sink,
                severity: 3,
                explain: &explain,
                what_to_do: "Look into the log for what panicked, and report it. An entry that stops \
                             the sink each time is given up after three tries, and counted.",
            };
            findings::raise(change, &told)
        });
    }

    pub(super) fn over(&mut self) {
        if std::mem::take(&mut self.raised) {
            let sink = self.sink.clone();
            self.tell(move |change| findings::over(change, NAME, &sink));
        }
    }

    fn tell(
        &self,
        act: impl FnOnce(&crate::store::Change<'_>) -> Result<(), crate::store::Error> + Send + 'static,
    ) {
        if let Err(error) = self.store.write(act) {
            tracing::warn!(%error, "a finding about a sink could not be stored");
        }
    }
}
