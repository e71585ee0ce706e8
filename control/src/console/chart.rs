//! Charts: SVG that a screen reader can read, with the numbers in a table behind it. Time that was not
//! seen is hatched, never made up.

use maud::{Markup, PreEscaped, html};

use super::marks;

/// The height of a chart's bars.
const HEIGHT: f64 = 56.0;
/// The width of all of them.
const WIDTH: f64 = 600.0;

/// A bar of a chart over time.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bar {
    /// Where it begins, in microseconds.
    pub(super) at: i64,
    /// How much; nothing where nobody looked.
    pub(super) value: Option<u64>,
}

/// A chart over time, with one unit.
pub(super) struct Chart<'a> {
    pub(super) id: &'a str,
    pub(super) title: &'a str,
    pub(super) unit: &'a str,
    /// What a bar stands for, in words.
    pub(super) each: &'a str,
    /// `loss` is coloured; everything else is ink.
    pub(super) class: &'a str,
    pub(super) bars: &'a [Bar],
}

impl Chart<'_> {
    pub(super) fn show(&self) -> Markup {
        let most = self
            .bars
            .iter()
            .filter_map(|bar| bar.value)
            .max()
            .unwrap_or(0);
        let last = self.bars.iter().rev().find_map(|bar| bar.value);
        html! {
            figure class={ "chart " (self.class) } {
                figcaption {
                    (self.title)
                    @if let Some(last) = last { " " strong { (marks::grouped(last)) } " " span.dim { (self.unit) ", last" } }
                    span.dim { " · most " (marks::grouped(most)) " · a bar is " (self.each) }
                }
                (self.drawn(most))
                (self.axis())
                details { summary { "data" } (self.table()) }
            }
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "for a drawing")]
    fn drawn(&self, most: u64) -> Markup {
        let count = self.bars.len().max(1) as f64;
        let step = WIDTH / count;
        let mut drawn = String::new();
        for (at, bar) in self.bars.iter().enumerate() {
            let x = at as f64 * step;
            let width = (step - 1.0).max(0.5);
            let (class, height) = match bar.value {
                None => ("unseen", HEIGHT),
                Some(0) => continue,
                Some(value) => ("bar", (value as f64 / most.max(1) as f64 * HEIGHT).max(1.0)),
            };
            let y = HEIGHT - height;
            let fill = if class == "unseen" {
                format!(" fill=\"url(#hatch-{})\"", self.id)
            } else {
                String::new()
            };
            drawn.push_str(&format!(
                "<rect class=\"{class}\" x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{height:.1}\"{fill}/>"
            ));
        }
        html! {
            svg viewBox={ "0 0 " (WIDTH) " " (HEIGHT + 1.0) } preserveAspectRatio="none" role="img"
                aria-labelledby={ (self.id) "-t " (self.id) "-d" } {
                title id={ (self.id) "-t" } { (self.title) }
                desc id={ (self.id) "-d" } { (self.said(most)) }
                defs { pattern id={ "hatch-" (self.id) } width="6" height="6" patternUnits="userSpaceOnUse" {
                    path.hatch d="M0 6 6 0" {}
                } }
                (PreEscaped(drawn))
                line.axis x1="0" x2=(WIDTH) y1=(HEIGHT + 0.5) y2=(HEIGHT + 0.5) {}
            }
        }
    }

    fn said(&self, most: u64) -> String {
        let unseen = self.bars.iter().filter(|bar| bar.value.is_none()).count();
        format!(
            "{} bars, each {}; at most {most} {}; {unseen} of them not seen.",
            self.bars.len(),
            self.each,
            self.unit
        )
    }

    fn axis(&self) -> Markup {
        let ends = [self.bars.first(), self.bars.last()];
        html! {
            div.ends { @for bar in ends.into_iter().flatten() { (marks::time(bar.at)) } }
        }
    }

    fn table(&self) -> Markup {
        html! {
            div.scroll tabindex="0" role="region" aria-label={ (self.title) ", data" } {
                table {
                    thead { tr { th { "From" } th.number { (self.unit) } } }
                    tbody { @for bar in self.bars { tr {
                        td { (marks::time(bar.at)) }
                        td.number { @match bar.value { Some(value) => (marks::grouped(value)), None => "not seen" } }
                    } } }
                }
            }
        }
    }
}
