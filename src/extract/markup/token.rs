//! Tokens, and their receiver.

use std::ops::Range;

/// The receiver of tokens.
pub(in crate::extract) trait TokenReader {
    /// Whether the value of an attribute is kept. Both names are in lower case.
    fn wants(&self, tag: &[u8], attribute: &[u8]) -> bool;
    /// Takes a start tag.
    fn start_tag(&mut self, tag: &StartTag<'_>);
    /// Takes the name of an end tag.
    fn end_tag(&mut self, name: &[u8]);
    /// Whether text is passed on now.
    fn wants_text(&self) -> bool;
    /// Takes a piece of text at this offset of the document. Text of a CDATA section has no character references.
    fn text(&mut self, bytes: &[u8], at: u64, is_cdata: bool);
    /// Takes the beginning of an XML declaration or processing instruction, without `<?`.
    fn declaration(&mut self, bytes: &[u8]);
    /// Whether the tokenizer stops before the next byte, because the rest needs another decoder.
    fn must_stop(&self) -> bool;
}

/// A start tag.
#[derive(Debug)]
pub(in crate::extract) struct StartTag<'a> {
    /// The name in lower case.
    pub name: &'a [u8],
    pub attributes: &'a [TagAttribute],
    /// The names and values of the attributes.
    pub(super) bytes: &'a [u8],
    /// Whether `/` ends the tag.
    pub is_empty: bool,
    /// Whether the element is part of XML, SVG or MathML.
    pub is_foreign: bool,
    /// Whether the tag has more attributes that were wanted than are kept.
    pub is_cut: bool,
    /// The place of the tag in the document.
    pub span: Range<u64>,
}

/// An attribute whose value was wanted.
#[derive(Debug, Clone)]
pub(in crate::extract) struct TagAttribute {
    pub(super) name: Range<usize>,
    pub(super) value: Range<usize>,
    /// The place of the value in the document, without quotes. It is empty for an attribute without a value.
    pub span: Range<u64>,
    /// The place of the name and the value, with its quotes.
    pub whole: Range<u64>,
    /// Whether only the beginning of the value was kept.
    pub is_cut: bool,
}

impl<'a> StartTag<'a> {
    /// The name of an attribute in lower case, and its raw value.
    pub fn attribute(&self, attribute: &TagAttribute) -> (&'a [u8], &'a [u8]) {
        (&self.bytes[attribute.name.clone()], &self.bytes[attribute.value.clone()])
    }

    /// The raw value of the attribute with this name.
    pub fn value(&self, name: &str) -> Option<&'a [u8]> {
        let mut pairs = self.attributes.iter().map(|attribute| self.attribute(attribute));
        pairs.find(|(known, _)| *known == name.as_bytes()).map(|(_, value)| value)
    }
}

/// The prefix and the local part of a name.
pub(in crate::extract) fn local_name(name: &[u8]) -> (&[u8], &[u8]) {
    match memchr::memrchr(b':', name) {
        Some(at) => (&name[..at], &name[at + 1..]),
        None => (&[], name),
    }
}
