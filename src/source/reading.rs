//! One list that is being read: its lines, given to the reader of its format.

use std::io;
use std::sync::Arc;

use url::Url;

use super::address::Reason;
use super::decompress::Unpacked;
use super::format::{self, Beginning};
use super::html::Html;
use super::json::Json;
use super::line::{Gathered, Place};
use super::lines::{Ending, LONGEST, Lines, Piece};
use super::open::Feed;
use super::sitemap::{Item, Sitemap};
use super::table::Table;
use super::text::Text;
use super::{NotAList, ndjson};
use crate::config::InputFormat;
use crate::model::Batch;

/// Why a list stopped giving entries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Step {
    /// The batch is full.
    Full,
    /// Everything that has arrived is in the batch.
    Starved,
    /// Before it goes on, the sitemap of this URL is read; where that stands, and the line after it.
    Child { url: String, line: u64, next: u64 },
    /// The list was read to its end.
    End,
}

/// What is known of a list beside its bytes.
#[derive(Debug, Clone, Default)]
pub(super) struct About {
    /// How it is written, as the user or the server says.
    pub format: InputFormat,
    /// Whether only its server or its name says so: what its bytes show may differ.
    pub promised: bool,
    /// The address of the document, for relative URLs.
    pub base: Option<Url>,
}

enum Parser {
    /// Decided by the first bytes, and the first line that says something.
    Unknown,
    Text(Text),
    Table(Box<Table>),
    Ndjson,
}

