//! Any bytes, in any pieces.

use proptest::collection::vec;
use proptest::prelude::*;

use super::{brief, drain, pieces, read, reader};
use crate::config::InputFormat::{self, Auto, Csv, Html, Json, Ndjson, Sitemap, Text, Tsv};
use crate::model::Entry;
use crate::policy::text::url_text;
use crate::source::{Input, ListSource};

/// Bytes that mean something to one of the formats, so that their combinations are reached.
fn bytes() -> impl Strategy<Value = Vec<u8>> {
    let token = prop_oneof![
        4 => prop::sample::select(vec![
            "http://a.test/", "https://u:p@b.test/x?y#z", "a.test:80/x", "url", "out", "headers", "sha256", "priority", ",",
            "\t", ";", "\"", "\"\"", "\n", "\r\n", "\r", "id,link\n1,http://a.test/\n", "#", " ", "{\"url\":\"http://a.test/\"}",
            "{", "}", "7", "\u{feff}", "ü", "[", "]", "[\"http://a.test/\",", "\"urls\":", "\\", "<urlset>", "<url>", "<loc>",
            "</loc>", "</url>", "<a href", "&", "<!--", "-->", "<", ">",
        ]).prop_map(|token| token.as_bytes().to_vec()),
        1 => vec(any::<u8>(), 0..4),
    ];
    vec(token, 0..40).prop_map(|tokens| tokens.concat())
}

/// Separators, words and secrets, as they may stand behind a URL on its line. The secret is a value.
fn trailing_text() -> impl Strategy<Value = String> {
    let separator =
        prop::sample::select(vec![" ", "  ", ",", ";", ", ", "; ", " \"", " '", " (", "\t", "\u{a0}", "\u{200b}"]);
    let secret = prop::sample::select(vec![
        "-u ann:SECRET",
        "-uann:SECRET",
        "--user=SECRET",
        "--user ann:SECRET",
        "-H X-Any:SECRET",
        "header=X: SECRET",
        "out=SECRET",
        "x-pin: SECRET",
        "x-pin:SECRET",
        ": SECRET",
        "ann:SECRET",
        "ftp://u:SECRET@h",
        "http:/u:SECRET@h",
        "http:u:SECRET@h",
        "//u:SECRET@h",
        "https//u:SECRET@h",
        "u:SECRET&commat;h",
        "ftp:u:SECRET%2540h",
        "//SECRET(at)h",
        "https//SECRET&#64;h",
    ]);
    let words = prop::sample::select(vec!["", "x", "my file", "-1", "12:30", "a/b", "?a=b", "&", "#", "é"]);
    (separator, words, prop::sample::select(vec![" ", "  ", " \""]), secret, any::<bool>()).prop_map(
        |(separator, words, blank, secret, is_direct)| match is_direct {
            // Behind a comma alone, what is no option and no URL is a part of the path.
            true if !separator.contains([',', ';']) => format!("{separator}{secret}"),
            _ => format!("{separator}{words}{blank}{secret}"),
        },
    )
}

/// Entries as a user sees them.
fn told(entries: &[Entry]) -> Vec<String> {
    let mut told = brief(entries);
    for (line, entry) in told.iter_mut().zip(entries) {
        match entry {
            Entry::Seed(seed) => line.push_str(&format!(" {} {:?}", seed.priority, seed.overrides)),
            Entry::Bad(bad) => line.push_str(&format!(" {}", bad.error)),
            Entry::LeftOut { .. } => line.push_str(" left out"),
        }
    }
    told
}

/// Everything that is said of a list, a refusal included.
fn all(input: Input, format: InputFormat) -> Vec<String> {
    let (entries, end) = drain(&mut ListSource::new(vec![input], format).unwrap());
    let mut told = told(&entries);
    told.extend(end.err().map(|error| error.to_string()));
    told
}

fn cut(bytes: &[u8], mut at: Vec<usize>) -> Vec<&[u8]> {
    at.iter_mut().for_each(|at| *at %= bytes.len() + 1);
    at.extend([0, bytes.len()]);
    at.sort_unstable();
    at.windows(2).map(|pair| &bytes[pair[0]..pair[1]]).collect()
}

fn any_format() -> impl Strategy<Value = InputFormat> {
    prop::sample::select(vec![Auto, Text, Tsv, Csv, Ndjson, Json, Sitemap, Html])
}

fn is_refused(told: &[String]) -> bool {
    told.iter().any(|line| line.contains(": no text: "))
}

