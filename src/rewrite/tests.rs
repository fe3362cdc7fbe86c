//! Each row of the table of links, rewritten with and without files for its targets.

use std::io::{self, Read};

use encoding_rs::{Encoding, ISO_2022_JP, SHIFT_JIS, UTF_16BE, UTF_16LE, WINDOWS_1252};
use proptest::prelude::*;
use url::Url;

use super::*;
use crate::extract::NoTargets;

const PAGE: &str = "http://a.test/d/p?q=1";

/// Files for the URLs of `http://a.test/d/` whose name begins with `x`.
struct Files;

impl LinkTargets for Files {
    fn reference(&self, url: &Url) -> Option<String> {
        let name = url.as_str().strip_prefix("http://a.test/d/x")?;
        Some(format!("f/x{}", name.replace('?', "%3F").replace('&', "%26")))
    }
}

fn rewritten(content_type: &str, document: &[u8], is_rewritten: bool, targets: &dyn LinkTargets) -> Vec<u8> {
    let url = Url::parse(PAGE).unwrap();
    let head = RewriteHead { url: &url, content_type: Some(content_type.as_bytes()), is_rewritten };
    rewrite_bytes(&head, targets, document).unwrap_or_else(|| document.to_vec())
}

fn page(html: &str, targets: &dyn LinkTargets) -> String {
    String::from_utf8(rewritten("text/html; charset=utf-8", html.as_bytes(), false, targets)).unwrap()
}

fn sheet(css: &str, targets: &dyn LinkTargets) -> String {
    String::from_utf8(rewritten("text/css", css.as_bytes(), false, targets)).unwrap()
}

