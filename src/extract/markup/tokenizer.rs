//! A streaming tokenizer for HTML, and for XML that need not be well-formed.
//!
//! It follows the tokenization of the HTML standard (section 13.2.5), for tags, comments, CDATA and
//! the elements whose content is text. It reads raw bytes of any encoding that keeps ASCII bytes
//! for ASCII characters. It keeps no more of the document than the names and values of one tag,
//! both of bounded length, so it can stop and go on after any byte.
//!
//! Its trees are those of a browser without scripts: the content of `noscript` is markup. The
//! content of `noframes` is markup too, because a crawler does not show frames.

mod raw_text;

use memchr::memchr;

use super::states::{Comment, Escape, TokenState};
use super::token::{StartTag, TagAttribute, TokenReader};

/// The most bytes that are kept of one attribute value, and of the values of one tag.
pub(in crate::extract) const LONGEST_VALUE: usize = 256 * 1024;
const LONGEST_TAG: usize = 2 * LONGEST_VALUE;
/// The most attributes of one tag whose values are kept.
const MOST_ATTRIBUTES: usize = 64;
/// The name of the processing instruction of XML that has a link, as the name of a tag.
pub(in crate::extract) const STYLESHEET: &[u8] = b"?xml-stylesheet";

/// The most bytes that are kept of a name, and of an XML declaration.
const LONGEST_NAME: usize = 48;
const LONGEST_DECLARATION: usize = 256;

/// The elements that end an SVG or MathML fragment, because they belong to HTML alone.
const HTML_ONLY: &[&str] = &[
    "b",
    "big",
    "blockquote",
    "body",
    "br",
    "center",
    "code",
    "dd",
    "div",
    "dl",
    "dt",
    "em",
    "embed",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "head",
    "hr",
    "i",
    "img",
    "li",
    "listing",
    "menu",
    "meta",
    "nobr",
    "ol",
    "p",
    "pre",
    "ruby",
    "s",
    "small",
    "span",
    "strike",
    "strong",
    "sub",
    "sup",
    "table",
    "tt",
    "u",
    "ul",
    "var",
];

/// The tokenizer: its state between two bytes.
#[derive(Debug)]
pub(in crate::extract) struct Tokenizer {
    state: TokenState,
    is_xml: bool,
    /// The offset of the piece that is read.
    offset: u64,
    /// The name of the tag that is read, and whether the tag is an end tag or ends with `/`.
    name: Vec<u8>,
    is_end: bool,
    is_empty: bool,
    is_cut: bool,
    /// The offset of its `<`.
    tag_start: u64,
    attributes: Vec<TagAttribute>,
    /// The names and values of `attributes`.
    bytes: Vec<u8>,
    attribute: Vec<u8>,
    /// The offset of the name of the attribute.
    attribute_start: u64,
    is_wanted: bool,
    /// Bytes that are a token or text, depending on the next ones.
    held: Vec<u8>,
    /// The name of the element whose content is text.
    text_element: Vec<u8>,
    /// Elements `svg` and `math` that are open.
    foreign: u32,
}

impl Tokenizer {
    /// At the beginning of a document. In XML no element has raw text and each may be empty.
    pub fn new(is_xml: bool) -> Self {
        Self {
            state: TokenState::Data,
            is_xml,
            offset: 0,
            name: Vec::new(),
            is_end: false,
            is_empty: false,
            is_cut: false,
            tag_start: 0,
            attributes: Vec::new(),
            bytes: Vec::new(),
            attribute: Vec::new(),
            attribute_start: 0,
            is_wanted: false,
            held: Vec::new(),
            text_element: Vec::new(),
            foreign: 0,
        }
    }

    /// Reads the next piece of the document. Returns the number of bytes read, which is less than
    /// all only after the reader said stop.
    pub fn piece<R: TokenReader>(&mut self, piece: &[u8], reader: &mut R) -> usize {
        let mut at = 0;
        while at < piece.len() && !reader.must_stop() {
            at = self.step(piece, at, reader);
        }
        self.offset += at as u64;
        at
    }

    /// The memory of the buffers, in bytes.
    pub fn memory_bytes(&self) -> usize {
        self.bytes.capacity() + self.held.capacity() + self.attributes.capacity() * size_of::<TagAttribute>()
    }

    fn is_foreign(&self) -> bool {
        self.is_xml || self.foreign > 0
    }

