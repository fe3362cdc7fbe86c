//! Tables, JSON lines, and how a format is found.

use super::{brief, fields, file, pieces, read, reader, refusal, says, seed, wants};
use crate::config::InputFormat::{self, Auto, Csv, Ndjson, Tsv};
use crate::model::Entry;
use crate::source::{ListOptions, ListSource, Source};

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
    assert!(entries.iter().all(|entry| matches!(entry, Entry::Seed(seed) if seed.overrides.is_none())));
}

#[test]
fn a_quote_left_open_costs_its_own_line_only() {
    let mut list = String::from("url,out\n\"http://a.test/,x\nhttp://b.test/,y\nhttp://c.test/,z\n");
    let lines = ["2 !", "3 http://b.test/", "4 http://c.test/"];
    assert_eq!(brief(&rows(Csv, &list)), lines);
    for n in 0..60_000 {
        list.push_str(&format!("http://d.test/{n},{n}\n"));
    }
    let entries = rows(Csv, &list);
    assert_eq!((brief(&entries[..3]), entries.len()), (lines.map(String::from).to_vec(), 60_003));
    says(&entries[..1], "quote");
}

#[test]
fn a_later_quote_does_not_close_an_open_one() {
    for (list, failed, lines) in [
        ("url,title\nU/1,\"un closed\nU/2,\"ok\"\nU/3,\"c\"\n", [2].as_slice(), [3, 4].as_slice()),
        ("title,url\n\"24\"\" Monitor,U/1\n\"27\"\" Monitor,U/2\nz,U/3\n", &[2, 3], &[4]),
        ("id,url,title\r\n1,U/1,\"un closed\r\n2,U/2,fine\r\n3,U/3,\"ok, c\"\r\n4,U/4,d\r\n", &[2], &[3, 4, 5]),
        ("url,title\nU/1,\"two\nlines, \"\"q\"\"\" \nU/2,\"\n\"\nU/3,\"a\"b\n", &[], &[2, 4, 6]),
    ] {
        let entries = rows(InputFormat::Csv, &list.replace('U', "http://a.test"));
        let of = |ok: bool| -> Vec<u64> {
            let told = entries.iter().filter_map(|entry| match entry {
                Entry::Seed(seed) if ok => Some(seed.via.origin().line),
                Entry::Bad(bad) if !ok => Some(bad.via.origin().line),
                _ => None,
            });
            told.collect()
        };
        assert_eq!((of(false), of(true)), (failed.to_vec(), lines.to_vec()), "{list}");
    }
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
    assert!(seed(&rows(Auto, list)).overrides.is_none());
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
    // The format that the user sets counts more than the name.
    assert_eq!(brief(&read(reader("a.csv", b"http://a.test/x,y\n"), InputFormat::Text)), ["1 http://a.test/x,y"]);
}

#[test]
fn the_separators_of_spreadsheets_are_detected() {
    for separator in [",", ";", "\t", "|"] {
        let list = format!("note{separator}out{separator}url\n\"1,5;2|3\"{separator}a{separator}http://a.test/?a\n");
        for name in ["list", "list.csv"] {
            let entries = read(reader(name, list.as_bytes()), Auto);
            assert_eq!(brief(&entries), ["2 http://a.test/?a"], "{list}");
            assert_eq!(wants(&entries).out.as_deref(), Some("a"), "{list}");
        }
    }
    // A name of two words does not make a column.
    let entries = rows(Csv, "url;name, short;out\nhttp://a.test/x,y;a, b;o\n");
    assert_eq!((brief(&entries), wants(&entries).out.as_deref()), (vec!["2 http://a.test/x,y".to_owned()], Some("o")));
}

#[test]
fn a_line_that_names_the_separator_is_no_row() {
    for line in ["sep=;", "SEP=;", "\"sep=;\"", "sep=;;;", "\u{feff}sep=; "] {
        for format in [Auto, Csv, Tsv] {
            let entries = rows(format, &format!("{line}\r\nurl;out\r\nhttp://a.test/a,b;x\r\n"));
            assert_eq!(
                (brief(&entries), wants(&entries).out.as_deref()),
                (vec!["3 http://a.test/a,b".into()], Some("x"))
            );
        }
    }
    assert_eq!(brief(&rows(Auto, "sep=\t\nid\tlink\n1\thttp://a.test/\n")), ["3 http://a.test/"]);
    assert_eq!(brief(&rows(Csv, "sep=^\nid^link\n1^http://a.test/,;\n")), ["3 http://a.test/,;"]);
}

