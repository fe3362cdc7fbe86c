//! Makes the CDXJ index of WARC files, as cdxj-indexer writes it.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::io::{self, BufRead, sink};

use super::damage::WarcError;
use super::digest::{DigestHasher, HashingReader, base32};
use super::fault::RecordFault;
use super::http::{StoredHttpHead, flaw_of};
use super::reader::{WarcReader, WarcRecord};
use super::surt::surt;

/// A line of a CDXJ index. A value that is unknown is left out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CdxjLine<'a> {
    /// The WARC-Target-URI.
    pub url: &'a str,
    /// The WARC-Date.
    pub date: &'a str,
    /// The media type without parameters, or `warc/revisit`.
    pub mime: Option<&'a str>,
    /// The HTTP status.
    pub status: Option<&'a str>,
    /// The digest of the payload.
    pub digest: Option<&'a str>,
    /// The bytes of the record in the file. In a plain file the line ends behind the block do not count.
    pub length: u64,
    /// The offset of the record.
    pub offset: u64,
    /// The name of the file.
    pub filename: &'a str,
}

impl CdxjLine<'_> {
    /// The line without its end. `None` if the date is no time.
    pub fn text(&self) -> Option<String> {
        let url = url_of(self.url);
        let time = timestamp(self.date)?;
        let (length, offset) = (self.length.to_string(), self.offset.to_string());
        let mut text = format!("{} {time} {{", surt(&url));
        let members = [
            ("url", Some(&*url)),
            ("mime", self.mime),
            ("status", self.status),
            ("digest", self.digest),
            ("length", Some(&length)),
            ("offset", Some(&offset)),
            ("filename", Some(self.filename)),
        ];
        let known = members.iter().filter_map(|(name, value)| value.map(|value| (name, value)));
        for (number, (name, value)) in known.enumerate() {
            let comma = if number > 0 { ", " } else { "" };
            // A String takes all.
            let _ = write!(text, "{comma}\"{name}\": ");
            push_json(&mut text, value);
        }
        text.push('}');
        Some(text)
    }
}

/// Blanks end the key of a line, so those of a URL are encoded.
fn url_of(target: &str) -> Cow<'_, str> {
    if target.contains(' ') { target.replace(' ', "%20").into() } else { target.into() }
}

/// The 14 digits of a WARC-Date. A date without a time means its first second.
fn timestamp(date: &str) -> Option<String> {
    const LEAST: &str = "00000101000000";
    let date = date.split('.').next().unwrap_or_default();
    let digits: String = date.chars().filter(char::is_ascii_digit).take(14).collect();
    (digits.len() >= 4 && digits.len().is_multiple_of(2)).then(|| format!("{digits}{}", &LEAST[digits.len()..]))
}

/// Appends a JSON string in ASCII.
fn push_json(text: &mut String, value: &str) {
    text.push('"');
    for c in value.chars() {
        match c {
            '"' | '\\' => text.extend(['\\', c]),
            '\n' => text.push_str("\\n"),
            '\r' => text.push_str("\\r"),
            '\t' => text.push_str("\\t"),
            '\x08' => text.push_str("\\b"),
            '\x0c' => text.push_str("\\f"),
            ' '..='~' => text.push(c),
            _ => {
                for unit in c.encode_utf16(&mut [0; 2]) {
                    let _ = write!(text, "\\u{unit:04x}");
                }
            }
        }
    }
    text.push('"');
}

/// Indexes the records of a file that can be replayed: responses, revisits, resources, and metadata that is no list of
/// WARC fields. Gives each line to `add`. A record without a line gives its offset and its fault to `found`.
///
/// # Errors
/// If the input cannot be read, and errors of `add`.
pub fn index(
    input: impl BufRead,
    filename: &str,
    mut add: impl FnMut(String) -> io::Result<()>,
    mut found: impl FnMut(u64, RecordFault),
) -> io::Result<()> {
    let mut reader = WarcReader::new(input, 0);
    loop {
        let next = match &mut reader {
            Ok(reader) => index_next(reader, filename),
            Err(error) => Err(std::mem::replace(error, WarcError::Io(io::ErrorKind::UnexpectedEof.into()))),
        };
        match next {
            Ok(None) => return Ok(()),
            Ok(Some(Indexed::Line(line))) => add(line)?,
            Ok(Some(Indexed::Fault(offset, fault))) => found(offset, fault),
            Ok(Some(Indexed::Nothing)) => {}
            Err(WarcError::Io(error)) => return Err(error),
            Err(WarcError::Damaged { offset, damage }) => {
                found(offset, damage.into());
                if !reader.as_mut().is_ok_and(WarcReader::skip_damaged) {
                    return Ok(());
                }
            }
        }
    }
}

