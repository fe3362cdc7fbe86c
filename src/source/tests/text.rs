//! Plain lists, their URLs and aria2's option lines.

use super::{bad, brief, fields, file, read, reader, refusal, says, seed, text, text_file, wants};
use crate::config::InputFormat;
use crate::model::Entry;
use crate::source::{Input, ListSource, Source};

#[test]
fn comments_and_blank_lines_are_skipped_but_counted() {
    let list = "\u{feff}# sites\r\n\r\nhttp://a.test/1\r\n  \t\r\n\t http://a.test/2 \r\n  # more\r\nHTTPS://A.test";
    assert_eq!(brief(&text(list)), ["3 http://a.test/1", "5 http://a.test/2", "7 https://a.test/"]);
}

#[test]
fn joined_files_leave_a_mark_in_the_middle() {
    assert_eq!(brief(&text("http://a.test/\n\u{feff}http://b.test/\n")), ["1 http://a.test/", "2 http://b.test/"]);
}

#[test]
fn an_error_for_a_host_without_scheme_suggests_one() {
    for line in [
        "example.com/a",
        "example.com",
        "localhost:8080/x",
        "example.com:80/x",
        "10.0.0.1/x",
        "[::1]:80/x",
        "localhost",
        "bücher.example/x",
    ] {
        says(&text(line), &format!("https://{line}"));
    }
    says(&text("//cdn.test/x"), "https://cdn.test/x");
    says(&text("/etc/passwd"), "not a URL");
    says(&text("hello world"), "not a URL");
}

#[test]
fn other_schemes_are_refused_by_name() {
    says(&text("ftp://a.test/x"), "ftp URLs are not supported, only http and https");
    for line in ["FILE:///etc/passwd", "mailto:a@b.test", "data:text/plain,x", "javascript:alert(1)", "magnet:?x"] {
        says(&text(line), "URLs are not supported");
    }
}

#[test]
fn a_line_that_would_fetch_something_else_is_bad() {
    says(&text("http://a.test/x # the first"), "comment");
    says(&text("http://a.test/x http://a.test/y"), "more than one URL, http://a.test/x and http://a.test/y");
    says(&text("http://http://us:SECRET@a.test/"), "scheme twice");
    for twice in ["https://http://a.test/", "http:/https:/us:SECRET@a.test/", "http:ftp:/a.test", "http://http:80/a"] {
        says(&text(twice), "scheme twice");
    }
    says(&text("http://a.test/\0x"), "NUL");
    says(&text("http://a.test/\u{1}x"), "control character");
    says(&text("\"http://a.test/"), "begins with \", which is not closed");
    says(&text("http://a.test/>"), "ends with >");
    says(&text("see http://us:SECRET@a.test/"), "write the URL alone: http://a.test/");
    says(&text("[a](http://a.test/) b"), "Markdown");
    for two in [
        "[a](http://a.test/) [b](http://b.test/)",
        "\"http://a.test/\" \"http://b.test/\"",
        "- http://a.test/, http://b.test/",
    ] {
        says(&text(two), "more than one URL");
    }
    says(&text("{\"url\":\"http://a.test/\"}"), "ndjson");
    says(&text("http://a.test:99999/"), "port");
    says(&text("http://"), "host");
    says(&text("http://1.2.3.4.5/"), "IPv4");
    assert_eq!(seed(&text("http://a.test/my file.pdf")).url.as_str(), "http://a.test/my%20file.pdf");
}

#[test]
fn marks_around_a_url_are_removed() {
    let list = "\"http://a.test/1\"\n- http://a.test/2\n* <http://a.test/3>\n4. “http://a.test/4”\nhttp://a.test/5,\n\
                \"http://a.test/6\",\n[x](http://a.test/7)\nhttp://a.test/8\u{200b}\n\u{2060}\u{a0}http://a.test/9\n";
    let found: Vec<_> = (1..=9).map(|n| format!("{n} http://a.test/{n}")).collect();
    assert_eq!(brief(&text(list)), found);
    // A comma that a program wrote is a part of the URL.
    let csv = read(reader("a.csv", b"url\n\" <http://a.test/,>\"\n"), InputFormat::Auto);
    assert_eq!(brief(&csv), ["2 http://a.test/,"]);
    let json = read(reader("a.jsonl", "{\"url\":\"\u{feff}`http://a.test/,`\"}".as_bytes()), InputFormat::Auto);
    assert_eq!(brief(&json), ["1 http://a.test/,"]);
}