impl Parser {
    fn of(format: InputFormat) -> Self {
        match format {
            InputFormat::Text => Parser::Text(Text::default()),
            InputFormat::Tsv => Parser::Table(Box::new(Table::tsv())),
            InputFormat::Csv => Parser::Table(Box::new(Table::csv())),
            InputFormat::Ndjson | InputFormat::Json => Parser::Ndjson,
            InputFormat::Auto | InputFormat::Sitemap | InputFormat::Html => Parser::Unknown,
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

/// How the bytes of a list become entries.
enum Body {
    Lines(Box<Lines>, Parser),
    Json(Box<Json>),
    Sitemap(Box<Sitemap>),
    Html(Box<Html>),
    /// Nothing more is read.
    Closed,
}

/// One list that is being read.
pub(super) struct Reading {
    name: Arc<str>,
    body: Body,
    about: About,
    /// Whether the format is still to be decided.
    undecided: bool,
    live: bool,
}

impl Reading {
    pub fn new(name: Arc<str>, feed: Feed, mut about: About) -> Self {
        if (about.format, about.promised) == (InputFormat::Auto, false)
            && let Some(format) = format::by_name(&name)
        {
            (about.format, about.promised) = (format, true);
        }
        let live = feed.is_live();
        let lines = Box::new(Lines::new(Unpacked::new(feed, &name)));
        Self { name, body: Body::Lines(lines, Parser::Unknown), about, undecided: true, live }
    }

    pub fn name(&self) -> &Arc<str> {
        &self.name
    }

    /// The first line that was not looked at.
    pub fn line(&self) -> u64 {
        match &self.body {
            Body::Lines(lines, _) => lines.number(),
            Body::Json(json) => json.line(),
            Body::Sitemap(sitemap) => sitemap.line(),
            Body::Html(html) => html.line(),
            Body::Closed => 1,
        }
    }

    /// Reads as much as shows whether this is a list.
    ///
    /// # Errors
    /// When it holds no list, or cannot be read.
    pub fn probe(mut self) -> io::Result<()> {
        self.begin()?;
        let Body::Json(json) = &mut self.body else { return Ok(()) };
        // An object that wraps the list is known at its end.
        while !json.next(&self.name, &mut Gathered::default())? && json.fill()? {}
        Ok(())
    }

    /// Reads until the format is known.
    fn begin(&mut self) -> io::Result<()> {
        while self.undecided {
            self.decide()?;
            if let (true, Body::Lines(lines, _)) = (self.undecided, &mut self.body) {
                lines.fill()?;
            }
        }
        match &mut self.body {
            Body::Sitemap(sitemap) => sitemap.begin(&self.name),
            _ => Ok(()),
        }
    }

    /// Decides by what has arrived how the list is read, if that is enough to tell.
    fn decide(&mut self) -> io::Result<()> {
        let Body::Lines(lines, parser) = &mut self.body else { return Ok(()) };
        let Some(text) = lines.unread_bytes() else {
            // UTF-16, or nothing yet.
            self.undecided = !lines.is_utf16();
            return Ok(());
        };
        let About { format, promised, .. } = self.about;
        let eof = lines.at_end();
        if text.is_empty() && !eof {
            return Ok(());
        }
        let beginning = match (format, promised) {
            (InputFormat::Html, true) => Beginning::NotAList(format::HTML.to_owned()),
            (InputFormat::Sitemap | InputFormat::Html, _) => Beginning::Xml,
            (InputFormat::Auto, _) | (_, true) | (InputFormat::Json, false) => format::by_beginning(text, eof),
            (_, false) => Beginning::Lines,
        };
        match beginning {
            Beginning::Undecided => return Ok(()),
            Beginning::NotAList(what) => return Err(NotAList(what).into()),
            Beginning::Lines => {
                *parser = Parser::of(format);
                self.undecided = false;
                return Ok(());
            }
            Beginning::Json | Beginning::Xml => {}
        }
        self.undecided = false;
        let line = lines.number();
        let Body::Lines(lines, _) = std::mem::replace(&mut self.body, Body::Closed) else { return Ok(()) };
        let (rest, base) = (lines.into_rest(), self.about.base.clone());
        self.body = match (beginning, format) {
            (Beginning::Json, _) => Body::Json(Box::new(Json::new(rest, line))),
            (_, InputFormat::Html) => Body::Html(Box::new(Html::new(rest, line, base))),
            _ => Body::Sitemap(Box::new(Sitemap::new(rest, line, base))),
        };
        Ok(())
    }

    /// Adds entries until the batch is full, nothing more has arrived, or the list ends. Blocks
    /// only while the batch is empty.
    pub fn step(&mut self, out: &mut Gathered) -> io::Result<Step> {
        if self.undecided {
            self.begin()?;
        }
        match &mut self.body {
            Body::Lines(..) => self.lines(out),
            Body::Json(json) => {
                while out.entries.len() < Batch::MAX {
                    if json.next(&self.name, out)? {
                        continue;
                    }
                    if self.live && !out.entries.is_empty() {
                        return Ok(Step::Starved);
                    }
                    if !json.fill()? {
                        json.release()?;
                        return Ok(Step::End);
                    }
                }
                Ok(Step::Full)
            }
            Body::Sitemap(sitemap) => {
                while out.entries.len() < Batch::MAX {
                    match sitemap.next(&self.name)? {
                        Item::Entry(entry, next) => out.push(entry, next),
                        Item::Child(url, line, next) => return Ok(Step::Child { url, line, next }),
                        Item::End => return Ok(Step::End),
                    }
                    // The next piece may be long in coming.
                    if self.live {
                        return Ok(Step::Starved);
                    }
                }
                Ok(Step::Full)
            }
            Body::Html(html) => {
                while out.entries.len() < Batch::MAX {
                    match html.next(&self.name)? {
                        Some((entry, next)) => out.push(entry, next),
                        None => return Ok(Step::End),
                    }
                    if self.live {
                        return Ok(Step::Starved);
                    }
                }
                Ok(Step::Full)
            }
            Body::Closed => Ok(Step::End),
        }
    }

    fn lines(&mut self, out: &mut Gathered) -> io::Result<Step> {
        let Body::Lines(lines, parser) = &mut self.body else { return Ok(Step::End) };
        // Each piece adds at most one entry, so that a batch is never overfull.
        while out.entries.len() < Batch::MAX {
            let line = lines.number();
            let place = |next| Place { list: &self.name, line, next };
            match lines.next(parser.ending()) {
                Piece::Line(bytes, next) => match parser {
                    Parser::Text(text) => text.record(bytes, place(next), out),
                    Parser::Table(table) => table.record(bytes, place(next), out),
                    Parser::Ndjson => ndjson::record(bytes, place(next), out),
                    Parser::Unknown => {
                        if let Some(format) = format::by_line(bytes) {
                            *parser = Parser::of(format);
                            lines.unread();
                        }
                    }
                },
                Piece::TooLong(head, next) => {
                    let reason = format!("longer than {LONGEST} bytes; a line holds one URL");
                    parser.bad(head, reason.into(), place(next), out);
                }
                Piece::Unclosed(bytes, next) => {
                    let reason = "opens a quote that is not closed; close it, or double a quote that is meant";
                    parser.bad(bytes, reason.into(), place(next), out);
                }
                Piece::Utf16 => {
                    let reason = "the list is UTF-16 and was not read; save it as UTF-8";
                    parser.bad(&[], reason.into(), place(line + 1), out);
                }
                Piece::End => {
                    parser.release(place(line), out);
                    return Ok(Step::End);
                }
                Piece::Starved => {
                    if self.live {
                        parser.starved(place(line), out);
                        if !out.entries.is_empty() {
                            return Ok(Step::Starved);
                        }
                    }
                    if let Err(error) = lines.fill() {
                        // The held URL is whole, unless its options are what could not be read.
                        parser.starved(place(line), out);
                        return Err(error);
                    }
                }
            }
        }
        Ok(Step::Full)
    }
}
