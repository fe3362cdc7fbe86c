//! The figures as text, Markdown, CSV and JSON.

use std::fmt::Write as _;

use serde::Serialize;

use super::advice::advice;
use super::figures::{Comparison, Round, Row};
use crate::page::three;
use crate::policy::text::printable::printable;

/// The version of the JSON form. Raised when a meaning changes, not when a field is added.
const VERSION: u32 = 1;

/// The width that a table for a terminal keeps where it can.
const WIDTH: usize = 100;

/// A column of figures.
pub(super) struct FigureColumn {
    /// Its name in CSV.
    key: &'static str,
    /// Its head in two lines, the unit in the second where there is one.
    pub(super) head: [&'static str; 2],
    /// Its figure as it is shown.
    value: fn(&Row<'_>) -> Option<f64>,
}

macro_rules! columns {
    ($($field:ident: $above:literal $below:literal),+ $(,)?) => {
        /// Every column of figures, in order.
        pub(super) const COLUMNS: &[FigureColumn] =
            &[$(FigureColumn { key: stringify!($field), head: [$above, $below], value: |row| row.$field }),+];
    };
}

columns! {
    wall_s: "wall" "s",
    speed_up: "speed-" "up",
    urls_per_s: "URLs" "/s",
    p50_ms: "p50" "ms",
    p99_ms: "p99" "ms",
    cpu_ms_per_url: "CPU ms" "/URL",
    peak_memory_mib: "memory" "MiB",
    context_switches: "context" "switches",
    peak_threads: "thr-" "eads",
    peak_processes: "proc-" "esses",
    peak_connections: "con-" "nect.",
    peak_concurrency: "in" "flight",
}

impl FigureColumn {
    /// The figure of a row for people; `-` where there is none.
    pub(super) fn text(&self, row: &Row<'_>) -> String {
        (self.value)(row).map_or_else(|| "-".to_owned(), three)
    }
}

/// Whether the records are those of the first cell, for people.
pub(super) fn same(row: &Row<'_>) -> &'static str {
    match row.same_records {
        None => "-",
        Some(true) => "yes",
        Some(false) => "NO",
    }
}

/// The table and the advice for a terminal. `bold` marks the heads.
pub fn text(comparison: &Comparison, bold: bool) -> String {
    let rows = comparison.rows();
    let mut lines: Vec<Vec<String>> = (0..2)
        .map(|n| {
            let ends = [["", "backend"], ["at", "once"], ["same", "records"]].map(|head| head[n].to_owned());
            let [backend, level, same] = ends;
            let figures = COLUMNS.iter().map(|column| column.head[n].to_owned());
            [backend, level].into_iter().chain(figures).chain([same]).collect()
        })
        .collect();
    for row in &rows {
        let mut line = vec![row.cell.backend.clone(), row.cell.concurrency.to_string()];
        if row.cell.failure.is_none() {
            line.extend(COLUMNS.iter().map(|column| column.text(row)));
            line.push(same(row).to_owned());
        }
        lines.push(line);
    }
    let columns = COLUMNS.len() + 3;
    let width = |at: usize| lines.iter().filter_map(|line| line.get(at)).map(|cell| cell.len()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let gap = if widths.iter().sum::<usize>() + 2 * (columns - 1) <= WIDTH { "  " } else { " " };
    let failures = [None, None].into_iter().chain(rows.iter().map(|row| row.cell.failure.as_ref()));
    let mut out = String::new();
    for ((line, failure), number) in lines.iter().zip(failures).zip(0..) {
        let cells = line.iter().zip(&widths).zip(0..).map(|((cell, width), at)| match at {
            0 => format!("{cell:<width$}"),
            _ => format!("{cell:>width$}"),
        });
        let mut shown = cells.collect::<Vec<_>>().join(gap);
        if let Some(why) = failure {
            let _ = write!(shown, "{gap}failed: {}", printable(why));
        }
        let shown = shown.trim_end();
        let _ = if bold && number < 2 { writeln!(out, "\x1b[1m{shown}\x1b[0m") } else { writeln!(out, "{shown}") };
    }
    let _ = writeln!(out, "\n{}", wrapped(&printable(&advice(comparison))));
    out
}

/// Lines of at most [`WIDTH`], where words allow it.
fn wrapped(text: &str) -> String {
    let mut out = String::new();
    let mut column = 0;
    // A figure and its unit stay together.
    let text = text.replace(" %", "\u{a0}%");
    for word in text.split(' ') {
        let len = word.chars().count();
        if column > 0 && column + 1 + len > WIDTH {
            out.push('\n');
            column = 0;
        } else if column > 0 {
            out.push(' ');
            column += 1;
        }
        out.push_str(word);
        column += len;
    }
    out.replace('\u{a0}', " ")
}

/// The table and the advice in Markdown.
pub fn markdown(comparison: &Comparison) -> String {
    let escape = |text: &str| printable(text).replace('\\', "\\\\").replace('|', "\\|").replace('<', "&lt;");
    let heads: Vec<String> = COLUMNS.iter().map(|column| whole(column.head)).collect();
    let mut out = format!("| backend | at once | {} | same records |\n", heads.join(" | "));
    let _ = writeln!(out, "| :-- | --: |{} :-- |", " --: |".repeat(COLUMNS.len()));
    for row in comparison.rows() {
        let _ = write!(out, "| {} | {} |", escape(&row.cell.backend), row.cell.concurrency);
        for column in COLUMNS {
            let _ = write!(out, " {} |", column.text(&row));
        }
        let last = row.cell.failure.as_ref().map_or_else(|| same(&row).to_owned(), |why| format!("failed: {why}"));
        let _ = writeln!(out, " {} |", escape(&last));
    }
    let _ = writeln!(out, "\n{}", escape(&advice(comparison)));
    out
}

/// A head in one line.
pub(super) fn whole([above, below]: [&str; 2]) -> String {
    match above.strip_suffix('-') {
        Some("speed") => "speed-up".to_owned(),
        Some(start) => format!("{start}{below}").replace("connect.", "connections"),
        None if below.starts_with('/') => format!("{above}{below}"),
        None => format!("{above} {below}"),
    }
}

/// One line a cell, medians with all their digits.
pub fn csv(comparison: &Comparison) -> String {
    let quoted = |text: &str| format!("\"{}\"", text.replace('"', "\"\""));
    let keys: Vec<&str> = COLUMNS.iter().map(|column| column.key).collect();
    let mut out = format!("backend,concurrency,rounds,{},same_records,failure\n", keys.join(","));
    for row in comparison.rows() {
        let _ = write!(out, "{},{},{}", row.cell.backend, row.cell.concurrency, row.cell.rounds.len());
        for column in COLUMNS {
            let value = (column.value)(&row).map_or_else(String::new, |value| format!("{}", rounded(value)));
            let _ = write!(out, ",{value}");
        }
        let same = row.same_records.map_or_else(String::new, |same| same.to_string());
        let failure = row.cell.failure.as_deref().map_or_else(String::new, quoted);
        let _ = writeln!(out, ",{same},{failure}");
    }
    out
}

/// Digits beyond the sixth are the clock's, not the program's.
fn rounded(value: f64) -> f64 {
    (value * 1e6).round() / 1e6
}

#[derive(Serialize)]
struct JsonComparison<'a> {
    v: u32,
    about: &'a str,
    started_at: &'a str,
    processors: Option<usize>,
    rounds: u32,
    interrupted: bool,
    cells: Vec<JsonCell<'a>>,
    advice: String,
}

#[derive(Serialize)]
struct JsonCell<'a> {
    backend: &'a str,
    concurrency: u32,
    failure: Option<&'a str>,
    median: Row<'a>,
    rounds: &'a [Round],
}

/// Everything, each round's figures included.
///
/// # Errors
/// Never: the forms are plain data. The error is passed on all the same.
pub fn json(comparison: &Comparison) -> Result<String, serde_json::Error> {
    let cells = comparison.rows().into_iter().map(|row| JsonCell {
        backend: &row.cell.backend,
        concurrency: row.cell.concurrency,
        failure: row.cell.failure.as_deref(),
        rounds: &row.cell.rounds,
        median: row,
    });
    let document = JsonComparison {
        v: VERSION,
        about: &comparison.about,
        started_at: &comparison.started_at,
        processors: comparison.processors,
        rounds: comparison.rounds,
        interrupted: comparison.interrupted,
        cells: cells.collect(),
        advice: advice(comparison),
    };
    Ok(serde_json::to_string_pretty(&document)? + "\n")
}

#[cfg(test)]
#[path = "table_tests.rs"]
mod tests;
