//! What the API counts.

use std::sync::atomic::{AtomicU64, Ordering};

use axum::http::StatusCode;
use dataplane::telemetry::Sample;

use crate::metrics::counter;

/// The counts.
#[derive(Debug, Default)]
pub(super) struct Counts {
    done: AtomicU64,
    refused: AtomicU64,
    failed: AtomicU64,
    limited: AtomicU64,
    connections: AtomicU64,
    logins: AtomicU64,
    missed: AtomicU64,
}

fn add(count: &AtomicU64, more: u64) {
    count.fetch_add(more, Ordering::Relaxed);
}

impl Counts {
    pub(super) fn answered(&self, status: StatusCode) {
        if status == StatusCode::TOO_MANY_REQUESTS {
            add(&self.limited, 1);
        } else if status.is_client_error() {
            add(&self.refused, 1);
        } else if status.is_server_error() {
            add(&self.failed, 1);
        } else {
            add(&self.done, 1);
        }
    }

    pub(super) fn connection_refused(&self) {
        add(&self.connections, 1);
    }

    pub(super) fn login_failed(&self) {
        add(&self.logins, 1);
    }

    pub(super) fn missed(&self, events: u64) {
        add(&self.missed, events);
    }

    pub(super) fn samples(&self) -> Vec<Sample> {
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        let by_outcome = [
            ("done", &self.done),
            ("refused", &self.refused),
            ("failed", &self.failed),
            ("limited", &self.limited),
        ];
        let requests = by_outcome.map(|(outcome, count)| Sample {
            labels: vec![("outcome", outcome.to_owned())],
            ..counter(
                "vitalwire_api_requests_total",
                "Requests to the API; limited: too many of one address, or too many failed logins.",
                read(count),
            )
        });
        let mut samples = requests.to_vec();
        samples.extend([
            counter(
                "vitalwire_api_refused_connections_total",
                "Connections to the API beyond api.limits.",
                read(&self.connections),
            ),
            counter(
                "vitalwire_api_failed_logins_total",
                "Passwords that did not fit.",
                read(&self.logins),
            ),
            counter(
                "vitalwire_api_missed_events_total",
                "Live events that lagging clients missed, and were told so.",
                read(&self.missed),
            ),
        ]);
        samples
    }
}
