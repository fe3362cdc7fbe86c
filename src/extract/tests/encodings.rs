//! Pages in the encodings of the web.

use encoding_rs::{Encoding, ISO_2022_JP, SHIFT_JIS, UTF_16BE, UTF_16LE, WINDOWS_1251};

use super::{extract, extract_in_pieces, shown};
use crate::model::PageLinks;

/// The links of a page in this encoding, read as a whole and byte by byte.
fn read(media_type: &str, body: &[u8]) -> PageLinks {
    let fields = [("content-type", media_type)];
    let found = extract(&fields, body);
    assert_eq!(extract_in_pieces(&fields, body, 1), found);
    found
}

fn encoded(page: &str, encoding: &'static Encoding) -> Vec<u8> {
    encoding.encode(page).0.into_owned()
}

fn utf_16(page: &str, bytes: fn(u16) -> [u8; 2]) -> Vec<u8> {
    page.encode_utf16().flat_map(bytes).collect()
}

const RUSSIAN: &str = "<title>Привет</title><a href='/путь?q=поиск'>";

#[test]
fn query_has_the_encoding_of_the_page() {
    let links = ["page /%D0%BF%D1%83%D1%82%D1%8C?q=%EF%EE%E8%F1%EA"];
    let body = encoded(RUSSIAN, WINDOWS_1251);
    let found = read("text/html; charset=windows-1251", &body);
    assert_eq!((shown(&found), found.title.as_deref()), (links.map(str::to_owned).to_vec(), Some("Привет")));
    let meta = [b"<meta charset=cp1251>", &body[..]].concat();
    assert_eq!(shown(&read("text/html", &meta)), links);
    let meta = [b"<meta content='text/html; charset=windows-1251' http-equiv=Content-Type>", &body[..]].concat();
    assert_eq!(shown(&read("text/html", &meta)), links);
    let late = [&body[..], b"<meta charset=windows-1251>"].concat();
    assert_eq!(shown(&read("text/html", &late)), links, "the declaration comes after the link");
}

#[test]
fn query_of_a_utf_8_page_is_utf_8() {
    let links = ["page /%D0%BF%D1%83%D1%82%D1%8C?q=%D0%BF%D0%BE%D0%B8%D1%81%D0%BA"];
    assert_eq!(shown(&read("text/html; charset=utf-8", RUSSIAN.as_bytes())), links);
    assert_eq!(shown(&read("text/html", RUSSIAN.as_bytes())), links, "detected");
    let marked = ["\u{feff}", RUSSIAN].concat();
    assert_eq!(shown(&read("text/html; charset=windows-1251", marked.as_bytes())), links, "the mark counts most");
    let lies = [b"<meta charset=koi8-r>", RUSSIAN.as_bytes()].concat();
    assert_eq!(shown(&read("text/html; charset=utf-8", &lies)), links, "the field counts more than the page");
}

#[test]
fn encoding_is_detected_without_a_declaration() {
    let text = "<p>Съешь же ещё этих мягких французских булок, да выпей чаю.</p>".repeat(4);
    let found = read("text/html", &encoded(&format!("{text}{RUSSIAN}"), WINDOWS_1251));
    assert_eq!(found.title.as_deref(), Some("Привет"));
    assert_eq!(shown(&found), ["page /%D0%BF%D1%83%D1%82%D1%8C?q=%EF%EE%E8%F1%EA"]);
}

#[test]
fn utf_16_is_read() {
    let links = ["page /%D0%BF%D1%83%D1%82%D1%8C?q=%D0%BF%D0%BE%D0%B8%D1%81%D0%BA"];
    let (little, big) = (utf_16(RUSSIAN, u16::to_le_bytes), utf_16(RUSSIAN, u16::to_be_bytes));
    for (media_type, body) in [
        ("text/html", [&b"\xff\xfe"[..], &little].concat()),
        ("text/html", [&b"\xfe\xff"[..], &big].concat()),
        ("text/html; charset=utf-8", [&b"\xff\xfe"[..], &little].concat()),
        ("text/html; charset=utf-16", little.clone()),
        ("text/html; charset=utf-16be", big.clone()),
        ("text/html", little),
        ("text/html", big),
    ] {
        assert_eq!(shown(&read(media_type, &body)), links, "{media_type} {:?}", &body[..4]);
    }
    assert_eq!((UTF_16LE.output_encoding(), UTF_16BE.output_encoding()), (encoding_rs::UTF_8, encoding_rs::UTF_8));
    let claimed = [b"<meta charset=utf-16>", RUSSIAN.as_bytes()].concat();
    assert_eq!(shown(&read("text/html", &claimed)), links, "a page that could be read is not in UTF-16");
}

#[test]
fn iso_2022_jp_is_transcoded_before_tags_are_read() {
    // Its bytes for these characters include `<`, `>` and quotes.
    let page = "<title>検索 漱石 轡 繙 辰</title><a href='/x?q=漱'><a href='y'>";
    let body = encoded(page, ISO_2022_JP);
    let expected = url::Url::options()
        .base_url(Some(&url::Url::parse(super::PAGE).unwrap()))
        .encoding_override(Some(&|query| ISO_2022_JP.encode(query).0))
        .parse("/x?q=漱")
        .unwrap();
    for (media_type, begin) in [("text/html; charset=iso-2022-jp", ""), ("text/html", "<meta charset=ISO-2022-JP>")] {
        let found = read(media_type, &[begin.as_bytes(), &body].concat());
        assert_eq!(found.title.as_deref(), Some("検索 漱石 轡 繙 辰"), "{media_type}");
        let urls: Vec<_> = found.links.iter().map(|link| link.url).collect();
        assert_eq!(urls, [expected.as_str(), "http://a.test/dir/y"]);
    }
}

#[test]
fn second_bytes_of_characters_are_no_markup() {
    // The second byte of this character is that of `\`, which is a slash in URLs.
    let found = read("text/html; charset=shift_jis", &encoded("<a href='/表?表'><a href=/x>", SHIFT_JIS));
    assert_eq!(shown(&found), ["page /%E8%A1%A8?%95\\", "page /x"]);
}

#[test]
fn references_are_characters_in_each_encoding() {
    let found = read("text/html; charset=windows-1251", b"<a href='/&#1087;?&#1087;&eacute;'>");
    assert_eq!(shown(&found), ["page /%D0%BF?%EF%26%23233%3B"]);
}

#[test]
fn xml_declaration_and_charset_rule_name_the_encoding() {
    let body = encoded(
        "<?xml version='1.0' encoding='windows-1251'?><urlset><url><loc>/путь</loc></url></urlset>",
        WINDOWS_1251,
    );
    assert_eq!(shown(&read("text/xml", &body)), ["page /%D0%BF%D1%83%D1%82%D1%8C"]);
    let body = encoded("@charset \"windows-1251\";p{b:url('/путь?п')}", WINDOWS_1251);
    assert_eq!(shown(&read("text/css", &body)), ["need /%D0%BF%D1%83%D1%82%D1%8C?%D0%BF"]);
}