#[test]
fn links_lead_to_files_or_absolute_urls() {
    for (html, absolute, local) in [
        ("<a href=x>", "<a href=http://a.test/d/x>", "<a href=f/x>"),
        ("<a href='x#a b'>", "<a href='http://a.test/d/x#a%20b'>", "<a href='f/x#a%20b'>"),
        ("<A HREF = \" x\n\">", "<A HREF = \"http://a.test/d/x\">", "<A HREF = \"f/x\">"),
        ("<a href='/d/x?a=1&amp;b'>", "<a href='http://a.test/d/x?a=1&amp;b'>", "<a href='f/x%3Fa=1%26b'>"),
        ("<a href=//b.test/x>", "<a href=http://b.test/x>", "<a href=http://b.test/x>"),
        (
            "<area href=x ping=/ping>",
            "<area href=http://a.test/d/x ping=http://a.test/ping>",
            "<area href=f/x ping=http://a.test/ping>",
        ),
        (
            "<img src=x srcset='x 1x, /y,z 2x'>",
            "<img src=http://a.test/d/x srcset='http://a.test/d/x 1x, http://a.test/y,z 2x'>",
            "<img src=f/x srcset='f/x 1x, http://a.test/y,z 2x'>",
        ),
        (
            "<source srcset=x><video src=x poster=x><audio src=x><track src=x>",
            "<source srcset=http://a.test/d/x><video src=http://a.test/d/x poster=http://a.test/d/x><audio src=http://a.test/d/x><track src=http://a.test/d/x>",
            "<source srcset=f/x><video src=f/x poster=f/x><audio src=f/x><track src=f/x>",
        ),
        (
            "<iframe src=x srcdoc='<img src=x>'></iframe>",
            "<iframe src=http://a.test/d/x srcdoc='&lt;img src=http://a.test/d/x&gt;'></iframe>",
            "<iframe src=f/x srcdoc='&lt;img src=f/x&gt;'></iframe>",
        ),
        (
            "<object data=x></object><embed src=x><input type=image src=x>",
            "<object data=http://a.test/d/x></object><embed src=http://a.test/d/x><input type=image src=http://a.test/d/x>",
            "<object data=f/x></object><embed src=f/x><input type=image src=f/x>",
        ),
        (
            "<body background=x><p style='background:url(x)'>",
            "<body background=http://a.test/d/x><p style='background:url(&quot;http://a.test/d/x&quot;)'>",
            "<body background=f/x><p style='background:url(&quot;f/x&quot;)'>",
        ),
        (
            "<style>@import 'x';a{b:url(x)}</style>",
            "<style>@import \"http://a.test/d/x\";a{b:url(\"http://a.test/d/x\")}</style>",
            "<style>@import \"f/x\";a{b:url(\"f/x\")}</style>",
        ),
        (
            "<svg><style>a{b:url(x?a&amp;b)}</style><use xlink:href='x#i'/><image href=x></svg>",
            "<svg><style>a{b:url(\"http://a.test/d/x?a&amp;b\")}</style><use xlink:href='http://a.test/d/x#i'/><image href=http://a.test/d/x></svg>",
            "<svg><style>a{b:url(\"f/x%3Fa%26b\")}</style><use xlink:href='f/x#i'/><image href=f/x></svg>",
        ),
        (
            "<meta http-equiv=refresh content='3; URL=x'>",
            "<meta http-equiv=refresh content='3; URL=http://a.test/d/x'>",
            "<meta http-equiv=refresh content='3; URL=f/x'>",
        ),
        (
            "<link rel=next href=x><link rel=canonical href=x>",
            "<link rel=next href=http://a.test/d/x><link rel=canonical href=http://a.test/d/x>",
            "<link rel=next href=f/x><link rel=canonical href=http://a.test/d/x>",
        ),
        (
            "<form action=x><button formaction=x><blockquote cite=x>",
            "<form action=http://a.test/d/x><button formaction=http://a.test/d/x><blockquote cite=http://a.test/d/x>",
            "<form action=http://a.test/d/x><button formaction=http://a.test/d/x><blockquote cite=http://a.test/d/x>",
        ),
        (
            "<form action=''><form action='#f'><button formaction=''>",
            "<form action='http://a.test/d/p?q=1'><form action='http://a.test/d/p?q=1#f'><button formaction='http://a.test/d/p?q=1'>",
            "<form action='http://a.test/d/p?q=1'><form action='http://a.test/d/p?q=1#f'><button formaction='http://a.test/d/p?q=1'>",
        ),
        (
            "<meta property=og:image content=x><meta name='Twitter:Image' content=/x><meta property=og:title content=x>",
            "<meta property=og:image content=http://a.test/d/x><meta name='Twitter:Image' content=http://a.test/x><meta property=og:title content=x>",
            "<meta property=og:image content=http://a.test/d/x><meta name='Twitter:Image' content=http://a.test/x><meta property=og:title content=x>",
        ),
        (
            "<img data-src=x.png data-srcset='x.png 2x' data-lazy-src=/d/x>",
            "<img data-src=http://a.test/d/x.png data-srcset='http://a.test/d/x.png 2x' data-lazy-src=http://a.test/d/x>",
            "<img data-src=f/x.png data-srcset='f/x.png 2x' data-lazy-src=f/x>",
        ),
        (
            "<noscript><img src=x></noscript><template><a href=x></template>",
            "<noscript><img src=http://a.test/d/x></noscript><template><a href=http://a.test/d/x></template>",
            "<noscript><img src=f/x></noscript><template><a href=f/x></template>",
        ),
        (
            "<link rel=stylesheet href=x integrity=sha384-a crossorigin>",
            "<link rel=stylesheet href=http://a.test/d/x integrity=sha384-a crossorigin>",
            "<link rel=stylesheet href=f/x  >",
        ),
        (
            "<script integrity='sha384-a' src=x crossorigin=\"anonymous\"></script>",
            "<script integrity='sha384-a' src=http://a.test/d/x crossorigin=\"anonymous\"></script>",
            "<script  src=f/x ></script>",
        ),
        (
            "<base href=/d/ target=_top><a href=x><a href=#f>",
            "<base  target=_top><a href=http://a.test/d/x><a href=http://a.test/d/#f>",
            "<base  target=_top><a href=f/x><a href=http://a.test/d/#f>",
        ),
        (
            "<base href=/d/><svg><use href='#g'/><use xlink:href=' #g'/><path style='fill:url(#g)'/><style>a{fill:url(&#35;g)}</style></svg>",
            "<base ><svg><use href='#g'/><use xlink:href=' #g'/><path style='fill:url(#g)'/><style>a{fill:url(&#35;g)}</style></svg>",
            "<base ><svg><use href='#g'/><use xlink:href=' #g'/><path style='fill:url(#g)'/><style>a{fill:url(&#35;g)}</style></svg>",
        ),
        (
            "<base href=/d/><style>a{fill:url('#g') url(x#g)}</style><iframe srcdoc='<use href=#g>'></iframe>",
            "<base ><style>a{fill:url('#g') url(\"http://a.test/d/x#g\")}</style><iframe srcdoc='<use href=#g>'></iframe>",
            "<base ><style>a{fill:url('#g') url(\"f/x#g\")}</style><iframe srcdoc='<use href=#g>'></iframe>",
        ),
        (
            "<a href=x><base href='http://a.test/e/'><a href=y>",
            "<a href=http://a.test/e/x><base ><a href=http://a.test/e/y>",
            "<a href=http://a.test/e/x><base ><a href=http://a.test/e/y>",
        ),
        (
            "<meta http-equiv='Content-Security-Policy' content=\"default-src 'self'\">",
            "<meta  content=\"default-src 'self'\">",
            "<meta  content=\"default-src 'self'\">",
        ),
    ] {
        assert_eq!(page(html, &NoTargets), absolute, "{html}");
        assert_eq!(page(html, &Files), local, "{html}");
        // A later pass makes the same of the first copy.
        let relinked = rewritten("text/html; charset=utf-8", absolute.as_bytes(), true, &Files);
        assert_eq!(String::from_utf8(relinked).unwrap(), local, "{html}");
        let again = rewritten("text/html; charset=utf-8", local.as_bytes(), true, &Files);
        assert_eq!(String::from_utf8(again).unwrap(), local, "{html}");
    }
}

