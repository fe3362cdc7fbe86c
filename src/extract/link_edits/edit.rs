//! Edits of a document.

use std::ops::Range;

use encoding_rs::{Encoding, UTF_8};

/// A change of a document: the text that replaces the bytes of a span.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LinkEdit {
    /// The bytes that go away.
    pub span: Range<u64>,
    /// The bytes in their place.
    pub text: Vec<u8>,
}

impl LinkEdit {
    /// Removes a span.
    pub(super) fn removal(span: Range<u64>) -> Self {
        Self { span, text: Vec::new() }
    }

    /// Adds a text at an offset.
    pub(super) fn insertion(at: u64, text: String) -> Self {
        Self { span: at..at, text: text.into_bytes() }
    }
}

/// Returns the bytes with these edits, which are in order.
pub(super) fn applied(bytes: &[u8], edits: &[LinkEdit]) -> Vec<u8> {
    let mut copy = Vec::with_capacity(bytes.len() + 64);
    let mut at = 0;
    for LinkEdit { span, text } in edits {
        let (start, end) = (span.start as usize, span.end as usize);
        copy.extend_from_slice(bytes.get(at..start).unwrap_or_default());
        copy.extend_from_slice(text);
        at = end.max(at);
    }
    copy.extend_from_slice(bytes.get(at..).unwrap_or_default());
    copy
}

/// Writes text into a page: the bytes of its encoding. A character that the encoding lacks becomes a reference.
pub(super) fn encoded(text: &str, encoding: &'static Encoding) -> Vec<u8> {
    if encoding == UTF_8 || encoding.output_encoding() == UTF_8 {
        return text.as_bytes().to_vec();
    }
    encoding.encode(text).0.into_owned()
}
