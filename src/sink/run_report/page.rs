//! The page of a run.

use std::fmt::Write as _;
use std::time::Duration;

use jiff::Timestamp;

use super::failures::advice;
use super::ranking::text_html;
use super::sums::SumsByWord;
use super::tables::{CLOSE_TABLE, cell, ms, number, open_table, ranking, sums_row};
use super::times::PhaseTimes;
use super::totals::{PHASES, RunTotals};
use crate::model::Summary;
use crate::page::svg::{ChartBar, ChartColumn, ColumnsText, bars, columns};
use crate::page::{self, safe};
use crate::policy::text::printable::{duration, grouped, size};

const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");

/// The hosts with the most URLs, and those with the most failures, that the page shows.
const HOSTS: usize = 100;

/// The media types and depths that the page shows.
const WORDS: usize = 25;

/// The facts of a run that its records do not have.
#[derive(Debug, Clone, Copy, Default)]
pub struct RunNotes<'a> {
    /// The inputs of the run, or the files of its records.
    pub about: &'a str,
    /// The summary, at the end of a run.
    pub summary: Option<&'a Summary>,
    /// Lines that were no records.
    pub no_records: u64,
}

/// The page as HTML. Texts of servers and lists are escaped.
pub fn render(totals: &RunTotals, notes: &RunNotes<'_>) -> String {
    let page = RunPage { totals, notes };
    let mut out = page::begin(&page.title(), STYLE, Some(SCRIPT));
    page.head(&mut out);
    if totals.all.urls > 0 {
        page.outcomes(&mut out);
        page.time(&mut out);
        page.latency(&mut out);
        page.hosts(&mut out);
        page.types_and_depths(&mut out);
        page.rankings(&mut out);
        page.redirects(&mut out);
        page.failures(&mut out);
    }
    page.about_page(&mut out);
    page::end(&mut out, Some(SCRIPT));
    out
}

fn percent(part: u64, whole: u64) -> String {
    format!("{:.1} %", part as f64 * 100.0 / whole.max(1) as f64)
}

fn plural(n: u64, one: &str, many: &str) -> String {
    format!("{} {}", grouped(n), if n == 1 { one } else { many })
}

/// A cell with a number, by which the table sorts.
struct RunPage<'a> {
    totals: &'a RunTotals,
    notes: &'a RunNotes<'a>,
}

