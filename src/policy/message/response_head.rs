//! Finds, reads and repairs the head of an HTTP/1 response (RFC 9112, sections 2.2, 5 and 6).
//!
//! A repaired head lacks the lines that cannot be read. Its folded lines are joined, and its transfer codings
//! are one field.

use memchr::{memchr, memchr_iter};

use super::transfer_coding::{TransferCodings, transfer_codings};
use crate::model::shown_text;

#[cfg(test)]
mod tests;

/// The Via value of an HTTP/1.0 message that reads as HTTP/1.1 (RFC 9110, section 7.6.3).
pub const VIA_HTTP_10: &str = "1.0 fetchall";

/// How much of a line an error quotes, in bytes.
const QUOTED: usize = 120;

/// Fields that define the body: its end, its coding, its range or another place for it.
const DECISIVE: [&str; 5] = ["Content-Length", "Transfer-Encoding", "Content-Encoding", "Content-Range", "Location"];

/// A field line that cannot be read and may be one of those that define the body.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the field line `{line}` cannot be read, and it may be {name}")]
pub struct UnreadableField {
    line: String,
    name: &'static str,
}

/// The search for the end of a head that arrives piece by piece. Looks at each byte once.
#[derive(Debug, Default)]
pub struct Search {
    /// The offset of the status line, behind empty lines (RFC 9112, section 2.2).
    start: usize,
    /// The offset at which the search continues.
    at: usize,
    has_status_line: bool,
}

/// The result of a [`Search`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HeadSearchResult {
    /// The head has no end yet.
    Nothing,
    /// The bytes do not begin with a status line of HTTP/1.0 or HTTP/1.1.
    NotHttp,
    /// The length of the head with its empty line.
    End(usize),
}

impl Search {
    /// Looks for the end in all bytes of the head that have arrived.
    pub fn find(&mut self, bytes: &[u8]) -> HeadSearchResult {
        if !self.has_status_line {
            let empty = bytes[self.start..].iter().take_while(|b| matches!(b, b'\r' | b'\n')).count();
            self.start += empty;
            self.at = self.at.max(self.start);
            let line = &bytes[self.start..];
            if !line.iter().zip(b"HTTP/1.").all(|(found, wanted)| found == wanted) {
                return HeadSearchResult::NotHttp;
            }
            let Some(length) = memchr(b'\n', &bytes[self.at..]) else {
                self.at = bytes.len();
                return HeadSearchResult::Nothing;
            };
            self.at += length;
            if StatusLine::read(&bytes[self.start..self.at]).is_none() {
                return HeadSearchResult::NotHttp;
            }
            self.has_status_line = true;
        }
        let from = self.at;
        for newline in memchr_iter(b'\n', &bytes[from..]).map(|at| from + at) {
            self.at = newline;
            match bytes[newline + 1..] {
                [b'\n', ..] => return HeadSearchResult::End(newline + 2),
                [b'\r', b'\n', ..] => return HeadSearchResult::End(newline + 3),
                // The next bytes decide.
                [] | [b'\r'] => return HeadSearchResult::Nothing,
                _ => self.at = newline + 1,
            }
        }
        self.at = bytes.len();
        HeadSearchResult::Nothing
    }
}

/// A whole head.
#[derive(Debug, PartialEq, Eq)]
pub struct Head {
    /// Whether another head follows (1xx; RFC 9110, section 15.2).
    pub is_interim: bool,
    /// The content behind it.
    pub content: Content,
    /// The head to use instead, if a line cannot be read or the client would misread the framing.
    pub repaired: Option<Vec<u8>>,
    /// The names of dropped lines, escaped.
    pub dropped: Vec<String>,
    /// The number of field lines, dropped ones included.
    pub fields: usize,
}

/// The content that a head announces (RFC 9112, section 6.3). The request may have been a HEAD.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Content {
    /// So many bytes.
    Length(u64),
    /// Chunks, up to the last one.
    Chunked,
    /// Everything until the connection ends.
    UntilClose,
}

impl Content {
    /// Whether these first bytes of the content are all of it, as far as they tell.
    pub fn is_whole(self, bytes: &[u8]) -> bool {
        match self {
            Content::Length(length) => bytes.len() as u64 >= length,
            Content::Chunked => bytes.ends_with(b"0\r\n\r\n"),
            Content::UntilClose => false,
        }
    }
}

/// Reads a whole head, as [`Search`] has found it.
///
/// # Errors
/// A line that cannot be read may be one of those that define the body.
pub fn read_head(head: &[u8]) -> Result<Head, UnreadableField> {
    let start = head.iter().take_while(|b| matches!(b, b'\r' | b'\n')).count();
    let mut lines = HeadLines(&head[start..]);
    let status_line = lines.next().unwrap_or_default();
    let status = StatusLine::read(status_line).unwrap_or_default();
    let mut fields = Framing::default();
    let mut count = 0;
    for line in lines.clone() {
        count += 1;
        match FieldLine::read(line) {
            Some(field) => fields.add(&field),
            None => return repair(status_line, &status, lines),
        }
    }
    if fields.needs_rewriting(&status) || !status.is_clean {
        return repair(status_line, &status, lines);
    }
    let codings = TransferCodings { is_chunked: fields.coding.is_some(), inner: Vec::new() };
    let content = fields.content(&status, &codings);
    Ok(Head { is_interim: status.is_interim(), content, repaired: None, dropped: Vec::new(), fields: count })
}

