//! Records as CSV (RFC 4180) and TSV, one flat line each, after a header line.

use std::fmt::{Display, Write as _};
use std::ops::ControlFlow;

use super::{Output, Sink, SinkError};
use crate::model::{Outcome, RunInfo, Summary};
use crate::policy::text::printable::printable;
use crate::wire::Record;
use crate::wire::record::Ms;

const COLUMNS: &[&str] = &[
    "url",
    "outcome",
    "status",
    "final_url",
    "path",
    "bytes",
    "wire_bytes",
    "content_type",
    "sha256",
    "blake3",
    "attempts",
    "redirects",
    "http_version",
    "remote_addr",
    "started_at",
    "queued_ms",
    "dns_ms",
    "connect_ms",
    "tls_ms",
    "first_byte_ms",
    "total_ms",
    "source_file",
    "source_line",
    "error_kind",
    "error_message",
    "skip_reason",
    "skip_rule",
    "depth",
    "parent",
    "via",
    "kind",
    "links",
    "title",
    "robots",
    "warc_file",
    "warc_offset",
    "warc_length",
    "worker",
];

/// Writes records as a table.
pub struct Table {
    output: Output,
    separator: char,
    line: String,
    /// The line has a cell, which may be empty.
    begun: bool,
    open: bool,
}

impl Table {
    /// Creates a sink of comma-separated values, quoted if needed.
    pub fn csv(output: Output) -> Self {
        Self { output, separator: ',', line: String::new(), begun: false, open: true }
    }

    /// Creates a sink of tab-separated values; tabs and newlines in values are escaped as `\u{…}`.
    pub fn tsv(output: Output) -> Self {
        Self { output, separator: '\t', line: String::new(), begun: false, open: true }
    }

    fn cell(&mut self, value: impl Display) {
        if std::mem::replace(&mut self.begun, true) {
            self.line.push(self.separator);
        }
        let from = self.line.len();
        let _ = write!(self.line, "{value}");
        let cell = &self.line[from..];
        // Readers of tab-separated values take a cell in quotes for the text between them.
        if is_formula(cell) || (self.separator == '\t' && cell.starts_with('"')) {
            self.line.insert(from, '\'');
        }
        let cell = &self.line[from..];
        if cell.bytes().all(|b| matches!(b, b' '..=b'~') && b != b',' && b != b'"') {
            return;
        }
        let mut safe = printable(cell).into_owned();
        if self.separator == ',' && safe.contains([',', '"']) {
            safe = format!("\"{}\"", safe.replace('"', "\"\""));
        }
        self.line.truncate(from);
        self.line.push_str(&safe);
    }

    fn maybe(&mut self, value: Option<impl Display>) {
        match value {
            Some(value) => self.cell(value),
            None => self.cell(""),
        }
    }

    fn write_line(&mut self) -> Result<ControlFlow<()>, SinkError> {
        self.line.push_str(if self.separator == ',' { "\r\n" } else { "\n" });
        let written = self.output.write(self.line.as_bytes());
        self.line.clear();
        self.begun = false;
        written
    }
}

/// Whether a spreadsheet would take the text for a formula and run it. Blanks may stand before the
/// sign, and the sign may be a wide one. A lone `-` is standard input.
fn is_formula(cell: &str) -> bool {
    let begins = cell.trim_start_matches(|c: char| c.is_whitespace() || c == '\u{ad}');
    cell.len() > 1 && begins.starts_with(['=', '+', '-', '@', '\u{ff1d}', '\u{ff0b}', '\u{ff0d}', '\u{ff20}'])
}

impl Sink for Table {
    fn begin(&mut self, _info: &RunInfo) -> Result<(), SinkError> {
        for column in COLUMNS {
            self.cell(column);
        }
        self.open = self.write_line()?.is_continue();
        Ok(())
    }

    fn outcome(&mut self, outcome: &Outcome) -> Result<ControlFlow<()>, SinkError> {
        if !self.open {
            return Ok(ControlFlow::Break(()));
        }
        let r = Record::of(outcome);
        let ms = |ms: Option<Ms>| ms.map(Ms::value);
        self.cell(r.url);
        self.cell(r.outcome);
        self.maybe(r.status);
        self.maybe(r.final_url);
        self.maybe(r.path);
        self.maybe(r.bytes);
        self.maybe(r.wire_bytes);
        self.maybe(r.content_type);
        self.maybe(r.sha256.map(|s| s.0));
        self.maybe(r.blake3.map(|s| s.0));
        self.cell(r.attempts);
        self.cell(r.redirects.0.len());
        self.maybe(r.http_version);
        self.maybe(r.remote_addr.map(|a| a.0));
        self.maybe(r.started_at.map(|t| t.0));
        self.maybe(ms(r.timing.queued_ms));
        self.maybe(ms(r.timing.dns_ms));
        self.maybe(ms(r.timing.connect_ms));
        self.maybe(ms(r.timing.tls_ms));
        self.maybe(ms(r.timing.first_byte_ms));
        self.maybe(ms(r.timing.total_ms));
        let (file, line) = r.source.map(|source| (source.file, source.line)).unzip();
        self.maybe(file);
        self.maybe(line);
        let (kind, message) = r.error.map(|e| (e.kind, e.message)).unzip();
        self.maybe(kind);
        self.maybe(message);
        let (reason, rule) = r.skip.map(|skip| (skip.reason, skip.rule)).unzip();
        self.maybe(reason);
        self.maybe(rule.flatten());
        self.cell(r.depth);
        self.maybe(r.parent);
        self.cell(r.via);
        self.cell(r.kind);
        self.maybe(r.links);
        self.maybe(r.title);
        self.maybe(r.robots);
        let at = r.warc.as_ref();
        self.maybe(at.map(|at| at.file));
        self.maybe(at.map(|at| at.offset));
        self.maybe(at.map(|at| at.length));
        self.maybe(r.worker);
        self.write_line()
    }

    fn finish(&mut self, _summary: &Summary) -> Result<(), SinkError> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_that_a_spreadsheet_would_run_are_quoted() {
        for (value, shown) in [
            ("=1+1", "'=1+1"),
            ("+1", "'+1"),
            ("-x", "'-x"),
            ("@a", "'@a"),
            ("=a,\"b\"", "\"'=a,\"\"b\"\"\""),
            ("\t=1", "'\\u{9}=1"),
            ("\u{a0}=1", "'\u{a0}=1"),
            ("\u{ff1d}1", "'\u{ff1d}1"),
            ("-", "-"),
            ("a=1", "a=1"),
            ("", ""),
        ] {
            let mut table = Table::csv(Output::new("test", Box::new(std::io::sink())));
            table.cell(value);
            assert_eq!(table.line, shown, "{value}");
        }
        let mut table = Table::tsv(Output::new("test", Box::new(std::io::sink())));
        table.cell("\"=1\"");
        assert_eq!(table.line, "'\"=1\"");
    }

    #[test]
    fn an_empty_first_cell_keeps_its_separator() {
        for (mut table, row) in [
            (Table::csv(Output::new("test", Box::new(std::io::sink()))), ",failed,"),
            (Table::tsv(Output::new("test", Box::new(std::io::sink()))), "\tfailed\t"),
        ] {
            ["", "failed", ""].iter().for_each(|cell| table.cell(cell));
            assert_eq!(table.line, row);
        }
    }
}
