//! Elements whose content is text, up to their end tag. A script may have comments, and scripts in them.

use std::mem::take;

use memchr::memchr;

use super::{Tokenizer, is_end_of_name};
use crate::extract::markup::states::{Escape, TokenState};
use crate::extract::markup::token::TokenReader;

impl Tokenizer {
    /// Passes on as text the bytes that looked like an end tag.
    pub(super) fn raw_again<R: TokenReader>(&mut self, at: usize, reader: &mut R) -> usize {
        let held =
            [if self.state == TokenState::RawLessThan { &b"<"[..] } else { b"</" }, &take(&mut self.held)].concat();
        self.emit(&held, at, reader);
        self.again(at, TokenState::RawText)
    }

    pub(super) fn raw_end<R: TokenReader>(&mut self, matched: usize, byte: u8, at: usize, reader: &mut R) -> usize {
        match self.text_element.get(matched) {
            Some(wanted) if *wanted == byte.to_ascii_lowercase() => {
                self.held.push(byte);
                self.state = TokenState::RawEnd(matched + 1);
                at + 1
            }
            None if is_end_of_name(byte) => self.text_ends(at),
            _ => self.raw_again(at, reader),
        }
    }

    /// The end tag of the element whose content was text, read up to its name.
    pub(super) fn text_ends(&mut self, at: usize) -> usize {
        self.begin_tag(at, true);
        self.name.clone_from(&self.text_element);
        at
    }

    pub(super) fn script(&mut self, mut escape: Escape, piece: &[u8], at: usize) -> usize {
        let rest = &piece[at..];
        let length = match &mut escape {
            Escape::None => memchr(b'<', rest),
            Escape::Once(dashes) | Escape::Twice(dashes) => rest.iter().position(|&byte| {
                let ends = byte == b'<' || byte == b'>' && *dashes >= 2;
                if !ends {
                    *dashes = if byte == b'-' { dashes.saturating_add(1) } else { 0 };
                }
                ends
            }),
        };
        self.state = match length.map(|length| rest[length]) {
            Some(b'<') => TokenState::ScriptLessThan(escape.without_dashes()),
            Some(_) => TokenState::Script(Escape::None),
            None => TokenState::Script(escape),
        };
        length.map_or(piece.len(), |length| at + length + 1)
    }

    /// The bytes after `<` in a script, which may be in a comment, and there in a script again.
    pub(super) fn script_markup(&mut self, byte: u8, at: usize) -> usize {
        const NAME: &[u8] = b"script";
        let matches = |matched: usize| NAME.get(matched) == Some(&byte.to_ascii_lowercase());
        let is_complete = |matched: usize| matched == NAME.len() && is_end_of_name(byte);
        self.state = match self.state {
            TokenState::ScriptLessThan(escape) if byte == b'/' => TokenState::ScriptEnd(escape, 0),
            TokenState::ScriptLessThan(Escape::None) if byte == b'!' => TokenState::ScriptBang(0),
            TokenState::ScriptLessThan(Escape::Once(_)) if matches(0) => TokenState::ScriptStart(1),
            TokenState::ScriptBang(0) if byte == b'-' => TokenState::ScriptBang(1),
            TokenState::ScriptBang(1) if byte == b'-' => TokenState::Script(Escape::Once(2)),
            TokenState::ScriptStart(matched) if matches(matched) => TokenState::ScriptStart(matched + 1),
            TokenState::ScriptStart(matched) if is_complete(matched) => TokenState::Script(Escape::Twice(0)),
            TokenState::ScriptEnd(escape, matched) if matches(matched) => TokenState::ScriptEnd(escape, matched + 1),
            TokenState::ScriptEnd(Escape::Twice(_), matched) if is_complete(matched) => {
                TokenState::Script(Escape::Once(0))
            }
            TokenState::ScriptEnd(_, matched) if is_complete(matched) => return self.text_ends(at),
            TokenState::ScriptLessThan(escape) | TokenState::ScriptEnd(escape, _) => {
                return self.again(at, TokenState::Script(escape));
            }
            TokenState::ScriptStart(_) => return self.again(at, TokenState::Script(Escape::Once(0))),
            _ => return self.again(at, TokenState::Script(Escape::None)),
        };
        at + 1
    }
}