#[test]
fn a_character_that_cannot_be_seen_is_named() {
    for (character, name) in [
        ('\u{200b}', "U+200B zero width space"),
        ('\u{2028}', "U+2028 line separator"),
        ('\u{202e}', "U+202E right-to-left override"),
        ('\u{ad}', "U+00AD soft hyphen"),
        ('\u{a0}', "U+00A0 no-break space"),
        ('\u{feff}', "U+FEFF zero width no-break space"),
        ('\u{fffd}', "U+FFFD replacement character"),
        ('\u{9d}', "U+009D control character"),
    ] {
        says(&text(&format!("http://a.test/x{character}y")), name);
        says(&text(&format!("http://a.test/x{character}http://b.test/y")), name);
        says(&text(&format!("http://a{character}.test/")), name);
    }
    seed(&text("http://a.test/ünï–“x”"));
}

#[test]
fn options_follow_a_url_in_quotes() {
    let entries = text_file("- \"http://a.test/x\"\n  dir=d\n  referer=*\n");
    assert_eq!(wants(&entries).out.as_deref(), Some("d/x"));
    assert_eq!(fields(wants(&entries)), ["referer: http://a.test/x"]);
}

#[test]
fn a_fragment_is_dropped() {
    assert_eq!(seed(&text("http://a.test/x?q#part")).url.as_str(), "http://a.test/x?q");
}

#[test]
fn user_and_password_leave_the_url() {
    let entries = text("http://us%40er:p%3Aw@a.test/x");
    assert_eq!(seed(&entries).url.as_str(), "http://a.test/x");
    let credentials = wants(&entries).credentials.as_ref().unwrap();
    assert_eq!((credentials.username.as_str(), credentials.password.as_str()), ("us@er", "p:w"));
    assert!(!format!("{entries:?}").contains("p:w"));
    assert!(seed(&text("http://@a.test/x")).overrides.is_none());
    says(&text("http://%ff:x@a.test/"), "UTF-8");
}

#[test]
fn a_password_is_in_no_bad_record() {
    for line in [
        "ftp://user:SECRET@a.test/x",
        "http://user:SECRET@a.test:99999/",
        "http://user:SEC/SECRET@a.test/",
        "http:user:SECRET@a.test:x/",
        "http:\\\\user:SECRET@a.test:x/",
        "user:SECRET@a.test/x",
        "http://a.test/ http://user:SECRET@a.test/",
        "http://user:SECRET@a.test/\tno url",
        "http://user:SECRET@a.test/\n unknown=1",
        "http://user:SECRET@a.test/\u{1}",
        "\"http://user:SECRET@a.test/",
        "http://user:SECRET@a.test/,http://user:SECRET@b.test/",
        "http://user:SECRET@a.test/\u{200b}http://user:SECRET@b.test/",
        "- “http://user:SECRET@a.test/",
        "see <http://user:SECRET@a.test/>",
    ] {
        let entries = text_file(line);
        assert!(!format!("{:?}", bad(&entries)).contains("SECRET"), "{line}: {entries:?}");
    }
    let csv = b"id,user:SECRET@a.test/x\n1,ftp://user:SECRET@a.test/\n";
    assert!(!refusal(reader("a.csv", csv), InputFormat::Auto).contains("SECRET"));
    let json = b"{\"url\":5,\"was\":\"http://user:SECRET@a.test/\"}";
    assert!(!format!("{:?}", read(reader("a.jsonl", json), InputFormat::Auto)).contains("SECRET"));
}

#[test]
fn a_bad_line_is_shown_cut_but_whole_in_its_characters() {
    let entries = text(&format!("ftp://a.test/{}", "ü".repeat(5000)));
    let shown = &bad(&entries).text;
    assert!(shown.len() <= 2048 && shown.len() > 2040 && shown.ends_with('ü'));
}

