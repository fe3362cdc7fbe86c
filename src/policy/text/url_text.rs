//! Pasted URLs: removes the marks around a URL, and names invisible characters.

use std::borrow::Cow;

/// Quotation marks of several languages, in the pairs in which they surround a text.
const QUOTES: &[(char, char)] = &[
    ('"', '"'),
    ('\'', '\''),
    ('`', '`'),
    ('<', '>'),
    ('“', '”'),
    ('”', '”'),
    ('„', '“'),
    ('„', '”'),
    ('‘', '’'),
    ('’', '’'),
    ('‚', '‘'),
    ('‚', '’'),
    ('«', '»'),
    ('»', '«'),
    ('‹', '›'),
    ('›', '‹'),
    ('「', '」'),
];

/// The names of blanks and of characters without a shape, from the Unicode Character Database.
const NAMES: &[(char, &str)] = &[
    ('\u{85}', "next line"),
    ('\u{a0}', "no-break space"),
    ('\u{ad}', "soft hyphen"),
    ('\u{34f}', "combining grapheme joiner"),
    ('\u{61c}', "Arabic letter mark"),
    ('\u{1680}', "Ogham space mark"),
    ('\u{180e}', "Mongolian vowel separator"),
    ('\u{2000}', "en quad"),
    ('\u{2001}', "em quad"),
    ('\u{2002}', "en space"),
    ('\u{2003}', "em space"),
    ('\u{2004}', "three-per-em space"),
    ('\u{2005}', "four-per-em space"),
    ('\u{2006}', "six-per-em space"),
    ('\u{2007}', "figure space"),
    ('\u{2008}', "punctuation space"),
    ('\u{2009}', "thin space"),
    ('\u{200a}', "hair space"),
    ('\u{200b}', "zero width space"),
    ('\u{200c}', "zero width non-joiner"),
    ('\u{200d}', "zero width joiner"),
    ('\u{200e}', "left-to-right mark"),
    ('\u{200f}', "right-to-left mark"),
    ('\u{2028}', "line separator"),
    ('\u{2029}', "paragraph separator"),
    ('\u{202a}', "left-to-right embedding"),
    ('\u{202b}', "right-to-left embedding"),
    ('\u{202c}', "pop directional formatting"),
    ('\u{202d}', "left-to-right override"),
    ('\u{202e}', "right-to-left override"),
    ('\u{202f}', "narrow no-break space"),
    ('\u{205f}', "medium mathematical space"),
    ('\u{2060}', "word joiner"),
    ('\u{2061}', "function application"),
    ('\u{2062}', "invisible times"),
    ('\u{2063}', "invisible separator"),
    ('\u{2064}', "invisible plus"),
    ('\u{2066}', "left-to-right isolate"),
    ('\u{2067}', "right-to-left isolate"),
    ('\u{2068}', "first strong isolate"),
    ('\u{2069}', "pop directional isolate"),
    ('\u{3000}', "ideographic space"),
    ('\u{3164}', "Hangul filler"),
    ('\u{feff}', "zero width no-break space"),
    ('\u{fffc}', "object replacement character"),
];

/// A character that is a blank beyond ASCII, or has no shape at all.
pub(super) fn is_unseen(c: char) -> bool {
    !c.is_ascii() && (c.is_whitespace() || NAMES.binary_search_by_key(&c, |&(named, _)| named).is_ok())
}

/// The length of a leading `http:` or `https:`, in any case.
pub fn http_prefix(text: &str) -> Option<usize> {
    let starts = |prefix: &str| text.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix));
    ["http:", "https:"].iter().find(|prefix| starts(prefix)).map(|prefix| prefix.len())
}

/// Cuts blanks and characters that cannot be seen off both ends.
pub fn trim(text: &str) -> &str {
    text.trim_matches(|c: char| c.is_ascii_whitespace() || is_unseen(c))
}

/// The first character of a text that cannot be seen or was not readable, as `U+200B zero width space`.
pub fn unseen(text: &str) -> Option<Cow<'static, str>> {
    if text.is_ascii() {
        return None;
    }
    let found = text.chars().find(|&c| is_unseen(c) || c == '\u{fffd}' || ('\u{80}'..='\u{9f}').contains(&c))?;
    let name = NAMES.binary_search_by_key(&found, |&(named, _)| named).ok().and_then(|at| NAMES.get(at));
    let name = match (name, found) {
        (Some((_, name)), _) => name,
        (None, '\u{fffd}') => "replacement character, in place of one that was not readable",
        (None, _) => "control character",
    };
    Some(format!("U+{:04X} {name}", u32::from(found)).into())
}

/// A URL without the blanks and the pairs of quotes or `<>` around it.
pub fn bare(text: &str) -> &str {
    let mut text = trim(text);
    while let Some(inner) = inside_pair(text) {
        text = trim(inner);
    }
    text
}