#[test]
fn texts_that_are_no_links_stay() {
    for html in [
        "<a href='#f'><a href=''><a href><a href=mailto:a@b><a href='tel:1'><a href='javascript:x()'><a href='file:///x'>",
        "<img src='data:image/png;base64,AA=='><a href='http://x.test'><a href=\"HTTPS://x.test/a b\">",
        "<!-- <a href=x> --><script>var a = '<a href=x>'; import 'x'</script><textarea><a href=x></textarea>",
        "<title><a href=x></title><p title='<a href=x>'>url(x) <meta property=y content=x><a href='http://['>",
        "<svg><use href='#i'/></svg><p style='fill:url(#g)'><style>a{b:url(#g) url('data:x')} /* url(x) */</style>",
        "<img data-src=word><meta http-equiv=refresh content=30><meta name=x content='0;url=x'>",
        "",
    ] {
        for targets in [&NoTargets as &dyn LinkTargets, &Files] {
            assert_eq!(page(html, targets), html);
        }
    }
}

#[test]
fn style_sheets_are_rewritten() {
    for (css, local) in [
        (
            "@import url(x.css);@import \"y.css\" screen;",
            "@import url(\"f/x.css\");@import \"http://a.test/d/y.css\" screen;",
        ),
        ("\u{feff}@import 'x'", "\u{feff}@import \"f/x\""),
        ("a{b:image-set('x' 1x, url( y ) 2x)}", "a{b:image-set(\"f/x\" 1x, url( \"http://a.test/d/y\" ) 2x)}"),
        (r"@font-face{src:url(x\20 y) format('woff')}", "@font-face{src:url(\"f/x%20y\") format('woff')}"),
        ("a{b:url('y\\\"\\\\z')}", "a{b:url(\"http://a.test/d/y%22/z\")}"),
        ("/* url(x) */ a{content:'url(x)'} @namespace url(x);", "/* url(x) */ a{content:'url(x)'} @namespace url(x);"),
        ("a{b:url(x", "a{b:url(\"f/x\""),
        ("a{b:url('x", "a{b:url(\"f/x\""),
    ] {
        assert_eq!(sheet(css, &Files), local, "{css}");
    }
}

