//! Line ends and encodings, as editors and spreadsheets of any platform write them.

use encoding_rs::{SHIFT_JIS, UTF_16LE, WINDOWS_1252};

use super::{brief, pieces, read, reader, says, wants};
use crate::config::InputFormat::{self, Auto, Csv, Text, Tsv};
use crate::source::ListOptions;

fn utf16(text: &str, unit: fn(u16) -> [u8; 2]) -> Vec<u8> {
    text.encode_utf16().flat_map(unit).collect()
}

fn utf32(text: &str, unit: fn(u32) -> [u8; 4]) -> Vec<u8> {
    text.chars().flat_map(|c| unit(u32::from(c))).collect()
}

/// The text in every encoding that shows itself.
fn encoded(text: &str) -> Vec<Vec<u8>> {
    let marked = format!("\u{feff}{text}");
    let forms = |text: &str| {
        [
            text.as_bytes().to_vec(),
            utf16(text, u16::to_le_bytes),
            utf16(text, u16::to_be_bytes),
            utf32(text, u32::to_le_bytes),
            utf32(text, u32::to_be_bytes),
        ]
    };
    [forms(text), forms(&marked)].concat()
}

#[test]
fn every_line_end_ends_a_line() {
    let found: Vec<_> = (1..=4).map(|n| format!("{} http://a.test/{n}", 2 * n - 1)).collect();
    for end in ["\n", "\r\n", "\r"] {
        let list = (1..=4).map(|n| format!("http://a.test/{n}")).collect::<Vec<_>>().join(&end.repeat(2));
        for list in [list.clone(), format!("{list}{end}")] {
            for format in [Auto, Text, Csv, Tsv] {
                assert_eq!(brief(&read(reader("list", list.as_bytes()), format)), found, "{list:?}");
            }
        }
    }
    let mixed = "http://a.test/1\n\rhttp://a.test/2\r\r\nhttp://a.test/3\r\n\nhttp://a.test/4";
    assert_eq!(brief(&read(reader("list", mixed.as_bytes()), Text)), found);
}

#[test]
fn a_line_end_that_arrives_in_two_pieces_is_one() {
    let list = b"url\r\nhttp://a.test/1\r\n\"http://a.test/2\"\r\nhttp://a.test/3\r\n";
    let found = ["2 http://a.test/1", "3 http://a.test/2", "4 http://a.test/3"];
    for at in 0..list.len() {
        let (one, two) = list.split_at(at);
        assert_eq!(brief(&read(pieces(&[one, two]), Auto)), found, "{at}");
    }
}

#[test]
fn lines_in_quotes_are_counted_at_every_line_end() {
    for end in ["\n", "\r\n", "\r"] {
        let list = format!("url,out{end}http://a.test/1,\"one{end}two{end}{end}x\"{end}http://a.test/2,x{end}");
        let entries = read(reader("list", list.as_bytes()), Csv);
        assert_eq!(brief(&entries), ["2 http://a.test/1", "6 http://a.test/2"]);
        assert_eq!(wants(&entries[..1]).out, Some(format!("one{end}two{end}{end}x")));
    }
}

#[test]
fn utf_8_utf_16_and_utf_32_are_read_with_and_without_a_mark() {
    for list in encoded("# Ünïcode\r\n\r\nhttp://a.test/é😀\r\nhttp://a.test/2") {
        let found = ["3 http://a.test/%C3%A9%F0%9F%98%80", "4 http://a.test/2"];
        assert_eq!(brief(&read(reader("list", &list), Auto)), found, "{list:?}");
        // Characters that are cut between two reads are whole again.
        let one_by_one: Vec<_> = list.chunks(1).collect();
        assert_eq!(brief(&read(pieces(&one_by_one), Auto)), found, "{list:?}");
    }
    for list in encoded("url\tout\r\nhttp://a.test/\t\"ö;\"\r\n") {
        assert_eq!(wants(&read(reader("list.csv", &list), Auto)).out.as_deref(), Some("ö;"));
    }
    for list in encoded("") {
        assert!(read(reader("list", &list), Auto).is_empty());
    }
}

#[test]
fn half_a_character_makes_its_own_line_bad() {
    for mut list in encoded("http://a.test/1\nhttp://a.test/2").split_off(5) {
        list.pop();
        let entries = read(reader("list", &list), Auto);
        assert_eq!(brief(&entries[..1]), ["1 http://a.test/1"], "{list:?}");
        if list.starts_with(b"\xef") {
            continue;
        }
        says(&entries[1..], "U+FFFD");
    }
}

#[test]
fn a_byte_that_is_no_utf_8_is_named() {
    let entries = read(reader("list", b"http://a.test/\n\n\xc3\xbcber.test/caf\xe9\nhttp://b.test/\n"), Text);
    assert_eq!(brief(&entries), ["1 http://a.test/", "3 !über.test/caf\u{fffd}", "4 http://b.test/"]);
    says(&entries[1..2], "byte 0xE9 at column 14 is no UTF-8; save the list as UTF-8");
    let json = read(reader("a.jsonl", b"{\"url\":\"http://a.test/\xff\"}\n"), Auto);
    says(&json, "byte 0xFF at column 23 is no UTF-8");
    assert!(read(reader("list", b"# caf\xe9\n"), Text).is_empty(), "a comment may hold any bytes");
}

#[test]
fn only_cells_that_are_used_must_be_utf_8() {
    let list = b"url;out;caf\xe9\nhttp://a.test/1;a;\xe9t\xe9\nhttp://a.test/2;\xe9;x\nhttp://a.test/\xe9;b;x\n";
    let entries = read(reader("list", list), Csv);
    assert_eq!(brief(&entries), ["2 http://a.test/1", "3 !http://a.test/2", "4 !http://a.test/\u{fffd}"]);
    says(&entries[1..2], "byte 0xE9 in the out cell is no UTF-8");
    says(&entries[2..], "byte 0xE9 in the url cell is no UTF-8");
}

#[test]
fn the_encoding_that_the_user_names_is_read() {
    let rules = |encoding| ListOptions { encoding: Some(encoding), ..InputFormat::Auto.into() };
    let csv = b"url;out\r\nhttp://a.test/;caf\xe9\x80\r\n";
    assert_eq!(wants(&read(reader("a.csv", csv), rules(WINDOWS_1252))).out.as_deref(), Some("café€"));
    let sjis = b"url,out\nhttp://a.test/,\x93\xfa\x96\x7b\n";
    assert_eq!(wants(&read(reader("a.csv", sjis), rules(SHIFT_JIS))).out.as_deref(), Some("日本"));
    let plain = utf16("é\nhttp://a.test/", u16::to_le_bytes);
    assert_eq!(brief(&read(reader("a.txt", &plain), rules(UTF_16LE))[1..]), ["2 http://a.test/"]);
    // A mark says more.
    for list in encoded("http://a.test/é").split_off(5) {
        assert_eq!(brief(&read(reader("a.txt", &list), rules(WINDOWS_1252))), ["1 http://a.test/%C3%A9"]);
    }
}
