//! Charts: SVG that a screen reader can read, with the numbers in a table behind it. Time that was not
//! seen is hatched, never made up.

use maud::{Markup, PreEscaped, html};

use super::marks;

/// The height of a chart's bars.
const HEIGHT: f64 = 56.0;
/// Of the width, what all of them take; the rest is for the last value.
const WIDTH: f64 = 88.0;

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
        html! {
            figure class={ "chart plot " (self.class) } {
                figcaption {
                    strong { (self.title) } " " (self.each)
                    span.dim { @if most == 0 { ", none" } @else { ", 0 to " (marks::grouped(most)) }
                        @if self.bars.iter().any(|bar| bar.value.is_none()) { "; hatched: not seen" } }
                }
                (self.drawn(most))
                (self.axis())
                details { summary { "data" } (self.table()) }
            }
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "for a drawing")]
    fn drawn(&self, most: u64) -> Markup {
        let step = WIDTH / self.bars.len().max(1) as f64;
        let mut drawn = String::new();
        let mut at = 0;
        while let Some(bar) = self.bars.get(at) {
            let unseen = self.bars.iter().skip(at);
            let unseen = unseen.take_while(|bar| bar.value.is_none()).count();
            let x = at as f64 * step;
            match bar.value {
                None => drawn.push_str(&format!(
                    "<rect class=\"unseen\" x=\"{x:.2}%\" y=\"0\" width=\"{:.2}%\" height=\"{HEIGHT}\" fill=\"url(#hatch-{})\"/>",
                    unseen as f64 * step,
                    self.id
                )),
                Some(0) => {}
                Some(value) => {
                    let height = (value as f64 / most.max(1) as f64 * HEIGHT).max(1.0);
                    drawn.push_str(&format!(
                        "<rect class=\"bar\" x=\"{x:.2}%\" y=\"{:.1}\" width=\"{:.2}%\" height=\"{height:.1}\"/>",
                        HEIGHT - height,
                        step * 0.84
                    ));
                }
            }
            at = at.saturating_add(unseen.max(1));
        }
        let last = self.bars.iter().enumerate().rev();
        let last = last.filter_map(|(at, bar)| Some((at, bar.value?))).next();
        if let Some((at, value)) = last {
            let y = HEIGHT - value as f64 / most.max(1) as f64 * HEIGHT;
            drawn.push_str(&format!(
                "<text class=\"last\" x=\"{:.2}%\" dx=\"6\" y=\"{:.1}\">{}</text>",
                (at as f64 + 0.84) * step,
                (y + 10.0).min(HEIGHT),
                marks::rounded(value)
            ));
        }
        html! {
            svg width="100%" height=(HEIGHT + 1.0) role="img" aria-labelledby={ (self.id) "-t " (self.id) "-d" } {
                title id={ (self.id) "-t" } { (self.title) }
                desc id={ (self.id) "-d" } { (self.said(most)) }
                defs { pattern id={ "hatch-" (self.id) } width="6" height="6" patternUnits="userSpaceOnUse" {
                    path.hatch d="M0 6 6 0" {}
                } }
                (PreEscaped(drawn))
                line.axis x1="0" x2={ (WIDTH) "%" } y1=(HEIGHT + 0.5) y2=(HEIGHT + 0.5) {}
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
