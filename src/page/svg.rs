//! Drawings that pages share: axes, bars, columns. Plain SVG whose colours are the page's.
//!
//! All are 420 units wide, so that letters keep their size beside each other and on a telephone.

use std::fmt::Write as _;

use super::{safe, three};

/// The width of every drawing.
pub const WIDTH: f64 = 420.0;

/// The left edge of bars and lanes.
const LEFT: f64 = 104.0;

/// The room at the right for figures behind bars.
const RIGHT: f64 = 52.0;

/// One bar: its label, its colour's number, its figure, and the figures of single rounds.
pub struct ChartBar {
    /// The label at its left.
    pub label: String,
    /// The number of its colour.
    pub color: usize,
    /// The figure.
    pub value: f64,
    /// The figures of single rounds, drawn as dots.
    pub rounds: Vec<f64>,
}

/// Opens a drawing with what a screen reader says of it.
pub fn open(id: &str, height: f64, title: &str, description: &str) -> String {
    format!(
        "<svg viewBox=\"0 0 {WIDTH} {height:.0}\" role=\"img\" aria-labelledby=\"{id}-t {id}-d\">\
         <title id=\"{id}-t\">{}</title><desc id=\"{id}-d\">{}</desc>\n",
        safe(title),
        safe(description)
    )
}

/// Lines across with their figures below, from 0 to `most`, and the unit at the end.
pub fn axis(out: &mut String, x: impl Fn(f64) -> f64, most: f64, top: f64, bottom: f64, unit: &str) {
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
        safe(unit)
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
pub fn bars(id: &str, title: &str, unit: &str, bars: &[ChartBar]) -> String {
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
            safe(&bar.label),
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

/// One column: its figure, and the part of it that is drawn in another colour.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct ChartColumn {
    /// The figure.
    pub value: f64,
    /// The part at the bottom.
    pub part: f64,
}

/// The texts of a drawing with columns.
#[derive(Debug, Clone, Copy)]
pub struct ColumnsText<'a> {
    /// The title, for screen readers.
    pub title: &'a str,
    /// The drawing in words.
    pub description: &'a str,
    /// The unit of the axis below.
    pub unit: &'a str,
    /// The colours of the columns and of their parts.
    pub colors: (usize, usize),
}

/// Columns side by side. `labels` are places below the axis, counted in columns, with their texts.
pub fn columns(id: &str, text: &ColumnsText<'_>, columns: &[ChartColumn], labels: &[(f64, String)]) -> String {
    const TOP: f64 = 8.0;
    const BOTTOM: f64 = 150.0;
    const FROM: f64 = 46.0;
    let step = round_step(columns.iter().map(|column| column.value).fold(1e-9, f64::max) / 4.0);
    let most = (columns.iter().map(|column| column.value).fold(1e-9, f64::max) / step).ceil() * step;
    let width = (WIDTH - FROM - 14.0) / columns.len().max(1) as f64;
    let y = |value: f64| BOTTOM - value / most * (BOTTOM - TOP);
    let mut out = open(id, BOTTOM + 34.0, text.title, text.description);
    let mut tick = 0.0;
    while tick <= most * 1.0001 {
        let at = y(tick);
        let _ = writeln!(
            out,
            "<line class=\"grid\" x1=\"{FROM}\" y1=\"{at:.1}\" x2=\"{:.1}\" y2=\"{at:.1}\"/>\
             <text class=\"tick\" x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
            WIDTH - 14.0,
            FROM - 6.0,
            at + 4.0,
            short(tick)
        );
        tick += step;
    }
    let gap = if width > 6.0 { 1.5 } else { 0.0 };
    let mut rect = |color: usize, n: usize, from: f64, to: f64| {
        if to > from {
            let _ = writeln!(
                out,
                "<rect class=\"f{color}\" x=\"{:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"{:.1}\"/>",
                FROM + width * n as f64 + gap / 2.0,
                y(to),
                width - gap,
                (y(from) - y(to)).max(0.8)
            );
        }
    };
    for (n, column) in columns.iter().enumerate() {
        rect(text.colors.0, n, column.part, column.value);
        rect(text.colors.1, n, 0.0, column.part);
    }
    for (at, label) in labels {
        let _ = writeln!(
            out,
            "<text class=\"tick\" x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{}</text>",
            FROM + width * at,
            BOTTOM + 14.0,
            safe(label)
        );
    }
    let _ = writeln!(
        out,
        "<line class=\"base\" x1=\"{FROM}\" y1=\"{BOTTOM}\" x2=\"{:.1}\" y2=\"{BOTTOM}\"/>\
         <text class=\"tick\" x=\"{WIDTH}\" y=\"{:.1}\" text-anchor=\"end\">{}</text></svg>",
        WIDTH - 14.0,
        BOTTOM + 29.0,
        safe(text.unit)
    );
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_round() {
        assert_eq!([0.11, 0.2, 3.0, 70.0].map(round_step), [0.2, 0.2, 5.0, 100.0]);
    }

    #[test]
    fn columns_of_nothing_are_drawn_without_nan() {
        let text = ColumnsText { title: "t", description: "d", unit: "s", colors: (0, 1) };
        for list in [&[][..], &[ChartColumn::default()]] {
            assert!(!columns("id", &text, list, &[]).contains("NaN"));
        }
    }
}
