//! Plots over time that stand below each other on one axis. What is not seen is hatched, and between
//! two points there is nothing: nobody looked there.
//!
//! Places on the axis are shares of the width, so that marks and letters keep their form at any size.

use maud::{Markup, PreEscaped, html};

use super::marks;
use crate::seen::Span;

/// Of the width, where the axis begins and how much it takes; the rest is for the last value.
const BEGIN: f64 = 0.6;
const WIDTH: f64 = 87.4;
/// Above the highest mark there is room for letters.
const TOP: f64 = 16.0;
/// The height of a lane of letters.
const LANE: f64 = 17.0;
/// Parts of the axis that have a time.
const PARTS: i64 = 4;

/// How something is drawn.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Mark {
    /// Filled: somebody ordered it.
    Told,
    /// A cross: it was ordered and refused.
    Refused,
    /// Hollow: it was reported.
    Said,
    /// A letter on the line.
    Letter(&'static str),
}

/// A point.
#[derive(Clone, Debug)]
pub(super) struct Point {
    /// When, in microseconds.
    pub(super) at: i64,
    pub(super) value: f64,
    pub(super) mark: Mark,
    /// What the table says of it.
    pub(super) what: String,
}

/// A line across.
pub(super) struct Line {
    pub(super) value: f64,
    pub(super) name: String,
}

/// One of the plots.
pub(super) struct Plot<'a> {
    pub(super) id: String,
    pub(super) title: String,
    pub(super) unit: &'static str,
    pub(super) points: &'a [Point],
    pub(super) lines: &'a [Line],
}

/// The axis that all of them share.
pub(super) struct Axis {
    pub(super) whole: Span,
    pub(super) unseen: Vec<Span>,
}

impl Axis {
    #[expect(clippy::cast_precision_loss, reason = "for a drawing")]
    fn share(&self, at: i64) -> f64 {
        let (from, to) = (self.whole.from, self.whole.to);
        let length = to.saturating_sub(from).max(1) as f64;
        let share = at.clamp(from, to).saturating_sub(from) as f64 / length;
        share.mul_add(WIDTH, BEGIN)
    }

    pub(super) fn has(&self, at: i64) -> bool {
        (self.whole.from..=self.whole.to).contains(&at)
    }

    /// Where parts begin.
    fn parts(&self) -> Vec<i64> {
        let length = self.whole.to.saturating_sub(self.whole.from);
        let part = length.checked_div(PARTS).unwrap_or(0);
        (0..PARTS)
            .map(|n| self.whole.from.saturating_add(part.saturating_mul(n)))
            .collect()
    }

    /// The times below the plots.
    pub(super) fn show(&self) -> Markup {
        html! {
            div.ticks aria-hidden="true" { @for at in self.parts() { span { (marks::clock(at)) } } }
            p.dim.axis-words { (marks::time(self.whole.from)) " to " (marks::time(self.whole.to))
                @if !self.unseen.is_empty() { ". Hatched: not seen" } }
        }
    }

    fn ground(&self, id: &str, height: f64) -> String {
        let mut drawn = String::new();
        for span in &self.unseen {
            let (from, to) = (self.share(span.from), self.share(span.to));
            drawn.push_str(&format!(
                "<rect class=\"unseen\" x=\"{from:.2}%\" y=\"{TOP}\" width=\"{:.2}%\" height=\"{:.1}\" fill=\"url(#hatch-{id})\"/>",
                (to - from).max(0.15),
                height - TOP
            ));
        }
        for at in self.parts() {
            let x = self.share(at);
            drawn.push_str(&format!(
                "<line class=\"grid\" x1=\"{x:.2}%\" x2=\"{x:.2}%\" y1=\"{TOP}\" y2=\"{height}\"/>"
            ));
        }
        let end = BEGIN + WIDTH;
        drawn.push_str(&format!(
            "<line class=\"axis\" x1=\"{BEGIN}%\" x2=\"{end}%\" y1=\"{height}\" y2=\"{height}\"/>"
        ));
        drawn
    }
}

