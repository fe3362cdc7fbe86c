//! Tables, JSON lines, and how a format is found.

use super::{brief, fields, read, reader, says, seed, wants};
use crate::config::InputFormat::{self, Auto, Csv, Ndjson, Tsv};
use crate::model::Entry;

const HEX: &str = "00112233445566778899aabbccddeeff00112233445566778899AABBCCDDEEFF";

fn rows(format: InputFormat, list: &str) -> Vec<Entry> {
    read(reader("list", list.as_bytes()), format)
}

#[test]
fn columns_are_found_by_name() {
    let csv =
        format!("note, OUT ,Url,sha256,blake3,priority,headers\r\nx,a/b,http://a.test/,{HEX},{HEX},-7,X-A: 1\r\n");
    for (format, list) in [(Csv, csv.clone()), (Tsv, csv.replace(',', "\t"))] {
        let entries = rows(format, &list);
        assert_eq!(brief(&entries), ["2 http://a.test/"]);
        assert_eq!(seed(&entries).priority, -7);
        let wants = wants(&entries);
        assert_eq!((wants.out.as_deref(), fields(wants)), (Some("a/b"), vec!["x-a: 1".to_owned()]));
        assert_eq!((wants.sha256, wants.blake3.unwrap()[15]), (wants.blake3, 0xff));
    }
}

#[test]
fn quotes_hold_commas_line_ends_and_quotes() {
    let list = "url,out\r\n\"http://a.test/?a,b\",\"one\r\n\"\"two\"\"\"\r\n\"http://b.test/\",x\r\n";
    let entries = rows(Csv, list);
    assert_eq!(brief(&entries), ["2 http://a.test/?a,b", "4 http://b.test/"]);
    assert_eq!(wants(&entries[..1]).out.as_deref(), Some("one\r\n\"two\""));
}

#[test]
fn headers_may_be_json() {
    let entries = rows(Csv, "url,headers\nhttp://a.test/,\"{\"\"X-A\"\":\"\"1\"\",\"\"X-B\"\":\"\"2\"\"}\"\n");
    assert_eq!(fields(wants(&entries)), ["x-a: 1", "x-b: 2"]);
    says(&rows(Tsv, "url\theaders\nhttp://a.test/\t{\"X\":1}\n"), "headers");
    says(&rows(Tsv, "url\theaders\nhttp://a.test/\tnone\n"), "Name: value");
}

#[test]
fn a_wrong_cell_is_named() {
    says(&rows(Csv, "url,sha256\nhttp://a.test/,12\n"), "sha256");
    says(&rows(Csv, "url,blake3\nhttp://a.test/,+1\n"), "blake3");
    says(&rows(Csv, "url,priority\nhttp://a.test/,high\n"), "priority");
    says(&rows(Csv, "url,out\n,x\n"), "the url cell is empty");
    says(&rows(Csv, "url,out\nhttp://a.test/?a,b,x\n"), "more cells than the header names");
}

#[test]
fn missing_and_empty_cells_are_absent_and_empty_rows_are_blank() {
    let entries = rows(Csv, "url,out,priority\nhttp://a.test/\n,,\n\nhttp://b.test/,,\nhttp://c.test/,,,,\n");
    assert_eq!(brief(&entries), ["2 http://a.test/", "5 http://b.test/", "6 http://c.test/"]);
    assert!(entries.iter().all(|entry| matches!(entry, Entry::Seed(seed) if seed.wants.is_none())));
}

#[test]
fn without_a_header_only_one_column_is_legal() {
    let entries = rows(Csv, "http://a.test/\nhttp://b.test/,name\nhttp://c.test/\n");
    assert_eq!(brief(&entries), ["1 http://a.test/", "2 !http://b.test/", "3 http://c.test/"]);
    says(&entries[1..2], "header line");
}

#[test]
fn a_header_without_url_makes_every_line_bad() {
    let entries = rows(Csv, "id,link\n1,http://a.test/\n");
    // The cell with a URL stands on line 2: line 1 is a header, and a wrong one.
    assert_eq!(brief(&entries), ["1 !id,link", "2 !1,http://a.test/"]);
    says(&entries[..1], "no column url");
    says(&entries[1..], "no column url");
    says(&rows(Csv, "url,url\n"), "twice");
}

