//! The lists of a run, one after the other, as one source.

use std::collections::VecDeque;
use std::fmt;
use std::io::{self, Read};
use std::path::PathBuf;
use std::sync::Arc;

use super::line::{Gathered, Place, Wants};
use super::open::{InputBytes, Wake};
use super::options::ListOptions;
use super::reading::{About, ListReader, ReadStop};
use super::{Interrupt, NotFetched, Source, SourceError, address, format, is_refusal, trailing_text, wacz};
use crate::config::InputFormat;
use crate::model::{Batch, Entry, ErrorKind, FetchError, SourcePos};
use crate::policy::message::charset::of_media_type;
use crate::policy::text::fingerprint::FingerprintSet;
use crate::policy::text::redact::{redact_line, redact_url};

/// The name of the list that the command line's own URLs form.
const ARGUMENTS: &str = "arguments";

/// How many levels of sitemaps below a list are read.
const DEEPEST: u32 = 3;

/// An input that holds URLs.
pub enum Input {
    /// A list file, or anything else that has a path and can be read, such as a FIFO.
    File(PathBuf),
    /// Standard input, shown as `-`.
    Stdin,
    /// A URL, with its position among the arguments, from 1. Its list is called `arguments`.
    Url(String, u64),
    /// The URL of a list. It is fetched before anything else, while the run is set up.
    Remote(String),
    /// Any reader, with the name under which its lines are shown. A read of it that blocks cannot
    /// be interrupted.
    Reader(String, Box<dyn Read + Send>),
}

impl Input {
    /// Returns the name and the bytes of the input; a URL has no bytes.
    pub(super) fn open(self, wake: &Arc<Wake>) -> (String, io::Result<InputBytes>) {
        let wake = Arc::clone(wake);
        match self {
            Input::File(path) if wacz::is_package(&path) => {
                (path.display().to_string(), wacz::open(&path).map(|files| InputBytes::of_files(files, wake)))
            }
            Input::File(path) => (path.display().to_string(), InputBytes::file(&path, wake)),
            Input::Stdin => ("-".to_owned(), InputBytes::stdin(wake)),
            Input::Reader(name, reader) => (name, Ok(InputBytes::reader(reader, wake))),
            Input::Url(..) | Input::Remote(_) => {
                (ARGUMENTS.to_owned(), Err(io::Error::other("it is a URL; name a file")))
            }
        }
    }
}

impl fmt::Debug for Input {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Input::File(path) => f.debug_tuple("File").field(path).finish(),
            Input::Stdin => f.write_str("Stdin"),
            // The URL may hold a password.
            Input::Url(_, position) => f.debug_tuple("Url").field(position).finish(),
            Input::Remote(_) => f.write_str("Remote"),
            Input::Reader(name, _) => f.debug_tuple("Reader").field(name).finish(),
        }
    }
}

enum ListPart {
    Url(String, u64),
    /// A list, and how many sitemaps lead to it.
    List(Box<ListReader>, u32),
}

/// A sitemap that an index names, with the position of the name and the number of indexes above it.
struct ChildSitemap {
    url: String,
    list: Arc<str>,
    line: u64,
    next: u64,
    depth: u32,
}

/// Reads lists in any of the formats, lazily.
///
/// Entries are given out as they arrive: a batch never waits to be filled. Memory stays flat
/// whatever the length of a list or of one line of it.
pub struct ListSource {
    /// The parts left to read; the first is being read.
    parts: VecDeque<ListPart>,
    arguments: Arc<str>,
    wake: Arc<Wake>,
    options: ListOptions,
    /// A sitemap that is fetched next.
    waiting: Option<ChildSitemap>,
    /// The sitemaps that an index named.
    sitemaps: FingerprintSet,
    next: SourcePos,
    expected: Option<u64>,
    /// Whether the list that is being read has given nothing so far.
    is_empty: bool,
    /// The error that ended reading. It is returned after the lines before it.
    failed: Option<SourceError>,
    /// Whether a file name of a list is still to be reported as without effect.
    tells_of_names: bool,
}

fn broken(list: &str, source: io::Error) -> SourceError {
    SourceError { list: list.to_owned(), source }
}

impl fmt::Debug for ListSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ListSource").field("next", &self.next).finish_non_exhaustive()
    }
}