impl Plot<'_> {
    /// Values from zero, in a plot of this height.
    pub(super) fn values(&self, axis: &Axis, height: f64) -> Markup {
        let most = self.points.iter().map(|point| point.value);
        let most = most.fold(0.0, f64::max);
        // A limit far above would press everything else to the ground.
        let near = |line: &&Line| line.value <= most * 4.0;
        let (lines, above): (Vec<&Line>, Vec<&Line>) = self.lines.iter().partition(near);
        let top = lines.iter().map(|line| line.value).fold(most, f64::max);
        let y = |value: f64| {
            let share = if top > 0.0 { value.max(0.0) / top } else { 0.0 };
            height - share * (height - TOP)
        };
        let mut drawn = axis.ground(&self.id, height);
        for line in &lines {
            drawn.push_str(&limit(line, y(line.value)));
        }
        for point in self.points {
            drawn.push_str(&stem(
                axis.share(point.at),
                y(point.value),
                height,
                point.mark,
            ));
        }
        if let Some(last) = self.points.last() {
            drawn.push_str(&format!(
                "<text class=\"last\" x=\"{:.2}%\" dx=\"9\" y=\"{:.1}\">{}</text>",
                axis.share(last.at),
                y(last.value).clamp(TOP, height) + 1.0,
                last.value
            ));
        }
        let caption = html! {
            strong { (self.title) } ", " (self.unit)
            span.dim { ", from 0 to " (top) }
            @for line in above { span.dim { " · " (line.name) " of " (line.value) " is above this" } }
        };
        self.figure(axis, height, &caption, drawn)
    }

    /// What happened when: a lane for each letter, with its name at the end.
    #[expect(clippy::cast_precision_loss, reason = "for a drawing")]
    pub(super) fn letters(&self, axis: &Axis, lanes: &[(&'static str, &'static str)]) -> Markup {
        let height = TOP + lanes.len() as f64 * LANE;
        let mut drawn = axis.ground(&self.id, height);
        for (lane, (letter, name)) in lanes.iter().enumerate() {
            let y = TOP + lane as f64 * LANE + LANE - 4.0;
            let of = |point: &&Point| point.mark == Mark::Letter(letter);
            for point in self.points.iter().filter(of) {
                let x = axis.share(point.at);
                drawn.push_str(&format!(
                    "<text class=\"letter\" x=\"{x:.2}%\" y=\"{y:.1}\">{letter}</text>"
                ));
            }
            let end = BEGIN + WIDTH;
            drawn.push_str(&format!(
                "<text class=\"lane\" x=\"{end}%\" dx=\"5\" y=\"{y:.1}\">{name}</text>"
            ));
        }
        let caption = html! { strong { (self.title) } };
        self.figure(axis, height, &caption, drawn)
    }

    fn figure(&self, axis: &Axis, height: f64, caption: &Markup, drawn: String) -> Markup {
        html! {
            figure.plot {
                figcaption { (caption) }
                svg width="100%" height=(height + 6.0) role="img" aria-labelledby={ (self.id) "-t " (self.id) "-d" } {
                    title id={ (self.id) "-t" } { (self.title) }
                    desc id={ (self.id) "-d" } { (self.said(axis)) }
                    defs { pattern id={ "hatch-" (self.id) } width="6" height="6" patternUnits="userSpaceOnUse" {
                        path.hatch d="M0 6 6 0" {}
                    } }
                    (PreEscaped(drawn))
                }
                details { summary { "data" } (self.table(axis)) }
            }
        }
    }

    fn said(&self, axis: &Axis) -> String {
        let last = self.points.last();
        let last = last.map(|last| format!(", the last one {} {}", last.value, self.unit));
        format!(
            "{} points{}; {} spans not seen.",
            self.points.len(),
            last.filter(|_| !self.unit.is_empty()).unwrap_or_default(),
            axis.unseen.len()
        )
    }

    fn table(&self, axis: &Axis) -> Markup {
        html! {
            div.scroll tabindex="0" role="region" aria-label={ (self.title) ", data" } { table {
                thead { tr { th { "Time" } th { "What" } @if !self.unit.is_empty() { th.number { (self.unit) } } } }
                tbody {
                    @for point in self.points.iter().rev() { tr {
                        td { (marks::time(point.at)) } td { (point.what) }
                        @if !self.unit.is_empty() { td.number { (point.value) } }
                    } }
                    @for span in &axis.unseen { tr { td { (marks::time(span.from)) } td { "not seen until " (marks::time(span.to)) }
                        @if !self.unit.is_empty() { td {} } } }
                }
            } }
        }
    }
}

