//! The SIEM recipes in `deploy/siem`, against what the appliance really says.

mod elastic;
mod wazuh;

use serde_json::Value;

use crate::sinks::events;

/// Every event of the shipped captures, and what the appliance tells of itself.
fn lines() -> Vec<Value> {
    events::recorded()
        .into_iter()
        .chain(events::own())
        .collect()
}
