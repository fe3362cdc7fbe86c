//! The report: one page with everything in it, which asks nothing of any network.

use std::fmt::Write as _;

use super::advice::{advice, headline};
use super::figures::{Cell, Comparison, Round};
use super::svg::{distribution, timeline};
use super::table::{COLUMNS, same, whole};
use crate::page::svg::ChartBar;
use crate::page::{self, safe, svg};

/// The number of colours; further backends begin again.
const COLORS: usize = 5;

/// The page as HTML. Texts from lists and servers are escaped.
pub fn render(comparison: &Comparison) -> String {
    let comparison_page = ComparisonPage { comparison, backends: backends(comparison) };
    let mut out = page::begin(&headline(comparison), "", None);
    comparison_page.head(&mut out);
    if comparison.measured().next().is_some() {
        comparison_page.costs(&mut out);
        comparison_page.latencies(&mut out);
        comparison_page.timelines(&mut out);
    }
    comparison_page.table(&mut out);
    out.push_str(NOTES);
    page::end(&mut out, None);
    out
}

const NOTES: &str = "<h2>How this was measured</h2>\n<p class=\"notes\">Each cell is a process of its own that \
fetches the whole list and ends; rounds of all cells alternate, and medians are shown. Wall time is from the start of \
the process to its end. CPU is user and kernel time of the process and the children it waited for, as the system adds \
them up. Memory, threads, processes and connections are the most that was seen at one look at the whole process tree, \
every 20 ms at most, so shorter peaks are missed; memory counts a shared page by its share. A dash stands for what \
the system does not tell, or what was not seen three times before the run was over.</p>\n";

fn backends(comparison: &Comparison) -> Vec<&str> {
    let mut names: Vec<&str> = Vec::new();
    for cell in &comparison.cells {
        if !names.contains(&cell.backend.as_str()) {
            names.push(&cell.backend);
        }
    }
    names
}

struct ComparisonPage<'a> {
    comparison: &'a Comparison,
    backends: Vec<&'a str>,
}

