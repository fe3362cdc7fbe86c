//! The header of a record: its version line and its named fields (ISO 28500:2017, section 4).

use jiff::Timestamp;

use crate::model::TextFormat;

/// The bytes between the block of a record and the next record.
pub(super) const RECORD_END: &[u8] = b"\r\n\r\n";

/// The type of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RecordType {
    /// Describes the file.
    Warcinfo,
    /// A request as sent.
    Request,
    /// A response as received.
    Response,
    /// A response whose payload another record has.
    Revisit,
    /// Facts about an exchange.
    Metadata,
    /// The text of a page, made from a response.
    Conversion(TextFormat),
}

impl RecordType {
    const fn name(self) -> &'static str {
        match self {
            Self::Warcinfo => "warcinfo",
            Self::Request => "request",
            Self::Response => "response",
            Self::Revisit => "revisit",
            Self::Metadata => "metadata",
            Self::Conversion(_) => "conversion",
        }
    }

    const fn content_type(self) -> &'static str {
        match self {
            Self::Warcinfo | Self::Metadata => "application/warc-fields",
            Self::Request => "application/http; msgtype=request",
            Self::Response | Self::Revisit => "application/http; msgtype=response",
            Self::Conversion(TextFormat::Markdown) => "text/markdown; charset=utf-8",
            Self::Conversion(TextFormat::Plain) => "text/plain; charset=utf-8",
            Self::Conversion(TextFormat::Html) => "text/html; charset=utf-8",
        }
    }
}

/// The header of a record, field by field.
pub(super) struct RecordHeader(Vec<u8>);

impl RecordHeader {
    /// Begins a header with the fields that every record has, except for the length.
    pub(super) fn new(kind: RecordType, id: &str, date: &str) -> Self {
        let mut header = Self(Vec::with_capacity(1024));
        header.0.extend_from_slice(b"WARC/1.1\r\n");
        header.field("WARC-Type", kind.name());
        header.field("WARC-Record-ID", id);
        header.field("WARC-Date", date);
        header.field("Content-Type", kind.content_type());
        header
    }

    /// Adds a field. A line break in the value would begin another field, so it becomes a space.
    pub(super) fn field(&mut self, name: &str, value: &str) {
        self.0.extend_from_slice(name.as_bytes());
        self.0.extend_from_slice(b": ");
        let from = self.0.len();
        self.0.extend_from_slice(value.as_bytes());
        if memchr::memchr2(b'\r', b'\n', &self.0[from..]).is_some() {
            let breaks = self.0[from..].iter_mut().filter(|byte| matches!(byte, b'\r' | b'\n'));
            breaks.for_each(|byte| *byte = b' ');
        }
        self.0.extend_from_slice(b"\r\n");
    }

    /// Ends the header of a block of this length.
    pub(super) fn end(mut self, length: u64) -> Vec<u8> {
        self.field("Content-Length", &length.to_string());
        self.0.extend_from_slice(b"\r\n");
        self.0
    }
}

/// Creates the id of a record: a random UUID (RFC 9562, section 5.4).
pub(super) fn record_id() -> String {
    let bits = fastrand::u128(..) & !(0xF << 76 | 0b11 << 62) | 0x4 << 76 | 0b10 << 62;
    let mut id = String::with_capacity(47);
    id.push_str("<urn:uuid:");
    for (at, byte) in bits.to_be_bytes().into_iter().enumerate() {
        if matches!(at, 4 | 6 | 8 | 10) {
            id.push('-');
        }
        let digit = |value: u8| char::from(b"0123456789abcdef"[usize::from(value)]);
        id.extend([digit(byte >> 4), digit(byte & 15)]);
    }
    id.push('>');
    id
}

/// Returns the WARC-Date of a time, in whole seconds.
pub(super) fn warc_date(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn id_is_a_random_uuid() {
        let (one, other) = (record_id(), record_id());
        assert_ne!(one, other);
        let parts: Vec<_> = one["<urn:uuid:".len()..one.len() - 1].split('-').collect();
        assert_eq!(parts.iter().map(|part| part.len()).collect::<Vec<_>>(), [8, 4, 4, 4, 12]);
        assert!(parts[2].starts_with('4') && parts[3].starts_with(['8', '9', 'a', 'b']), "{one}");
    }

    #[test]
    fn value_cannot_begin_another_field() {
        let mut header = RecordHeader::new(RecordType::Metadata, "<urn:uuid:1>", "2026-01-01T00:00:00Z");
        header.field("WARC-Target-URI", "http://a.test/\r\nWARC-Type: response");
        let text = String::from_utf8(header.end(0)).unwrap();
        assert!(text.contains("http://a.test/  WARC-Type: response\r\nContent-Length: 0\r\n\r\n"), "{text}");
    }
}
