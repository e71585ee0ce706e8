//! Whether devices have to stay on the network, and how that is said: loudly where a life may depend on
//! one, quietly where nobody said what it is. Without the hospital's list that is nearly all of them, and
//! a mark that is always there is read by nobody.

use maud::{Markup, Render, html};
use rules::correlate::inventory::{Listed, read_mac};

use crate::inventory::{Entry, Now};

/// Whether cutting a device off may hurt somebody.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Stay {
    No,
    /// Nobody said what it is.
    Unknown,
    /// Treatment, a life or a patient is known to depend on it.
    Vital,
}

impl Stay {
    /// Of the two hosts of an alert, which said so when it was told.
    pub(super) fn of(told: bool, impact: &str, hosts: [&str; 2], now: &Now) -> Self {
        let vital = || {
            let treats = matches!(impact, "likely" | "direct");
            treats
                || hosts
                    .into_iter()
                    .any(|host| listed(host, now).is_some_and(is_vital))
        };
        match told {
            false => Self::No,
            true if vital() => Self::Vital,
            true => Self::Unknown,
        }
    }

    /// Of a device in the hospital's list.
    pub(super) fn of_entry(entry: &Entry) -> Self {
        match (
            entry.do_not_isolate,
            entry.life_support,
            entry.patient_connected,
        ) {
            (false, ..) => Self::No,
            (true, Some(true), _) | (true, _, true) => Self::Vital,
            (true, ..) => Self::Unknown,
        }
    }
}

fn listed<'a>(host: &str, now: &'a Now) -> Option<&'a Listed> {
    match host.parse() {
        Ok(ip) => now.entry(ip),
        Err(_) => now.listed().find(Some(read_mac(host)?), None, None),
    }
}

fn is_vital(listed: &Listed) -> bool {
    listed.life_support == Some(true) || listed.is_at_the_patient()
}

impl Render for Stay {
    fn render(&self) -> Markup {
        html! { @match self {
            Self::No => {}
            Self::Unknown => { " " a.stays.maybe href="/devices/list"
                title="Nobody said what one of these devices is: call before you cut it off. The hospital's list says it." {
                "role unknown" } }
            Self::Vital => { " " span.stays title="Treatment or a life may depend on one of these devices: call first." {
                span aria-hidden="true" { "⊘ " } "do not isolate" } }
        } }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::inventory;

    #[test]
    fn only_what_is_known_to_be_vital_is_said_loudly() {
        let list = "name,role,life_support,ip,mac\n\
            PACS,archive,no,10.0.0.1,\nVentilator,ventilator,yes,10.0.0.2,\nPump,pump,,,00:09:fb:01:01:01\n";
        let list = inventory::parse("l.csv", list, Default::default()).unwrap();
        let now = Now::new(Arc::default(), list.list);
        let of = |impact, other| Stay::of(true, impact, ["10.0.0.1", other], &now);
        assert_eq!(of("none", "10.0.0.9"), Stay::Unknown);
        assert_eq!(of("possible", "10.0.0.2"), Stay::Vital, "a ventilator");
        assert_eq!(of("none", "00:09:fb:01:01:01"), Stay::Vital, "a pump");
        assert_eq!(of("likely", "10.0.0.9"), Stay::Vital, "treatment");
        let told = Stay::of(false, "none", ["10.0.0.9", "10.0.0.1"], &now);
        assert_eq!(told, Stay::No);
        let shown = Stay::Unknown.render().into_string();
        assert!(shown.contains("role unknown") && shown.contains("/devices/list"));
        assert!(!shown.contains("do not isolate"), "{shown}");
    }
}