#[test]
fn the_only_column_with_urls_is_read_with_one_warning() {
    let list = "id,image_url,note\n1,,first\n2,http://a.test/1,\n3,\" <http://a.test/2>\",x\n4,a.test/3,\n";
    for name in ["sites.csv", "-"] {
        let mut source = ListSource::new(vec![reader(name, list.as_bytes())], Auto).unwrap();
        let batch = source.next_batch().unwrap().unwrap();
        assert_eq!(
            batch.notes,
            [format!("{name}: taking the URLs from the column `image_url`, ignoring the columns `id`, `note`")]
        );
        let good = batch.entries.iter().filter(|entry| matches!(entry, Entry::Seed(_)));
        assert_eq!(good.count(), 2);
        assert!(source.next_batch().unwrap().is_none());
    }
    let entries = rows(Csv, "id,image_url\n1,http://a.test/1\n2,\n");
    says(&entries[1..], "the image_url cell is empty");
    let mut source = ListSource::new(vec![reader("a.csv", b"url,b\nhttp://a.test/,http://b.test/\n")], Auto).unwrap();
    // A column called url is no guess.
    assert_eq!(source.next_batch().unwrap().unwrap().notes, ["a.csv: ignoring the column `b`"]);
}

#[test]
fn a_column_near_a_known_one_is_refused_with_its_line() {
    for (list, told) in [
        ("url,hash\nhttp://a.test/,x\n", "list.csv:1: unknown column `hash`; did you mean `sha256`? "),
        ("URL;Check Sum\nhttp://a.test/;x\n", "list.csv:1: unknown column `Check Sum`; did you mean `sha256`? "),
        ("# a note\n\nfile\turl\na\thttp://a.test/\n", "list.csv:3: unknown column `file`; did you mean `out`? "),
        (
            "sep=|\nurl|MD5\nhttp://a.test/|x\n",
            "list.csv:2: unknown column `MD5`; only `sha256` and `blake3` are checked. ",
        ),
        ("A list\nurl,header\nhttp://a.test/,x\n", "list.csv:2: unknown column `header`; did you mean `headers`? "),
        ("link,digest\nhttp://a.test/,x\n", "list.csv:1: unknown column `digest`; did you mean `sha256`? "),
    ] {
        let why = refusal(reader("list.csv", list.as_bytes()), Auto);
        let advice = "Rename it; fetchall ignores one called `x-";
        assert!(why.strip_prefix(told).is_some_and(|rest| rest.starts_with(advice)), "{why}");
    }
    let twice = refusal(reader("list.csv", b"url,sha256,SHA-256\nhttp://a.test/,,\n"), Auto);
    assert!(twice.contains("names the column `sha256` twice"), "{twice}");
}

#[test]
fn other_spellings_of_a_known_column_are_read() {
    let digest = "5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03";
    for names in ["URL,SHA-256,filename", "Url,sha_256,File Name", "url,SHA256SUM,out"] {
        let entries = rows(Csv, &format!("{names}\nhttp://a.test/,{digest},a.html\n"));
        let wants = wants(&entries);
        assert_eq!((wants.sha256.map(|d| d[0]), wants.out.as_deref()), (Some(0x58), Some("a.html")), "{names}");
    }
}

#[test]
fn a_table_of_records_is_a_list_without_a_warning() {
    let list = "url,outcome,path,bytes,sha256,source_file,source_line\nhttp://a.test/,ok,out/a,1,,x,1\n";
    let mut source = ListSource::new(vec![reader("records.csv", list.as_bytes())], Auto).unwrap();
    let batch = source.next_batch().unwrap().unwrap();
    assert_eq!((brief(&batch.entries), batch.notes.len()), (vec!["2 http://a.test/".to_owned()], 0));
}

#[test]
fn a_table_without_urls_is_refused_once() {
    for list in ["id,link\n1,a.test\n2,b.test\n", "id,link\n", "id,link\n1,see http://a.test/ there\n"] {
        let why = refusal(reader("list.csv", list.as_bytes()), Auto);
        assert!(why.starts_with("list.csv: no column holds URLs; the columns are `id`, `link`;"), "{why}");
        assert!(why.contains("--url-column"), "{why}");
    }
    let wide = format!("{}\n1\n", vec!["c"; 3000].join(","));
    assert!(refusal(reader("list", wide.as_bytes()), Csv).len() < 1000);
    assert!(refusal(reader("list", b"url,OUT,out\n"), Csv).contains("`out` twice"));
    assert!(refusal(reader("list", b"url,out,URL\n"), Csv).contains("`url` twice"));
}

