//! What one pump was told and said, over time: a plot a channel and quantity, on one axis.

use std::collections::BTreeMap;

use maud::{Markup, html};

use super::super::plot::{Axis, Line, Mark, Plot, Point};
use super::limits::RateLimit;
use super::{is_order, refused};
use crate::seen::{Pump, Said, Span, Watched};

/// Spans to look at, with their seconds.
pub(super) const SPANS: [(&str, i64); 4] =
    [("15m", 900), ("1h", 3_600), ("8h", 28_800), ("24h", 86_400)];
const MICROS: i64 = 1_000_000;
/// Plots of rates are so high.
const HIGH: f64 = 96.0;
const LOW: f64 = 54.0;

/// The span that was asked for; without one, all that is kept of the last day.
pub(super) fn axis(pump: &Pump, watched: &Watched, asked: &str) -> Option<Axis> {
    let newest = pump.said.back()?.at;
    let end = watched.until(newest);
    let spans = SPANS.iter().find(|(word, _)| *word == asked);
    let longest = spans.map_or(86_400, |(_, seconds)| *seconds);
    let longest = longest.saturating_mul(MICROS);
    let first = pump.said.iter().map(|said| said.at);
    let near = first.filter(|at| end.saturating_sub(*at) <= longest).min();
    let from = match spans {
        Some(_) => end.saturating_sub(longest),
        None => near.unwrap_or(newest),
    };
    // One point alone would say nothing about time.
    let from = from.min(end.saturating_sub(10 * MICROS));
    let whole = Span { from, to: end };
    Some(Axis {
        unseen: watched.unseen(whole),
        whole,
    })
}

/// Channels with what was said of each. Orders name no channel: of a pump with one channel they are
/// its, of others they stand by themselves.
fn channels<'p>(pump: &'p Pump, axis: &Axis) -> Vec<(String, Vec<&'p Said>)> {
    let mut by_channel: BTreeMap<&str, Vec<&Said>> = BTreeMap::new();
    for said in pump.said.iter().filter(|said| axis.has(said.at)) {
        by_channel.entry(&said.channel).or_default().push(said);
    }
    if by_channel.len() == 2
        && let Some(whole) = by_channel.remove("")
        && let Some(channel) = by_channel.values_mut().next()
    {
        channel.extend(whole);
        channel.sort_by_key(|said| said.at);
    }
    by_channel
        .into_iter()
        .map(|(name, all)| (title(name, &all), all))
        .collect()
}

fn title(channel: &str, all: &[&Said]) -> String {
    let last = |of: fn(&Said) -> &str| {
        let mut values = all.iter().rev().map(|said| of(said));
        values.find(|value| !value.is_empty()).unwrap_or_default()
    };
    let label = last(|said| &said.label);
    let name = match (channel, label) {
        ("", _) => "The whole pump".to_owned(),
        (channel, "") => format!("Channel {channel}"),
        (channel, label) => format!("Channel {label} ({channel})"),
    };
    match last(|said| &said.drug) {
        "" => name,
        drug => format!("{name}: {drug}"),
    }
}

/// All plots.
pub(super) fn show(pump: &Pump, axis: &Axis, limits: &[RateLimit]) -> Markup {
    let lines: Vec<Line> = limits
        .iter()
        .map(|limit| Line {
            value: limit.rate,
            name: limit.rule.clone(),
        })
        .collect();
    let channels = channels(pump, axis);
    html! {
        div.plots {
            @for (at, (name, all)) in channels.iter().enumerate() {
                @if channels.len() > 1 || at == 0 { h3 { (name) } }
                (quantity(&format!("rate{at}"), "Rate", "ml/h", HIGH, all, axis, &lines, |said| said.rate))
                (quantity(&format!("left{at}"), "Still to be infused", "ml", LOW, all, axis, &[], |said| said.left))
                (doses(&format!("dose{at}"), all, axis))
            }
            (happened(pump, axis))
            (axis.show())
        }
    }
}

#[expect(
    clippy::too_many_arguments,
    reason = "a plot is what it is of, and how it looks"
)]
fn quantity(
    id: &str,
    title: &str,
    unit: &'static str,
    height: f64,
    all: &[&Said],
    axis: &Axis,
    lines: &[Line],
    of: fn(&Said) -> Option<f64>,
) -> Markup {
    let points: Vec<Point> = all
        .iter()
        .filter_map(|said| point(said, of(said)?))
        .collect();
    if points.is_empty() {
        return html! {};
    }
    let plot = Plot {
        id: id.to_owned(),
        title: title.to_owned(),
        unit,
        points: &points,
        lines,
    };
    plot.values(axis, height)
}

fn point(said: &Said, value: f64) -> Option<Point> {
    let (mark, what) = match said {
        order if refused(order) => (Mark::Refused, format!("ordered by {}, refused", order.by)),
        order if is_order(order) => (Mark::Told, format!("ordered by {}", order.by)),
        report => (Mark::Said, report.action.replace('_', " ")),
    };
    value.is_finite().then_some(Point {
        at: said.at,
        value,
        mark,
        what,
    })
}

/// Doses have the unit of the wire: a plot has those of the last one's.
fn doses(id: &str, all: &[&Said], axis: &Axis) -> Markup {
    let unit = all.iter().rev().find(|said| said.dose.is_some());
    let Some(unit) = unit.map(|said| said.dose_unit.as_str()) else {
        return html! {};
    };
    let of_unit: Vec<&Said> = all
        .iter()
        .copied()
        .filter(|said| said.dose_unit == unit)
        .collect();
    let title = format!(
        "Dose in {}",
        if unit.is_empty() {
            "no known unit"
        } else {
            unit
        }
    );
    quantity(id, &title, "as told", LOW, &of_unit, axis, &[], |said| {
        said.dose
    })
}

const LETTERS: [(&str, &str, &str); 6] = [
    ("program", "◆", "order"),
    ("start", "▶", "start"),
    ("stop", "■", "stop"),
    ("complete", "✓", "done"),
    ("alarm", "▲", "alarm"),
    ("alarm_end", "△", "alarm end"),
];

fn happened(pump: &Pump, axis: &Axis) -> Markup {
    let known = |action: &str| LETTERS.iter().find(|(word, ..)| *word == action);
    let seen = pump.said.iter().filter(|said| axis.has(said.at));
    let points: Vec<Point> = seen
        .filter_map(|said| {
            let (_, letter, name) = known(&said.action)?;
            Some(Point {
                at: said.at,
                value: 0.0,
                mark: Mark::Letter(letter),
                what: format!("{name} {}{}", said.alarm, order(said)),
            })
        })
        .collect();
    if points.is_empty() {
        return html! {};
    }
    let lanes = LETTERS.iter().map(|(_, letter, name)| (*letter, *name));
    let used = lanes.filter(|(letter, _)| {
        let mark = Mark::Letter(letter);
        points.iter().any(|point| point.mark == mark)
    });
    let used: Vec<_> = used.collect();
    let plot = Plot {
        id: "happened".to_owned(),
        title: "What happened".to_owned(),
        unit: "",
        points: &points,
        lines: &[],
    };
    plot.letters(axis, &used)
}

fn order(said: &Said) -> String {
    match said.rate.filter(|_| is_order(said)) {
        Some(rate) => format!("of {rate} ml/h by {}", said.by),
        None => String::new(),
    }
}
