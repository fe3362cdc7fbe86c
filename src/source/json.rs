//! JSON arrays of strings or objects, and objects one after the other over several lines.
//!
//! The values are found one by one, so that an array of any length takes the memory of one element.
//! A value that is no JSON costs only itself: the reader goes on at the next comma, line or object.

use std::io::{self, Read};
use std::sync::Arc;

use super::NotAList;
use super::line::{Gathered, Place, Wants};
use super::lines::{LONGEST, LineCount, RemainingBytes};
use super::ndjson::Objects;
use super::text::ENCODING_ADVICE;
use super::wrapped_array::wrapped_array;
use crate::policy::text::redact::redact_beginning;

/// How much is read at once.
const BUFFER: usize = 64 * 1024;
/// How much of an overlong value is shown.
const HEAD: usize = 2048;
/// The depth to which objects and arrays are distinguished; serde_json takes no more.
const DEEPEST: u32 = 128;

/// The position of the reader.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum JsonState {
    /// Between two values.
    Between,
    /// In a value, outside of its strings.
    Value,
    /// In a string of a value.
    Text,
    /// After a backslash in a string.
    Escape,
}

/// The role of one byte for the value that is read.
enum ByteRole {
    /// It is a part of it.
    Part,
    /// It is the last byte of it.
    Last,
    /// It comes after it, and is looked at again.
    After,
    /// The same, of a value that was not closed.
    Broken,
}

/// The gap between the last value of an array and the next byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Gap {
    /// Nothing: the array has just begun.
    Begin,
    /// A comma, in this line.
    Comma(u64),
    /// No comma yet.
    None,
    /// Perhaps a comma: the last value was not closed.
    Unknown,
}

/// JSON that is being read.
pub(super) struct Json {
    bytes: RemainingBytes,
    buf: Box<[u8]>,
    start: usize,
    end: usize,
    state: JsonState,
    in_array: bool,
    gap: Gap,
    /// Whether a value came.
    begun: bool,
    depth: u32,
    /// For each depth whether it is an object's.
    objects: u128,
    /// The last byte of the value that is no blank.
    previous: u8,
    value: Vec<u8>,
    objects_read: Objects,
    overlong: bool,
    line_ends: LineCount,
    /// The line of the next byte, and of the first byte of the value.
    line: u64,
    first_line: u64,
}

impl Json {
    pub fn new(bytes: RemainingBytes, line: u64) -> Self {
        Self {
            bytes,
            buf: vec![0; BUFFER].into(),
            start: 0,
            end: 0,
            state: JsonState::Between,
            in_array: false,
            gap: Gap::Begin,
            begun: false,
            depth: 0,
            objects: 0,
            previous: 0,
            value: Vec::new(),
            objects_read: Objects::default(),
            overlong: false,
            line_ends: LineCount::default(),
            line,
            first_line: line,
        }
    }

    /// The first line that was not looked at.
    pub fn line(&self) -> u64 {
        self.line
    }

    /// Reads to the end of the first value, which shows whether this is a list.
    ///
    /// # Errors
    /// When the JSON is one object that wraps a list, or cannot be read.
    pub fn begin(&mut self, list: &Arc<str>, out: &mut Gathered) -> io::Result<()> {
        while !self.next(list, out)? && self.fill()? {}
        Ok(())
    }

    /// Reads on. False at the end of the bytes.
    pub fn fill(&mut self) -> io::Result<bool> {
        self.start = 0;
        self.end = self.bytes.read(&mut self.buf)?;
        Ok(self.end > 0)
    }

    /// Reads on until there is one more entry. Returns false if it needs more bytes first.
    ///
    /// # Errors
    /// When the JSON is one object that wraps a list.
    pub fn next(&mut self, list: &Arc<str>, out: &mut Gathered) -> io::Result<bool> {
        let before = out.entries.len();
        while self.start < self.end && out.entries.len() == before {
            let byte = self.buf[self.start];
            if self.state == JsonState::Between {
                self.between(byte, list, out);
                continue;
            }
            match self.part(byte) {
                ByteRole::Part => {
                    self.take(byte);
                    if self.overlong && !self.begun {
                        self.refuse_wrapper()?;
                    }
                }
                ByteRole::Last => {
                    self.take(byte);
                    self.finish(Gap::None, list, out)?;
                }
                ByteRole::After => self.finish(Gap::None, list, out)?,
                ByteRole::Broken => self.finish(Gap::Unknown, list, out)?,
            }
        }
        Ok(out.entries.len() > before)
    }

    /// Ends the input. A text between two values that is itself no value needs no end.
    ///
    /// # Errors
    /// When the JSON is not at its end.
    pub fn release(&mut self, list: &Arc<str>, out: &mut Gathered) -> io::Result<()> {
        if self.state == JsonState::Value && self.depth == 0 && !self.in_array {
            self.finish(Gap::None, list, out)?;
        }
        let what = match (self.state, self.in_array) {
            (JsonState::Between, false) => return Ok(()),
            (JsonState::Between, true) => "the JSON array is not closed".to_owned(),
            _ => format!("the JSON value that begins in line {} is not closed", self.first_line),
        };
        let line = self.line;
        let message = format!("line {line}: {what}: the file is cut off; get the whole list again");
        Err(io::Error::new(io::ErrorKind::UnexpectedEof, message))
    }

