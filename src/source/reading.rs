//! One list that is being read: its lines, given to the reader of its format.

use std::io;
use std::sync::Arc;

use super::address::Reason;
use super::decompress::Unpacked;
use super::encoding::Decoded;
use super::layout::{self, Layout, Sample};
use super::line::{Gathered, Place};
use super::lines::{Ending, LONGEST, Lines, Piece};
use super::open::Feed;
use super::table::Table;
use super::text::Text;
use super::{ListOptions, NotAList, format, is_refusal, ndjson};
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

/// The most of a list that is looked at before its format is decided.
const SAMPLE: usize = 32 * 1024;

enum Parser {
    /// Decided by the first lines that say something. `Auto`, or a table of unknown layout.
    Unknown(InputFormat),
    Text(Text),
    Table(Box<Table>),
    Ndjson,
}

impl Parser {
    fn of(format: InputFormat) -> Self {
        match format {
            InputFormat::Auto | InputFormat::Tsv | InputFormat::Csv => Parser::Unknown(format),
            InputFormat::Text => Parser::Text(Text::default()),
            InputFormat::Ndjson => Parser::Ndjson,
        }
    }

    fn ending(&self) -> Ending {
        match self {
            Parser::Table(table) => table.ending(),
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
    url_column: Option<Arc<str>>,
    live: bool,
    /// What to tell the user with the first entries.
    note: Option<String>,
    /// Why no more can be read, to be told after the lines before it.
    broken: Option<io::Error>,
}

impl Reading {
    pub fn new(name: Arc<str>, feed: Feed, options: &ListOptions) -> Self {
        let format = match options.format {
            InputFormat::Auto => format::by_name(&name).unwrap_or(options.format),
            told => told,
        };
        let live = feed.is_live();
        let lines = Lines::new(Decoded::new(Unpacked::new(feed, &name), options.encoding));
        let url_column = options.url_column.as_deref().map(Arc::from);
        Self { name, lines, parser: Parser::of(format), url_column, live, note: None, broken: None }
    }

    pub fn name(&self) -> &Arc<str> {
        &self.name
    }

    /// The first line that was not looked at.
    pub fn line(&self) -> u64 {
        self.lines.number()
    }

    /// Looks at the beginning of a list that is there already, so that a wrong one is refused
    /// before the first URL is fetched.
    pub fn prepare(&mut self) -> io::Result<()> {
        while !self.live && !self.decide()? {
            if let Err(error) = self.lines.fill() {
                if is_refusal(&error) {
                    return Err(error);
                }
                self.broken = Some(error);
            }
        }
        Ok(())
    }

    /// Decides how the list is written, if that is still open. False when more must be read first.
    fn decide(&mut self) -> io::Result<bool> {
        let Parser::Unknown(format) = self.parser else { return Ok(true) };
        let bytes = self.lines.unread_bytes();
        let whole = self.lines.at_end() || self.broken.is_some() || bytes.len() >= SAMPLE;
        if let (InputFormat::Auto, Some(format)) = (format, format::by_text(bytes)) {
            self.parser = Parser::of(format);
            return Ok(true);
        }
        let sample = Sample { bytes, whole, live: self.live };
        match layout::of(sample, format, self.url_column.as_deref()).map_err(NotAList)? {
            Layout::Unknown => return Ok(false),
            Layout::Plain => self.parser = Parser::Text(Text::default()),
            Layout::Table(mut layout) => {
                self.note = layout.note.take().map(|note| format!("{}: {note}", self.name));
                self.parser = Parser::Table(Box::new(Table::new(layout)));
            }
        }
        Ok(true)
    }

    fn fill(&mut self) -> io::Result<()> {
        match self.broken.take() {
            Some(error) => Err(error),
            None => self.lines.fill(),
        }
    }

    /// Adds entries until the batch is full, nothing more has arrived, or the list ends. Blocks
    /// only while the batch is empty.
    pub fn step(&mut self, out: &mut Gathered) -> io::Result<Step> {
        while !self.decide()? {
            if self.live && !out.entries.is_empty() {
                return Ok(Step::Starved);
            }
            self.fill()?;
        }
        out.notes.extend(self.note.take());
        // Each piece adds at most one entry, so that a batch is never overfull.
        while out.entries.len() < Batch::MAX {
            let line = self.lines.number();
            let place = |next| Place { list: &self.name, line, next };
            match self.lines.next(self.parser.ending()) {
                Piece::Line(bytes, next) => match &mut self.parser {
                    Parser::Text(text) => text.record(bytes, place(next), out),
                    Parser::Table(table) => table.record(bytes, place(next), out),
                    Parser::Ndjson => ndjson::record(bytes, place(next), out),
                    // It is decided.
                    Parser::Unknown(_) => {}
                },
                Piece::TooLong(head, next) => {
                    let reason = format!("longer than {LONGEST} bytes; a line holds one URL");
                    self.parser.bad(head, reason.into(), place(next), out);
                }
                Piece::Unclosed(bytes, next) => {
                    let reason = "opens a quote that is not closed; close it, or double a quote that is meant";
                    self.parser.bad(bytes, reason.into(), place(next), out);
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
                    if let Err(error) = self.fill() {
                        // The held URL is whole, unless its options are what could not be read.
                        self.parser.starved(Place { list: &self.name, line, next: line }, out);
                        return Err(error);
                    }
                }
            }
        }
        Ok(Step::Full)
    }
}
