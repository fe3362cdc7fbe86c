//! The drawings of the page: bars, distributions, timelines. Plain SVG whose colours are the page's.
//!
//! All are 420 units wide, so that letters keep their size beside each other and on a telephone.

use std::fmt::Write as _;

use super::digits::three;
use super::figures::Cell;
use super::records::Span;

const WIDTH: f64 = 420.0;

/// The left edge of bars and lanes.
const LEFT: f64 = 104.0;

/// The room at the right for figures behind bars.
const RIGHT: f64 = 52.0;

/// The most requests of one timeline.
const REQUESTS: usize = 200;

/// The text with everything escaped that HTML and SVG take for markup.
pub(super) fn escape(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            c => safe.push(c),
        }
    }
    safe
}

/// One bar: its label, its colour's number, its figure, and the figures of single rounds.
pub(super) struct ChartBar {
    pub(super) label: String,
    pub(super) color: usize,
    pub(super) value: f64,
    pub(super) rounds: Vec<f64>,
}

/// Opens a drawing with what a screen reader says of it.
fn open(id: &str, height: f64, title: &str, description: &str) -> String {
    format!(
        "<svg viewBox=\"0 0 {WIDTH} {height:.0}\" role=\"img\" aria-labelledby=\"{id}-t {id}-d\">\
         <title id=\"{id}-t\">{}</title><desc id=\"{id}-d\">{}</desc>\n",
        escape(title),
        escape(description)
    )
}

/// Lines across with their figures below, from 0 to `most`, and the unit at the end.
fn axis(out: &mut String, x: impl Fn(f64) -> f64, most: f64, top: f64, bottom: f64, unit: &str) {
    let step = round_step(most / 4.0);
    let mut tick = 0.0;
    while tick <= most * 1.0001 {
        let at = x(tick);
        let _ = writeln!(
            out,
            "<line class=\"grid\" x1=\"{at:.1}\" y1=\"{top:.1}\" x2=\"{at:.1}\" y2=\"{bottom:.1}\"/>\
             <text class=\"tick\" x=\"{at:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{}</text>",
            bottom + 14.0,
            short(tick)
        );
        tick += step;
    }
    let _ = writeln!(
        out,
        "<text class=\"tick\" x=\"{WIDTH}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
        bottom + 29.0,
        escape(unit)
    );
}

