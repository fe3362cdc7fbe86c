//! The head of a WARC record: its version and its fields (ISO 28500:2017, section 4).

use std::io::{self, BufRead, Read as _};

use super::damage::Damage;

/// The most bytes of the head of a record.
const MOST_HEAD: u64 = 256 * 1024;

/// The named fields of a head, in order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WarcFields(Vec<(String, String)>);

impl WarcFields {
    /// The value of the first field of this name.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    /// All fields in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (&**name, &**value))
    }
}

/// A flaw of a head that does not keep a reader from its fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum HeadFlaw {
    BareLineEnd,
    NoColon,
    NotUtf8,
}

/// The head of a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct WarcHead {
    /// Without `WARC/`.
    pub(super) version: String,
    pub(super) fields: WarcFields,
    pub(super) flaws: Vec<HeadFlaw>,
}

impl WarcHead {
    /// Reads a head to its empty line.
    pub(super) fn read(from: &mut impl BufRead) -> io::Result<Self> {
        let mut lines = WarcHeadLines { from: from.take(MOST_HEAD), line: Vec::new(), flaws: Vec::new() };
        lines.next()?;
        let first = String::from_utf8_lossy(&lines.line).into_owned();
        let Some(version) = first.strip_prefix("WARC/").filter(|version| is_version(version)) else {
            let is_arc = first.starts_with("filedesc://");
            return Err(if is_arc { Damage::Arc } else { Damage::NotARecord }.into());
        };
        let mut fields: Vec<(String, String)> = Vec::new();
        while lines.next()? {
            let text = match std::str::from_utf8(&lines.line) {
                Ok(text) => text.to_owned(),
                Err(_) => {
                    lines.flaws.push(HeadFlaw::NotUtf8);
                    lines.line.iter().copied().map(char::from).collect()
                }
            };
            match (text.split_once(':'), fields.last_mut()) {
                // A line that begins with a blank continues the line before it.
                (_, Some((_, value))) if text.starts_with([' ', '\t']) => {
                    value.push(' ');
                    value.push_str(text.trim());
                }
                (Some((name, value)), _) => fields.push((name.trim().to_owned(), value.trim().to_owned())),
                (None, _) => lines.flaws.push(HeadFlaw::NoColon),
            }
        }
        Ok(Self { version: version.to_owned(), fields: WarcFields(fields), flaws: lines.flaws })
    }
}

/// The versions of files that exist: 0.17, 0.18, 1.0 and 1.1.
fn is_version(text: &str) -> bool {
    let is_number = |part: &str| (1..=3).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit());
    text.split_once('.').is_some_and(|(major, minor)| is_number(major) && is_number(minor))
}

struct WarcHeadLines<R> {
    from: io::Take<R>,
    line: Vec<u8>,
    flaws: Vec<HeadFlaw>,
}

impl<R: BufRead> WarcHeadLines<R> {
    /// Reads a line without its end. Returns whether it has text.
    fn next(&mut self) -> io::Result<bool> {
        self.line.clear();
        self.from.read_until(b'\n', &mut self.line)?;
        if self.line.pop_if(|last| *last == b'\n').is_none() {
            let is_long = self.from.limit() == 0;
            return Err(if is_long { Damage::HeadTooLong(MOST_HEAD) } else { Damage::HeadCut }.into());
        }
        if self.line.pop_if(|last| *last == b'\r').is_none() {
            self.flaws.push(HeadFlaw::BareLineEnd);
        }
        Ok(!self.line.is_empty())
    }
}