/// Cells of a first row that hold the secret `hunter2`.
const SECRET_CELLS: [&str; 16] = [
    "example.test/a hunter2",
    "example.test\u{a0}hunter2",
    "example.test#hunter2",
    "example.test/a#hunter2",
    "example.test/a?token=hunter2",
    "example.test?hunter2",
    "/a?token=hunter2",
    "#hunter2",
    "ann:hunter2@example.test",
    "ann%3Ahunter2%40example.test",
    "//ann:hunter2@example.test/",
    "http:ann:hunter2@example.test",
    "hxxp://ann:hunter2@example.test",
    "token=hunter2",
    "my password hunter2",
    "hunter2hunter2hunter2hunter2",
];

#[test]
fn no_message_about_columns_shows_a_secret() {
    let told = |list: String, options: ListOptions| match ListSource::new(vec![reader("l", list.as_bytes())], options) {
        Err(error) => error.to_string(),
        Ok(mut source) => match source.next_batch() {
            Err(error) => error.to_string(),
            Ok(None) => String::new(),
            Ok(Some(batch)) => {
                let bad = batch.entries.iter().filter_map(|entry| match entry {
                    Entry::Bad(bad) => Some(format!("{} {}", bad.text, bad.error.message)),
                    _ => None,
                });
                bad.chain(batch.notes.clone()).collect::<Vec<_>>().join("\n")
            }
        },
    };
    for cell in SECRET_CELLS {
        for list in [
            format!("id,{cell}\n1,2\n"),
            format!("{cell},id\n1,2\n"),
            format!("{cell}\n1\n"),
            format!("url,{cell}\nhttp://a.test/,1\n"),
            format!("{cell},id\nhttp://a.test/,1\n,2\n"),
            format!("{cell},id\nhttp://a.test/,http://b.test/\n"),
            format!("{cell},{cell}\n1,2\n"),
        ] {
            for options in [Csv.into(), with_column(cell, Csv), with_column("id", Csv), with_column("x", Csv)] {
                let told = told(list.clone(), options);
                assert!(!told.contains("hunter2"), "{list:?}: {told}");
            }
        }
    }
}

#[test]
fn a_first_row_with_a_url_shows_no_word() {
    for list in ["example.test/a,ann,hunter2\n", "ann,hunter2,example.test\n", "hunter2,example.test/ b,ann\n"] {
        let why = refusal(reader("l", list.as_bytes()), Csv);
        assert!(why.contains("`example.test") && why.contains("column "), "{why}");
        assert!(!why.contains("hunter2") && !why.contains("ann"), "{why}");
    }
    let why = refusal(reader("l", "id,user token,über Preis,,x_y\n".as_bytes()), Csv);
    assert!(why.contains("the columns are `id`, column 2, `über Preis`, column 4, `x_y`;"), "{why}");
}

#[test]
fn two_columns_with_urls_are_refused_and_both_named() {
    let list = b"page,id,image\nhttp://a.test/1,1,\nhttp://a.test/1,1,http://b.test/1\n";
    let (_keep, file) = file(list);
    let why = refusal(file, Csv);
    assert!(why.contains("the column `page` and the column `image` hold URLs"), "{why}");
    assert!(why.contains("--url-column"), "{why}");
    // On a pipe the first row decides, because the reader does not wait for more.
    assert_eq!(brief(&rows(Csv, std::str::from_utf8(list).unwrap())), ["2 http://a.test/1", "3 http://a.test/1"]);
}

fn with_column(name: &str, format: InputFormat) -> ListOptions {
    ListOptions { url_column: Some(name.to_owned()), tables_only: true, ..format.into() }
}

#[test]
fn the_user_may_name_the_column_or_give_its_number() {
    let list = b"url,out,Image\nhttp://a.test/1,x,http://b.test/1\n";
    for (column, found) in [("image", "b"), (" IMAGE", "b"), ("3", "b"), ("url", "a"), ("1", "a")] {
        for format in [Auto, Csv] {
            let entries = read(reader("-", list), with_column(column, format));
            assert_eq!(brief(&entries), [format!("2 http://{found}.test/1")], "{column}");
            assert_eq!(wants(&entries).out.as_deref(), Some("x"));
        }
    }
    let headless = read(reader("-", b"http://a.test/1,http://b.test/1\n"), with_column("2", Auto));
    assert_eq!(brief(&headless), ["1 http://b.test/1"]);
    let why = refusal(reader("-", list), with_column("img", Csv));
    assert!(why.contains("no column is called `img`; the columns are `url`, `out`, `Image`"), "{why}");
    assert!(refusal(reader("-", b"http://a.test/\n"), with_column("img", Csv)).contains("no header line"));
}