/// The result for one record.
enum Indexed {
    Line(String),
    Fault(u64, RecordFault),
    Nothing,
}

fn index_next<R: BufRead>(reader: &mut WarcReader<R>, filename: &str) -> Result<Option<Indexed>, WarcError> {
    let Some(record) = reader.next_record()? else { return Ok(None) };
    if !is_indexed(&record) {
        let end = reader.finish()?;
        let is_alone = end.is_none_or(|end| end.is_own_member);
        return Ok(Some(if is_alone { Indexed::Nothing } else { shared(&record) }));
    }
    let at = |error| WarcError::at(record.offset, error);
    let head = http_head(reader, &record).map_err(at)?;
    let digest = payload_digest(reader, &record).map_err(at)?;
    let Some(end) = reader.finish()? else { return Ok(None) };
    if !end.is_own_member {
        return Ok(Some(shared(&record)));
    }
    let media_type = match record.kind() {
        "revisit" => Some("warc/revisit"),
        "response" => head.as_ref().and_then(|head| head.get("Content-Type")),
        _ => record.fields.get("Content-Type"),
    };
    let line = CdxjLine {
        url: record.target().unwrap_or_default(),
        date: record.fields.get("WARC-Date").unwrap_or_default(),
        mime: media_type.map(|value| value.split([';', ' ', '\t']).next().unwrap_or_default()),
        status: head.as_ref().map(status_of),
        digest: digest.as_deref(),
        length: end.index_length(),
        offset: record.offset,
        filename,
    };
    let missing = if line.url.is_empty() { "WARC-Target-URI" } else { "WARC-Date" };
    let text = line.text().filter(|_| !line.url.is_empty());
    Ok(Some(match text {
        Some(text) => Indexed::Line(text),
        None => Indexed::Fault(record.offset, RecordFault::MissingField(missing)),
    }))
}

/// The word behind the version, as it is in the status line.
fn status_of(head: &StoredHttpHead) -> &str {
    let (_, rest) = head.start_line.split_once(' ').unwrap_or_default();
    rest.trim().split(' ').next().unwrap_or_default()
}

fn shared(record: &WarcRecord) -> Indexed {
    Indexed::Fault(record.offset, RecordFault::SharedMember)
}

fn is_indexed(record: &WarcRecord) -> bool {
    let is_fields = record.fields.get("Content-Type") == Some("application/warc-fields");
    match record.kind() {
        "response" | "revisit" => true,
        "resource" | "metadata" => !is_fields,
        _ => false,
    }
}

fn http_head(block: &mut impl BufRead, record: &WarcRecord) -> io::Result<Option<StoredHttpHead>> {
    if !record.has_http_head() {
        return Ok(None);
    }
    match StoredHttpHead::read(block) {
        Ok(head) => Ok(Some(head)),
        Err(error) if flaw_of(&error).is_some() => Ok(None),
        Err(error) => Err(error),
    }
}

/// The digest that the record declares, or that of what is left of its block. A revisit has no payload to compute it of.
fn payload_digest(block: &mut impl BufRead, record: &WarcRecord) -> io::Result<Option<String>> {
    let declared = record.fields.get("WARC-Payload-Digest").filter(|value| !value.is_empty());
    if declared.is_some() || record.kind() == "revisit" {
        return Ok(declared.map(str::to_owned));
    }
    let mut payload = HashingReader::new(block, Some(DigestHasher::sha1()));
    io::copy(&mut payload, &mut sink())?;
    Ok(payload.hasher.map(|hasher| format!("sha1:{}", base32(&hasher.finish()))))
}