/// A figure of an axis, without zeros that say nothing.
fn short(value: f64) -> String {
    let text = format!("{value:.3}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// 1, 2 or 5 times a power of ten, at least this large.
fn round_step(least: f64) -> f64 {
    let power = 10_f64.powf(least.max(1e-9).log10().floor());
    [1.0, 2.0, 5.0, 10.0].into_iter().map(|n| n * power).find(|step| *step >= least * 0.999).unwrap_or(10.0 * power)
}

/// Bars from the left, a dot for every round.
pub(super) fn bars(id: &str, title: &str, unit: &str, bars: &[ChartBar]) -> String {
    const ROW: f64 = 24.0;
    let most = bars.iter().flat_map(|bar| bar.rounds.iter().copied().chain([bar.value])).fold(1e-9, f64::max);
    let x = |value: f64| LEFT + value / most * (WIDTH - LEFT - RIGHT);
    let bottom = 6.0 + ROW * bars.len() as f64;
    let told: Vec<String> = bars.iter().map(|bar| format!("{} {} {unit}", bar.label, three(bar.value))).collect();
    let mut out = open(id, bottom + 34.0, title, &told.join("; "));
    axis(&mut out, x, most, 2.0, bottom, unit);
    for (bar, n) in bars.iter().zip(0..) {
        let (top, middle) = (8.0 + ROW * f64::from(n), 6.0 + ROW * (f64::from(n) + 0.5));
        let end = bar.rounds.iter().copied().fold(bar.value, f64::max);
        let _ = writeln!(
            out,
            "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>\
             <rect class=\"f{}\" x=\"{LEFT}\" y=\"{top:.1}\" width=\"{:.1}\" height=\"{:.1}\"/>\
             <text class=\"value\" x=\"{:.1}\" y=\"{:.1}\">{}</text>",
            LEFT - 8.0,
            middle + 4.0,
            escape(&bar.label),
            bar.color,
            (x(bar.value) - LEFT).max(1.0),
            ROW - 6.0,
            x(end) + 8.0,
            middle + 4.0,
            three(bar.value),
        );
        for round in &bar.rounds {
            let _ = writeln!(out, "<circle class=\"round\" cx=\"{:.1}\" cy=\"{middle:.1}\" r=\"2.6\"/>", x(*round));
        }
    }
    let _ = writeln!(out, "<line class=\"base\" x1=\"{LEFT}\" y1=\"2\" x2=\"{LEFT}\" y2=\"{bottom:.1}\"/></svg>");
    out
}

/// The share of requests that were answered by a time, a line for each cell.
pub(super) fn distribution(id: &str, title: &str, cells: &[(usize, &Cell)]) -> String {
    const TOP: f64 = 8.0;
    const BOTTOM: f64 = 200.0;
    const FROM: f64 = 42.0;
    let last = |cell: &Cell| cell.sample.quantiles.last().copied().unwrap_or(0.0);
    let most = cells.iter().map(|(_, cell)| last(cell)).fold(1e-9, f64::max);
    let x = |ms: f64| FROM + ms / most * (WIDTH - FROM - 14.0);
    let y = |share: f64| BOTTOM - share * (BOTTOM - TOP);
    let told: Vec<String> = cells
        .iter()
        .map(|(_, cell)| {
            let quantiles = &cell.sample.quantiles;
            let half = quantiles.get(quantiles.len() / 2).copied().unwrap_or(0.0);
            format!("{}: half within {} ms, all within {} ms", cell.name(), three(half), three(last(cell)))
        })
        .collect();
    let mut out = open(id, BOTTOM + 34.0, title, &told.join("; "));
    axis(&mut out, x, most, TOP, BOTTOM, "ms from the start of a request to its end");
    for share in [0.0, 0.25, 0.5, 0.75, 1.0] {
        let at = y(share);
        let _ = writeln!(
            out,
            "<line class=\"grid\" x1=\"{FROM}\" y1=\"{at:.1}\" x2=\"{:.1}\" y2=\"{at:.1}\"/>\
             <text class=\"tick\" x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{:.0} %</text>",
            WIDTH - 14.0,
            FROM - 6.0,
            at + 4.0,
            share * 100.0
        );
    }
    for (color, cell) in cells {
        let steps = cell.sample.quantiles.len().saturating_sub(1).max(1) as f64;
        let mut points = String::new();
        for (ms, n) in cell.sample.quantiles.iter().zip(0..) {
            let _ = write!(points, "{:.1},{:.1} ", x(*ms), y(f64::from(n) / steps));
        }
        let _ = writeln!(out, "<polyline class=\"line s{color}\" points=\"{}\"/>", points.trim_end());
    }
    out.push_str("</svg>");
    out
}

/// A timeline, and how many requests are drawn of how many.
pub(super) struct Timeline {
    pub(super) svg: String,
    pub(super) drawn: usize,
    pub(super) began: usize,
}

/// Requests as bars in lanes: a request takes the first lane that is free when it begins. `window`
/// is the time that all timelines of the page show.
pub(super) fn timeline(id: &str, color: usize, cell: &Cell, window: f64) -> Timeline {
    const FROM: f64 = 42.0;
    let x = |ms: f64| FROM + ms / window * (WIDTH - FROM - 14.0);
    let shown: Vec<Span> =
        cell.sample.spans.iter().copied().filter(|span| span.start_ms < window).take(REQUESTS).collect();
    let lanes = lanes(&shown);
    let count = lanes.iter().max().map_or(1, |lane| lane + 1);
    // Few lanes are not blown up, many still fit.
    let lane_height = (150.0 / count as f64).clamp(2.5, 12.0);
    let bottom = 6.0 + lane_height * count as f64;
    let title = format!("Requests of {} over time", cell.name());
    let description = format!(
        "{} of {} requests, in {count} {} side by side, over {} ms",
        shown.len(),
        cell.sample.began,
        if count == 1 { "lane" } else { "lanes" },
        three(window)
    );
    let mut out = open(id, bottom + 34.0, &title, &description);
    axis(&mut out, x, window, 2.0, bottom, "ms from the first request");
    for (lane, y) in [(1, 6.0 + lane_height / 2.0), (count, bottom - lane_height / 2.0)] {
        if lane == 1 || count > 1 {
            let _ = writeln!(
                out,
                "<text class=\"tick\" x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{lane}</text>",
                FROM - 6.0,
                y + 4.0
            );
        }
    }
    for (span, lane) in shown.iter().zip(&lanes) {
        let from = x(span.start_ms);
        let to = x((span.start_ms + span.total_ms).min(window));
        let class = if span.ok { format!("f{color}") } else { "bad".to_owned() };
        let _ = writeln!(
            out,
            "<rect class=\"{class}\" x=\"{from:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"{:.1}\"/>",
            6.0 + lane_height * *lane as f64,
            (to - from - 0.6).max(0.8),
            lane_height * 0.8
        );
    }
    out.push_str("</svg>");
    Timeline { svg: out, drawn: shown.len(), began: cell.sample.began }
}

/// The lane of each request. Starts are known to a millisecond only, so a lane counts as free that
/// long before its request has ended.
fn lanes(spans: &[Span]) -> Vec<usize> {
    const CLOCK: f64 = 1.0;
    let mut free_at: Vec<f64> = Vec::new();
    let mut lanes = Vec::with_capacity(spans.len());
    for span in spans {
        let end = span.start_ms + span.total_ms;
        let lane = free_at.iter().position(|free| *free <= span.start_ms + CLOCK).unwrap_or(free_at.len());
        match free_at.get_mut(lane) {
            Some(free) => *free = end,
            None => free_at.push(end),
        }
        lanes.push(lane);
    }
    lanes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lane_is_used_again_when_it_is_free() {
        let span = |start_ms, total_ms| Span { start_ms, total_ms, ok: true };
        let spans = [span(0.0, 50.0), span(1.0, 20.0), span(20.4, 10.0), span(30.0, 5.0), span(50.0, 5.0)];
        assert_eq!(lanes(&spans), [0, 1, 1, 1, 0]);
    }

    #[test]
    fn steps_are_round() {
        assert_eq!([0.11, 0.2, 3.0, 70.0].map(round_step), [0.2, 0.2, 5.0, 100.0]);
    }

    #[test]
    fn nothing_escapes_from_a_text() {
        assert_eq!(escape("<b a=\"1\">&'"), "&lt;b a=&quot;1&quot;&gt;&amp;&#39;");
    }
}