impl ComparisonPage<'_> {
    fn color(&self, cell: &Cell) -> usize {
        self.backends.iter().position(|name| *name == cell.backend).unwrap_or(0) % COLORS
    }

    fn head(&self, out: &mut String) {
        let c = self.comparison;
        let title = safe(&headline(c));
        let processors = c.processors.map_or_else(String::new, |n| format!(" · {n} processors"));
        let urls = c.urls();
        let rounds = if c.rounds == 1 { "1 round".to_owned() } else { format!("{} rounds", c.rounds) };
        let _ = write!(
            out,
            "<header>\n<p class=\"kicker\">fetchall compare</p>\n<h1>{title}</h1>\n\
             <p class=\"standfirst\">{}</p>\n<p class=\"meta\">{} · {urls} URLs · {rounds}{processors} · {} · fetchall {}</p>\n</header>\n",
            safe(&advice(c)),
            safe(&c.about),
            safe(&c.started_at),
            env!("CARGO_PKG_VERSION"),
        );
    }

    fn bars(&self, figure: fn(&Round) -> Option<f64>) -> Vec<ChartBar> {
        let bar = |cell: &Cell| {
            let label = if cell.is_sequential() {
                cell.backend.clone()
            } else {
                format!("{} · {}", cell.backend, cell.concurrency)
            };
            let rounds = cell.rounds.iter().filter_map(figure).collect();
            Some(ChartBar { label, color: self.color(cell), value: cell.median(figure)?, rounds })
        };
        self.comparison.measured().filter_map(bar).collect()
    }

    fn costs(&self, out: &mut String) {
        out.push_str("<h2>What it took</h2>\n<div class=\"grid2\">\n");
        let wall = self.bars(|round| Some(round.wall_ms / 1000.0));
        let cpu = self.bars(Round::cpu_ms_per_url);
        let legend = "Backend and how many at once. Bars are medians, dots single rounds; shorter is better.";
        for (id, title, unit, bars) in [
            ("wall", "Wall time for the whole list", "seconds", wall),
            ("cpu", "Processor time for each URL", "ms of CPU per URL", cpu),
        ] {
            if !bars.is_empty() {
                let drawing = svg::bars(id, title, unit, &bars);
                let _ = writeln!(
                    out,
                    "<figure><figcaption><b>{title}, {unit}</b> <span>{legend}</span></figcaption>\n{drawing}</figure>"
                );
            }
        }
        out.push_str("</div>\n");
    }

    /// One cell for each backend, at the middle one of the concurrencies that were measured.
    fn typical(&self) -> Vec<(usize, &Cell)> {
        let mut levels: Vec<u32> =
            self.comparison.measured().filter(|cell| !cell.is_sequential()).map(|cell| cell.concurrency).collect();
        levels.sort_unstable();
        levels.dedup();
        let middle = levels.get(levels.len().saturating_sub(1) / 2).copied();
        let of = |backend: &&str| {
            let mut cells = self.comparison.measured().filter(|cell| cell.backend == **backend);
            cells.find(|cell| cell.is_sequential() || Some(cell.concurrency) == middle)
        };
        self.backends.iter().filter_map(of).map(|cell| (self.color(cell), cell)).collect()
    }

    fn latencies(&self, out: &mut String) {
        let cells: Vec<(usize, &Cell)> =
            self.typical().into_iter().filter(|(_, cell)| !cell.sample.quantiles.is_empty()).collect();
        if cells.is_empty() {
            return;
        }
        out.push_str("<h2>How long single requests took</h2>\n<figure class=\"grid2\"><figcaption>\
             <b>Share of requests answered by a time, %</b> <span>Answered requests of the last round. A line further to \
             the left is better; lines on top of each other mean that the server, not the backend, decides.</span>\n\
             <ul class=\"key\">",
        );
        for (color, cell) in &cells {
            let _ = write!(
                out,
                "<li><svg viewBox=\"0 0 34 10\" aria-hidden=\"true\"><path class=\"line s{color}\" d=\"M0 5H34\"/></svg>{}</li>",
                safe(&cell.name())
            );
        }
        let drawing = distribution("ecdf", "Share of requests answered by a time", &cells);
        let _ = writeln!(out, "</ul></figcaption>\n{drawing}</figure>");
    }

    fn timelines(&self, out: &mut String) {
        let cells = self.typical();
        let end = |cell: &Cell| cell.sample.spans.iter().map(|span| span.start_ms + span.total_ms).fold(0.0, f64::max);
        // All in the same time, so that lengths can be compared: as long as the slowest of those
        // that fetch several at once.
        let several = cells.iter().filter(|(_, cell)| !cell.is_sequential()).map(|(_, cell)| end(cell));
        let window = several.fold(0.0, f64::max);
        let window = if window > 0.0 { window } else { cells.iter().map(|(_, cell)| end(cell)).fold(1.0, f64::max) };
        if cells.iter().all(|(_, cell)| cell.sample.spans.is_empty()) {
            return;
        }
        out.push_str(
            "<h2>Request by request</h2>\n<p>Each bar is one request, each row a place that one request has at a time: \
             as many rows are in use as requests were under way. All drawings show the same stretch of time.</p>\n\
             <div class=\"grid2\">\n",
        );
        for ((color, cell), n) in cells.into_iter().zip(0..) {
            if cell.sample.spans.is_empty() {
                continue;
            }
            let drawn = timeline(&format!("time{n}"), color, cell, window);
            let cut = if drawn.drawn < drawn.began {
                format!("The first {} of {} requests of the last round.", drawn.drawn, drawn.began)
            } else {
                format!("All {} requests of the last round.", drawn.began)
            };
            let bad = cell.sample.spans.iter().any(|span| !span.ok);
            let bad = if bad { " Hollow bars are requests that failed." } else { "" };
            let _ = writeln!(
                out,
                "<figure><figcaption><b>{}</b> <span>{cut}{bad}</span></figcaption>\n{}</figure>",
                safe(&cell.name()),
                drawn.svg
            );
        }
        out.push_str("</div>\n");
    }

    fn table(&self, out: &mut String) {
        out.push_str(
            "<h2>All figures</h2>\n<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"All figures\">\n<table>\n\
             <thead><tr><th scope=\"col\">backend</th><th scope=\"col\">at once</th>",
        );
        for column in COLUMNS {
            let _ = write!(out, "<th scope=\"col\">{}</th>", whole(column.head));
        }
        out.push_str("<th scope=\"col\">same records</th></tr></thead>\n<tbody>\n");
        for row in self.comparison.rows() {
            let cell = row.cell;
            let _ = write!(
                out,
                "<tr><th scope=\"row\"><span class=\"dot b{}\"></span>{}</th><td>{}</td>",
                self.color(cell),
                safe(&cell.backend),
                cell.concurrency
            );
            match &cell.failure {
                Some(why) => {
                    let _ =
                        write!(out, "<td class=\"why\" colspan=\"{}\">failed: {}</td>", COLUMNS.len() + 1, safe(why));
                }
                None => {
                    for column in COLUMNS {
                        let _ = write!(out, "<td>{}</td>", column.text(&row));
                    }
                    let _ = write!(out, "<td>{}</td>", same(&row));
                }
            }
            out.push_str("</tr>\n");
        }
        out.push_str("</tbody>\n</table>\n</div>\n");
    }
}

#[cfg(test)]
#[path = "page_tests.rs"]
mod tests;