#[test]
fn a_named_column_is_never_ignored() {
    for (list, column, why) in [
        ("a,b\n1,2\n", "url", "no column is called `url`; the columns are `a`, `b`"),
        ("a\n1\n", "url", "no column is called `url`"),
        ("http://a.test/,x\n", "img", "no header line"),
    ] {
        let told = refusal(reader("-", list.as_bytes()), with_column(column, Auto));
        assert!(told.contains(why), "{list:?}: {told}");
    }
    assert!(read(reader("-", b""), with_column("url", Auto)).is_empty());
}

#[test]
fn a_list_without_columns_is_refused_for_a_named_column() {
    let sitemap = "<urlset><url><loc>http://a.test/</loc></url></urlset>";
    for (format, list, kind) in [
        (InputFormat::Text, "http://a.test/\n", "plain text"),
        (Ndjson, "{\"url\":\"http://a.test/\"}\n", "JSON"),
        (Auto, "{\"url\":\"http://a.test/\"}\n", "JSON"),
        (Auto, "[\"http://a.test/\"]\n", "JSON"),
        (Auto, sitemap, "a sitemap"),
        (InputFormat::Html, "<a href=http://a.test/>", "an HTML page"),
    ] {
        let told = refusal(reader("-", list.as_bytes()), with_column("image", format));
        assert!(told.contains(&format!("{kind} has no columns; leave out --url-column")), "{list:?}: {told}");
        // A setting that is meant for tables says nothing of other lists.
        let setting = ListOptions { tables_only: false, ..with_column("image", format) };
        assert!(brief(&read(reader("-", list.as_bytes()), setting))[0].ends_with("http://a.test/"), "{list:?}");
    }
    let setting = ListOptions { tables_only: false, ..with_column("image", Auto) };
    assert_eq!(brief(&read(reader("-", b"http://a.test/?a,b\n"), setting.clone())), ["1 http://a.test/?a,b"]);
    let table = b"url,image\nhttp://a.test/,http://b.test/\n";
    assert_eq!(brief(&read(reader("-", table), setting)), ["2 http://b.test/"]);
}

#[test]
fn title_rows_before_the_header_are_skipped_with_a_warning() {
    let digest = format!("{HEX},7");
    for (titles, named) in [("Export,,,\n", true), ("Sales, Q1\n2024\n", true), ("a,b,c,d\n\n,,\nby Ann\n", false)] {
        let url = if named { "url" } else { "link" };
        let list = format!("{titles}{url},out,sha256,priority\nhttp://a.test/,x,{digest}\n");
        let lines: Vec<_> = list.split_inclusive('\n').map(str::as_bytes).collect();
        for (format, input) in
            [(Csv, pieces(&lines)), (Csv, reader("-", list.as_bytes())), (Auto, reader("-", list.as_bytes()))]
        {
            let mut source = ListSource::new(vec![input], format).unwrap();
            let batch = source.next_batch().unwrap().unwrap();
            let line = list.lines().count();
            assert_eq!(brief(&batch.entries), [format!("{line} http://a.test/")], "{list}");
            let wants = wants(&batch.entries);
            assert_eq!((wants.out.as_deref(), wants.sha256.is_some()), (Some("x"), true), "{list}");
            assert!(batch.notes[0].contains("title row"), "{:?}", batch.notes);
            assert_eq!(batch.notes[0].contains("from the column `link`"), !named, "{:?}", batch.notes);
        }
    }
    let by_name = read(reader("-", b"Export,\nimage,out\nhttp://a.test/,x\n"), with_column("image", Csv));
    assert_eq!(wants(&by_name).out.as_deref(), Some("x"));
    // Words of rows are no names of columns.
    let rows = rows(Csv, "link,state\n,out\nhttp://a.test/,in\n");
    assert_eq!(brief(&rows), ["2 !", "3 http://a.test/"]);
    // Neither is the last row, nor one behind a URL.
    for more in ["", "x\ty\tz\n"] {
        let rows = self::rows(Csv, &format!("id,link\n1,http://a.test/\nx\ty\turl\n{more}"));
        assert_eq!(brief(&rows[..2]), ["2 http://a.test/", "3 !"]);
    }
}

#[test]
fn an_unclosed_quote_in_the_header_costs_no_row() {
    for list in
        ["url,\"out\nhttp://a.test/,x\nhttp://b.test/,y\n", "\"Export,\nurl,out\nhttp://a.test/,x\nhttp://b.test/,y\n"]
    {
        let good = rows(Csv, list).into_iter().filter(|entry| matches!(entry, Entry::Seed(_)));
        assert_eq!(good.count(), 2, "{list}");
    }
}