impl ListSource {
    /// Opens every input and looks at the beginning of files. A wrong path, a wrong list, or a URL without
    /// a list is thus found before the first URL is fetched. A FIFO without a writer does not block here.
    /// A list that is named by URL blocks until it arrives.
    ///
    /// # Errors
    /// When an input cannot be opened, or holds no list.
    pub fn new(inputs: Vec<Input>, options: impl Into<ListOptions>) -> Result<Self, SourceError> {
        let wake = Arc::new(Wake::new().map_err(|error| broken("the input", error))?);
        let all_urls = inputs.iter().all(|input| matches!(input, Input::Url(..)));
        let expected = all_urls.then_some(inputs.len() as u64);
        let arguments: Arc<str> = ARGUMENTS.into();
        let next = SourcePos { list: Arc::clone(&arguments), line: 1 };
        let options = options.into();
        let mut source = Self {
            parts: VecDeque::with_capacity(inputs.len()),
            arguments,
            wake,
            tells_of_names: options.unsaved,
            options,
            waiting: None,
            sitemaps: FingerprintSet::new(),
            next,
            expected,
            is_empty: true,
            failed: None,
        };
        for input in inputs {
            let part = match input {
                Input::Url(url, position) => ListPart::Url(url, position),
                Input::Remote(url) => {
                    if let Some(why) = trailing_text::problem(&url) {
                        return Err(broken(&redact_line(&url), io::Error::new(io::ErrorKind::InvalidInput, why)));
                    }
                    let shown = || if address::parse(&url).is_ok() { redact_url(&url) } else { redact_line(&url) };
                    ListPart::List(source.remote(&url).map_err(|error| broken(&shown(), error))?, 0)
                }
                file => ListPart::List(source.file(file)?, 0),
            };
            source.parts.push_back(part);
        }
        source.next = source.front().unwrap_or(source.next.clone());
        Ok(source)
    }

    fn file(&self, input: Input) -> Result<Box<ListReader>, SourceError> {
        let (name, feed) = input.open(&self.wake);
        let feed = feed.map_err(|error| broken(&name, error))?;
        let mut reading = Box::new(ListReader::new((&*name).into(), feed, About::from(&self.options)));
        reading.prepare().map_err(|error| broken(&name, error))?;
        Ok(reading)
    }

    /// Fetches a list and checks that it is one.
    fn remote(&self, url: &str) -> io::Result<Box<ListReader>> {
        let (checked, _) = address::parse(url).map_err(|why| io::Error::new(io::ErrorKind::InvalidInput, &*why))?;
        let Some(opener) = &self.options.opener else {
            return Err(io::Error::new(io::ErrorKind::Unsupported, "no list can be fetched here; name a file"));
        };
        // A sitemap's URL may have blanks, and the opener takes a line.
        let fetched = opener.open(&url.replace(' ', "%20")).map_err(NotFetched::from)?;
        let mut about = About::from(&self.options);
        let content_type = fetched.content_type.as_deref();
        if about.format == InputFormat::Auto {
            let named = || [&checked, &fetched.url].into_iter().find_map(|url| format::by_name(url.path()));
            about.format = content_type.and_then(format::by_media_type).or_else(named).unwrap_or_default();
            about.promised = true;
        }
        about.encoding = about.encoding.or_else(|| content_type.and_then(|field| of_media_type(field.as_bytes())));
        about.base = about.base.or(Some(fetched.url));
        let feed = InputBytes::opened(fetched.file, Arc::clone(&self.wake));
        let mut reading = Box::new(ListReader::new(checked.as_str().into(), feed, about));
        reading.prepare()?;
        Ok(reading)
    }

    /// Opens a sitemap that an index names, to be read next. Returns a bad entry if that fails. Skips a
    /// sitemap that came before.
    fn child(&mut self, url: &str, place: Place<'_>, depth: u32) -> Option<Entry> {
        let checked = match address::parse(url) {
            Ok((checked, _)) => checked,
            Err(reason) => return Some(place.bad_value(url, reason)),
        };
        if depth >= DEEPEST {
            return Some(
                place
                    .bad_value(url, format!("a sitemap {} levels below the list; name it as a list itself", depth + 1)),
            );
        }
        if !self.sitemaps.insert(checked.as_str()) {
            return None;
        }
        match self.remote(url) {
            Ok(reading) => {
                self.parts.push_front(ListPart::List(reading, depth + 1));
                None
            }
            Err(error) => {
                let fetching = error.get_ref().and_then(|inner| inner.downcast_ref::<NotFetched>());
                // The kind http_status is for records of URLs that were requested for themselves.
                let kind = fetching.map(|NotFetched(error)| error.kind).filter(|kind| *kind != ErrorKind::HttpStatus);
                let message = error.to_string();
                // The advice is for lists that the user named.
                let why = if is_refusal(&error) { message.split(';').next().unwrap_or_default() } else { &message };
                Some(place.failed(
                    url,
                    FetchError::new(kind.unwrap_or(ErrorKind::InvalidUrl), format!("the sitemap was not read: {why}")),
                ))
            }
        }
    }

    /// Returns the position at which the first part begins.
    fn front(&self) -> Option<SourcePos> {
        self.parts.front().map(|part| match part {
            ListPart::Url(_, position) => SourcePos { list: Arc::clone(&self.arguments), line: *position },
            ListPart::List(reading, _) => SourcePos { list: Arc::clone(reading.name()), line: 1 },
        })
    }