#[test]
fn xhtml_and_svg_are_rewritten() {
    let svg = "<svg xmlns:xlink='u'><style><![CDATA[a{b:url(x?a&b)}]]></style><a xlink:href='x'><image href=\"x\"/></a></svg>";
    let local = "<svg xmlns:xlink='u'><style><![CDATA[a{b:url(\"f/x%3Fa%26b\")}]]></style><a xlink:href='f/x'><image href=\"f/x\"/></a></svg>";
    assert_eq!(rewritten("image/svg+xml", svg.as_bytes(), false, &Files), local.as_bytes());
    let xhtml = "<?xml version='1.0'?><html><head><script src='x'/><style>a{b:url(x)}</style></head></html>";
    let local = "<?xml version='1.0'?><html><head><script src='f/x'/><style>a{b:url(\"f/x\")}</style></head></html>";
    assert_eq!(rewritten("application/xhtml+xml", xhtml.as_bytes(), false, &Files), local.as_bytes());
    let styled = "<?xml version='1.0'?><?xml-stylesheet type='text/css' href='x?a&amp;b'?><?other href='x'?><svg/>";
    let local = "<?xml version='1.0'?><?xml-stylesheet type='text/css' href='f/x%3Fa%26b'?><?other href='x'?><svg/>";
    assert_eq!(rewritten("image/svg+xml", styled.as_bytes(), false, &Files), local.as_bytes());
    for (content_type, document) in [("text/xml", xhtml), ("", svg), ("", "<!doctype html><a href=y>")] {
        assert!(rewritten(content_type, document.as_bytes(), false, &Files) != document.as_bytes(), "{document}");
    }
    let feed =
        "<?xml version='1.0'?><?xml-stylesheet href='x'?><rss><channel><image href='x'/><a href='x'/></channel></rss>";
    for content_type in ["application/rss+xml", "text/xml", ""] {
        assert_eq!(rewritten(content_type, feed.as_bytes(), false, &Files), feed.as_bytes());
    }
    for other in ["text/plain", "image/png", "application/json"] {
        assert_eq!(rewritten(other, svg.as_bytes(), false, &Files), svg.as_bytes());
        let url = Url::parse(PAGE).unwrap();
        let head = RewriteHead { url: &url, content_type: Some(other.as_bytes()), is_rewritten: false };
        assert!(!head.is_rewritable());
    }
}

#[test]
fn encoding_of_the_page_is_kept() {
    let html = "<meta charset={}><p style='x:\u{6f22};b:url(y?\u{6f22})'><a href='/\u{6f22}?\u{6f22}'>\u{6f22}";
    for (encoding, query) in [(SHIFT_JIS, "%8A%BF"), (ISO_2022_JP, "%1B$B4A%1B(B"), (WINDOWS_1252, "%26%2328450%3B")] {
        let html = html.replace("{}", encoding.name());
        let (bytes, ..) = encoding.encode(&html);
        let copy = rewritten("text/html", &bytes, false, &NoTargets);
        let (text, _) = encoding.decode_without_bom_handling(&copy);
        assert!(text.contains(&format!("b:url(&quot;http://a.test/d/y?{query}&quot;)")), "{text}");
        if encoding != WINDOWS_1252 {
            assert!(text.contains(&format!("'http://a.test/%E6%BC%A2?{query}'>\u{6f22}")), "{text}");
            assert!(text.contains("style='x:\u{6f22};"), "{text}");
        }
    }
}

