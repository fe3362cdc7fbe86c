//! One list that is being read. It detects the format and gives the bytes to the reader of that
//! format.

use std::io::{self, Read};
use std::sync::Arc;

use encoding_rs::{Encoding, UTF_8};
use url::Url;

use super::declaration::{self, DeclaredEncoding};
use super::decompress::Unpacked;
use super::encoding::Decoded;
use super::format::{self, DetectedFormat};
use super::html::Html;
use super::json::Json;
use super::layout::{self, Layout, ListSample};
use super::line::{Gathered, Place};
use super::lines::{InputLines, LONGEST, LinePiece, RemainingBytes};
use super::ndjson::Objects;
use super::open::InputBytes;
use super::parser::Parser;
use super::sitemap::{Sitemap, SitemapItem};
use super::table::TableReader;
use super::text::TextList;
use super::warc_urls::WarcUrls;
use super::{ListOptions, NotAList, is_refusal};
use crate::config::InputFormat;
use crate::policy::text::redact::redact_beginning;

/// The reason why a list stopped giving entries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum ReadStop {
    /// The batch is full.
    Full,
    /// Everything that has arrived is in the batch.
    Starved,
    /// Reading continues after the sitemap of this URL. Holds its line and the line after it.
    Child { url: String, line: u64, next: u64 },
    /// The list was read to its end.
    End,
}

/// The most bytes of a list that are examined before its format is decided.
const SAMPLE: usize = 32 * 1024;

/// Facts about a list beside its bytes.
#[derive(Debug, Clone)]
pub(super) struct About {
    /// The format that the user or the server gives.
    pub format: InputFormat,
    /// Whether only its server or its name gives the format. Its bytes may show another one.
    pub promised: bool,
    /// The address of the document, for relative URLs.
    pub base: Option<Url>,
    /// The encoding of its text if no byte order mark shows another.
    pub encoding: Option<&'static Encoding>,
    /// The column of a table that holds the URLs.
    pub url_column: Option<Arc<str>>,
    /// Whether it must have columns.
    pub tables_only: bool,
}

impl From<&ListOptions> for About {
    fn from(options: &ListOptions) -> Self {
        Self {
            format: options.format,
            promised: false,
            base: options.base.clone(),
            encoding: options.encoding,
            url_column: options.url_column.as_deref().map(Arc::from),
            tables_only: options.tables_only,
        }
    }
}

/// How the bytes of a list become entries.
enum Body {
    /// The format is not decided yet.
    Undecided(Box<InputLines>),
    Lines(Box<InputLines>, Parser),
    Json(Box<Json>),
    Sitemap(Box<Sitemap>),
    Html(Box<Html>),
    /// Nothing more is read.
    Closed,
}

