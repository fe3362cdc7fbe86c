//! One list that is being read: its lines, given to the reader of its format.

use std::io;
use std::sync::Arc;

use super::address::Reason;
use super::line::{Gathered, Place};
use super::lines::{Ending, LONGEST, Lines, Piece};
use super::open::Feed;
use super::table::Table;
use super::text::Text;
use super::{format, ndjson};
use crate::config::InputFormat;
use crate::model::Batch;

/// Why a list stopped giving entries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// The batch is full.
    Full,
    /// Everything that has arrived is in the batch.
    Starved,
    /// The list was read to its end.
    End,
}

enum Parser {
    /// Decided by the first line that says something.
    Unknown,
    Text(Text),
    Table(Box<Table>),
    Ndjson,
}

impl Parser {
    fn of(format: InputFormat) -> Self {
        match format {
            InputFormat::Auto => Parser::Unknown,
            InputFormat::Text => Parser::Text(Text::default()),
            InputFormat::Tsv => Parser::Table(Box::new(Table::tsv())),
            InputFormat::Csv => Parser::Table(Box::new(Table::csv())),
            InputFormat::Ndjson => Parser::Ndjson,
        }
    }

    fn ending(&self) -> Ending {
        match self {
            Parser::Table(table) if table.quoted() => Ending::Csv,
            _ => Ending::Newline,
        }
    }

    /// A line that no format can read.
    fn bad(&mut self, bytes: &[u8], reason: Reason, place: Place<'_>, out: &mut Gathered) {
        let shown = String::from_utf8_lossy(bytes);
        match self {
            // It may have option lines, which then belong to it.
            Parser::Text(text) => text.bad(&shown, reason, place, out),
            _ => out.push(place.bad(&shown, reason), place.next),
        }
    }

    /// Nothing more has arrived.
    fn starved(&mut self, place: Place<'_>, out: &mut Gathered) {
        if let Parser::Text(text) = self {
            text.starved(place, out);
        }
    }

    /// Nothing more will come.
    fn release(&mut self, place: Place<'_>, out: &mut Gathered) {
        if let Parser::Text(text) = self {
            text.release(place, out);
        }
    }
}

/// One list that is being read.
pub(super) struct Reading {
    name: Arc<str>,
    lines: Lines,
    parser: Parser,
    live: bool,
}

impl Reading {
    pub fn new(name: Arc<str>, feed: Feed, format: InputFormat) -> Self {
        let format = match format {
            InputFormat::Auto => format::by_name(&name).unwrap_or(format),
            told => told,
        };
        let live = feed.is_live();
        Self { name, lines: Lines::new(feed), parser: Parser::of(format), live }
    }

    pub fn name(&self) -> &Arc<str> {
        &self.name
    }

    /// The first line that was not looked at.
    pub fn line(&self) -> u64 {
        self.lines.number()
    }

    /// Adds entries until the batch is full, nothing more has arrived, or the list ends. Blocks
    /// only while the batch is empty.
    pub fn step(&mut self, out: &mut Gathered) -> io::Result<Step> {
        // Each piece adds at most one entry, so that a batch is never overfull.
        while out.entries.len() < Batch::MAX {
            let line = self.lines.number();
            let place = |next| Place { list: &self.name, line, next };
            match self.lines.next(self.parser.ending()) {
                Piece::Line(bytes, next) => match &mut self.parser {
                    Parser::Text(text) => text.record(bytes, place(next), out),
                    Parser::Table(table) => table.record(bytes, place(next), out),
                    Parser::Ndjson => ndjson::record(bytes, place(next), out),
                    Parser::Unknown => {
                        if let Some(format) = format::by_line(bytes) {
                            self.parser = Parser::of(format);
                            self.lines.unread();
                        }
                    }
                },
                Piece::TooLong(head, next) => {
                    let reason = format!("longer than {LONGEST} bytes; a line holds one URL");
                    self.parser.bad(head, reason.into(), place(next), out);
                }
                Piece::Unclosed(bytes, next) => {
                    let reason = "opens a quote that is not closed; close it, or double a quote that is meant";
                    self.parser.bad(bytes, reason.into(), place(next), out);
                }
                Piece::Utf16 => {
                    let reason = "the list is UTF-16 and was not read; save it as UTF-8";
                    self.parser.bad(&[], reason.into(), place(line + 1), out);
                }
                Piece::End => {
                    self.parser.release(place(line), out);
                    return Ok(Step::End);
                }
                Piece::Starved => {
                    if self.live {
                        self.parser.starved(place(line), out);
                        if !out.entries.is_empty() {
                            return Ok(Step::Starved);
                        }
                    }
                    if let Err(error) = self.lines.fill() {
                        // The held URL is whole, unless its options are what could not be read.
                        self.parser.starved(place(line), out);
                        return Err(error);
                    }
                }
            }
        }
        Ok(Step::Full)
    }
}