/// The URL of a line of plain text: [`bare`], and without a list marker before it, a comma after it,
/// and a Markdown link around it. A line that holds no URL stays as it is.
pub fn from_line(line: &str) -> &str {
    let whole = bare(line);
    if http_prefix(whole).is_some() {
        return without_comma(whole);
    }
    // `[1](URL)` is a link, and `[1] URL` an item.
    let items = [Some(whole), without_marker(whole)];
    let mut urls = items.into_iter().flatten().map(|item| {
        let item = without_comma(bare(item));
        bare(markdown_target(item).unwrap_or_else(|| item.trim_end_matches([',', ';'])))
    });
    urls.find(|url| begins_with_scheme(url)).unwrap_or(whole)
}

/// Whether the text begins with a scheme and two slashes.
fn begins_with_scheme(text: &str) -> bool {
    text.split_once("://").is_some_and(|(scheme, _)| {
        scheme.starts_with(|c: char| c.is_ascii_alphabetic())
            && scheme.bytes().all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(&b))
    })
}

/// The text inside a pair of quotes at both ends.
fn inside_pair(text: &str) -> Option<&str> {
    let first = text.chars().next()?;
    if first.is_ascii_alphanumeric() {
        return None;
    }
    let pairs = QUOTES.iter().filter(|(open, _)| *open == first);
    let inner = pairs.filter_map(|(open, close)| text.strip_prefix(*open)?.strip_suffix(*close)).next()?;
    // `"a" and "b"` begins and ends with a quote, but nothing is around both.
    let apostrophe = matches!(first, '\'' | '‘' | '’');
    (apostrophe || !inner.contains(first)).then_some(inner)
}

/// Removes one final comma, which separates the URL from the next one in its source text.
fn without_comma(text: &str) -> &str {
    text.strip_suffix(',').map_or(text, str::trim_end)
}

/// The text after the marker of a list item: a bullet, a dash, a quotation arrow, `1.`, `1)` or `[1]`.
fn without_marker(text: &str) -> Option<&str> {
    const BULLETS: &[char] =
        &['-', '*', '+', '>', '•', '‣', '◦', '⁃', '·', '∙', '▪', '▫', '■', '□', '●', '○', '–', '—', '→', '✓', '✔'];
    let rest = match text.strip_prefix(BULLETS) {
        Some(rest) => rest,
        None => {
            let bracket = text.strip_prefix(['[', '(']);
            let number = bracket.unwrap_or(text);
            let rest = number.trim_start_matches(|c: char| c.is_ascii_digit());
            if rest.len() == number.len() {
                return None;
            }
            let rest = rest.strip_prefix(if bracket.is_some() { &[']', ')'][..] } else { &['.', ')', ':'] })?;
            rest.strip_prefix(':').unwrap_or(rest)
        }
    };
    let rest = trim(rest);
    let unchecked = ["[ ] ", "[x] ", "[X] "].iter().find_map(|mark| rest.strip_prefix(mark));
    Some(unchecked.map_or(rest, trim))
}

/// The target of a Markdown link or image, `[text](target "title")`.
fn markdown_target(text: &str) -> Option<&str> {
    let text = text.strip_prefix('!').unwrap_or(text);
    let (label, target) = text.strip_prefix('[')?.strip_suffix(')')?.split_once("](")?;
    if label.contains(")[") || target.contains("](") {
        return None;
    }
    let target = target.trim();
    match target.split_once(|c: char| c.is_ascii_whitespace()) {
        Some((url, title)) if title.trim_start().starts_with(['"', '\'', '(']) => Some(url),
        _ => Some(target),
    }
}

/// Whether a character opens a pair of quotes.
pub fn opens_quote(c: char) -> bool {
    QUOTES.iter().any(|(open, _)| *open == c)
}

/// The closing mark at the end of a URL that no mark opens.
pub fn unopened(url: &str) -> Option<char> {
    let last = url.chars().next_back()?;
    let mut pairs = QUOTES.iter().filter(|(open, close)| *close == last && *open != '\'').peekable();
    pairs.peek()?;
    let rest = url.strip_suffix(last)?;
    let is_open = |open: char| match open == last {
        true => rest.matches(open).count() % 2 == 1,
        false => rest.contains(open),
    };
    (!pairs.any(|(open, _)| is_open(*open))).then_some(last)
}

