//! The lists of a run, one after the other, as one source.

use std::collections::VecDeque;
use std::fmt;
use std::io::{self, Read};
use std::path::PathBuf;
use std::sync::Arc;

use super::line::{Gathered, Place, Wants};
use super::open::{Feed, Wake};
use super::options::ListOptions;
use super::reading::{Reading, Step};
use super::{Interrupt, Source, SourceError};
use crate::model::{Batch, Origin};

/// The name of the list that the command line's own URLs form.
const ARGUMENTS: &str = "arguments";

/// Something that holds URLs.
pub enum Input {
    /// A list file, or anything else that has a path and can be read, such as a FIFO.
    File(PathBuf),
    /// Standard input, shown as `-`.
    Stdin,
    /// A URL, with its position among the arguments, from 1. Its list is called `arguments`.
    Url(String, u64),
    /// Any reader, with the name under which its lines are shown. A read of it that blocks cannot
    /// be interrupted.
    Reader(String, Box<dyn Read + Send>),
}

impl Input {
    /// Its name and its bytes; a URL has none.
    pub(super) fn open(self, wake: &Arc<Wake>) -> (String, io::Result<Feed>) {
        let wake = Arc::clone(wake);
        match self {
            Input::File(path) => (path.display().to_string(), Feed::file(&path, wake)),
            Input::Stdin => ("-".to_owned(), Feed::stdin(wake)),
            Input::Reader(name, reader) => (name, Ok(Feed::reader(reader, wake))),
            Input::Url(..) => (ARGUMENTS.to_owned(), Err(io::Error::other("it is a URL; name a file"))),
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
            Input::Reader(name, _) => f.debug_tuple("Reader").field(name).finish(),
        }
    }
}

enum Part {
    Url(String, u64),
    List(Box<Reading>),
}

/// Reads lists in any of the formats, lazily.
///
/// What has arrived is given out at once: a batch never waits to be filled. Memory stays flat
/// whatever the length of a list or of one line of it.
pub struct ListSource {
    /// What is left to read; the first is being read.
    parts: VecDeque<Part>,
    arguments: Arc<str>,
    wake: Arc<Wake>,
    next: Origin,
    expected: Option<u64>,
    /// Why reading broke, to be told after the lines before it.
    failed: Option<SourceError>,
}

impl fmt::Debug for ListSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ListSource").field("next", &self.next).finish_non_exhaustive()
    }
}

impl ListSource {
    /// Opens every input and looks at the beginning of files, so that a wrong path and a wrong list
    /// are found before the first URL is fetched. A FIFO without a writer does not block here.
    ///
    /// # Errors
    /// When an input cannot be opened, or a file is no list.
    pub fn new(inputs: Vec<Input>, options: impl Into<ListOptions>) -> Result<Self, SourceError> {
        let options = options.into();
        let broken = |list: &str, source: io::Error| SourceError { list: list.to_owned(), source };
        let wake = Arc::new(Wake::new().map_err(|error| broken("the input", error))?);
        let all_urls = inputs.iter().all(|input| matches!(input, Input::Url(..)));
        let expected = all_urls.then_some(inputs.len() as u64);
        let arguments: Arc<str> = ARGUMENTS.into();
        let mut parts = VecDeque::with_capacity(inputs.len());
        for input in inputs {
            if let Input::Url(url, position) = input {
                parts.push_back(Part::Url(url, position));
                continue;
            }
            let (name, feed) = input.open(&wake);
            let feed = feed.map_err(|error| broken(&name, error))?;
            let mut reading = Box::new(Reading::new(name.as_str().into(), feed, &options));
            reading.prepare().map_err(|error| broken(&name, error))?;
            parts.push_back(Part::List(reading));
        }
        let next = Origin { list: Arc::clone(&arguments), line: 1 };
        let mut source = Self { parts, arguments, wake, next, expected, failed: None };
        source.next = source.front().unwrap_or(source.next.clone());
        Ok(source)
    }

    /// Where the first part begins.
    fn front(&self) -> Option<Origin> {
        self.parts.front().map(|part| match part {
            Part::Url(_, position) => Origin { list: Arc::clone(&self.arguments), line: *position },
            Part::List(reading) => Origin { list: Arc::clone(reading.name()), line: 1 },
        })
    }

    /// Drops the part that was read to its end; `line` is the one after it.
    fn finish_part(&mut self, list: Arc<str>, line: u64) {
        self.parts.pop_front();
        self.next = self.front().unwrap_or(Origin { list, line });
    }

    /// Gathers entries until the batch is full, nothing more has arrived, or reading breaks.
    fn gather(&mut self) -> Gathered {
        let mut out = Gathered::default();
        while out.entries.len() < Batch::MAX && !self.wake.is_set() {
            match self.parts.front_mut() {
                None => break,
                Some(Part::Url(url, position)) => {
                    let list = &self.arguments;
                    let place = Place { list, line: *position, next: *position + 1 };
                    out.push(place.entry(url.trim(), Wants::default()), place.next);
                    self.finish_part(Arc::clone(&self.arguments), place.next);
                }
                Some(Part::List(reading)) => {
                    out.next = None;
                    let step = reading.step(&mut out);
                    let (name, end) = (Arc::clone(reading.name()), reading.line());
                    if let Some(line) = out.next {
                        self.next = Origin { list: Arc::clone(&name), line };
                    }
                    match step {
                        Ok(Step::Full) => {}
                        Ok(Step::Starved) => break,
                        Ok(Step::End) => self.finish_part(name, end),
                        Err(_) if self.wake.is_set() => break,
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
            let gathered = self.gather();
            if !gathered.entries.is_empty() {
                return Ok(Some(Batch { entries: gathered.entries, next: self.next.clone(), notes: gathered.notes }));
            }
        }
        match self.failed.take() {
            Some(error) => Err(error),
            None => Ok(None),
        }
    }

    fn position(&self) -> Origin {
        self.next.clone()
    }

    fn expected(&self) -> Option<u64> {
        self.expected
    }

    fn may_block(&self) -> bool {
        // Arguments are there already; everything else is a file or a pipe.
        self.expected.is_none()
    }

    fn interrupt(&self) -> Interrupt {
        let wake = Arc::clone(&self.wake);
        Arc::new(move || wake.set())
    }
}