/// Writes a head anew, without the lines and the reason phrase that cannot be read.
fn repair(status_line: &[u8], status: &StatusLine<'_>, lines: HeadLines<'_>) -> Result<Head, UnreadableField> {
    let logical = unfold(lines);
    let mut out = Vec::with_capacity(logical.iter().map(|line| line.len() + 2).sum::<usize>() + 128);
    let mut framing = Framing::default();
    let mut dropped = Vec::new();
    for line in &logical {
        match FieldLine::read(line) {
            Some(field) => framing.add(&field),
            None => {
                refuse_if_decisive(line)?;
                let name = line.split(|&b| b == b':').next().unwrap_or_default();
                dropped.push(quote(name));
            }
        }
    }
    let codings = framing.codings();
    let is_coded = codings.is_chunked || !codings.inner.is_empty();
    // Chunks are undone for HTTP/1.1 alone.
    let is_upgraded = is_coded && status.is_http_10;
    let version = if is_upgraded || !status.is_http_10 { "HTTP/1.1" } else { "HTTP/1.0" };
    out.extend_from_slice(format!("{version} {:03}", status.status).as_bytes());
    if is_text(status.reason) {
        out.extend_from_slice(status.reason);
    } else {
        refuse_if_decisive(status_line)?;
    }
    out.extend_from_slice(b"\r\n");
    let stays = |field: &FieldLine<'_>| !field.is(TRANSFER_ENCODING) && !field.is_mark();
    for line in logical.iter().filter(|line| FieldLine::read(line).is_some_and(|field| stays(&field))) {
        out.extend_from_slice(line);
        out.extend_from_slice(b"\r\n");
    }
    if is_upgraded {
        // RFC 9112, section 6.1: the framing counts as faulty, and the connection ends with the message.
        out.extend_from_slice(format!("Connection: close\r\nVia: {VIA_HTTP_10}\r\n").as_bytes());
    }
    if is_coded {
        out.extend([b"Transfer-Encoding: ", &codings.to_value()[..], b"\r\n"].concat());
    }
    out.extend_from_slice(b"\r\n");
    let content = framing.content(status, &codings);
    Ok(Head { is_interim: status.is_interim(), content, repaired: Some(out), dropped, fields: logical.len() })
}

/// Joins folded lines with one blank (RFC 9112, section 5.2).
fn unfold(lines: HeadLines<'_>) -> Vec<Vec<u8>> {
    let mut logical: Vec<Vec<u8>> = Vec::new();
    for line in lines {
        match logical.last_mut().filter(|_| matches!(line, [b' ' | b'\t', ..])) {
            Some(folded) => {
                folded.truncate(folded.trim_ascii_end().len());
                folded.push(b' ');
                folded.extend_from_slice(line.trim_ascii());
            }
            None => logical.push(line.to_vec()),
        }
    }
    logical
}

const CONTENT_LENGTH: &str = DECISIVE[0];
const TRANSFER_ENCODING: &str = DECISIVE[1];

/// The lines up to the empty one, without their ends.
#[derive(Debug, Clone)]
struct HeadLines<'a>(&'a [u8]);

impl<'a> Iterator for HeadLines<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let (line, rest) = self.0.split_at_checked(memchr(b'\n', self.0)? + 1)?;
        self.0 = rest;
        let line = line.strip_suffix(b"\n").unwrap_or(line);
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        (!line.is_empty()).then_some(line)
    }
}

/// `HTTP/1.1 200 OK`
#[derive(Debug, Default)]
struct StatusLine<'a> {
    is_http_10: bool,
    status: u16,
    /// The rest of the line, with the blank before it.
    reason: &'a [u8],
    /// Whether the client can read the line as it is.
    is_clean: bool,
}

impl<'a> StatusLine<'a> {
    /// Reads a line, with or without a carriage return at its end.
    fn read(line: &'a [u8]) -> Option<Self> {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let [minor @ (b'0' | b'1'), b' ', rest @ ..] = line.strip_prefix(b"HTTP/1.")? else { return None };
        let blanks = rest.iter().take_while(|&&b| b == b' ').count();
        let rest = &rest[blanks..];
        let [a @ b'0'..=b'9', b @ b'0'..=b'9', c @ b'0'..=b'9', reason @ ..] = rest else { return None };
        let status = [a, b, c].iter().fold(0, |sum, digit| sum * 10 + u16::from(**digit - b'0'));
        let is_good = reason.is_empty() || reason.starts_with(b" ");
        let is_clean = blanks == 0 && is_text(reason);
        is_good.then_some(Self { is_http_10: *minor == b'0', status, reason, is_clean })
    }

    /// 101 ends HTTP on the connection.
    fn is_interim(&self) -> bool {
        matches!(self.status, 100 | 102..=199)
    }
}

