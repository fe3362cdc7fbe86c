//! Copies of pages and style sheets with edited links, in bounded memory.
//!
//! A document is opened three times: for its survey, for its edits, and for the copy. The copy has the encoding of the
//! document. A document in which nothing changes gets no copy.

mod edited_copy;
#[cfg(test)]
mod tests;
mod transcode;

use std::io::{self, Read, Write};

use encoding_rs::Encoding;

use crate::extract::{DocumentSurvey, FIRST_BYTES, LinkEditor, LinkTargets, RewriteHead, Survey, SurveyEnd};
use edited_copy::EditedCopy;
use transcode::DecodingReader;

/// The bytes that are read at once.
const PIECE: usize = 32 * 1024;

/// Rewrites a document. `open` opens it at its beginning, more than once. `create` makes the copy when the first
/// change is found. Returns the copy and its length; `None` if nothing changes. Memory has a bound that does not
/// depend on the document.
///
/// # Errors
/// An error of `open`, `create`, a read or a write.
pub fn rewrite<R: Read, W: Write>(
    head: &RewriteHead<'_>,
    targets: &dyn LinkTargets,
    open: impl Fn() -> io::Result<R>,
    create: impl FnOnce() -> io::Result<W>,
) -> io::Result<Option<(W, u64)>> {
    let Some((survey, hidden)) = survey(head, &open)? else { return Ok(None) };
    let mut editor = LinkEditor::new(&survey, head, targets);
    let (mut copy, mut create) = (None, Some(create));
    let mut input = DecodingReader::new(open()?, hidden);
    let mut buffer = vec![0; PIECE];
    loop {
        let length = read_some(&mut input, &mut buffer)?;
        let edits = if length == 0 { editor.end() } else { editor.piece(&buffer[..length]) };
        for edit in edits {
            if let Some(create) = create.take() {
                copy = Some(EditedCopy::new(DecodingReader::new(open()?, hidden), create()?, hidden));
            }
            if let Some(copy) = &mut copy {
                copy.apply(&edit)?;
            }
        }
        if length == 0 {
            return copy.map(EditedCopy::finish).transpose();
        }
    }
}

/// Rewrites a document in memory; `None` if nothing changes.
pub fn rewrite_bytes(head: &RewriteHead<'_>, targets: &dyn LinkTargets, document: &[u8]) -> Option<Vec<u8>> {
    let create = || Ok(Vec::with_capacity(document.len() + document.len() / 8));
    let copy = rewrite(head, targets, || Ok(document), create);
    // Err: nothing in memory fails.
    copy.ok().flatten().map(|(copy, _)| copy)
}

/// Surveys a document, twice if it says itself that it must be decoded. Returns the encoding from which it is decoded
/// too; `None` if it has no links.
fn survey<R: Read>(
    head: &RewriteHead<'_>,
    open: &impl Fn() -> io::Result<R>,
) -> io::Result<Option<(Survey, Option<&'static Encoding>)>> {
    let mut first = [0; FIRST_BYTES];
    let length = read_first(&mut open()?, &mut first)?;
    let mut declared = None;
    let mut buffer = vec![0; PIECE];
    let mut has_base = None;
    loop {
        let Some(mut survey) = DocumentSurvey::begin(head, &first[..length], declared) else { return Ok(None) };
        let hidden = survey.hidden_encoding();
        if hidden.is_none() && survey.needs_document() {
            let has_base = match has_base {
                Some(known) => known,
                None => *has_base.insert(mentions_base(open()?, &mut buffer)?),
            };
            survey.may_have_base(has_base);
        }
        let mut input = DecodingReader::new(open()?, hidden);
        while survey.needs_document() {
            match read_some(&mut input, &mut buffer)? {
                0 => break,
                length => survey.piece(&buffer[..length]),
            }
        }
        match survey.end() {
            SurveyEnd::Done(survey) => return Ok(survey.map(|survey| (survey, hidden))),
            SurveyEnd::Again(encoding) => declared = Some(encoding),
        }
    }
}

/// Whether a document may have a `base` element. To look for its name is cheaper than to read all tags.
fn mentions_base(mut input: impl Read, buffer: &mut [u8]) -> io::Result<bool> {
    const NAME: &[u8] = b"<base";
    let mut kept = 0;
    loop {
        let length = kept + read_some(&mut input, &mut buffer[kept..])?;
        if length == kept {
            return Ok(false);
        }
        let text = &buffer[..length];
        let is_name = |at: usize| text.get(at..at + NAME.len()).is_some_and(|name| name.eq_ignore_ascii_case(NAME));
        if memchr::memchr_iter(b'<', text).any(is_name) {
            return Ok(true);
        }
        // The beginning of a name may be the end of this piece.
        kept = length.min(NAME.len() - 1);
        buffer.copy_within(length - kept..length, 0);
    }
}

/// Fills the buffer, unless the document is shorter. Returns the number of bytes.
fn read_first(input: &mut impl Read, into: &mut [u8]) -> io::Result<usize> {
    let mut length = 0;
    while length < into.len() {
        match read_some(input, &mut into[length..])? {
            0 => break,
            read => length += read,
        }
    }
    Ok(length)
}

/// Reads some bytes, also when a signal comes; 0 at the end.
fn read_some(input: &mut impl Read, into: &mut [u8]) -> io::Result<usize> {
    loop {
        match input.read(into) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            read => return read,
        }
    }
}