    fn step<R: TokenReader>(&mut self, piece: &[u8], at: usize, reader: &mut R) -> usize {
        let byte = piece[at];
        match self.state {
            TokenState::Data => return self.text(piece, at, reader, TokenState::TagOpen),
            TokenState::TagOpen => match byte {
                b'a'..=b'z' | b'A'..=b'Z' => return self.begin_tag(at, false),
                b'/' => self.state = TokenState::EndTagOpen,
                b'!' => self.hold_none(TokenState::MarkupOpen),
                b'?' => self.hold_none(TokenState::Declaration),
                _ => {
                    self.emit(b"<", at, reader);
                    return self.again(at, TokenState::Data);
                }
            },
            TokenState::EndTagOpen => match byte {
                b'a'..=b'z' | b'A'..=b'Z' => return self.begin_tag(at, true),
                b'>' => self.state = TokenState::Data,
                _ => return self.again(at, TokenState::BogusComment),
            },
            TokenState::TagName
            | TokenState::BeforeAttribute
            | TokenState::AttributeName
            | TokenState::AfterAttribute
            | TokenState::BeforeValue
            | TokenState::QuotedValue(_)
            | TokenState::BareValue
            | TokenState::AfterValue
            | TokenState::EmptyTag => return self.tag_step(piece, at, reader),
            TokenState::MarkupOpen => return self.markup_open(byte, at),
            TokenState::Declaration => {
                if byte == b'>' {
                    reader.declaration(&self.held);
                    self.state = TokenState::Data;
                } else if self.is_xml && is_blank(byte) && self.held == STYLESHEET[1..] {
                    // What follows reads as the attributes of a tag, up to `?>`.
                    let at = self.begin_tag(at, false);
                    self.name.extend_from_slice(STYLESHEET);
                    return at;
                } else if self.held.len() < LONGEST_DECLARATION {
                    self.held.push(byte);
                }
            }
            TokenState::BogusComment => return self.until(piece, at, b'>', TokenState::Data),
            TokenState::Comment(comment) => return self.comment(comment, piece, at),
            TokenState::Cdata(brackets) => return self.cdata(brackets, piece, at, reader),
            TokenState::RawText => {
                self.held.clear();
                return self.text(piece, at, reader, TokenState::RawLessThan);
            }
            TokenState::RawLessThan if byte == b'/' => self.state = TokenState::RawEnd(0),
            TokenState::RawLessThan => return self.raw_again(at, reader),
            TokenState::RawEnd(matched) => return self.raw_end(matched, byte, at, reader),
            TokenState::Script(escape) => return self.script(escape, piece, at),
            TokenState::ScriptLessThan(_)
            | TokenState::ScriptBang(_)
            | TokenState::ScriptStart(_)
            | TokenState::ScriptEnd(..) => {
                return self.script_markup(byte, at);
            }
            TokenState::PlainText => return piece.len(),
        }
        at + 1
    }

    /// Reads the same byte again in another state.
    fn again(&mut self, at: usize, state: TokenState) -> usize {
        self.state = state;
        at
    }

    fn hold_none(&mut self, state: TokenState) {
        self.held.clear();
        self.state = state;
    }

    /// Passes over everything up to and including this byte.
    fn until(&mut self, piece: &[u8], at: usize, end: u8, next: TokenState) -> usize {
        match memchr(end, &piece[at..]) {
            Some(length) => {
                self.state = next;
                at + length + 1
            }
            None => piece.len(),
        }
    }

    /// Passes text on up to the next `<`.
    fn text<R: TokenReader>(&mut self, piece: &[u8], at: usize, reader: &mut R, next: TokenState) -> usize {
        let length = memchr(b'<', &piece[at..]);
        let end = at + length.unwrap_or(piece.len() - at);
        if end > at && reader.wants_text() {
            reader.text(&piece[at..end], self.offset + at as u64, false);
        }
        if length.is_some() {
            self.state = next;
        }
        (end + 1).min(piece.len())
    }

    /// Passes on text that ends before this byte.
    fn emit<R: TokenReader>(&self, text: &[u8], at: usize, reader: &mut R) {
        if reader.wants_text() {
            let start = (self.offset + at as u64).saturating_sub(text.len() as u64);
            reader.text(text, start, false);
        }
    }

    fn begin_tag(&mut self, at: usize, is_end: bool) -> usize {
        self.name.clear();
        self.attributes.clear();
        self.bytes.clear();
        (self.is_end, self.is_empty, self.is_cut, self.is_wanted) = (is_end, false, false, false);
        self.tag_start = (self.offset + at as u64).saturating_sub(1);
        self.again(at, TokenState::TagName)
    }