#[test]
fn a_password_with_a_separator_is_not_shown() {
    for list in [
        "url,out\nhttps://ann:se,cret@h/,o\n",
        "url,out\nhttps://ann:se,cret@h/\n",
        "url,out,sha256\nhttps://ann:se,cr,et@h/\n",
        "url\nhttps://ann:se,cret@h/\n",
        "out,url\nx,https://ann:se,cret@h/\n",
    ] {
        let entries = rows(Csv, list);
        assert!(brief(&entries) == ["2 !"], "{list}: {entries:?}");
    }
}

#[test]
fn rows_without_a_url_may_come_first() {
    for separator in [",", ";", "\t", "|"] {
        let list = "id,name,site\n1,a,\n2,b,\n3,c,http://a.test/\n4,d,http://b.test/\n".replace(',', separator);
        let whole = read(reader("-", list.as_bytes()), Auto);
        assert_eq!(brief(&whole), ["2 !", "3 !", "4 http://a.test/", "5 http://b.test/"], "{separator}");
        let lines: Vec<_> = list.split_inclusive('\n').map(str::as_bytes).collect();
        assert_eq!(brief(&read(pieces(&lines), Auto)), brief(&whole), "{separator}");
    }
    // Lines of words are no table.
    for list in ["to do, soon\na, b, c\nhttp://a.test/?a,b\n", "to do, soon\none\nhttp://a.test/?a,b\n"] {
        let last = brief(&rows(Auto, list)).pop();
        assert_eq!(last.as_deref(), Some("3 http://a.test/?a,b"), "{list}");
    }
}

#[test]
fn without_a_header_the_only_column_with_urls_is_taken() {
    for (format, list) in [
        (Csv, "http://a.test/1\nhttp://a.test/2\n"),
        (Csv, "1,http://a.test/1\n2,http://a.test/2\n"),
        (Auto, "1;http://a.test/1\n2;http://a.test/2\n"),
        (Tsv, "http://a.test/1\tone\nhttp://a.test/2\ttwo\n"),
        (Auto, "a cat\thttp://a.test/1\na dog\thttp://a.test/2\n"),
        (Auto, "http://a.test/1\ta cat\nhttp://a.test/2\t5\" dog\n"),
    ] {
        assert_eq!(brief(&rows(format, list)), ["1 http://a.test/1", "2 http://a.test/2"], "{list}");
    }
    says(&rows(Csv, "http://a.test/1\nhttp://b.test/,name\n")[1..], "more cells than the first row");
}

#[test]
fn a_separator_that_may_belong_to_the_url_is_no_guess() {
    for list in ["http://a.test/?a,b\nhttp://a.test/\n", "http://a.test/;one.txt\n"] {
        let why = refusal(reader("a.csv", list.as_bytes()), Auto);
        assert!(why.contains("no header line") && why.contains("--input-format text"), "{why}");
        assert_eq!(brief(&rows(Auto, list)).len(), list.lines().count(), "elsewhere it is plain text");
    }
}

#[test]
fn a_quoted_tsv_cell_begins_and_ends_with_a_quote() {
    let list = "url\tout\n\"http://a.test/1\"\t\"a \"\"b\"\" c\"\nhttp://a.test/2\t5\" pipe\nhttp://a.test/3\t\"open\n\
                http://a.test/4\t\"a\tb\"\n\"http://a.test/5\"\t\"\"\n";
    let entries = rows(Tsv, list);
    let found: Vec<_> = (1..=5).map(|n| format!("{} http://a.test/{n}", n + 1)).collect();
    assert_eq!(brief(&entries), found);
    let outs: Vec<_> = (0..4).map(|n| wants(&entries[n..=n]).out.as_deref().unwrap()).collect();
    assert_eq!(outs, ["a \"b\" c", "5\" pipe", "\"open", "a\tb"]);
}

#[test]
fn first_row_that_may_hold_secrets_is_not_shown() {
    for (cell, shown) in [
        ("ghp_0123456789012345678901234567890123456789", false),
        ("password HUNTER", false),
        ("a=b", false),
        ("Name of the product", true),
    ] {
        let list = format!("{cell},b\nx,y\n");
        let refused = ListSource::new(vec![reader("-", list.as_bytes())], Csv).unwrap().next_batch().unwrap_err();
        assert_eq!(refused.to_string().contains(cell), shown, "{refused}");
    }
}
