//! The signals that the appliance listens to.

use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::error::Error;

/// Reload, and two ways to end it.
pub(crate) struct Signals {
    pub(crate) hup: Signal,
    pub(crate) term: Signal,
    pub(crate) int: Signal,
}

impl Signals {
    pub(crate) fn new() -> Result<Self, Error> {
        let failed = |error| Error::Failed(format!("signals: {error}"));
        Ok(Self {
            hup: signal(SignalKind::hangup()).map_err(failed)?,
            term: signal(SignalKind::terminate()).map_err(failed)?,
            int: signal(SignalKind::interrupt()).map_err(failed)?,
        })
    }
}