fn limit(line: &Line, y: f64) -> String {
    let end = BEGIN + WIDTH;
    format!(
        "<line class=\"limit\" x1=\"{BEGIN}%\" x2=\"{end}%\" y1=\"{y:.1}\" y2=\"{y:.1}\"/>\
         <text class=\"limit-name\" x=\"{end}%\" dx=\"-3\" y=\"{:.1}\">{} {}</text>",
        y - 3.0,
        line.value,
        html! { (line.name) }.into_string()
    )
}

fn stem(x: f64, y: f64, height: f64, mark: Mark) -> String {
    let head = match mark {
        Mark::Refused => format!(
            "<text class=\"letter\" x=\"{x:.2}%\" y=\"{:.1}\">✕</text>",
            y + 4.0
        ),
        Mark::Told => format!("<circle class=\"told\" cx=\"{x:.2}%\" cy=\"{y:.1}\" r=\"3.5\"/>"),
        _ => format!("<circle class=\"said\" cx=\"{x:.2}%\" cy=\"{y:.1}\" r=\"3.5\"/>"),
    };
    format!(
        "<line class=\"stem\" x1=\"{x:.2}%\" x2=\"{x:.2}%\" y1=\"{height}\" y2=\"{y:.1}\"/>{head}"
    )
}

#[cfg(test)]
mod tests {
    use super::{Axis, Line, Mark, Plot, Point, Span};

    fn axis() -> Axis {
        Axis {
            whole: Span { from: 0, to: 100 },
            unseen: vec![Span { from: 25, to: 50 }],
        }
    }

    fn point(at: i64, value: f64) -> Point {
        Point {
            at,
            value,
            mark: Mark::Said,
            what: "report".to_owned(),
        }
    }

    #[test]
    fn a_plot_can_be_read_and_says_what_was_not_seen() {
        let points = [point(0, 50.0), point(100, 125.0)];
        let lines = [("near", 400.0), ("far", 999.0)].map(|(name, value)| Line {
            value,
            name: name.to_owned(),
        });
        let plot = Plot {
            id: "p".to_owned(),
            title: "Rate".to_owned(),
            unit: "ml/h",
            points: &points,
            lines: &lines,
        };
        let shown = plot.values(&axis(), 90.0).into_string();
        for part in [
            "<title id=\"p-t\">Rate</title>",
            "2 points, the last one 125 ml/h; 1 spans not seen.",
            "class=\"unseen\"",
            ">125</text>",
            ">400 near</text>",
            "far of 999 is above this",
            "not seen until",
        ] {
            assert!(shown.contains(part), "{part}: {shown}");
        }
        assert!(
            !shown.contains("polyline") && !shown.contains("<path d"),
            "nothing between points"
        );
    }

    #[test]
    fn names_of_limits_are_escaped() {
        let lines = [Line {
            value: 1.0,
            name: "<b>".to_owned(),
        }];
        let points = [point(5, 1.0)];
        let plot = Plot {
            id: "p".to_owned(),
            title: "Rate".to_owned(),
            unit: "ml/h",
            points: &points,
            lines: &lines,
        };
        assert!(!plot.values(&axis(), 90.0).into_string().contains("<b>"));
    }
}