/// The format that the first bytes of a list show.
enum ListFormat {
    /// Lines, and what to tell the user about them.
    Lines(Parser, Option<String>),
    Json,
    Sitemap(Option<&'static Encoding>),
    Html(Option<&'static Encoding>),
}

/// One list that is being read.
pub(super) struct ListReader {
    name: Arc<str>,
    body: Body,
    about: About,
    live: bool,
    /// The entries that were read already, for the first batch.
    first: Gathered,
    /// The error that ended reading. It is returned after the lines before it.
    broken: Option<io::Error>,
}

impl ListReader {
    pub fn new(name: Arc<str>, feed: InputBytes, mut about: About) -> Self {
        if (about.format, about.promised) == (InputFormat::Auto, false)
            && let Some(format) = format::by_name(&name)
        {
            (about.format, about.promised) = (format, true);
        }
        let live = feed.is_live();
        // A name or a server may be wrong, so the bytes decide.
        let named = if about.promised { InputFormat::Auto } else { about.format };
        let list = WarcUrls::new(Unpacked::new(feed, &name), named);
        let lines = InputLines::new(Decoded::new(list, about.encoding));
        let body = Body::Undecided(Box::new(lines));
        Self { name, body, about, live, first: Gathered::default(), broken: None }
    }

    pub fn name(&self) -> &Arc<str> {
        &self.name
    }

    /// The first line that was not looked at.
    pub fn line(&self) -> u64 {
        match &self.body {
            Body::Undecided(lines) | Body::Lines(lines, _) => lines.number(),
            Body::Json(json) => json.line(),
            Body::Sitemap(sitemap) => sitemap.line(),
            Body::Html(html) => html.line(),
            Body::Closed => 1,
        }
    }

    /// Examines the beginning of a list that has arrived already. A wrong list is thus refused before
    /// the first URL is fetched.
    ///
    /// # Errors
    /// When it is no list, or nothing of it can be read.
    pub fn prepare(&mut self) -> io::Result<()> {
        if self.live {
            return Ok(());
        }
        while !self.decide()? {
            let Body::Undecided(lines) = &mut self.body else { return Ok(()) };
            if let Err(error) = lines.fill() {
                if is_refusal(&error) || lines.unread_bytes().is_empty() {
                    return Err(error);
                }
                self.broken = Some(error);
            }
        }
        let begun = match &mut self.body {
            Body::Json(json) => json.begin(&self.name, &mut self.first),
            Body::Sitemap(sitemap) => sitemap.begin(&self.name),
            Body::Undecided(_) | Body::Lines(..) | Body::Html(_) | Body::Closed => Ok(()),
        };
        match begun {
            Err(error) if !is_refusal(&error) => self.broken = Some(error),
            begun => return begun,
        }
        Ok(())
    }

    /// Decides the format of the list, if it is still open. Returns false if more must be read first.
    fn decide(&mut self) -> io::Result<bool> {
        let Body::Undecided(lines) = &self.body else { return Ok(true) };
        let Some(form) = self.form(lines)? else { return Ok(false) };
        self.check_columns(&form)?;
        let Body::Undecided(lines) = std::mem::replace(&mut self.body, Body::Closed) else { return Ok(true) };
        let (line, shown, base) = (lines.number(), lines.encoding(), self.about.base.clone());
        self.body = match form {
            ListFormat::Lines(parser, note) => {
                self.first.notes.extend(note.map(|note| format!("{}: {note}", self.name)));
                Body::Lines(lines, parser)
            }
            ListFormat::Json => Body::Json(Box::new(Json::new(self.rest(*lines, None), line))),
            ListFormat::Sitemap(declared) => {
                Body::Sitemap(Box::new(Sitemap::new(self.rest(*lines, declared), line, base)))
            }
            ListFormat::Html(declared) => {
                let encoding = declared.or(shown).unwrap_or(UTF_8);
                Body::Html(Box::new(Html::new(self.rest(*lines, declared), line, base, encoding)))
            }
        };
        Ok(true)
    }

    /// Refuses a list without columns if it must have them.
    fn check_columns(&self, form: &ListFormat) -> io::Result<()> {
        let kind = match form {
            ListFormat::Lines(Parser::Table(_), _) => return Ok(()),
            // Nothing shows another format: the list is empty.
            ListFormat::Lines(Parser::Text(_), _) if self.about.format != InputFormat::Text => return Ok(()),
            ListFormat::Lines(Parser::Text(_), _) => "plain text",
            ListFormat::Lines(Parser::Ndjson(_), _) | ListFormat::Json => "JSON",
            ListFormat::Lines(Parser::Cdxj, _) => "a CDXJ index",
            ListFormat::Sitemap(_) => "a sitemap",
            ListFormat::Html(_) => "an HTML page",
        };
        if !self.about.tables_only {
            return Ok(());
        }
        Err(NotAList::from(format!(
            "{kind} has no columns; leave out --url-column, or name the format of a table with --input-format"
        ))
        .into())
    }

    /// Returns the format that the first bytes show; `None` if that needs more bytes.
    ///
    /// # Errors
    /// When it is no list.
    fn form(&self, lines: &InputLines) -> io::Result<Option<ListFormat>> {
        let bytes = lines.unread_bytes();
        let whole = lines.at_end() || self.broken.is_some() || bytes.len() >= SAMPLE;
        if bytes.is_empty() && !whole {
            return Ok(None);
        }
        let About { format, promised, .. } = self.about;
        let is_page = (format, promised) == (InputFormat::Html, true);
        let beginning = match (format, promised) {
            (InputFormat::Sitemap, _) | (InputFormat::Html, false) => DetectedFormat::Xml,
            (InputFormat::Auto, _) | (_, true) | (InputFormat::Json, false) => format::by_beginning(bytes, whole),
            (_, false) => DetectedFormat::Lines,
        };
        let declared = |found| match found {
            _ if lines.encoding().is_some() => Some(None),
            DeclaredEncoding::Undecided => None,
            DeclaredEncoding::As(encoding) => Some(encoding),
        };
        match beginning {
            DetectedFormat::Undecided => Ok(None),
            DetectedFormat::NotAList(what) => Err(NotAList::from(what).into()),
            DetectedFormat::Lines | DetectedFormat::Json if is_page => {
                Err(NotAList::from(format::HTML.to_owned()).into())
            }
            DetectedFormat::Json => Ok(Some(ListFormat::Json)),
            DetectedFormat::Xml if (format, promised) == (InputFormat::Html, false) => {
                Ok(declared(declaration::of_page(bytes, whole)).map(ListFormat::Html))
            }
            DetectedFormat::Xml => Ok(declared(declaration::of_xml(bytes, whole)).map(ListFormat::Sitemap)),
            DetectedFormat::Lines if format::is_binary(bytes) => Err(NotAList::from(format::BINARY.to_owned()).into()),
            DetectedFormat::Lines => self.lines(ListSample { bytes, whole, live: self.live }),
        }
    }

    /// Returns the format of the lines.
    fn lines(&self, sample: ListSample<'_>) -> io::Result<Option<ListFormat>> {
        let format = match self.about.format {
            InputFormat::Csv | InputFormat::Tsv => self.about.format,
            InputFormat::Text => return Ok(Some(ListFormat::Lines(Parser::Text(TextList::default()), None))),
            // The URLs of a WARC file are lines of JSON.
            InputFormat::Ndjson | InputFormat::Json | InputFormat::Warc => {
                return Ok(Some(ListFormat::Lines(Parser::Ndjson(Objects::default()), None)));
            }
            InputFormat::Cdxj => return Ok(Some(ListFormat::Lines(Parser::Cdxj, None))),
            InputFormat::Auto | InputFormat::Sitemap | InputFormat::Html => {
                if format::is_cdxj(sample.bytes) {
                    return Ok(Some(ListFormat::Lines(Parser::Cdxj, None)));
                }
                if format::is_ndjson(sample.bytes) {
                    return Ok(Some(ListFormat::Lines(Parser::Ndjson(Objects::default()), None)));
                }
                InputFormat::Auto
            }
        };
        Ok(match layout::of(sample, format, self.about.url_column.as_deref(), self.about.tables_only)? {
            Layout::Unknown => None,
            Layout::Plain => Some(ListFormat::Lines(Parser::Text(TextList::default()), None)),
            Layout::Table(mut layout) => {
                let note = layout.note.take();
                Some(ListFormat::Lines(Parser::Table(Box::new(TableReader::new(layout))), note))
            }
        })
    }

    /// Returns the text of a list that is not lines, in the encoding that it declares for itself.
    fn rest(&mut self, lines: InputLines, declared: Option<&'static Encoding>) -> RemainingBytes {
        let mut rest = lines.into_rest();
        if let Some(error) = self.broken.take() {
            rest = Box::new(rest.chain(Broken(Some(error))));
        }
        match declared {
            Some(encoding) if encoding != UTF_8 => Box::new(Decoded::new(rest, Some(encoding))),
            _ => rest,
        }
    }

    /// Adds entries until the batch is full, nothing more has arrived, or the list ends. Blocks
    /// only while the batch is empty.
    pub fn step(&mut self, out: &mut Gathered) -> io::Result<ReadStop> {
        while !self.decide()? {
            if self.live && !out.entries.is_empty() {
                return Ok(ReadStop::Starved);
            }
            let Body::Undecided(lines) = &mut self.body else { continue };
            match self.broken.take() {
                Some(error) => return Err(error),
                None => lines.fill()?,
            }
        }
        out.append(&mut self.first);
        match &self.body {
            Body::Lines(..) => self.step_lines(out),
            Body::Json(_) => self.step_json(out),
            Body::Sitemap(_) => self.step_sitemap(out),
            Body::Html(_) => self.step_html(out),
            Body::Undecided(_) | Body::Closed => Ok(ReadStop::End),
        }
    }

    fn step_lines(&mut self, out: &mut Gathered) -> io::Result<ReadStop> {
        let Body::Lines(lines, parser) = &mut self.body else { return Ok(ReadStop::End) };
        // Each piece adds at most one entry, so that a batch is never overfull.
        while !out.is_full() {
            let line = lines.number();
            let place = |next| Place { list: &self.name, line, next };
            match lines.next(parser.ending()) {
                LinePiece::Line(bytes, next) => parser.record(bytes, place(next), out),
                LinePiece::TooLong(head, next) => {
                    let reason = format!("longer than {LONGEST} bytes; a line holds one URL");
                    let head = redact_beginning(&String::from_utf8_lossy(head)).into_owned();
                    parser.bad(head.as_bytes(), reason.into(), place(next), out);
                }
                LinePiece::Unclosed(bytes, next) => {
                    let reason = "opens a quote that is not closed; close it, or double a quote that is meant";
                    parser.bad(bytes, reason.into(), place(next), out);
                }
                LinePiece::End => {
                    parser.release(place(line), out);
                    return Ok(ReadStop::End);
                }
                LinePiece::Starved => {
                    if self.live {
                        parser.starved(place(line), out);
                        if !out.entries.is_empty() {
                            return Ok(ReadStop::Starved);
                        }
                    }
                    if let Err(error) = self.broken.take().map_or_else(|| lines.fill(), Err) {
                        // The held URL is complete, unless the read error cut off its options.
                        parser.starved(place(line), out);
                        return Err(error);
                    }
                }
            }
        }
        Ok(ReadStop::Full)
    }

    fn step_json(&mut self, out: &mut Gathered) -> io::Result<ReadStop> {
        let Body::Json(json) = &mut self.body else { return Ok(ReadStop::End) };
        while !out.is_full() {
            if json.next(&self.name, out)? {
                continue;
            }
            if self.live && !out.entries.is_empty() {
                return Ok(ReadStop::Starved);
            }
            if !self.broken.take().map_or_else(|| json.fill(), Err)? {
                json.release(&self.name, out)?;
                return Ok(ReadStop::End);
            }
        }
        Ok(ReadStop::Full)
    }

    fn step_sitemap(&mut self, out: &mut Gathered) -> io::Result<ReadStop> {
        let Body::Sitemap(sitemap) = &mut self.body else { return Ok(ReadStop::End) };
        if let Some(error) = self.broken.take() {
            return Err(error);
        }
        while !out.is_full() {
            // The next piece may arrive late.
            if self.live && !out.entries.is_empty() {
                return Ok(ReadStop::Starved);
            }
            match sitemap.next(&self.name)? {
                SitemapItem::Entry(entry, next) => out.push(entry, next),
                SitemapItem::Child(url, line, next) => return Ok(ReadStop::Child { url, line, next }),
                SitemapItem::End => return Ok(ReadStop::End),
            }
        }
        Ok(ReadStop::Full)
    }

    fn step_html(&mut self, out: &mut Gathered) -> io::Result<ReadStop> {
        let Body::Html(html) = &mut self.body else { return Ok(ReadStop::End) };
        while !out.is_full() {
            if self.live && !out.entries.is_empty() {
                return Ok(ReadStop::Starved);
            }
            match html.next(&self.name)? {
                Some((entry, next)) => out.push(entry, next),
                None => return Ok(ReadStop::End),
            }
        }
        Ok(ReadStop::Full)
    }
}

/// The end of bytes that cannot be read on.
struct Broken(Option<io::Error>);

impl Read for Broken {
    fn read(&mut self, _buf: &mut [u8]) -> io::Result<usize> {
        self.0.take().map_or(Ok(0), Err)
    }
}