#[test]
fn pages_in_utf_16_stay_in_utf_16() {
    let html = "\u{feff}<a href=x>\u{1f600}</a>".repeat(9000);
    let local = html.replace("href=x", "href=f/x").into_bytes();
    for (encoding, octets) in [(UTF_16LE, u16::to_le_bytes as fn(u16) -> [u8; 2]), (UTF_16BE, u16::to_be_bytes)] {
        let bytes: Vec<u8> = html.encode_utf16().flat_map(octets).collect();
        let copy = rewritten("text/html", &bytes, false, &Files);
        let (text, _) = encoding.decode_without_bom_handling(&copy);
        assert!(text.as_bytes() == local, "{}", encoding.name());
    }
}

#[test]
fn page_declares_the_encoding_of_its_field() {
    let told = |encoding: &'static Encoding, html: &str| {
        let bytes = encoding.encode(html).0.into_owned();
        let content_type = format!("text/html; charset={}", encoding.name());
        let copy = rewritten(&content_type, &bytes, false, &NoTargets);
        encoding.decode_without_bom_handling(&copy).0.into_owned()
    };
    for (html, declared) in [
        (
            "<!doctype html><html><head><title>\u{e9}",
            "<!doctype html><html><head><meta charset=\"windows-1252\"><title>\u{e9}",
        ),
        (
            "<!doctype html><html lang=x><title>\u{e9}",
            "<!doctype html><html lang=x><meta charset=\"windows-1252\"><title>\u{e9}",
        ),
        ("<!doctype html><p>\u{e9}<head>", "<!doctype html><meta charset=\"windows-1252\"><p>\u{e9}<head>"),
        ("<meta charset=utf-8>\u{e9}", "<meta charset=windows-1252>\u{e9}"),
        (
            "<meta http-equiv=content-type content='text/html; charset=utf-8'>\u{e9}",
            "<meta http-equiv=content-type content='text/html;charset=windows-1252'>\u{e9}",
        ),
        ("<meta charset=latin1>\u{e9}", "<meta charset=latin1>\u{e9}"),
        ("<p>only ASCII", "<p>only ASCII"),
    ] {
        assert_eq!(told(WINDOWS_1252, html), declared);
    }
}

#[test]
fn documents_whose_field_alone_names_the_encoding_declare_it() {
    let css = "a{content:'\u{e9}';b:url(x)}";
    let (latin, ..) = WINDOWS_1252.encode(css);
    for (content_type, bytes, expected) in [
        ("text/css; charset=windows-1252", &*latin, "@charset \"windows-1252\";"),
        ("text/css; charset=utf-8", css.as_bytes(), "@charset \"UTF-8\";"),
        ("text/css", css.as_bytes(), "a{content"),
        ("text/css; charset=utf-8", b"a{b:url(x)}", ""),
        ("text/css; charset=utf-8", "@charset \"utf-8\"; a{b:'\u{e9}'}".as_bytes(), ""),
    ] {
        let copy = String::from_utf8_lossy(&rewritten(content_type, bytes, false, &Files)).into_owned();
        assert!(copy.starts_with(expected) && copy.matches("@charset").count() <= 1, "{copy}");
        let again = rewritten(content_type, copy.as_bytes(), true, &Files);
        assert_eq!(String::from_utf8_lossy(&again), copy);
    }
    let html = "<a href=x>\u{6f22}</a>";
    let wide: Vec<u8> = html.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let copy = rewritten("text/html; charset=utf-16le", &wide, false, &Files);
    assert_eq!(UTF_16LE.decode_without_bom_handling(&copy).0, "\u{feff}<a href=f/x>\u{6f22}</a>");
    assert_eq!(rewritten("text/html; charset=utf-16le", &copy, true, &Files), copy);
    let (japanese, ..) = ISO_2022_JP.encode(html);
    let copy = rewritten("text/html; charset=iso-2022-jp", &japanese, false, &Files);
    let (text, ..) = ISO_2022_JP.decode(&copy);
    assert_eq!(text, "<meta charset=\"ISO-2022-JP\"><a href=f/x>\u{6f22}</a>");
}

