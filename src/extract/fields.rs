//! The response fields that have links or rules for them: `Link`, `Refresh`, `X-Robots-Tag`.

use http::HeaderMap;
use http::header::{LINK, REFRESH};

use super::collector::LinkCollector;
use super::html::table::kind_of_rel;
use super::refresh;
use crate::model::LinkKind;
use crate::policy::robots::is_nofollow_response;

/// Takes the links of the fields of a response.
pub(super) fn read(fields: &HeaderMap, links: &mut LinkCollector) {
    for value in fields.get_all(LINK) {
        let text = String::from_utf8_lossy(value.as_bytes());
        let mut rest = &text[..];
        while let Some((link, after)) = FieldLink::first(rest) {
            rest = after;
            link.give_to(links);
        }
    }
    for value in fields.get_all(REFRESH) {
        if let Some(url) = refresh::url_of(&String::from_utf8_lossy(value.as_bytes())) {
            links.field(url, LinkKind::Page, false);
        }
    }
    links.nofollow |= is_nofollow_response(fields, links.agent());
}

/// A link of a `Link` field (RFC 8288).
#[derive(Debug, Default, PartialEq, Eq)]
struct FieldLink<'a> {
    target: &'a str,
    rel: Option<String>,
    media_type: String,
    has_language: bool,
    /// Whether the link is one of another document.
    is_foreign: bool,
}

impl<'a> FieldLink<'a> {
    /// Reads the first link, and returns it with the text after it.
    fn first(text: &'a str) -> Option<(Self, &'a str)> {
        let (_, text) = text.split_once('<')?;
        let (target, mut rest) = text.split_once('>')?;
        let mut link = Self { target, ..Self::default() };
        loop {
            rest = rest.trim_start();
            let Some(after) = rest.strip_prefix(';') else { break };
            let after = after.trim_start();
            let end = after.find(['=', ';', ',']).unwrap_or(after.len());
            let name = after[..end].trim_end();
            rest = &after[end..];
            let mut value = String::new();
            if let Some(after) = rest.strip_prefix('=') {
                (value, rest) = parameter_value(after.trim_start());
            }
            link.parameter(name, value);
        }
        // Anything else before the next comma is no part of a link.
        Some((link, rest.find(',').map_or("", |end| &rest[end..])))
    }

    /// Keeps a parameter. The first `rel` counts.
    fn parameter(&mut self, name: &str, value: String) {
        match name.to_ascii_lowercase().as_str() {
            "rel" => drop(self.rel.get_or_insert(value)),
            "type" => self.media_type = value,
            "hreflang" => self.has_language = true,
            "anchor" => self.is_foreign = !value.is_empty() && !value.starts_with('#'),
            _ => {}
        }
    }

    fn give_to(&self, links: &mut LinkCollector) {
        let Some(rel) = self.rel.as_deref().filter(|_| !self.is_foreign) else { return };
        let has = |word: &str| rel.split_ascii_whitespace().any(|known| known.eq_ignore_ascii_case(word));
        let kind = match kind_of_rel(rel, &self.media_type, self.has_language) {
            Some(LinkKind::Page) => LinkKind::Hint,
            Some(kind) => kind,
            None => return,
        };
        if has("canonical") {
            links.canonical_field(self.target);
        }
        links.field(self.target, kind, has("nofollow"));
    }
}

/// Reads a token or a quoted string, and returns it with the text after it.
fn parameter_value(text: &str) -> (String, &str) {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find([';', ',']).unwrap_or(text.len());
        return (text[..end].trim_end().to_owned(), &text[end..]);
    };
    let mut value = String::new();
    let mut characters = quoted.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return (value, &quoted[at + 1..]),
            '\\' => value.extend(characters.next().map(|(_, character)| character)),
            _ => value.push(character),
        }
    }
    (value, "")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn link_fields_are_read() {
        let read = |text: &str| {
            let (mut rest, mut found) = (text.to_owned(), Vec::new());
            while let Some((link, after)) = FieldLink::first(&rest) {
                found.push((link.target.to_owned(), link.rel.unwrap_or_default()));
                rest = after.to_owned();
            }
            found
        };
        for (text, found) in [
            ("</a>; rel=next", &[("/a", "next")][..]),
            ("</a>;rel=\"next prev\" , </b> ; title=\"x, <y>\" ; rel = prev", &[("/a", "next prev"), ("/b", "prev")]),
            ("</a,b;c>; rel=next", &[("/a,b;c", "next")]),
            ("</a>; rel=next; rel=prev", &[("/a", "next")]),
            ("</a>; title=\"a\\\"b\"; rel=next", &[("/a", "next")]),
            ("</a>, </b>; rel", &[("/a", ""), ("/b", "")]),
            ("<>; rel=next", &[("", "next")]),
            ("</a", &[]),
            ("", &[]),
        ] {
            let found: Vec<_> = found.iter().map(|(target, rel)| ((*target).to_owned(), (*rel).to_owned())).collect();
            assert_eq!(read(text), found, "{text}");
        }
    }
}
