//! The drawings of single requests: distributions and timelines.

use std::fmt::Write as _;

use super::figures::Cell;
use super::records::Span;
use crate::page::svg::{WIDTH, axis, open};
use crate::page::three;

/// The most requests of one timeline.
const REQUESTS: usize = 200;

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
}