    fn tag_step<R: TokenReader>(&mut self, piece: &[u8], at: usize, reader: &mut R) -> usize {
        let byte = piece[at];
        match self.state {
            TokenState::TagName => return self.tag_name(piece, at, reader),
            TokenState::AttributeName => return self.attribute_name(piece, at, reader),
            TokenState::QuotedValue(quote) => {
                let length = memchr(quote, &piece[at..]);
                let end = at + length.unwrap_or(piece.len() - at);
                self.keep(&piece[at..end], at);
                if length.is_some() {
                    self.state = TokenState::AfterValue;
                    self.end_quoted_value(end);
                }
                return (end + 1).min(piece.len());
            }
            TokenState::BareValue => {
                let length = piece[at..].iter().position(|&byte| is_blank(byte) || byte == b'>');
                let end = at + length.unwrap_or(piece.len() - at);
                self.keep(&piece[at..end], at);
                if length.is_some() {
                    self.state = TokenState::BeforeAttribute;
                }
                return end;
            }
            _ if byte == b'>' => {
                self.is_empty = self.state == TokenState::EmptyTag;
                self.end_of_tag(at, reader);
            }
            TokenState::BeforeValue => match byte {
                _ if is_blank(byte) => {}
                b'"' | b'\'' => self.begin_value(TokenState::QuotedValue(byte), at + 1),
                _ => {
                    self.begin_value(TokenState::BareValue, at);
                    return at;
                }
            },
            TokenState::AfterAttribute if byte == b'=' => self.state = TokenState::BeforeValue,
            TokenState::EmptyTag if byte != b'/' => return self.again(at, TokenState::BeforeAttribute),
            _ if byte == b'/' => self.state = TokenState::EmptyTag,
            TokenState::AfterAttribute | TokenState::BeforeAttribute if is_blank(byte) => {}
            TokenState::AfterValue => return self.again(at, TokenState::BeforeAttribute),
            // The first byte of a name, also a `=`.
            _ => {
                self.attribute.clear();
                self.attribute_start = self.offset + at as u64;
                self.attribute.push(byte.to_ascii_lowercase());
                self.state = TokenState::AttributeName;
            }
        }
        at + 1
    }

    fn tag_name<R: TokenReader>(&mut self, piece: &[u8], at: usize, reader: &mut R) -> usize {
        let length = piece[at..].iter().position(|&byte| is_end_of_name(byte));
        let end = at + length.unwrap_or(piece.len() - at);
        keep_name(&mut self.name, &piece[at..end]);
        match length.map(|_| piece[end]) {
            None => return end,
            Some(b'>') => self.end_of_tag(end, reader),
            Some(b'/') => self.state = TokenState::EmptyTag,
            Some(_) => self.state = TokenState::BeforeAttribute,
        }
        end + 1
    }

    fn attribute_name<R: TokenReader>(&mut self, piece: &[u8], at: usize, reader: &mut R) -> usize {
        let length = piece[at..].iter().position(|&byte| byte == b'=' || is_end_of_name(byte));
        let end = at + length.unwrap_or(piece.len() - at);
        keep_name(&mut self.attribute, &piece[at..end]);
        if length.is_none() {
            return end;
        }
        self.end_of_attribute_name(reader, end);
        // The usual form needs no state between name and value.
        if let [b'=', quote @ (b'"' | b'\''), ..] = piece[end..] {
            self.begin_value(TokenState::QuotedValue(quote), end + 2);
            return end + 2;
        }
        self.state = TokenState::AfterAttribute;
        end
    }

    /// Of attributes with one name the first counts.
    fn end_of_attribute_name<R: TokenReader>(&mut self, reader: &R, at: usize) {
        let (name, bytes) = (&self.attribute, &self.bytes);
        self.is_wanted = !self.is_end
            && reader.wants(&self.name, name)
            && !self.attributes.iter().any(|known| bytes[known.name.clone()] == name[..]);
        if self.is_wanted && self.attributes.len() == MOST_ATTRIBUTES {
            (self.is_wanted, self.is_cut) = (false, true);
        }
        if self.is_wanted {
            let start = self.bytes.len();
            self.bytes.extend_from_slice(&self.attribute);
            let end = self.bytes.len();
            let whole = self.attribute_start..self.offset + at as u64;
            let (name, value) = (start..end, end..end);
            self.attributes.push(TagAttribute { name, value, span: 0..0, whole, is_cut: false });
        }
    }

    fn begin_value(&mut self, state: TokenState, at: usize) {
        self.state = state;
        let start = self.offset + at as u64;
        if let Some(attribute) = self.attributes.last_mut().filter(|_| self.is_wanted) {
            attribute.span = start..start;
            attribute.whole.end = start;
        }
    }

    /// Counts the quote at the end of a value as part of the attribute.
    fn end_quoted_value(&mut self, at: usize) {
        if let Some(attribute) = self.attributes.last_mut().filter(|_| self.is_wanted) {
            attribute.whole.end = self.offset + at as u64 + 1;
        }
    }

