//! The value of a `Refresh` field and of a `meta` refresh.

use std::ops::Range;

/// The URL of a `Refresh` field or a `meta` refresh (HTML standard, section 4.2.5.3).
pub(super) fn url_of(text: &str) -> Option<&str> {
    text.get(span(text)?)
}

/// The place of that URL.
pub(super) fn span(whole: &str) -> Option<Range<usize>> {
    let text = whole.trim_start();
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
    let rest = quote.map_or(url, |_| &url[1..]);
    let url = quote.map_or(rest, |quote| rest.split(quote).next().unwrap_or_default());
    let start = whole.len() - rest.len();
    (!url.is_empty()).then_some(start..start + url.len())
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
            assert_eq!(url_of(text), url, "{text}");
        }
    }
}
