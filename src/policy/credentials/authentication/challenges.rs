//! Reads WWW-Authenticate fields (RFC 9110, section 11.6.1) as octets. The parser skips a part that breaks the
//! grammar and reads on after it.

use std::borrow::Cow;

/// A part of a list of challenges.
#[derive(Debug, PartialEq, Eq)]
pub enum ChallengePart<'a> {
    /// The name of a scheme, which begins a challenge.
    Scheme(&'a [u8]),
    /// A parameter of the challenge that was begun last: its name and its value without quotes and escapes.
    Parameter(&'a [u8], Cow<'a, [u8]>),
}

/// The parts of one field value, in order.
#[derive(Debug)]
pub struct ChallengeParts<'a> {
    field: &'a [u8],
    rest: &'a [u8],
    /// A quoted-string ends where none can end.
    has_lost_quote: bool,
    /// The next word is the first one of a list element.
    begins_element: bool,
}

impl<'a> ChallengeParts<'a> {
    pub fn new(field: &'a [u8]) -> Self {
        Self { field, rest: field, has_lost_quote: false, begins_element: true }
    }

    /// The text from the first list element that is a Digest challenge, if a quote was lost. Then the challenge may
    /// seem to be in a quoted-string. Like curl, this looks at commas alone. A parameter with the name Digest is no
    /// challenge, so a field that is read again from here has no other hidden one.
    pub fn hidden_digest(&self) -> Option<&'a [u8]> {
        if !self.has_lost_quote {
            return None;
        }
        let mut rest = self.field;
        loop {
            let comma = rest.iter().position(|octet| *octet == b',')?;
            rest = rest[comma + 1..].trim_ascii_start();
            let end = rest.iter().position(|octet| !is_word(*octet)).unwrap_or(rest.len());
            let (word, behind) = rest.split_at(end);
            if is_digest(word) && !behind.trim_ascii_start().starts_with(b"=") {
                return Some(rest);
            }
        }
    }

    fn take_run(&mut self, wanted: impl Fn(u8) -> bool) -> &'a [u8] {
        let len = self.rest.iter().position(|octet| !wanted(*octet)).unwrap_or(self.rest.len());
        let (taken, rest) = self.rest.split_at(len);
        self.rest = rest;
        taken
    }

    /// Takes this octet if it is the next one.
    fn take(&mut self, wanted: u8) -> bool {
        let rest = self.rest.strip_prefix(&[wanted]);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    fn value(&mut self) -> Cow<'a, [u8]> {
        self.take_run(is_blank);
        if self.take(b'"') { self.quoted_string() } else { Cow::Borrowed(self.unquoted()) }
    }

    /// The text up to the closing quote, or the whole rest without one.
    fn quoted_string(&mut self) -> Cow<'a, [u8]> {
        let plain = self.take_run(|octet| octet != b'"' && octet != b'\\');
        let mut text = Cow::Borrowed(plain);
        while self.take(b'\\') {
            let len = self.rest.len().min(1);
            let (escaped, rest) = self.rest.split_at(len);
            self.rest = rest;
            text.to_mut().extend_from_slice(escaped);
            text.to_mut().extend_from_slice(self.take_run(|octet| octet != b'"' && octet != b'\\'));
        }
        let is_closed = self.take(b'"');
        self.has_lost_quote |= !is_closed || self.rest.first().is_some_and(|octet| !is_blank(*octet) && *octet != b',');
        text
    }

    /// The text up to a comma. Servers forget the quotes around a value with blanks, and the comma
    /// before the next parameter.
    fn unquoted(&mut self) -> &'a [u8] {
        let all = self.rest;
        loop {
            self.take_run(|octet| !is_blank(octet) && octet != b',');
            let value = all.split_at(all.len() - self.rest.len()).0;
            self.take_run(is_blank);
            if self.rest.first().is_none_or(|octet| *octet == b',') || self.is_at_part() {
                return value;
            }
        }
    }

    /// Whether the next word begins a part though no comma comes before it.
    fn is_at_part(&self) -> bool {
        let mut ahead = Self { ..*self };
        let word = ahead.take_run(is_word);
        ahead.take_run(is_blank);
        ahead.rest.starts_with(b"=") || is_digest(word)
    }
}

impl<'a> Iterator for ChallengeParts<'a> {
    type Item = ChallengePart<'a>;

    fn next(&mut self) -> Option<ChallengePart<'a>> {
        loop {
            self.begins_element |= self.take_run(|octet| is_blank(octet) || octet == b',').contains(&b',');
            let word = self.take_run(is_word);
            self.take_run(is_blank);
            let begins_element = std::mem::take(&mut self.begins_element);
            if self.take(b'=') {
                return Some(ChallengePart::Parameter(word, self.value()));
            }
            // A word inside an element is the token68 of its scheme, or nothing known. Digest is never
            // overlooked: the password would go out in clear.
            if !word.is_empty() && begins_element || is_digest(word) {
                return Some(ChallengePart::Scheme(word));
            }
            if word.is_empty() {
                if !self.take(b'"') {
                    return None;
                }
                self.quoted_string();
            }
        }
    }
}

pub fn is_digest(scheme: &[u8]) -> bool {
    scheme.eq_ignore_ascii_case(b"Digest")
}

fn is_blank(octet: u8) -> bool {
    matches!(octet, b' ' | b'\t')
}

fn is_word(octet: u8) -> bool {
    !is_blank(octet) && !matches!(octet, b',' | b'=' | b'"')
}
