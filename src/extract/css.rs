//! The links of a style sheet: `url()`, `@import`, `image-set()` and `src()` (CSS Syntax Level 3).
//!
//! The scanner reads a stream and keeps one URL and one name of it. It knows comments, strings and
//! escapes, so `url(` in a comment or a string is no link.

use std::ops::Range;

use memchr::memchr;

use super::limits::LONGEST_URL;

/// The most bytes of a name that matters.
const LONGEST_NAME: usize = 24;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum CssState {
    Names,
    /// After `/`.
    Slash,
    Comment,
    /// After `*` in a comment.
    CommentStar,
    /// In a string with this quote.
    Text(u8),
    /// After `url(`; true after `src(`, which takes a string only.
    UrlBegin(bool),
    /// In `url()` without quotes.
    BareUrl,
    /// After the string in `url()`. Modifiers may follow.
    UrlEnd,
    /// After a URL without quotes in `url()`.
    BareUrlEnd,
    /// In a `url()` that is none.
    BadUrl,
}

/// A code point of an escape that is read.
#[derive(Debug, Clone, Copy)]
struct CssEscape {
    digits: u8,
    code: u32,
}

/// The at-rule that a string or a URL is part of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum AtRule {
    None,
    /// `@import` without its URL so far.
    Import,
    /// `@namespace`: its URL is only a name.
    Namespace,
}

/// A scanner of one style sheet or one list of declarations.
#[derive(Debug)]
pub(super) struct CssScanner {
    state: CssState,
    escape: Option<CssEscape>,
    /// The name that is read, in lower case, `@` included.
    name: Vec<u8>,
    /// The URL that is read.
    url: Vec<u8>,
    /// Its place: a string with its quotes, or the bytes in `url()`.
    span: Range<u64>,
    /// The offset of the piece that is read, and of the end after the last one.
    offset: u64,
    /// Whether the string is a link, and whether `url()` is around it.
    is_link: bool,
    in_url: bool,
    /// Whether the URL is longer than it may be.
    is_cut: bool,
    at_rule: AtRule,
    /// Open parentheses, and the depth at which strings are images.
    depth: u32,
    image_set: Option<u32>,
}

/// A URL of a style sheet.
#[derive(Debug)]
pub(super) struct CssUrl<'a> {
    /// The text without quotes and escapes.
    pub text: &'a [u8],
    /// Whether only the beginning was kept.
    pub is_cut: bool,
    /// Its place in the sheet: a string with its quotes, or the bytes in `url()`.
    pub span: Range<u64>,
}

impl CssScanner {
    /// At the beginning of a sheet.
    pub fn new() -> Self {
        Self {
            state: CssState::Names,
            escape: None,
            name: Vec::new(),
            url: Vec::new(),
            span: 0..0,
            offset: 0,
            is_link: false,
            in_url: false,
            is_cut: false,
            at_rule: AtRule::None,
            depth: 0,
            image_set: None,
        }
    }

    /// The memory of the buffers, in bytes.
    pub fn memory_bytes(&self) -> usize {
        self.url.capacity() + self.name.capacity()
    }