    /// Drops the part that was read to its end; `line` is the one after it.
    fn finish_part(&mut self, list: Arc<str>, line: u64) {
        self.parts.pop_front();
        self.next = self.front().unwrap_or(SourcePos { list, line });
    }

    /// Adds a note, once, about a file name in a run that saves nothing.
    fn tell_of_names(&mut self, gathered: &mut Gathered) {
        if !self.tells_of_names {
            return;
        }
        let is_named = |entry: &&Entry| matches!(entry, Entry::Seed(seed) if seed.overrides.as_ref().is_some_and(|o| o.out.is_some()));
        if let Some(Entry::Seed(seed)) = gathered.entries.iter().find(is_named) {
            self.tells_of_names = false;
            gathered
                .notes
                .push(format!("{}: names a file (out), but nothing is saved without --dir DIR", seed.via.origin()));
        }
    }

    /// Gathers entries until the batch is full, nothing more has arrived, or reading breaks.
    fn gather(&mut self) -> Gathered {
        let mut out = Gathered::default();
        while !out.is_full() && !self.wake.is_set() {
            if self.waiting.is_some() && !out.entries.is_empty() {
                break;
            }
            if let Some(ChildSitemap { url, list, line, next, depth }) = self.waiting.take() {
                if let Some(entry) = self.child(&url, Place { list: &list, line, next }, depth) {
                    out.push(entry, next);
                    self.next = SourcePos { list, line: next };
                }
                continue;
            }
            match self.parts.front_mut() {
                None => break,
                Some(ListPart::Url(url, position)) => {
                    let list = &self.arguments;
                    let place = Place { list, line: *position, next: *position + 1 };
                    out.push(place.entry(url.trim(), Wants::default()), place.next);
                    self.finish_part(Arc::clone(&self.arguments), place.next);
                }
                Some(ListPart::List(reading, depth)) => {
                    let depth = *depth;
                    out.next = None;
                    let before = out.entries.len();
                    let step = reading.step(&mut out);
                    self.is_empty &= out.entries.len() == before && !matches!(step, Ok(ReadStop::Child { .. }));
                    let (name, end) = (Arc::clone(reading.name()), reading.line());
                    if let Some(line) = out.next {
                        self.next = SourcePos { list: Arc::clone(&name), line };
                    }
                    match step {
                        Ok(ReadStop::Full) => {}
                        Ok(ReadStop::Starved) => break,
                        // Entries that have arrived do not wait for the fetch of a sitemap.
                        Ok(ReadStop::Child { url, line, next }) => {
                            self.waiting = Some(ChildSitemap { url, list: name, line, next, depth });
                        }
                        Ok(ReadStop::End) => {
                            // A sitemap ends while the list that names it is still being read.
                            if depth == 0 && std::mem::replace(&mut self.is_empty, true) {
                                let shown = if &*name == "-" { "standard input" } else { &*name };
                                out.notes.push(format!("{shown}: the list has no URL"));
                            }
                            self.finish_part(name, end);
                        }
                        Err(_) if self.wake.is_set() => break,
                        Err(source) if depth > 0 => {
                            let place = Place { list: &name, line: end, next: end };
                            out.push(
                                place.bad_value(&name, format!("the sitemap was not read to its end: {source}")),
                                end,
                            );
                            self.finish_part(Arc::clone(&name), end);
                        }
                        Err(source) => {
                            self.failed = Some(SourceError { list: name.to_string(), source });
                            self.parts.clear();
                            break;
                        }
                    }
                }
            }
        }
        out
    }
}

impl Source for ListSource {
    fn next_batch(&mut self) -> Result<Option<Batch>, SourceError> {
        if self.wake.is_set() {
            return Ok(None);
        }
        if self.failed.is_none() {
            let mut gathered = self.gather();
            self.tell_of_names(&mut gathered);
            if !gathered.entries.is_empty() || !gathered.notes.is_empty() {
                return Ok(Some(Batch {
                    entries: gathered.entries,
                    next: self.next.clone(),
                    notes: gathered.notes,
                    leased: None,
                }));
            }
        }
        match self.failed.take() {
            Some(error) => Err(error),
            None => Ok(None),
        }
    }

    fn position(&self) -> SourcePos {
        self.next.clone()
    }

    fn expected(&self) -> Option<u64> {
        self.expected
    }

    fn may_block(&self) -> bool {
        // Arguments never block; everything else is a file or a pipe.
        self.expected.is_none()
    }

    fn interrupt(&self) -> Interrupt {
        let (wake, opener) = (Arc::clone(&self.wake), self.options.opener.clone());
        Arc::new(move || {
            wake.set();
            if let Some(opener) = &opener {
                opener.interrupt();
            }
        })
    }
}
