//! The tables of the page of a run.

use std::fmt::Write as _;
use std::time::Duration;

use super::ranking::{Ranking, text_html, url_html};
use super::sums::RecordSums;
use crate::page::safe;
use crate::policy::text::printable::{duration, grouped, size};

pub(super) fn ms(ms: f64) -> String {
    duration(Duration::from_secs_f64((ms / 1000.0).clamp(0.0, 1e9)))
}

pub(super) fn number(n: u64) -> String {
    format!("<td data-v=\"{n}\">{}</td>", grouped(n))
}

/// A cell with a number of failures.
pub(super) fn failures(n: u64) -> String {
    if n == 0 { number(0) } else { format!("<td class=\"bad-n\" data-v=\"{n}\">{}</td>", grouped(n)) }
}

/// A cell with a text, and the number by which the table sorts.
pub(super) fn cell(value: f64, text: &str) -> String {
    format!("<td data-v=\"{value}\">{}</td>", safe(text))
}

/// The beginning of a table in a region that scrolls.
pub(super) fn open_table(out: &mut String, label: &str, class: &str, heads: &[&str]) {
    let _ = write!(
        out,
        "<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"{label}\">\n<table class=\"{class}\">\n<thead><tr>"
    );
    for head in heads {
        let class = if matches!(*head, "URL" | "leads to" | "type" | "found at") { " class=\"url\"" } else { "" };
        let _ = write!(out, "<th scope=\"col\"{class}>{head}</th>");
    }
    out.push_str("</tr></thead>\n<tbody>\n");
}

pub(super) const CLOSE_TABLE: &str = "</tbody>\n</table>\n</div>\n";

pub(super) fn sums_row(out: &mut String, word: &str, sums: &RecordSums, class: &str) {
    let mean = sums.mean_ms();
    let _ = writeln!(
        out,
        "<tr{class}><th scope=\"row\">{}</th>{}{}{}{}{}{}{}</tr>",
        text_html(word),
        number(sums.urls),
        number(sums.ok),
        failures(sums.all_failed()),
        number(sums.skipped + sums.cancelled),
        cell(sums.wire_bytes as f64, &size(sums.wire_bytes)),
        mean.map_or_else(|| "<td data-v=\"-1\">–</td>".to_owned(), |mean| cell(mean, &ms(mean))),
        mean.map_or_else(|| "<td data-v=\"-1\">–</td>".to_owned(), |_| cell(sums.longest_ms, &ms(sums.longest_ms))),
    );
}

/// A table of a ranking. The note of a URL may be the URL to which it leads.
pub(super) fn ranking(
    out: &mut String,
    label: &str,
    heads: [&'static str; 3],
    rows: &Ranking,
    show: impl Fn(f64) -> String,
    note_is_url: bool,
) {
    if rows.rows().is_empty() {
        return;
    }
    if !note_is_url {
        let _ = writeln!(out, "<div>\n<h3>{label}</h3>");
    }
    open_table(out, label, "", &heads);
    for row in rows.rows() {
        let note = match row.status {
            _ if note_is_url => url_html(&row.note),
            Some(status) if row.note.is_empty() => status.to_string(),
            Some(status) if &*row.note == "http_status" => status.to_string(),
            _ => text_html(&row.note),
        };
        let class = if note_is_url { " class=\"url\"" } else { "" };
        let _ = writeln!(
            out,
            "<tr><td class=\"url\">{}</td><td{class}>{note}</td>{}</tr>",
            url_html(&row.url),
            cell(row.value, &show(row.value))
        );
    }
    out.push_str(CLOSE_TABLE);
    if !note_is_url {
        out.push_str("</div>\n");
    }
}