    /// Reads the next piece.
    pub fn piece(&mut self, bytes: &[u8], link: &mut impl FnMut(CssUrl<'_>)) {
        let mut at = 0;
        while at < bytes.len() {
            at = self.step(bytes, at, link);
        }
        self.offset += bytes.len() as u64;
    }

    /// Reads the next piece, which is at this offset of a document.
    pub fn piece_at(&mut self, bytes: &[u8], offset: u64, link: &mut impl FnMut(CssUrl<'_>)) {
        self.offset = offset;
        self.piece(bytes, link);
    }

    /// Ends the sheet. The end also ends a string and a URL.
    pub fn end(&mut self, link: &mut impl FnMut(CssUrl<'_>)) {
        self.end_escape();
        if let CssState::Text(_) = self.state {
            self.span.end = self.offset;
        }
        if matches!(self.state, CssState::BareUrl | CssState::BareUrlEnd | CssState::Text(_) | CssState::UrlEnd) {
            self.emit(link);
        }
        *self = Self { url: std::mem::take(&mut self.url), name: std::mem::take(&mut self.name), ..Self::new() };
        self.url.clear();
        self.name.clear();
    }

    fn step(&mut self, bytes: &[u8], at: usize, link: &mut impl FnMut(CssUrl<'_>)) -> usize {
        let byte = bytes[at];
        if self.escape.is_some() {
            let length = usize::from(self.escaped(byte));
            self.span.end = self.offset + (at + length) as u64;
            return at + length;
        }
        match self.state {
            CssState::Names => return self.names(bytes, at),
            CssState::Slash if byte == b'*' => self.state = CssState::Comment,
            CssState::Slash => {
                self.state = CssState::Names;
                return at;
            }
            CssState::Comment => {
                let Some(length) = memchr(b'*', &bytes[at..]) else { return bytes.len() };
                self.state = CssState::CommentStar;
                return at + length + 1;
            }
            CssState::CommentStar => match byte {
                b'/' => self.state = CssState::Names,
                b'*' => {}
                _ => self.state = CssState::Comment,
            },
            CssState::Text(quote) => match byte {
                b'\\' => self.escape = Some(CssEscape { digits: 0, code: 0 }),
                // A string that a line end cuts is none.
                b'\n' => self.state = if self.in_url { CssState::BadUrl } else { CssState::Names },
                _ if byte == quote && self.in_url => {
                    self.span.end = self.offset + at as u64 + 1;
                    self.state = CssState::UrlEnd;
                }
                _ if byte == quote => {
                    self.span.end = self.offset + at as u64 + 1;
                    self.emit(link);
                    self.state = CssState::Names;
                }
                _ => return self.keep(bytes, at, |byte| byte == quote || matches!(byte, b'\\' | b'\n')),
            },
            CssState::UrlBegin(is_src) => match byte {
                _ if byte.is_ascii_whitespace() => {}
                b'"' | b'\'' => {
                    self.begin_url(self.at_rule != AtRule::Namespace, true, at);
                    self.state = CssState::Text(byte);
                }
                _ => {
                    self.begin_url(self.at_rule != AtRule::Namespace, true, at);
                    self.state = if is_src { CssState::BadUrl } else { CssState::BareUrl };
                    return at;
                }
            },
            CssState::BareUrl => match byte {
                b')' => self.end_url(link),
                b'\\' => self.escape = Some(CssEscape { digits: 0, code: 0 }),
                b'"' | b'\'' | b'(' => self.state = CssState::BadUrl,
                _ if byte.is_ascii_whitespace() => self.state = CssState::BareUrlEnd,
                _ => {
                    let ends =
                        |byte: u8| matches!(byte, b')' | b'\\' | b'"' | b'\'' | b'(') || byte.is_ascii_whitespace();
                    return self.keep(bytes, at, ends);
                }
            },
            CssState::UrlEnd | CssState::BareUrlEnd if byte == b')' => self.end_url(link),
            CssState::UrlEnd => {}
            CssState::BareUrlEnd if byte.is_ascii_whitespace() => {}
            CssState::BareUrlEnd => {
                self.state = CssState::BadUrl;
                return at;
            }
            CssState::BadUrl => match byte {
                b')' => self.state = CssState::Names,
                b'\\' => self.escape = Some(CssEscape { digits: 0, code: 0 }),
                _ => {}
            },
        }
        at + 1
    }

    /// Reads between strings and comments.
    fn names(&mut self, bytes: &[u8], at: usize) -> usize {
        let mut at = at;
        while let Some(&byte) = bytes.get(at) {
            match byte {
                b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | 0x80.. => {
                    if self.name.len() < LONGEST_NAME {
                        self.name.push(byte.to_ascii_lowercase());
                    }
                    at += 1;
                    continue;
                }
                b'(' => {
                    self.open();
                    self.name.clear();
                    return at + 1;
                }
                b'\\' => {
                    self.escape = Some(CssEscape { digits: 0, code: 0 });
                    return at + 1;
                }
                _ if !self.name.is_empty() => self.end_name(),
                _ => {}
            }
            match byte {
                b'@' => self.name.push(b'@'),
                b'/' => self.state = CssState::Slash,
                b'"' | b'\'' => {
                    let is_link = self.at_rule == AtRule::Import || self.image_set.is_some_and(|at| at == self.depth);
                    self.begin_url(is_link, false, at);
                    self.state = CssState::Text(byte);
                }
                b')' => {
                    self.image_set = self.image_set.filter(|at| *at != self.depth);
                    self.depth = self.depth.saturating_sub(1);
                }
                b';' | b'{' | b'}' => {
                    self.at_rule = AtRule::None;
                    if byte != b';' {
                        (self.depth, self.image_set) = (0, None);
                    }
                }
                _ => {}
            }
            at += 1;
            if self.state != CssState::Names {
                break;
            }
        }
        at
    }

    /// Opens a function, or a parenthesis without a name.
    fn open(&mut self) {
        match &self.name[..] {
            b"url" => self.state = CssState::UrlBegin(false),
            b"src" => self.state = CssState::UrlBegin(true),
            name => {
                self.depth = self.depth.saturating_add(1);
                if self.image_set.is_none() && name.ends_with(b"image-set") {
                    self.image_set = Some(self.depth);
                }
            }
        }
    }

    fn end_name(&mut self) {
        match &self.name[..] {
            b"@import" => self.at_rule = AtRule::Import,
            b"@namespace" => self.at_rule = AtRule::Namespace,
            _ => {}
        }
        self.name.clear();
    }

    fn begin_url(&mut self, is_link: bool, in_url: bool, at: usize) {
        self.url.clear();
        let start = self.offset + at as u64;
        self.span = start..start;
        (self.is_link, self.in_url, self.is_cut) = (is_link, in_url, false);
    }

    fn end_url(&mut self, link: &mut impl FnMut(CssUrl<'_>)) {
        self.emit(link);
        self.state = CssState::Names;
    }

    fn emit(&mut self, link: &mut impl FnMut(CssUrl<'_>)) {
        if self.is_link {
            link(CssUrl { text: &self.url, is_cut: self.is_cut, span: self.span.clone() });
        }
        if self.at_rule == AtRule::Import {
            self.at_rule = AtRule::None;
        }
        self.url.clear();
        self.is_link = false;
    }

    /// Keeps the bytes before the next one that matters.
    fn keep(&mut self, bytes: &[u8], at: usize, ends: impl Fn(u8) -> bool) -> usize {
        let length = bytes[at..].iter().position(|&byte| ends(byte)).unwrap_or(bytes.len() - at);
        if self.is_link {
            let room = LONGEST_URL.saturating_sub(self.url.len());
            self.is_cut |= length > room;
            self.url.extend_from_slice(&bytes[at..at + length.min(room)]);
        }
        self.span.end = self.offset + (at + length) as u64;
        at + length
    }

    /// Reads a byte of an escape; false if the byte is not part of it.
    fn escaped(&mut self, byte: u8) -> bool {
        let Some(escape) = &mut self.escape else { return false };
        match char::from(byte).to_digit(16) {
            Some(digit) if escape.digits < 6 => {
                escape.code = escape.code * 16 + digit;
                escape.digits += 1;
                return true;
            }
            _ if escape.digits > 0 => {
                self.end_escape();
                return byte.is_ascii_whitespace();
            }
            _ => {}
        }
        self.escape = None;
        match self.state {
            // An escaped line end goes on with the string in the next line.
            CssState::Text(_) if byte == b'\n' => {}
            _ => self.push(byte),
        }
        true
    }

    /// Ends an escape by number. Characters beyond ASCII become percent-encoded UTF-8, which is
    /// what they are in a URL, whatever the encoding of the sheet.
    fn end_escape(&mut self) {
        let Some(escape) = self.escape.take().filter(|escape| escape.digits > 0) else { return };
        let character = char::from_u32(escape.code).filter(|character| *character != '\0');
        let character = character.unwrap_or(char::REPLACEMENT_CHARACTER);
        if character.is_ascii() {
            return self.push(escape.code as u8);
        }
        for byte in character.encode_utf8(&mut [0; 4]).bytes() {
            format!("%{byte:02X}").bytes().for_each(|byte| self.push(byte));
        }
    }

    /// Adds an escaped byte to the name or URL that is read.
    fn push(&mut self, byte: u8) {
        match self.state {
            CssState::Names if self.name.len() < LONGEST_NAME => self.name.push(byte.to_ascii_lowercase()),
            CssState::Text(_) | CssState::BareUrl if self.is_link => {
                let is_cut = self.url.len() >= LONGEST_URL;
                self.is_cut |= is_cut;
                if !is_cut {
                    self.url.push(byte);
                }
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::CssScanner;

    fn links(css: &str) -> Vec<String> {
        let whole = links_in_pieces(css, css.len().max(1));
        for size in [1, 2, 3, 7] {
            assert_eq!(links_in_pieces(css, size), whole, "{css} in pieces of {size}");
        }
        whole
    }

    fn links_in_pieces(css: &str, size: usize) -> Vec<String> {
        let (mut scanner, mut found) = (CssScanner::new(), Vec::new());
        let mut link = |url: super::CssUrl<'_>| found.push(String::from_utf8_lossy(url.text).into_owned());
        css.as_bytes().chunks(size).for_each(|piece| scanner.piece(piece, &mut link));
        scanner.end(&mut link);
        found
    }

    #[test]
    fn each_form_of_a_url_is_found() {
        for (css, found) in [
            ("a{background:url(a.png)}", &["a.png"][..]),
            ("a{background:URL( 'a b.png' )}", &["a b.png"]),
            ("a{background:url(\"a).png\") no-repeat, url( b.png\n)}", &["a).png", "b.png"]),
            ("@import 'x.css';@import \"y.css\" screen;@import url(z.css) layer(a);", &["x.css", "y.css", "z.css"]),
            ("@IMPORT/**/'x.css'", &["x.css"]),
            ("@font-face{src:url(f.woff2) format('woff2'),url('f.ttf')}", &["f.woff2", "f.ttf"]),
            ("a{b:image-set('a.png' 1x,url(b.png) 2x type('image/png'),\"c.png\" 3x)}", &["a.png", "b.png", "c.png"]),
            ("a{b:-webkit-image-set('a.png' 1x) 'no'}", &["a.png"]),
            ("a{b:src('a.png')}", &["a.png"]),
            ("a{b:url(a.png", &["a.png"]),
            ("a{b:url('a.png", &["a.png"]),
            ("a{--x:url(a.png)}", &["a.png"]),
        ] {
            assert_eq!(links(css), found, "{css}");
        }
    }

    #[test]
    fn spans_are_strings_with_quotes_and_bare_urls() {
        for (css, spans) in [
            ("a{b:url( a.png )}", &["a.png"][..]),
            ("@import 'x.css';a{b:url( \"y z\" )}", &["'x.css'", "\"y z\""]),
            (r"a{b:url(a\20 b\)) url(\63)}", &[r"a\20 b\)", r"\63"]),
            ("a{b:url(a.png", &["a.png"]),
            ("a{b:url('a.png", &["'a.png"]),
        ] {
            for size in [1, 2, 3, 100] {
                let (mut scanner, mut found) = (CssScanner::new(), Vec::new());
                let mut link =
                    |url: super::CssUrl<'_>| found.push(&css[url.span.start as usize..url.span.end as usize]);
                css.as_bytes().chunks(size).for_each(|piece| scanner.piece(piece, &mut link));
                scanner.end(&mut link);
                assert_eq!(found, spans, "{css} in pieces of {size}");
            }
        }
    }

    #[test]
    fn escapes_are_decoded() {
        for (css, found) in [
            (r"a{b:u\72l(a.png)}", "a.png"),
            (r"a{b:\75 rl(a.png)}", "a.png"),
            (r"@\69mport 'a.png'", "a.png"),
            (r"a{b:url(a\ b\).png)}", "a b).png"),
            (r"a{b:url('a\27 b.png')}", "a'b.png"),
            ("a{b:url('a\\\nb.png')}", "ab.png"),
            (r"a{b:url(\000061.png)}", "a.png"),
            (r"a{b:url(\e9.png)}", "%C3%A9.png"),
            (r"a{b:url(\0.png)}", "%EF%BF%BD.png"),
        ] {
            assert_eq!(links(css), [found], "{css}");
        }
    }

    #[test]
    fn texts_that_look_like_urls_are_none() {
        for css in [
            "/* url(a.png) @import 'x.css' */",
            "a{content:'url(a.png)'}",
            "@namespace url(http://www.w3.org/1999/xhtml);@namespace svg 'http://www.w3.org/2000/svg';",
            "@charset 'utf-8';",
            "a{b:attr(href url) curl}",
            "a{b:url(a b)}",
            "a{b:url(a\"b)}",
            "a{b:nurl(a.png) format('woff')}",
            "a{content:'a\nurl'}",
        ] {
            assert!(links(css).iter().all(|found| found.is_empty()), "{css}: {:?}", links(css));
        }
    }
}
