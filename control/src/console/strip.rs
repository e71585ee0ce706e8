//! The strip on top of every page. It is never good by default: what is not known says so.

use dataplane::capture::live::steered;
use maud::{Markup, html};

use super::marks;
use crate::api::Api;
use crate::pulse::{self, Second};

/// How something is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum How {
    Good,
    Bad,
    Unknown,
}

impl How {
    const fn class(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Bad => "bad",
            Self::Unknown => "unknown",
        }
    }

    const fn mark(self) -> &'static str {
        match self {
            Self::Good => "✓",
            Self::Bad => "✕",
            Self::Unknown => "?",
        }
    }
}

struct Cell {
    name: &'static str,
    how: How,
    text: Markup,
}

/// The strip.
pub(super) fn strip(api: &Api) -> Markup {
    let seconds = api.health().pulse();
    let cells = [
        capture(api, &seconds),
        rate(&seconds),
        worst(&seconds),
        coverage(&seconds),
        rules(api),
        clock(api),
    ];
    html! {
        dl.strip #strip data-told=(api.told()) {
            @for cell in cells {
                div class=(cell.how.class()) {
                    dt { (cell.name) }
                    dd { span.mark aria-hidden="true" { (cell.how.mark()) } " " (cell.text) }
                }
            }
        }
    }
}

fn capture(api: &Api, seconds: &[Second]) -> Cell {
    let name = "Capture";
    if seconds.is_empty() {
        return Cell {
            name,
            how: How::Unknown,
            text: html! { "unknown: just started" },
        };
    }
    match api.blind() {
        Some(why) => Cell {
            name,
            how: How::Bad,
            text: html! { "blind: " (why) },
        },
        None => Cell {
            name,
            how: How::Good,
            text: html! { "seeing" @if replayed(api) { " captures" } },
        },
    }
}

/// Whether captures are read, not an interface.
pub(super) fn replayed(api: &Api) -> bool {
    !api.desk().in_force().0.capture.files.is_empty()
}

fn rate(seconds: &[Second]) -> Cell {
    let last: Vec<Second> = seconds.iter().rev().take(5).copied().collect();
    let count = u64::try_from(last.len()).unwrap_or(1).max(1);
    let rate = pulse::sum(&last).frames / count;
    let (how, text) = match last.len() {
        0 => (How::Unknown, html! { "unknown" }),
        _ if rate == 0 => (How::Unknown, html! { "0" }),
        _ => (How::Good, html! { (marks::grouped(rate)) }),
    };
    Cell {
        name: "Packets/s",
        how,
        text,
    }
}

fn worst(seconds: &[Second]) -> Cell {
    let name = "Worst second, 1 h";
    let worst = seconds.iter().max_by_key(|second| second.lost);
    let (how, text) = match worst {
        None => (How::Unknown, html! { "unknown" }),
        Some(second) if second.lost == 0 => (How::Good, html! { "0 lost" }),
        Some(second) => (
            How::Bad,
            html! { (marks::grouped(second.lost)) " lost, " (marks::clock(second.at)) },
        ),
    };
    Cell { name, how, text }
}

fn coverage(seconds: &[Second]) -> Cell {
    let name = "Coverage, 1 h";
    match pulse::sum(seconds).coverage() {
        None => Cell {
            name,
            how: How::Unknown,
            text: html! { "unknown" },
        },
        Some(share) => Cell {
            name,
            how: if share >= 0.999 { How::Good } else { How::Bad },
            text: html! { (marks::percent(share)) },
        },
    }
}

fn rules(api: &Api) -> Cell {
    let (_, loaded) = api.desk().in_force();
    let (armed, unarmed) = loaded.counts();
    Cell {
        name: "Rules",
        how: if armed == 0 {
            How::Bad
        } else if unarmed > 0 {
            How::Unknown
        } else {
            How::Good
        },
        text: html! {
            (armed) " armed"
            @if unarmed > 0 { ", " a href="/rules?state=unarmed" { (unarmed) " not" } }
        },
    }
}

/// The kernel knows whether somebody keeps its clock right.
fn clock(api: &Api) -> Cell {
    let name = "Clock";
    let steps = api
        .health()
        .snapshot()
        .total("vitalwire_correlator_clock_steps_total");
    let (how, text) = match (steered::clock(), steps) {
        // Captures have a time of their own, and jump between each other.
        _ if replayed(api) => (How::Unknown, html! { "that of captures" }),
        (_, 1..) => (How::Bad, html! { "stepped " (steps) " times" }),
        (None, 0) => (How::Unknown, html! { "unknown" }),
        (Some(told), 0) if told.synchronised => (
            How::Good,
            html! { "right to " (told.error_max_us.div_euclid(1_000).saturating_add(1)) " ms" },
        ),
        (Some(_), 0) => (How::Bad, html! { "nobody sets it" }),
    };
    Cell { name, how, text }
}