proptest! {
    #[test]
    fn pieces_make_no_difference(bytes in bytes(), at in vec(any::<usize>(), 0..8), format in any_format()) {
        // Option lines are the exception: on a pipe they must come with their URL.
        prop_assume!(!bytes.contains(&b'='));
        // So are titles before the header of a table: a pipe that pauses behind them is a plain list.
        let separates = |line: &[u8]| line.iter().any(|byte| b",;\t|".contains(byte));
        let first = bytes.split(|byte| b"\r\n".contains(byte)).find(|line| !line.trim_ascii().is_empty());
        prop_assume!(format != Auto || first.is_none_or(separates) || !separates(&bytes));
        let whole = all(reader("list", &bytes), format);
        // Binary data is refused by the bytes that have arrived.
        prop_assume!(!is_refused(&whole));
        prop_assert_eq!(all(pieces(&cut(&bytes, at)), format), whole);
    }

    #[test]
    fn pieces_of_a_document_make_no_difference(bytes in bytes(), at in vec(any::<usize>(), 0..8), page in any::<bool>()) {
        let (format, declaration) = if page {
            (Html, "<meta charset=windows-1251>")
        } else {
            (Sitemap, "<?xml version='1.0' encoding='windows-1251'?><urlset>")
        };
        let document = [declaration.as_bytes(), &bytes].concat();
        prop_assert_eq!(all(pieces(&cut(&document, at)), format), all(reader("list", &document), format));
    }

    #[test]
    fn every_line_of_a_plain_list_is_one_entry(bytes in bytes()) {
        // Neither gzip nor UTF-16.
        prop_assume!(!bytes.starts_with(&[0x1f, 0x8b]) && !bytes.iter().take(2).any(|byte| [0, 0xfe, 0xff].contains(byte)));
        prop_assume!(!bytes.contains(&b'=') && !is_refused(&all(reader("list", &bytes), Text)));
        let lines = bytes.split(|&byte| byte == b'\n' || byte == b'\r').filter(|line| {
            let text = String::from_utf8_lossy(line);
            let text = url_text::trim(&text);
            !text.is_empty() && !text.starts_with('#')
        });
        prop_assert_eq!(read(reader("list", &bytes), Text).len(), lines.count());
    }

    #[test]
    fn no_password_is_ever_shown(before in bytes(), after in bytes(), format in any_format()) {
        let list = [before, b"://name:SECRET@host/".to_vec(), after].concat();
        // In a URL that is good the bytes may have become a part of its path.
        let (entries, end) = drain(&mut ListSource::new(vec![reader("list", &list)], format).unwrap());
        for entry in entries {
            if let Entry::Bad(bad) = entry {
                prop_assert!(!format!("{bad:?}").contains("SECRET"), "{:?}", bad);
            }
        }
        prop_assert!(!format!("{end:?}").contains("SECRET"), "{end:?}");
    }

    #[test]
    fn text_behind_a_url_is_never_shown_and_never_requested(
        path in "[a-z0-9/._~-]{0,8}(\\?[a-z]=[a-z])?", after in trailing_text(), format in prop::sample::select(vec![Auto, Text]),
    ) {
        let list = format!("http://a.test/{path}{after}\nhttp://a.test/\n");
        // With a query, `NAME=value` belongs to it.
        prop_assume!(!((path.contains('?') || after.contains("?a")) && after.contains("out=")));
        let (entries, end) = drain(&mut ListSource::new(vec![reader("list", list.as_bytes())], format).unwrap());
        prop_assert!(!format!("{entries:?} {end:?}").contains("SECRET"), "{list:?}: {entries:?} {end:?}");
    }

    // Not with a slash or a question mark in it: behind these, the path or the query of a valid URL has the at sign.
    #[test]
    fn user_is_never_shown_however_its_at_sign_is_spelled(
        user in "[a-zA-Z0-9._~!$&'*+=-]{0,6}:?SECRET[a-zA-Z0-9._~!$&'*+,;=:#-]{0,6}",
        sign in prop::sample::select(vec![
            "@", "%40", "%2540", "%252540", "%u0040", "&commat;", "&#64;", "&#x40;", "&amp;#64;", "(at)", "[at]", "\u{ff20}",
        ]),
        end in prop::sample::select(vec!["h/", "h.test/x", "127.0.0.1:80", "[::1]/", "h st/"]), format in any_format(),
    ) {
        let url = format!("http://{user}{sign}{end}");
        let list = match format {
            Ndjson | Json => format!("[{}]", serde_json::json!(url)),
            Html => format!("<a href='{}'>", url.replace('\'', "&#39;")),
            Sitemap => format!("<urlset><url><loc>{}</loc></url></urlset>", url.replace('&', "&amp;")),
            _ => format!("{url}\n"),
        };
        let (entries, end) = drain(&mut ListSource::new(vec![reader("list", list.as_bytes())], format).unwrap());
        for entry in &entries {
            let shown = match entry {
                Entry::Seed(seed) | Entry::LeftOut { seed, .. } => seed.url.to_string(),
                Entry::Bad(bad) => format!("{bad:?}"),
            };
            prop_assert!(!shown.to_lowercase().contains("secret"), "{list:?}: {shown}");
        }
        prop_assert!(!format!("{end:?}").contains("SECRET"), "{end:?}");
    }
}