/// Parts of pages and style sheets, and what may come between them.
const PARTS: &[&str] = &[
    "<a href=",
    "<img src='",
    "<p style=\"",
    "<base href=",
    "<style>",
    "</style>",
    "<script>",
    "</script>",
    "url(",
    "@import ",
    "srcset=",
    "<iframe srcdoc='",
    "<svg>",
    "</svg>",
    "<![CDATA[",
    "]]>",
    "<!--",
    "-->",
    "x",
    "/y?a&b",
    "http://a.test/d/x",
    "//b",
    "#f",
    "'",
    "\"",
    ")",
    ">",
    "/>",
    " ",
    ", ",
    "\\",
    "&amp;",
    "&#120;",
    "\u{e9}",
    "\n",
    "<meta http-equiv=refresh content='1;url=",
    "<meta charset=",
    "<link rel=stylesheet integrity=a href=",
    "<template>",
];

/// Some of them, in any order.
fn markup() -> impl Strategy<Value = String> {
    prop::collection::vec(prop::sample::select(PARTS).prop_map(str::to_owned), 0..24).prop_map(|parts| parts.concat())
}

proptest! {
    #[test]
    fn a_second_pass_changes_nothing(text in markup(), is_sheet: bool) {
        let content_type = if is_sheet { "text/css" } else { "text/html; charset=utf-8" };
        let absolute = rewritten(content_type, text.as_bytes(), false, &NoTargets);
        let again = rewritten(content_type, &absolute, true, &NoTargets);
        prop_assert_eq!(String::from_utf8_lossy(&again), String::from_utf8_lossy(&absolute));
        let local = rewritten(content_type, &absolute, true, &Files);
        let again = rewritten(content_type, &local, true, &Files);
        prop_assert_eq!(String::from_utf8_lossy(&again), String::from_utf8_lossy(&local));
        // In one step or in two.
        let at_once = rewritten(content_type, text.as_bytes(), false, &Files);
        let both = rewritten(content_type, &at_once, true, &Files);
        prop_assert_eq!(String::from_utf8_lossy(&both), String::from_utf8_lossy(&at_once));
    }

    #[test]
    fn bytes_without_meaning_are_no_defect(bytes in prop::collection::vec(any::<u8>(), 0..200), is_sheet: bool) {
        let content_type = if is_sheet { "text/css" } else { "text/html" };
        let copy = rewritten(content_type, &bytes, false, &Files);
        prop_assert!(copy.len() <= 60 * (bytes.len() + 1));
    }
}

/// Gives one byte at a time.
struct Bytewise<'a>(&'a [u8]);

impl Read for Bytewise<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let most = into.len().min(1);
        self.0.read(&mut into[..most])
    }
}

#[test]
fn pieces_of_a_document_do_not_matter() {
    let html = "<base href=/d/><a href=x><p style='a:url(x)'><style>@import 'x';a{b:url(x)}</style><img srcset='x, y'>";
    let url = Url::parse(PAGE).unwrap();
    let head = RewriteHead { url: &url, content_type: Some(b"text/html"), is_rewritten: false };
    let copy = rewrite(&head, &Files, || Ok(Bytewise(html.as_bytes())), || Ok(Vec::new())).unwrap().unwrap();
    assert_eq!(copy.1, copy.0.len() as u64);
    assert_eq!(String::from_utf8(copy.0).unwrap(), page(html, &Files));
}

#[test]
fn a_large_page_is_copied_in_pieces() {
    let html = "<p>text</p><a href='x'>y</a>\n".repeat(20_000);
    assert!(page(&html, &Files) == html.replace("'x'", "'f/x'"));
}
