//! The reader of one line or record, by the format of the list.

use super::address::Reason;
use super::cdxj;
use super::line::{Gathered, Place};
use super::lines::LineEnding;
use super::ndjson::Objects;
use super::table::TableReader;
use super::text::TextList;

/// Reads lines of one format.
pub(super) enum Parser {
    Text(TextList),
    Table(Box<TableReader>),
    Ndjson(Objects),
    Cdxj,
}

impl Parser {
    pub fn ending(&self) -> LineEnding {
        match self {
            Parser::Table(table) => table.ending(),
            Parser::Text(_) | Parser::Ndjson(_) | Parser::Cdxj => LineEnding::Newline,
        }
    }

    pub fn record(&mut self, bytes: &[u8], place: Place<'_>, out: &mut Gathered) {
        match self {
            Parser::Text(text) => text.record(bytes, place, out),
            Parser::Table(table) => table.record(bytes, place, out),
            Parser::Ndjson(objects) => objects.record(bytes, place, out),
            Parser::Cdxj => cdxj::record(bytes, place, out),
        }
    }

    /// A line that no format can read.
    pub fn bad(&mut self, bytes: &[u8], reason: Reason, place: Place<'_>, out: &mut Gathered) {
        let shown = String::from_utf8_lossy(bytes);
        match self {
            // It may have option lines, which then belong to it.
            Parser::Text(text) => text.bad(&shown, reason, place, out),
            Parser::Table(table) => table.bad(reason, place, out),
            Parser::Ndjson(_) | Parser::Cdxj => out.push(place.bad_json_line(&shown, reason), place.next),
        }
    }

    /// Handles a pause: all bytes that have arrived were read.
    pub fn starved(&mut self, place: Place<'_>, out: &mut Gathered) {
        if let Parser::Text(text) = self {
            text.starved(place, out);
        }
    }

    /// Handles the end of the list.
    pub fn release(&mut self, place: Place<'_>, out: &mut Gathered) {
        if let Parser::Text(text) = self {
            text.release(place, out);
        }
    }
}