#[test]
fn a_url_that_no_client_can_ask_for_is_a_bad_line() {
    let url = |length: usize| format!("{:x<length$}\n", "http://a.test/");
    seed(&read(reader("list", url(65_534).as_bytes()), InputFormat::Text));
    // The parser makes three bytes of one: the limit is on what would be asked for.
    for long in [url(65_535), format!("http://a.test/{}", "é".repeat(12_000))] {
        says(&read(reader("list", long.as_bytes()), InputFormat::Text), "longer than 65534 bytes");
    }
    let host = |labels| format!("http://{}b/\n", "a.".repeat(labels));
    seed(&read(reader("list", host(126).as_bytes()), InputFormat::Text));
    says(&read(reader("list", host(127).as_bytes()), InputFormat::Text), "the host name is longer than 253 bytes");
}

#[test]
fn a_line_without_end_costs_one_record_and_no_memory() {
    let mut list = b"http://a.test/1\nhttp://a.test/".to_vec();
    list.resize(list.len() + (5 << 20), b'x');
    list.extend_from_slice(b"\nhttp://a.test/3\n");
    for format in [InputFormat::Text, InputFormat::Csv, InputFormat::Tsv] {
        let entries = read(reader("list", &list), format);
        assert_eq!(entries.len(), 3);
        says(&entries[1..2], "longer than 1048576 bytes");
        assert_eq!(brief(&entries[2..]), ["3 http://a.test/3"]);
    }
}

#[test]
fn a_line_of_exactly_the_limit_is_read() {
    let mut line = b"http://a.test/".to_vec();
    line.resize(1 << 20, b' ');
    assert_eq!(seed(&read(reader("list", &line), InputFormat::Text)).url.as_str(), "http://a.test/");
    line.push(b' ');
    says(&read(reader("list", &line), InputFormat::Text), "longer than 1048576 bytes");
}

#[test]
fn the_first_of_several_mirrors_is_fetched() {
    let entries = text("http://a.test/f\thttp://b.test/f\tftp://c.test/f\nhttp://d.test/\n");
    assert_eq!(brief(&entries), ["1 http://a.test/f", "2 http://d.test/"]);
    says(&text("http://a.test/f\tname.txt\n"), "--input-format tsv");
}

#[test]
fn aria2_options_belong_to_the_url_above() {
    let hex = "ab".repeat(32);
    let list = format!(
        "http://a.test/f\n  out=name.bin\n\theader=X-One: 1\n\n# note\n  header=X-Two: a: b\n  checksum=sha-256={hex}\n  \
         split=5\n  gid=1\n  user-agent=me\nhttp://b.test/\n"
    );
    let entries = text_file(&list);
    assert_eq!(brief(&entries), ["1 http://a.test/f", "11 http://b.test/"]);
    let wants = wants(&entries[..1]);
    assert_eq!(wants.out.as_deref(), Some("name.bin"));
    assert_eq!(fields(wants), ["x-one: 1", "x-two: a: b", "user-agent: me"]);
    assert_eq!(wants.sha256, Some([0xab; 32]));
    assert!(seed(&entries[1..]).overrides.is_none());
}

#[test]
fn dir_comes_before_out_in_any_order() {
    for (options, out) in
        [(" dir=d\n out=o", "d/o"), (" out=o\n dir=d/\n", "d/o"), (" dir=d", "d/a b.zip"), (" out=x\n out=y", "y")]
    {
        assert_eq!(wants(&text_file(&format!("http://a.test/p/a%20b.zip\n{options}"))).out.as_deref(), Some(out));
    }
    assert_eq!(wants(&text_file("http://a.test/p/\n dir=d")).out.as_deref(), Some("d/index.html"));
}

#[test]
fn an_invalid_option_is_one_bad_line_that_names_it() {
    for option in ["all-proxy=http://p.test", "checksum=md5=00", "checksum=sha-256=00", "header=none", "out=", "Out=x"]
    {
        let entries = text_file(&format!("http://a.test/\n {option}\n out=o\nhttp://b.test/\n"));
        assert_eq!(brief(&entries), ["1 !http://a.test/", "4 http://b.test/"]);
        says(&entries[..1], option.split('=').next().unwrap());
        says(&entries[..1], "line 2: ");
    }
}

