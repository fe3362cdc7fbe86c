//! Any JSON value on a line of its own (RFC 8259), safe to look at in a terminal.

use std::io;

use serde::Serialize;
use serde_json::ser::{CharEscape, CompactFormatter, Formatter, Serializer};

use crate::policy::text::printable;

/// Appends a value and a newline.
pub(crate) fn append_line(value: &impl Serialize, line: &mut Vec<u8>) -> serde_json::Result<()> {
    value.serialize(&mut Serializer::with_formatter(&mut *line, Printable))?;
    line.push(b'\n');
    Ok(())
}

/// JSON escapes the control characters below U+0020 only. The others, and those that turn the
/// direction of text, come from servers too and must not act on a terminal.
struct Printable;

impl Formatter for Printable {
    fn write_string_fragment<W: ?Sized + io::Write>(&mut self, writer: &mut W, fragment: &str) -> io::Result<()> {
        let mut from = 0;
        // Nearly every string is plain ASCII and is passed on whole.
        if fragment.bytes().any(|b| !(0x20..0x7f).contains(&b)) {
            for (at, c) in fragment.char_indices().filter(|&(_, c)| printable::acts_on_terminal(c)) {
                writer.write_all(&fragment.as_bytes()[from..at])?;
                let mut units = [0; 2];
                for unit in c.encode_utf16(&mut units) {
                    write!(writer, "\\u{unit:04x}")?;
                }
                from = at + c.len_utf8();
            }
        }
        writer.write_all(&fragment.as_bytes()[from..])
    }

    fn write_char_escape<W: ?Sized + io::Write>(&mut self, writer: &mut W, escape: CharEscape) -> io::Result<()> {
        CompactFormatter.write_char_escape(writer, escape)
    }
}