/// The start of the second URL of a text, if the text holds two. It follows a blank or a separator, or a
/// missing line end. A URL in a query or after a slash belongs to the first one.
pub fn second_url(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    let (mut first, mut query) = (None, None);
    for colon in memchr::memchr_iter(b':', bytes) {
        if !bytes[colon..].starts_with(b"://") {
            continue;
        }
        let scheme = ["https", "http"].into_iter().find(|scheme| {
            colon.checked_sub(scheme.len()).is_some_and(|at| bytes[at..colon].eq_ignore_ascii_case(scheme.as_bytes()))
        });
        let Some(start) = scheme.map(|scheme| colon - scheme.len()) else { continue };
        let begin = *first.get_or_insert(start);
        let Some(before) = text.get(begin..start) else { continue };
        // Search once: a text may hold thousands of URLs.
        let query = *query.get_or_insert_with(|| memchr::memchr2(b'?', b'#', &bytes[begin..]).map(|at| begin + at));
        let Some(last) = before.chars().next_back() else { continue };
        // An encoded character, such as `%3D`, is a part of the URL before it.
        let is_encoded = before.len() > 2 && before.as_bytes()[before.len() - 3] == b'%';
        let in_first = is_encoded || query.is_some_and(|at| at < start);
        let is_blank = last.is_whitespace() || is_unseen(last);
        if is_blank || (!in_first && (",;|\"'<>`()]".contains(last) || last.is_alphanumeric())) {
            return Some(start);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_sorted_to_be_searched() {
        assert!(NAMES.is_sorted_by(|(a, _), (b, _)| a < b));
        // Every blank that the ends lose has a name.
        assert!((0x80..=0xffff).filter_map(char::from_u32).filter(|c| c.is_whitespace()).all(is_unseen));
        assert!(
            (0x80..=0xffff)
                .filter_map(char::from_u32)
                .filter(|c| c.is_whitespace())
                .all(|c| { NAMES.binary_search_by_key(&c, |&(named, _)| named).is_ok() })
        );
    }

    #[test]
    fn quotes_of_any_language_are_removed_in_pairs() {
        for (open, close) in QUOTES {
            assert_eq!(bare(&format!(" {open}http://a/{close}\u{a0}")), "http://a/");
        }
        assert_eq!(bare("<\"http://a/\">"), "http://a/");
        for unpaired in ["\"http://a/", "http://a/\"", "“http://a/\"", "\"http://a/\" \"http://b/\"", "\"", "'"] {
            assert_eq!(bare(unpaired), unpaired);
        }
        assert_eq!(bare("'http://a/it's'"), "http://a/it's");
    }

    #[test]
    fn list_items_lose_their_markers() {
        for item in [
            "- http://a/",
            "* http://a/",
            "+ http://a/",
            "•\thttp://a/",
            "–\u{a0}http://a/",
            "> http://a/",
            "-http://a/",
            "-\"http://a/\"",
            "1. http://a/",
            "12) <http://a/>",
            "[3] http://a/",
            "(4) http://a/",
            "[5]: http://a/",
            "- [ ] http://a/",
            "* [x] http://a/",
            "- [text](http://a/)",
            "1. [x](http://a/),",
            "- http://a/,",
            "1. \"http://a/\",",
        ] {
            assert_eq!(from_line(item), "http://a/", "{item}");
        }
        for other in ["- a", "1.2.3.4/x", "-", "1.", "", "10.0.0.1", "--http://a/", "[x] y"] {
            assert_eq!(from_line(other), other);
        }
    }

    #[test]
    fn one_comma_after_a_url_is_a_separator() {
        for line in ["http://a/,", "http://a/ ,", "\"http://a/\",", "'http://a/';", "\"http://a/,\"", "<http://a/>,"] {
            assert_eq!(from_line(line), "http://a/", "{line}");
        }
        assert_eq!(
            (from_line("http://a/;"), from_line("http://a/,,"), bare("http://a/,")),
            ("http://a/;", "http://a/,", "http://a/,")
        );
    }

    #[test]
    fn a_markdown_link_is_its_target() {
        for link in [
            "[x](http://a/(b))",
            "![x](http://a/(b))",
            "[x]( <http://a/(b)> )",
            "[1](http://a/(b) \"t\")",
            "[x](http://a/(b)),",
        ] {
            assert_eq!(from_line(link), "http://a/(b)", "{link}");
        }
        for other in ["[x](http://a/) [y](http://b/)", "see [x](http://a/)", "[x](y)", "[x] (http://a/)"] {
            assert_eq!(from_line(other), other);
        }
    }

    #[test]
    fn a_closing_quote_needs_its_opening_one() {
        for (url, mark) in [("http://a/\"", '"'), ("http://a/>", '>'), ("http://a/”", '”'), ("http://a/`", '`')] {
            assert_eq!(unopened(url), Some(mark), "{url}");
        }
        for url in ["http://a/?q=\"x\"", "http://a/it's'", "http://a/<b>", "http://a/"] {
            assert_eq!(unopened(url), None, "{url}");
        }
    }

    #[test]
    fn a_second_url_is_found_and_one_in_a_url_is_none() {
        for text in [
            "http://a/ http://b/",
            "http://a/,http://b/",
            "http://a/1HTTPS://b/",
            "http://a/\u{2028}http://b/",
            "http://a/?q http://b/",
        ] {
            assert!(second_url(text).is_some_and(|at| text[at..].to_lowercase().starts_with("http")), "{text}");
        }
        for text in [
            "http://a/http://b/",
            "http://a/?u=http://b/",
            "http://a/?l=1,http://b/",
            "http://a/x=http://b",
            "http://a/u%3Dhttp://b",
            "http://a:80/",
            "http://a/://",
        ] {
            assert_eq!(second_url(text), None, "{text}");
        }
    }
}