#[test]
fn a_bad_url_takes_its_options_along() {
    assert_eq!(
        brief(&text_file("ftp://a.test/\n out=o\n x=y\nhttp://b.test/\n")),
        ["1 !ftp://a.test/", "4 http://b.test/"]
    );
}

#[test]
fn an_indented_url_with_a_query_is_a_url() {
    assert_eq!(
        brief(&text_file("http://a.test/\n  http://b.test/?out=x\n")),
        ["1 http://a.test/", "2 http://b.test/?out=x"]
    );
}

#[test]
fn an_option_line_without_url_is_not_lost() {
    let entries = text_file(" header=Cookie: SECRET\nhttp://a.test/\n");
    assert_eq!(brief(&entries), ["1 !header", "2 http://a.test/"]);
    says(&entries[..1], "no URL above it");
}

#[test]
fn arguments_are_counted_and_named() {
    let inputs = vec![Input::Url("http://a.test/".into(), 1), Input::Url("b.test".into(), 4)];
    let mut source = ListSource::new(inputs, InputFormat::Auto).unwrap();
    assert_eq!((source.expected(), source.position().to_string()), (Some(2), "arguments:1".into()));
    let batch = source.next_batch().unwrap().unwrap();
    assert_eq!(brief(&batch.entries), ["1 http://a.test/", "4 !b.test"]);
    assert_eq!(batch.next.to_string(), "arguments:5");
    assert!(source.next_batch().unwrap().is_none());
}

#[test]
fn the_position_moves_from_list_to_list() {
    let mut long: String = (1..=300).map(|n| format!("http://a.test/{n}\n")).collect();
    long.push_str("# end\n");
    let (one, first) = file(long.as_bytes());
    let (two, second) = file(b"http://b.test/\n");
    let inputs = vec![first, Input::Url("http://c.test/".into(), 2), second];
    let mut source = ListSource::new(inputs, InputFormat::Auto).unwrap();
    assert_eq!(source.expected(), None);
    let (one, two) = (one.path().display(), two.path().display());
    assert_eq!(source.position().to_string(), format!("{one}:1"));
    let batch = source.next_batch().unwrap().unwrap();
    assert_eq!((batch.entries.len(), source.position().to_string()), (256, format!("{one}:257")));
    let batch = source.next_batch().unwrap().unwrap();
    assert_eq!((batch.entries.len(), source.position().to_string()), (46, format!("{two}:2")));
    assert!(matches!(&batch.entries[44], Entry::Seed(seed) if seed.via.origin().to_string() == "arguments:2"));
    assert!(source.next_batch().unwrap().is_none());
    assert_eq!(source.position().to_string(), format!("{two}:2"));
}

#[test]
fn a_held_url_is_still_unread() {
    let list: String = (1..=257).map(|n| format!("http://a.test/{n}\n out={n}\n")).collect();
    let (_keep, input) = file(list.as_bytes());
    let mut source = ListSource::new(vec![input], InputFormat::Text).unwrap();
    let batch = source.next_batch().unwrap().unwrap();
    assert_eq!((batch.entries.len(), batch.next.line), (256, 513));
    let batch = source.next_batch().unwrap().unwrap();
    assert_eq!(brief(&batch.entries), ["513 http://a.test/257"]);
    assert_eq!(wants(&batch.entries).out.as_deref(), Some("257"));
}

#[test]
fn a_field_with_a_secret_behind_a_url_is_a_bad_line() {
    for line in [
        "http://a.test/x X-Token: abc",
        "http://a.test/x token=abc",
        "http://a.test/x \"Cookie\" : abc",
        "http://a.test/x header=Cookie: abc",
        "http://a.test/x,-u,ann:abc",
        "http://a.test/x The Talk: one",
    ] {
        let entries = text(line);
        assert_eq!(brief(&entries), ["1 !http://a.test/x"], "{line}");
        says(&entries, "an option follows the URL");
    }
    for (line, url) in [
        ("http://a.test/my file?token=x", "1 http://a.test/my%20file?token=x"),
        ("http://a.test/at 12:30", "1 http://a.test/at%2012:30"),
        ("http://a.test/?q=a b=c", "1 http://a.test/?q=a%20b=c"),
    ] {
        assert_eq!(brief(&text(line)), [url], "{line}");
    }
}