    /// A byte that belongs to no value, or begins one.
    fn between(&mut self, byte: u8, list: &Arc<str>, out: &mut Gathered) {
        let place = Place { list, line: self.line, next: self.line };
        match byte {
            b' ' | b'\t' | b'\r' | b'\n' => {}
            b'[' if !self.in_array => (self.in_array, self.gap) = (true, Gap::Begin),
            b']' if self.in_array => {
                if let Gap::Comma(line) = self.gap {
                    let place = Place { line, ..place };
                    out.push(place.bad("", "no value follows the comma; remove it"), place.next);
                }
                self.in_array = false;
            }
            b',' if self.in_array => {
                if matches!(self.gap, Gap::Begin | Gap::Comma(_)) {
                    out.push(place.bad("", "no value stands before the comma; remove it"), place.next);
                }
                self.gap = Gap::Comma(self.line);
            }
            _ if self.in_array && self.gap == Gap::None => {
                self.gap = Gap::Unknown;
                out.push(place.bad("", "no comma stands before the next value; add it"), place.next);
                return;
            }
            _ => {
                (self.state, self.first_line) = (JsonState::Value, self.line);
                (self.depth, self.objects, self.previous, self.overlong) = (0, 0, 0, false);
                self.value.clear();
                return;
            }
        }
        self.consume(byte);
    }

    fn consume(&mut self, byte: u8) {
        self.line += u64::from(self.line_ends.ends_at(byte));
        self.start += 1;
    }

    fn part(&mut self, byte: u8) -> ByteRole {
        match (self.state, byte) {
            // No string goes over the end of a line: this one was not closed. In an object of several
            // lines only that line is wrong; else the value ends here.
            (JsonState::Text | JsonState::Escape, b'\n' | b'\r') => {
                self.state = JsonState::Value;
                if self.first_line == self.line { ByteRole::Broken } else { ByteRole::Part }
            }
            (JsonState::Text, b'"') => {
                self.state = JsonState::Value;
                if self.depth == 0 { ByteRole::Last } else { ByteRole::Part }
            }
            (JsonState::Text, b'\\') => {
                self.state = JsonState::Escape;
                ByteRole::Part
            }
            (JsonState::Text, _) => ByteRole::Part,
            (JsonState::Escape, _) => {
                self.state = JsonState::Text;
                ByteRole::Part
            }
            _ => self.outside_text(byte),
        }
    }

    fn outside_text(&mut self, byte: u8) -> ByteRole {
        let previous = self.previous;
        if !byte.is_ascii_whitespace() {
            self.previous = byte;
        }
        match byte {
            b'"' => self.state = JsonState::Text,
            // An object holds names, no objects: the one before it was not closed.
            b'{' if previous == b',' && self.depth == 1 && self.in_object() => return ByteRole::Broken,
            b'{' | b'[' => self.open(byte == b'{'),
            b']' if self.depth == 1 && self.in_object() && self.in_array => return ByteRole::Broken,
            b']' | b',' if self.depth == 0 && self.in_array => return ByteRole::After,
            b' ' | b'\t' | b'\r' | b'\n' if self.depth == 0 => return ByteRole::After,
            b'}' | b']' => {
                self.depth = self.depth.saturating_sub(1);
                if self.depth == 0 {
                    return ByteRole::Last;
                }
            }
            _ => {}
        }
        ByteRole::Part
    }

    fn open(&mut self, object: bool) {
        if self.depth < DEEPEST {
            let bit = 1 << self.depth;
            self.objects = if object { self.objects | bit } else { self.objects & !bit };
        }
        self.depth += 1;
    }

    /// Returns whether the innermost open value is an object.
    fn in_object(&self) -> bool {
        self.depth.checked_sub(1).is_some_and(|at| at < DEEPEST && self.objects >> at & 1 == 1)
    }

    fn take(&mut self, byte: u8) {
        self.consume(byte);
        if self.value.len() < LONGEST {
            self.value.push(byte);
        } else {
            self.overlong = true;
        }
    }

    /// Notes that a value came. The first one outside of an array must not wrap the list.
    fn refuse_wrapper(&mut self) -> io::Result<()> {
        let is_first = !std::mem::replace(&mut self.begun, true);
        match (is_first && !self.in_array).then(|| wrapped_array(&self.value)).flatten() {
            Some(array) => Err(NotAList::from(array.advice()).into()),
            None => Ok(()),
        }
    }

    /// Makes an entry of the value.
    fn finish(&mut self, gap: Gap, list: &Arc<str>, out: &mut Gathered) -> io::Result<()> {
        (self.state, self.gap) = (JsonState::Between, gap);
        self.refuse_wrapper()?;
        let place = Place { list, line: self.first_line, next: self.line };
        let entry = if self.overlong {
            let head = String::from_utf8_lossy(&self.value[..HEAD]);
            place.bad_value(&redact_beginning(&head), format!("longer than {LONGEST} bytes; a value holds one URL"))
        } else {
            match std::str::from_utf8(&self.value) {
                Err(error) => {
                    let byte = self.value.get(error.valid_up_to()).copied().unwrap_or_default();
                    let reason = format!("byte 0x{byte:02X} of the value is no UTF-8; {ENCODING_ADVICE}");
                    place.bad_value(&String::from_utf8_lossy(&self.value), reason)
                }
                Ok(value) => match value.trim_ascii() {
                    object if object.starts_with('{') => {
                        self.objects_read.entry(object, place, out);
                        return Ok(());
                    }
                    string if string.starts_with('"') => match serde_json::from_str::<String>(string) {
                        Ok(url) => place.value_entry(url.trim(), Wants::default()),
                        Err(_) => place.bad_value(string, "not one JSON string; write \"https://host/path\" and a comma"),
                    },
                    other => place.bad_value(
                        other,
                        "neither a string nor an object; write \"https://host/path\" or {\"url\":\"https://host/path\"}",
                    ),
                },
            }
        };
        out.push(entry, place.next);
        Ok(())
    }
}
