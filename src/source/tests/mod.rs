//! Lists as a user sees them: which URLs come out, when, and the messages for bad lines.

mod arbitrary;
mod bounds;
mod encodings;
mod json;
mod live;
mod markup;
mod refusals;
mod remote;
mod tables;
mod text;

use std::io::{self, Read};

use super::{Input, ListOptions, ListSource, Source, SourceError};
use crate::config::InputFormat;
use crate::model::{BadLine, Batch, Entry, ErrorKind, RequestOverrides, Seed};

/// A reader that gives its bytes in the given pieces and then, perhaps, an error.
pub(super) struct Pieces {
    pub pieces: Vec<Vec<u8>>,
    pub error: Option<io::Error>,
}

impl Read for Pieces {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let Some(first) = self.pieces.first_mut() else {
            return self.error.take().map_or(Ok(0), Err);
        };
        let len = first.len().min(buf.len());
        buf[..len].copy_from_slice(&first[..len]);
        first.drain(..len);
        if first.is_empty() {
            self.pieces.remove(0);
        }
        Ok(len)
    }
}

pub(super) fn pieces(pieces: &[&[u8]]) -> Input {
    let pieces = pieces.iter().filter(|piece| !piece.is_empty()).map(|piece| piece.to_vec()).collect();
    Input::Reader("list".into(), Box::new(Pieces { pieces, error: None }))
}

pub(super) fn reader(name: &str, bytes: &[u8]) -> Input {
    Input::Reader(name.into(), Box::new(io::Cursor::new(bytes.to_vec())))
}

/// A list file, which may be looked ahead in.
pub(super) fn file(bytes: &[u8]) -> (tempfile::NamedTempFile, Input) {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), bytes).unwrap();
    let input = Input::File(file.path().to_owned());
    (file, input)
}

/// Every entry of the inputs, and how reading ended.
pub(super) fn drain(source: &mut ListSource) -> (Vec<Entry>, Result<(), SourceError>) {
    let mut entries = Vec::new();
    loop {
        match source.next_batch() {
            Ok(Some(batch)) => {
                assert!(!(batch.entries.is_empty() && batch.notes.is_empty()) && batch.entries.len() <= Batch::MAX);
                assert_eq!(batch.next, source.position());
                entries.extend(batch.entries);
            }
            Ok(None) => return (entries, Ok(())),
            Err(error) => return (entries, Err(error)),
        }
    }
}

#[track_caller]
pub(super) fn read(input: Input, rules: impl Into<ListOptions>) -> Vec<Entry> {
    let (entries, end) = drain(&mut ListSource::new(vec![input], rules).unwrap());
    end.unwrap();
    entries
}

/// Why a list is refused as a whole.
#[track_caller]
pub(super) fn refusal(input: Input, rules: impl Into<ListOptions>) -> String {
    let error = match ListSource::new(vec![input], rules) {
        Err(error) => error,
        Ok(mut source) => {
            let (entries, end) = drain(&mut source);
            assert!(entries.is_empty(), "{entries:?}");
            end.unwrap_err()
        }
    };
    assert!(error.is_refusal(), "{error}");
    error.to_string()
}

pub(super) fn text(list: &str) -> Vec<Entry> {
    read(reader("list", list.as_bytes()), InputFormat::Text)
}

/// The list as a file, so that option lines are found.
pub(super) fn text_file(list: &str) -> Vec<Entry> {
    let (_keep, input) = file(list.as_bytes());
    read(input, InputFormat::Text)
}

/// `LINE URL` or `LINE !text`, one word each, to compare whole lists at a glance.
pub(super) fn brief(entries: &[Entry]) -> Vec<String> {
    let one = |entry: &Entry| match entry {
        Entry::Seed(seed) => format!("{} {}", seed.via.origin().line, seed.url),
        Entry::Bad(bad) => format!("{} !{}", bad.via.origin().line, bad.text),
        Entry::LeftOut { seed, .. } => format!("{} -{}", seed.via.origin().line, seed.url),
    };
    entries.iter().map(one).collect()
}

#[track_caller]
pub(super) fn seed(entries: &[Entry]) -> &Seed {
    match entries {
        [Entry::Seed(seed)] => seed,
        other => panic!("not one good line: {other:?}"),
    }
}

#[track_caller]
pub(super) fn wants(entries: &[Entry]) -> &RequestOverrides {
    seed(entries).overrides.as_ref().expect("nothing is wanted")
}

#[track_caller]
pub(super) fn bad(entries: &[Entry]) -> &BadLine {
    match entries {
        [Entry::Bad(bad)] => {
            assert_eq!(bad.error.kind, ErrorKind::InvalidUrl);
            bad
        }
        other => panic!("not one bad line: {other:?}"),
    }
}

#[track_caller]
pub(super) fn says(entries: &[Entry], part: &str) {
    let message = &bad(entries).error.message;
    assert!(message.contains(part), "{message:?} does not say {part:?}");
}

pub(super) fn fields(wants: &RequestOverrides) -> Vec<String> {
    wants.headers.iter().map(|(name, value)| format!("{name}: {}", value.to_str().unwrap())).collect()
}
