//! The response fields that have links or rules for them: `Link`, `Refresh`, `X-Robots-Tag`.

use http::HeaderMap;
use http::header::{LINK, REFRESH};

use super::collector::LinkCollector;
use super::html::table::kind_of_rel;
use crate::model::LinkKind;

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
        if let Some(url) = refresh_url(&String::from_utf8_lossy(value.as_bytes())) {
            links.field(url, LinkKind::Page, false);
        }
    }
    for value in fields.get_all("x-robots-tag") {
        if field_forbids(&String::from_utf8_lossy(value.as_bytes()), links.agent()) {
            links.nofollow = true;
        }
    }
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

/// The URL of a `Refresh` field or a `meta` refresh (HTML standard, section 4.2.5.3).
pub(super) fn refresh_url(text: &str) -> Option<&str> {
    let text = text.trim_start();
    let after = text.trim_start_matches(|character: char| character.is_ascii_digit() || character == '.');
    if after.len() == text.len() {
        return None;
    }
    let has_separator =
        after.starts_with(|character: char| matches!(character, ';' | ',') || character.is_whitespace());
    let rest = after.trim_start();
    let rest = rest.strip_prefix([';', ',']).unwrap_or(rest).trim_start();
    if !has_separator || rest.is_empty() {
        return None;
    }
    let named = rest.get(..3).filter(|name| name.eq_ignore_ascii_case("url"));
    let named = named.and_then(|_| rest[3..].trim_start().strip_prefix('='));
    let url = named.map_or(rest, str::trim_start);
    let quote = url.chars().next().filter(|quote| matches!(quote, '"' | '\''));
    let url = quote.map_or(url, |quote| url[1..].split(quote).next().unwrap_or_default());
    Some(url).filter(|url| !url.is_empty())
}

/// Whether directives of a robots meta forbid to follow links.
pub(super) fn directives_forbid(text: &str) -> bool {
    let mut words = text.split(|character: char| character == ',' || character.is_ascii_whitespace());
    words.any(|word| word.eq_ignore_ascii_case("nofollow") || word.eq_ignore_ascii_case("none"))
}

/// Whether an `X-Robots-Tag` field forbids this agent to follow links. A name before `:` makes the
/// directives after it those of one agent.
fn field_forbids(text: &str, agent: &str) -> bool {
    const WITH_VALUE: [&str; 4] = ["unavailable_after", "max-snippet", "max-image-preview", "max-video-preview"];
    let is_name = |name: &str| {
        let is_part = |byte: u8| byte.is_ascii_alphanumeric() || b"-_*.".contains(&byte);
        !name.is_empty()
            && name.bytes().all(is_part)
            && !WITH_VALUE.iter().any(|known| known.eq_ignore_ascii_case(name))
    };
    let mut applies = true;
    text.split(',').any(|part| {
        let mut directives = part.trim();
        if let Some((name, rest)) = part.split_once(':').filter(|(name, _)| is_name(name.trim())) {
            let is_for = |known: &str| known.eq_ignore_ascii_case(name.trim());
            applies = is_for(agent) || is_for("*") || is_for("robots");
            directives = rest;
        }
        applies && directives_forbid(directives)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn url_of_a_refresh_is_found() {
        for (text, url) in [
            ("0; url=/a", Some("/a")),
            ("5;URL='/a b'x", Some("/a b")),
            ("5,url = \"/a\"", Some("/a")),
            ("0;/a", Some("/a")),
            ("0 /a", Some("/a")),
            ("0.5; urls.html", Some("urls.html")),
            ("0; url=/a;b", Some("/a;b")),
            ("0; url", Some("url")),
            ("0; url=", None),
            ("30", None),
            ("30;", None),
            ("; url=/a", None),
            ("url=/a", None),
            ("", None),
        ] {
            assert_eq!(refresh_url(text), url, "{text}");
        }
    }

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

    #[test]
    fn robots_field_is_for_all_or_for_one_agent() {
        for (text, forbids) in [
            ("nofollow", true),
            ("noindex, NoFollow", true),
            ("none", true),
            ("noindex", false),
            ("fetchall: nofollow", true),
            ("Fetchall: noindex, nofollow", true),
            ("googlebot: nofollow", false),
            ("googlebot: noindex, nofollow", false),
            ("googlebot: nofollow, fetchall: none", true),
            ("fetchall: noindex, otherbot: nofollow", false),
            ("unavailable_after: Wed, 25 Jun 2010 15:00:00 PST, nofollow", true),
            ("max-snippet: 5, nofollow", true),
            ("nofollower", false),
            ("", false),
        ] {
            assert_eq!(field_forbids(text, "fetchall"), forbids, "{text}");
        }
    }
}