    /// Keeps a piece of the value that is read.
    fn keep(&mut self, value: &[u8], at: usize) {
        let Some(attribute) = self.attributes.last_mut().filter(|_| self.is_wanted) else { return };
        let room =
            LONGEST_VALUE.saturating_sub(attribute.value.len()).min(LONGEST_TAG.saturating_sub(self.bytes.len()));
        attribute.is_cut |= value.len() > room;
        self.bytes.extend_from_slice(&value[..value.len().min(room)]);
        attribute.value.end = self.bytes.len();
        attribute.span.end = self.offset + (at + value.len()) as u64;
        attribute.whole.end = attribute.span.end;
    }

    fn end_of_tag<R: TokenReader>(&mut self, at: usize, reader: &mut R) {
        self.state = TokenState::Data;
        if self.is_end {
            if matches!(&self.name[..], b"svg" | b"math") {
                self.foreign = self.foreign.saturating_sub(1);
            }
            return reader.end_tag(&self.name);
        }
        let is_fragment = matches!(&self.name[..], b"svg" | b"math");
        if is_fragment && !self.is_empty {
            self.foreign = self.foreign.saturating_add(1);
        } else if self.foreign > 0 && HTML_ONLY.iter().any(|name| name.as_bytes() == self.name) {
            self.foreign = 0;
        }
        let is_foreign = self.is_foreign() || is_fragment;
        let span = self.tag_start..self.offset + at as u64 + 1;
        let Self { name, attributes, bytes, is_empty, is_cut, .. } = self;
        reader.start_tag(&StartTag { name, attributes, bytes, is_empty: *is_empty, is_foreign, is_cut: *is_cut, span });
        if !is_foreign {
            self.state = match &self.name[..] {
                b"script" => TokenState::Script(Escape::None),
                b"style" | b"title" | b"textarea" | b"iframe" | b"xmp" | b"noembed" => TokenState::RawText,
                b"plaintext" => TokenState::PlainText,
                _ => TokenState::Data,
            };
            if self.state != TokenState::Data {
                self.text_element.clone_from(&self.name);
            }
        }
    }

    fn markup_open(&mut self, byte: u8, at: usize) -> usize {
        self.held.push(byte);
        let cdata: &[u8] = if self.is_foreign() { b"[CDATA[" } else { b"" };
        if self.held == b"--" {
            self.state = TokenState::Comment(Comment::BEGIN);
        } else if self.held == cdata {
            self.state = TokenState::Cdata(0);
        } else if self.held != b"-" && !cdata.starts_with(&self.held) {
            return self.again(at, TokenState::BogusComment);
        }
        at + 1
    }

    fn comment(&mut self, mut comment: Comment, piece: &[u8], at: usize) -> usize {
        let rest = &piece[at..];
        for (offset, &byte) in rest.iter().enumerate() {
            if comment.is_idle() && byte != b'-' {
                let Some(length) = memchr(b'-', &rest[offset..]) else { break };
                self.state = TokenState::Comment(comment);
                return at + offset + length;
            }
            if comment.ends_with(byte) {
                self.state = TokenState::Data;
                return at + offset + 1;
            }
        }
        self.state = TokenState::Comment(comment);
        piece.len()
    }

    fn cdata<R: TokenReader>(&mut self, brackets: u8, piece: &[u8], at: usize, reader: &mut R) -> usize {
        match (piece[at], brackets) {
            (b'>', 2) => self.state = TokenState::Data,
            (b']', 0 | 1) => self.state = TokenState::Cdata(brackets + 1),
            (b']', _) => self.emit(b"]", at, reader),
            _ => {
                if brackets > 0 {
                    self.emit(&b"]]"[..usize::from(brackets)], at, reader);
                }
                self.state = TokenState::Cdata(0);
                let end = memchr(b']', &piece[at..]).map_or(piece.len(), |length| at + length);
                if reader.wants_text() {
                    reader.text(&piece[at..end], self.offset + at as u64, true);
                }
                return end;
            }
        }
        at + 1
    }
}

/// Adds a piece of a name in lower case.
fn keep_name(name: &mut Vec<u8>, piece: &[u8]) {
    let room = LONGEST_NAME.saturating_sub(name.len()).min(piece.len());
    name.extend(piece[..room].iter().map(u8::to_ascii_lowercase));
}

/// Blanks of HTML.
pub(in crate::extract) fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r' | b'\x0c')
}

fn is_end_of_name(byte: u8) -> bool {
    is_blank(byte) || matches!(byte, b'/' | b'>')
}