#[test]
fn a_quote_left_open_costs_its_own_line_only() {
    let mut list = String::from("url,out\n\"http://a.test/,x\nhttp://b.test/,y\nhttp://c.test/,z\n");
    let lines = ["2 !\"http://a.test/,x", "3 http://b.test/", "4 http://c.test/"];
    assert_eq!(brief(&rows(Csv, &list)), lines);
    for n in 0..60_000 {
        list.push_str(&format!("http://d.test/{n},{n}\n"));
    }
    let entries = rows(Csv, &list);
    assert_eq!((brief(&entries[..3]), entries.len()), (lines.map(String::from).to_vec(), 60_003));
    says(&entries[..1], "quote");
}

#[test]
fn json_lines() {
    let list = format!(
        "{{\"url\":\"http://a.test/\",\"out\":\"o\",\"sha256\":\"{HEX}\",\"priority\":3,\"headers\":{{\"X-A\":\"1\"}}}}\n\n\
         {{\"url\":\"http://b.test/\",\"headers\":[\"X-A: 1\",\"X-A: 2\"],\"other\":[{{}}]}}\n"
    );
    let entries = rows(Ndjson, &list);
    assert_eq!(brief(&entries), ["1 http://a.test/", "3 http://b.test/"]);
    assert_eq!((seed(&entries[..1]).priority, wants(&entries[..1]).out.as_deref()), (3, Some("o")));
    assert_eq!(fields(wants(&entries[1..])), ["x-a: 1", "x-a: 2"]);
}

#[test]
fn our_own_records_are_a_list() {
    let list = r#"{"v":1,"url":"http://a.test/","outcome":"failed","status":null,"path":"out/a","sha256":null,"redirects":[],"source":{"file":"x","line":3},"error":{"kind":"dns","message":"no"}}"#;
    assert!(seed(&rows(Auto, list)).wants.is_none());
}

#[test]
fn json_of_the_wrong_shape_names_the_key() {
    for (line, part) in [
        (r#"{"url":5}"#, "url must be a string"),
        (r#"{"out":"x"}"#, "no url key"),
        (r#"{"url":null}"#, "no url key"),
        (r#"{"url":"http://a.test/","out":[]}"#, "out must be"),
        (r#"{"url":"http://a.test/","priority":"1"}"#, "priority must be"),
        (r#"{"url":"http://a.test/","priority":3000000000}"#, "priority must be"),
        (r#"{"url":"http://a.test/","headers":"X: 1"}"#, "headers must be"),
        (r#"{"url":"http://a.test/","headers":[1]}"#, "headers must be"),
        (r#"{"url":"http://a.test/","sha256":"x"}"#, "sha256"),
        (r#"{"url":"http://a.test/","url":"http://b.test/"}"#, "duplicate field `url`"),
        (r#"["http://a.test/"]"#, "not a JSON object"),
        (r#"{"url":"http://a.test/""#, "not valid JSON"),
        (r#"{"url":"a.test/x"}"#, "https://a.test/x"),
    ] {
        says(&rows(Ndjson, line), part);
    }
}

#[test]
fn the_format_is_found_by_name_then_by_the_first_line() {
    let csv = b"out,url\nx,http://a.test/\n";
    let tsv = b"# made by hand\n\nout\tURL\nx\thttp://a.test/\n";
    let json = b"\n{\"url\":\"http://a.test/\",\"out\":\"x\"}\n";
    for (name, bytes) in [
        ("list", &csv[..]),
        ("list.CSV", csv),
        ("list.csv.gz", csv),
        ("-", tsv),
        ("a.tsv", tsv),
        ("-", json),
        ("a.jsonl", json),
        ("a.ndjson.gz", json),
        ("list.txt", b"\"out\",\"url\"\r\nx,http://a.test/\r\n"),
    ] {
        let entries = read(reader(name, bytes), Auto);
        assert_eq!(wants(&entries).out.as_deref(), Some("x"), "{name}");
    }
    assert_eq!(brief(&rows(Auto, "url\nhttp://a.test/\n")), ["2 http://a.test/"]);
    assert_eq!(brief(&rows(Auto, "# a,url\nhttp://a.test/x,y\n")), ["2 http://a.test/x,y"]);
    // What the user says counts more than the name.
    assert_eq!(brief(&read(reader("a.csv", b"http://a.test/x,y\n"), InputFormat::Text)), ["1 http://a.test/x,y"]);
}