/// A field line that can be read (RFC 9112, section 5).
struct FieldLine<'a> {
    name: &'a [u8],
    value: &'a [u8],
}

impl<'a> FieldLine<'a> {
    fn read(line: &'a [u8]) -> Option<Self> {
        let (name, value) = line.split_at_checked(line.iter().position(|&b| !is_token(b))?)?;
        let is_good = !name.is_empty() && value.starts_with(b":") && is_text(value);
        is_good.then(|| Self { name, value: value[1..].trim_ascii() })
    }

    fn is(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name.as_bytes())
    }

    /// Whether it is the mark that only [`repair`] may set.
    fn is_mark(&self) -> bool {
        self.value == VIA_HTTP_10.as_bytes() && self.is("Via")
    }
}

/// The fields that define the end of the body.
#[derive(Default)]
struct Framing<'a> {
    length: Option<u64>,
    /// The first Transfer-Encoding, and the others.
    coding: Option<&'a [u8]>,
    others: Vec<&'a [u8]>,
    has_mark: bool,
}

impl<'a> Framing<'a> {
    fn add(&mut self, field: &FieldLine<'a>) {
        if field.is(CONTENT_LENGTH) {
            self.length = str::from_utf8(field.value).ok().and_then(|value| value.parse().ok());
        } else if field.is(TRANSFER_ENCODING) {
            match self.coding {
                None => self.coding = Some(field.value),
                Some(_) => self.others.push(field.value),
            }
        } else if field.is_mark() {
            self.has_mark = true;
        }
    }

    fn codings(&self) -> TransferCodings<'a> {
        transfer_codings(self.coding.into_iter().chain(self.others.iter().copied()))
    }

    /// Whether the client would misread the codings or the version. It looks at the last field alone.
    fn needs_rewriting(&self, status: &StatusLine<'_>) -> bool {
        match self.coding {
            _ if self.has_mark => true,
            None => false,
            Some(only) => status.is_http_10 || !self.others.is_empty() || !only.eq_ignore_ascii_case(b"chunked"),
        }
    }

    fn content(&self, status: &StatusLine<'_>, codings: &TransferCodings<'_>) -> Content {
        match self.length {
            _ if matches!(status.status, ..200 | 204 | 304) => Content::Length(0),
            _ if codings.is_chunked => Content::Chunked,
            Some(length) if codings.inner.is_empty() => Content::Length(length),
            _ => Content::UntilClose,
        }
    }
}

/// Refuses a line that cannot be read and may be one of [`DECISIVE`].
fn refuse_if_decisive(line: &[u8]) -> Result<(), UnreadableField> {
    // Some take a lone carriage return for the end of a line.
    match line.split(|&b| b == b'\r').find_map(decisive_name) {
        None => Ok(()),
        Some(name) => Err(UnreadableField { line: quote(line), name }),
    }
}

/// Which of [`DECISIVE`] a line may be.
fn decisive_name(line: &[u8]) -> Option<&'static str> {
    let letters = |text: &[u8]| -> Vec<u8> {
        text.iter().filter(|b| b.is_ascii_alphanumeric()).map(u8::to_ascii_lowercase).collect()
    };
    let colon = memchr(b':', line);
    let name = &line[..colon.unwrap_or(line.len())];
    let squeezed = letters(name);
    DECISIVE.into_iter().find(|wanted| {
        let plain = letters(wanted.as_bytes());
        let is_a_word = |word: &[u8]| word.eq_ignore_ascii_case(wanted.as_bytes());
        match colon {
            Some(_) => squeezed == plain || name.split(|&b| !is_token(b)).any(is_a_word),
            None => squeezed.starts_with(&plain),
        }
    })
}

/// The text of a line for people: escaped, bounded, without passwords.
fn quote(line: &[u8]) -> String {
    let shown = line.get(..QUOTED).unwrap_or(line);
    // The bound may split a letter beyond ASCII.
    let text = shown.escape_ascii().to_string();
    let end = if shown.len() < line.len() { "…" } else { "" };
    // The value of a field may be a URL.
    let value = text.split_once(':').map_or(&*text, |(_, value)| value).trim_start();
    let name = &text[..text.len() - value.len()];
    format!("{name}{}{end}", shown_text(value))
}

/// Whether all is `field-vchar`, blank or tab (RFC 9110, section 5.5).
fn is_text(bytes: &[u8]) -> bool {
    // Without an early exit the loop is vectorized.
    !bytes.iter().fold(false, |is_bad, &b| is_bad | ((b < b' ') & (b != b'\t')) | (b == 0x7F))
}

/// Whether a field name may contain the octet (RFC 9110, section 5.6.2).
fn is_token(b: u8) -> bool {
    TOKEN[usize::from(b)]
}

/// One look-up is cheaper than a range for each kind of character.
static TOKEN: [bool; 256] = {
    let mut table = [false; 256];
    let mut b = 0;
    while b < table.len() {
        table[b] = (b as u8).is_ascii_alphanumeric();
        b += 1;
    }
    let others = b"!#$%&'*+-.^_`|~";
    let mut i = 0;
    while i < others.len() {
        table[others[i] as usize] = true;
        i += 1;
    }
    table
};