impl RunPage<'_> {
    fn title(&self) -> String {
        let all = &self.totals.all;
        match all.urls {
            0 => "No URL was asked for".to_owned(),
            urls if all.ok == urls => format!("All {} ok", plural(urls, "URL is", "URLs are")),
            urls => match self.totals.in_place() {
                0 => format!("{} of {} ok", grouped(all.ok), plural(urls, "URL", "URLs")),
                there => format!("{} of {} in place", grouped(all.ok + there), plural(urls, "URL", "URLs")),
            },
        }
    }

    /// The time that the run took.
    fn wall(&self) -> Option<Duration> {
        let span = self.totals.time.span();
        let of_records = span.map(|(first, last)| Duration::from_millis(last.saturating_sub(first).unsigned_abs()));
        self.notes.summary.map(|summary| summary.wall).or(of_records)
    }

    fn head(&self, out: &mut String) {
        let (totals, all) = (self.totals, &self.totals.all);
        let began = totals.time.span().and_then(|(first, _)| Timestamp::from_millisecond(first).ok());
        let began = began.map_or_else(String::new, |began| format!(" · began {began:.0}"));
        let _ = write!(
            out,
            "<header>\n<p class=\"kicker\">fetchall report</p>\n<h1>{}</h1>\n<p class=\"standfirst\">{}</p>\n\
             <p class=\"meta\">{}{began} · fetchall {}</p>\n</header>\n<ul class=\"tiles\">\n",
            safe(&self.title()),
            safe(&self.standfirst()),
            text_html(self.notes.about),
            env!("CARGO_PKG_VERSION"),
        );
        let mut tile = |class: &str, value: String, name: &str| {
            let _ = writeln!(out, "<li{class}><b>{}</b>{name}</li>", safe(&value));
        };
        let failed = all.all_failed();
        tile("", grouped(all.ok), "ok");
        tile(if failed > 0 { " class=\"off\"" } else { "" }, grouped(failed), "failed");
        for (n, name) in [(all.skipped, "skipped"), (all.cancelled, "cancelled")] {
            if n > 0 {
                tile("", grouped(n), name);
            }
        }
        tile("", size(all.wire_bytes), "received");
        if let Some(wall) = self.wall() {
            tile("", duration(wall), "from start to end");
            let asked = (all.ok + failed) as f64;
            if wall.as_secs_f64() > 0.0 {
                tile("", page::three(asked / wall.as_secs_f64()), "URLs a second");
            }
        }
        let whole = &totals.phases[PHASES.len() - 1];
        if whole.count() > 0 {
            tile("", ms(whole.quantile(0.5)), "half took at most");
        }
        tile("", grouped(totals.hosts.len() as u64), "hosts");
        out.push_str("</ul>\n");
    }

    fn standfirst(&self) -> String {
        let all = &self.totals.all;
        let mut parts = Vec::new();
        let there = self.totals.in_place();
        if there > 0 {
            parts.push(format!("{} new, {} as before.", grouped(all.ok), grouped(there)));
        }
        let causes = self.totals.failures.ranked();
        if let Some((cause, first)) = causes.first() {
            let failed = all.all_failed();
            let most = if first.count == failed { "all" } else { "most" };
            parts.push(format!(
                "{} failed, {most} with {cause} ({}). {}",
                grouped(failed),
                grouped(first.count),
                advice(cause)
            ));
        } else if all.ok + there > 0 {
            parts.push("Nothing failed.".to_owned());
        }
        if let Some(stopped) = self.notes.summary.and_then(|summary| summary.stopped) {
            parts.push(format!("The run was stopped early: {}.", stopped.as_str().replace('_', " ")));
        }
        if all.cancelled > 0 {
            parts
                .push(format!("{} not done; the same command goes on.", plural(all.cancelled, "URL was", "URLs were")));
        }
        parts.join(" ")
    }

    fn outcomes(&self, out: &mut String) {
        let all = &self.totals.all;
        let parts = [
            ("ok", all.ok, 2),
            ("http_error", all.http_error, 1),
            ("failed", all.failed, 3),
            ("skipped", all.skipped, 0),
            ("cancelled", all.cancelled, 4),
        ];
        out.push_str("<h2>Outcomes</h2>\n<div class=\"share\" aria-hidden=\"true\">");
        for (_, n, color) in parts.iter().filter(|(_, n, _)| *n > 0) {
            let _ = write!(out, "<i class=\"b{color}\" style=\"flex:{n}\"></i>");
        }
        out.push_str("</div>\n<ul class=\"key\">");
        for (name, n, color) in parts.iter().filter(|(_, n, _)| *n > 0) {
            let _ = write!(
                out,
                "<li><span class=\"dot b{color}\"></span>{name} {} ({})</li>",
                grouped(*n),
                percent(*n, all.urls)
            );
        }
        out.push_str("</ul>\n<div class=\"grid2\">\n");
        let causes = self.totals.failures.ranked();
        let causes: Vec<_> = causes.iter().map(|(cause, failures)| (*cause, failures.count)).collect();
        let skips = self.totals.skips.ranked();
        let skips: Vec<_> = skips.iter().map(|(reason, sums)| (*reason, sums.urls)).collect();
        self.bars(out, "causes", "Failures by cause", 1, &causes);
        self.bars(out, "skips", "Skipped by reason", 0, &skips);
        if let Some(crawl) = self.notes.summary.and_then(|summary| summary.crawl.as_ref()) {
            let left: Vec<_> = crawl.left_out.iter().map(|(reason, n)| (reason.as_str(), *n)).collect();
            self.bars(out, "left", "Links not followed, by reason", 4, &left);
        }
        out.push_str("</div>\n");
    }

    fn bars(&self, out: &mut String, id: &str, title: &str, color: usize, rows: &[(&str, u64)]) {
        const MOST: usize = 14;
        if rows.is_empty() {
            return;
        }
        let bar = |(name, n): &(&str, u64)| ChartBar {
            label: (*name).to_owned(),
            color,
            value: *n as f64,
            rounds: Vec::new(),
        };
        let more: u64 = rows.iter().skip(MOST).map(|(_, n)| n).sum();
        let more = if more > 0 { format!(" Further reasons have {} in all.", grouped(more)) } else { String::new() };
        let list: Vec<_> = rows.iter().take(MOST).map(bar).collect();
        let unit = if id == "left" { "links" } else { "URLs" };
        let _ = writeln!(
            out,
            "<figure><figcaption><b>{title}</b><span>{more}</span></figcaption>\n{}</figure>",
            bars(id, title, unit, &list)
        );
    }

    fn time(&self, out: &mut String) {
        let time = &self.totals.time;
        let slots = time.slots();
        if slots.len() < 2 {
            return;
        }
        let width = time.width_ms() as f64;
        // Four labels at most, each at a whole number of slots.
        let every = slots.len().div_ceil(4).max(1);
        let label = |at: usize| (at as f64, if at == 0 { "0".to_owned() } else { ms(at as f64 * width) });
        let labels: Vec<_> = (0..slots.len()).step_by(every).map(label).collect();
        let seconds = width / 1000.0;
        let urls: Vec<_> = slots
            .iter()
            .map(|slot| ChartColumn { value: slot.urls as f64 / seconds, part: slot.failed as f64 / seconds })
            .collect();
        let bytes: Vec<_> = slots
            .iter()
            .map(|slot| ChartColumn { value: slot.wire_bytes as f64 / seconds / 1024.0 / 1024.0, part: 0.0 })
            .collect();
        let _ = writeln!(out, "<h2>Over time</h2>\n<p>Each column is {}.</p>\n<div class=\"grid2\">", ms(width));
        let charts = [
            ("rate", "URLs done a second", "Those that failed are in the other colour at the bottom.", &urls, (0, 1)),
            ("bytes", "MiB received a second", "A body counts at its end.", &bytes, (2, 1)),
        ];
        for (id, title, note, list, colors) in charts {
            let most = list.iter().map(|column| column.value).fold(0.0, f64::max);
            let description = format!("{} columns of {}, at most {}", list.len(), ms(width), page::three(most));
            let text = ColumnsText { title, description: &description, unit: "since the first request", colors };
            let _ = writeln!(
                out,
                "<figure><figcaption><b>{title}</b> <span>{note}</span></figcaption>\n{}</figure>",
                columns(id, &text, list, &labels)
            );
        }
        out.push_str("</div>\n");
    }

    fn latency(&self, out: &mut String) {
        let phases = &self.totals.phases;
        let whole = &phases[PHASES.len() - 1];
        if phases.iter().all(|phase| phase.count() == 0) {
            return;
        }
        out.push_str("<h2>How long it took</h2>\n<div class=\"grid2\">\n");
        if whole.count() > 0 {
            let (first, list) = whole.columns();
            let every = list.len().div_ceil(7).max(1);
            let label = |at: usize| {
                let bound = PhaseTimes::bound_ms(first + at);
                (at as f64, if bound == 0.0 { "0".to_owned() } else { short_ms(bound) })
            };
            let labels: Vec<_> = (0..list.len()).step_by(every).map(label).collect();
            let title = "Answered URLs by the time of the whole fetch";
            let description = format!("half within {}, all within {}", ms(whole.quantile(0.5)), ms(whole.longest_ms()));
            let text = ColumnsText {
                title,
                description: &description,
                unit: "from this time on, until that of the next column",
                colors: (0, 0),
            };
            let _ = writeln!(
                out,
                "<figure><figcaption><b>{title}</b> <span>Without the wait for a free slot.</span></figcaption>\n{}</figure>",
                columns("latency", &text, &list, &labels)
            );
        }
        out.push_str("<div>\n");
        open_table(out, "Times by phase", "", &["phase", "URLs", "p50", "p90", "p99", "longest"]);
        for (name, phase) in PHASES.iter().zip(phases).filter(|(_, phase)| phase.count() > 0) {
            let _ = write!(out, "<tr><th scope=\"row\">{name}</th>{}", number(phase.count()));
            for at in [phase.quantile(0.5), phase.quantile(0.9), phase.quantile(0.99), phase.longest_ms()] {
                out.push_str(&cell(at, &ms(at)));
            }
            out.push_str("</tr>\n");
        }
        out.push_str(CLOSE_TABLE);
        out.push_str("</div>\n</div>\n");
    }

    fn hosts(&self, out: &mut String) {
        let hosts = &self.totals.hosts;
        let (shown, rest) = hosts.shown(HOSTS, HOSTS);
        out.push_str("<h2>Hosts</h2>\n");
        if rest.urls > 0 {
            let known = hosts.len() - shown.len();
            let _ = writeln!(
                out,
                "<p>The {HOSTS} hosts with the most URLs, and the {HOSTS} with the most failures. The last row has the \
                 other {} hosts.</p>",
                if known > 0 { grouped(known as u64) } else { String::new() }
            );
        }
        let heads = ["host", "URLs", "ok", "failed", "not fetched", "received", "mean time", "longest"];
        open_table(out, "Hosts", "sort", &heads);
        for (host, sums) in &shown {
            sums_row(out, host, sums, "");
        }
        if rest.urls > 0 {
            sums_row(out, "all others", &rest, " class=\"rest\"");
        }
        out.push_str(CLOSE_TABLE);
    }

    fn types_and_depths(&self, out: &mut String) {
        let (types, depths) = (&self.totals.types, &self.totals.depths);
        let has_depths = depths.len() > 1;
        if types.len() == 0 && !has_depths {
            return;
        }
        let title = if has_depths { "Types and depths" } else { "Types" };
        let _ = writeln!(out, "<h2>{title}</h2>\n<div class=\"tables\">");
        let heads = |first| [first, "URLs", "ok", "failed", "not fetched", "received", "mean time", "longest"];
        let mut table = |label: &str, head: &'static str, words: &SumsByWord, in_order: bool| {
            let (mut shown, rest) = words.shown(WORDS, 0);
            if in_order {
                shown.sort_by_key(|(word, _)| word.parse::<u64>().unwrap_or(u64::MAX));
            }
            out.push_str("<div>\n");
            open_table(out, label, "sort", &heads(head));
            for (word, sums) in &shown {
                sums_row(out, word, sums, "");
            }
            if rest.urls > 0 {
                sums_row(out, "all others", &rest, " class=\"rest\"");
            }
            out.push_str(CLOSE_TABLE);
            out.push_str("</div>\n");
        };
        if types.len() > 0 {
            table("Media types", "media type", types, false);
        }
        if has_depths {
            table("Depths", "depth", depths, true);
        }
        out.push_str("</div>\n");
    }

    fn rankings(&self, out: &mut String) {
        let (slowest, largest) = (&self.totals.slowest, &self.totals.largest);
        if slowest.rows().is_empty() && largest.rows().is_empty() {
            return;
        }
        out.push_str("<h2>Slowest and largest</h2>\n<div class=\"tables\">\n");
        let size_of = |bytes: f64| size(bytes as u64);
        ranking(out, "Slowest", ["URL", "status or error", "time"], slowest, ms, false);
        ranking(out, "Largest", ["URL", "media type", "size"], largest, size_of, false);
        out.push_str("</div>\n");
    }

    fn redirects(&self, out: &mut String) {
        let totals = self.totals;
        if totals.redirected == 0 {
            return;
        }
        let mut hops: Vec<_> = totals.hops.iter().collect();
        hops.sort_by_key(|(_, n)| std::cmp::Reverse(**n));
        let hops: Vec<_> = hops.iter().take(10).map(|(status, n)| format!("{status} ×{}", grouped(**n))).collect();
        let _ = writeln!(
            out,
            "<h2>Redirects</h2>\n<p>{} redirected: {}. Those with the most redirects come first.</p>",
            plural(totals.redirected, "URL was", "URLs were"),
            hops.join(", ")
        );
        let count = |n: f64| grouped(n as u64);
        ranking(out, "Redirects", ["URL", "leads to", "redirects"], &totals.longest_chains, count, true);
    }

    fn failures(&self, out: &mut String) {
        let failures = &self.totals.failures;
        let causes = failures.ranked();
        if causes.is_empty() {
            return;
        }
        out.push_str("<h2>Every failure</h2>\n");
        let left_out = failures.left_out();
        if left_out > 0 {
            let _ = writeln!(
                out,
                "<p>This page has room for {} of {} failures; {} are left out. \
                 <code>fetchall --retry-from RECORDS --dry-run</code> lists all that can be tried again.</p>",
                grouped(self.totals.all.all_failed() - left_out),
                grouped(self.totals.all.all_failed()),
                grouped(left_out)
            );
        }
        for (at, (cause, failures)) in causes.iter().enumerate() {
            let open = if at == 0 || failures.count <= 20 { " open" } else { "" };
            let left = failures.count - failures.row_count;
            let left = if left > 0 { format!(", {} not shown", grouped(left)) } else { String::new() };
            let _ = write!(
                out,
                "<details{open}><summary><b>{}</b> ×{}{left}</summary>\n<p>{}</p>\n",
                safe(cause),
                grouped(failures.count),
                safe(advice(cause))
            );
            open_table(out, "Failures", "failures", &["URL", "found at"]);
            out.push_str(&failures.rows);
            out.push_str(CLOSE_TABLE);
            out.push_str("</details>\n");
        }
    }

    fn about_page(&self, out: &mut String) {
        out.push_str("<h2>About this page</h2>\n<p class=\"notes\">");
        if self.notes.no_records > 0 {
            let _ = write!(
                out,
                "{} no record and not counted, such as the last line of a run that was killed. ",
                plural(self.notes.no_records, "line was", "lines were")
            );
        }
        if let Some(summary) = self.notes.summary {
            let _ = write!(out, "At most {} were in flight at once. ", grouped(u64::from(summary.peak_concurrency)));
        }
        let retries = self.totals.retries;
        let versions: Vec<_> = self
            .totals
            .versions
            .ranked()
            .iter()
            .take(5)
            .map(|(name, sums)| format!("{} ×{}", safe(name), grouped(sums.urls)))
            .collect();
        if !versions.is_empty() {
            let _ = write!(out, "Answers: {}. ", versions.join(", "));
        }
        let _ = writeln!(
            out,
            "{} made. Received bytes are those of bodies as they were sent. A skipped URL counts neither bytes nor time: \
             its record repeats what an earlier run received. The page is one file and asks for nothing; \
             <code>fetchall report RECORDS -o FILE.html</code> makes it from the records of any run. \
             The element with the id <code>figures</code> has the sums as JSON.</p>",
            plural(retries, "retry was", "retries were")
        );
        let figures = self.totals.figures().to_string().replace('<', "\\u003c");
        let _ = writeln!(out, "<script type=\"application/json\" id=\"figures\">{figures}</script>");
    }
}

/// A bound of a column, short enough to stand below it.
fn short_ms(ms: f64) -> String {
    if ms < 1000.0 { format!("{ms:.0} ms") } else { format!("{:.0} s", ms / 1000.0) }
}
