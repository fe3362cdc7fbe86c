//! JSON arrays: which elements come out, from which lines, and what a bad one costs.

use std::io::{self, Read, Write};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use super::{brief, drain, file, pieces, read, reader, says, seed, wants};
use crate::config::InputFormat::{self, Auto, Json};
use crate::model::{Batch, Entry};
use crate::source::{Input, ListSource, Source};

fn json(text: &str) -> Vec<Entry> {
    read(reader("-", text.as_bytes()), Auto)
}

#[test]
fn arrays_of_strings_and_objects_keep_their_lines() {
    let one_line = r#"["http://a.test/1", {"url":"http://a.test/2","out":"two"},"http:\/\/a.test\/\u0033"]"#;
    let entries = json(one_line);
    assert_eq!(brief(&entries), ["1 http://a.test/1", "1 http://a.test/2", "1 http://a.test/3"]);
    assert_eq!(wants(&entries[1..2]).out.as_deref(), Some("two"));
    let pretty = "\u{feff}\r\n[\r\n  {\r\n    \"url\": \"http://a.test/1\",\r\n    \"tags\": [\"x\", {\"y\": \"]},{\"}],\r\n    \
                  \"nested\": {\"url\": \"http://b.test/\"}\r\n  },\r\n  \"http://a.test/2\"\r\n]\r\n";
    assert_eq!(brief(&json(pretty)), ["3 http://a.test/1", "8 http://a.test/2"]);
    assert!(json("[]").is_empty() && json(" [ \n ] \n").is_empty());
}

#[test]
fn bad_element_costs_only_itself() {
    let list = "[\n\"http://a.test/1\",\n7,\n[\"http://b.test/\"],\n{\"url\":\"http://a.test/2},\n\"http://a.test/3,\n\
                {\"out\":\"x\"},\n{\"url\":\"http://a.test/4\",\n{\"url\":\"http://a.test/5\"},\nnull,\"\",\n\"http://a.test/6\"\n]";
    let entries = json(list);
    let good: Vec<_> = brief(&entries).into_iter().filter(|line| !line.contains('!')).collect();
    assert_eq!(good, ["2 http://a.test/1", "9 http://a.test/5", "11 http://a.test/6"]);
    let line = |entry: &Entry| if let Entry::Bad(bad) = entry { Some(bad.via.origin().line) } else { None };
    assert_eq!(entries.iter().filter_map(line).collect::<Vec<_>>(), [3, 4, 5, 6, 7, 8, 10, 10]);
    says(&entries[1..2], "neither a string nor an object");
    says(&entries[5..6], "no url key");
}

#[test]
fn commas_without_a_value_are_errors_with_their_lines() {
    let entries = json("[\n\"http://a.test/1\",\n\n]");
    assert_eq!(brief(&entries), ["2 http://a.test/1", "2 !"]);
    says(&entries[1..], "no value follows the comma");
    let entries = json("[\"http://a.test/1\",,\n,\"http://a.test/2\"]");
    assert_eq!(brief(&entries), ["1 http://a.test/1", "1 !", "2 !", "2 http://a.test/2"]);
    says(&entries[1..2], "no value stands before the comma");
    let entries = json("[\"http://a.test/1\"\n{\"url\":\"http://a.test/2\"}]");
    assert_eq!(brief(&entries), ["1 http://a.test/1", "2 !", "2 http://a.test/2"]);
    says(&entries[1..2], "no comma");
}

#[test]
fn cut_array_breaks_after_its_whole_elements() {
    for (cut, line) in [("", 2), (",\n", 3), (",\n{\"url\":\"http://a.te", 3), (",\n\"http://a.test/", 3)] {
        let list = format!("[\n\"http://a.test/1\"{cut}");
        let mut source = ListSource::new(vec![reader("list.json", list.as_bytes())], Auto).unwrap();
        let (entries, end) = drain(&mut source);
        assert_eq!(brief(&entries), ["2 http://a.test/1"]);
        let message = end.unwrap_err().to_string();
        assert!(message.starts_with(&format!("cannot read list.json: line {line}: the JSON ")), "{message}");
        assert!(message.contains("cut off"), "{message}");
    }
}

#[test]
fn word_behind_an_array_is_a_value_and_no_cut() {
    for list in ["[\"http://a.test/1\"] junk", "[\"http://a.test/1\"]\n7", "[\"http://a.test/1\"] junk\n"] {
        let entries = json(list);
        assert_eq!(brief(&entries[..1]), ["1 http://a.test/1"]);
        says(&entries[1..], "neither a string nor an object");
    }
}

#[test]
fn objects_over_several_lines_are_read_one_by_one() {
    let list = "{\n  \"url\": \"http://a.test/1\"\n}\n{\n  \"url\": \"http://a.test/2\"\n}\n[\"http://a.test/3\"]\n";
    let expected = ["1 http://a.test/1", "4 http://a.test/2", "7 http://a.test/3"];
    assert_eq!(brief(&json(list)), expected);
    assert_eq!(brief(&read(reader("list.json", list.as_bytes()), Auto)), expected);
    assert_eq!(brief(&read(reader("-", list.as_bytes()), Json)), expected);
    let lines = "{\"url\":\"http://a.test/1\"}\n{\"url\":7}\n{\"url\":\"http://a.test/2\"}\n";
    assert_eq!(brief(&read(reader("list.json", lines.as_bytes()), Auto))[0], "1 http://a.test/1");
    assert_eq!(brief(&read(reader("-", lines.as_bytes()), Json))[2], "3 http://a.test/2");
}

#[test]
fn name_of_a_column_counts_before_its_other_spellings() {
    for line in [
        r#"{"url":"http://a.test/1","URL":"http://b.test/","out":"x","filename":"y"}"#,
        r#"{"URL":"http://b.test/","url":"http://a.test/1","filename":7,"out":"x"}"#,
    ] {
        let found = seed(&json(line)).clone();
        assert_eq!(
            (found.url.as_str(), found.overrides.unwrap().out.as_deref()),
            ("http://a.test/1", Some("x")),
            "{line}"
        );
    }
    let dumped = seed(&json(r#"{"url":"http://a.test/1","Headers":{"Server":"x"}}"#)).clone();
    assert_eq!(dumped.overrides, None, "the fields of a response are none of a request");
    says(&json(r#"{"url":"http://a.test/1","url":"http://b.test/"}"#), "duplicate field `url`");
}

#[test]
fn object_that_wraps_the_list_is_refused_with_advice() {
    let refused = |list: &str| {
        let (_keep, input) = file(list.as_bytes());
        ListSource::new(vec![input], Auto).unwrap_err()
    };
    for list in [
        r#"{"urls":["http://a.test/1"]}"#,
        "{\n \"total\": 2,\n \"urls\": [\n {\"url\":\"http://a.test/1\"}]}",
        &format!(r#"{{"urls":["http://a.test/1"{}"#, ",\"http://a.test/2\"".repeat(10_000)),
    ] {
        let error = refused(list);
        assert!(error.is_refusal());
        assert!(error.to_string().contains("wraps the list in `urls`") && error.to_string().contains("jq"), "{error}");
    }
    for (list, why) in [
        (r#"{"data":{"n":1,"items":[{"link":"http://a.test/1"}]}}"#, "jq '.[\"data\"][\"items\"]' LIST"),
        ("{\n\"data\": {\"items\": [\n\"http://a.test/1\"]}}", "the list in `data.items`"),
        (r#"{"9f86d081884c":["http://a.test/1"]}"#, "wraps the list; take the array out, such as with jq"),
        (r#"{"log":{"version":"1.2","pages":[{"title":"http://a.test/"}],"entries":[]}}"#, "a HAR file"),
        ("{\n\"log\": {\"entries\": [\n{\"request\": {\"url\": \"http://a.test/\"}}]}}", ".log.entries[].request.url"),
    ] {
        let error = refused(list);
        assert!(error.is_refusal() && error.to_string().contains(why), "{error}");
    }
    let lines = r#"{"meta":{"fields":[{"name":"x"}]}}"#.to_owned() + "\n{\"url\":\"http://a.test/1\"}\n";
    assert_eq!(brief(&json(&lines))[1], "2 http://a.test/1");
    let records = r#"{"images":["http://b.test/"],"url":"http://a.test/1"}"#;
    assert_eq!(brief(&json(records)), ["1 http://a.test/1"]);
}

#[test]
fn text_that_begins_with_a_bracket_stays_text() {
    assert_eq!(brief(&json("[x](http://a.test/)\nhttp://b.test/\n"))[1], "2 http://b.test/");
    assert_eq!(brief(&read(reader("-", b"[\"http://a.test/\"]"), InputFormat::Text))[0], "1 !{…}");
}

#[test]
fn overlong_element_is_skipped() {
    let list = format!("[\"http://a.test/1\",\"{}\",\n\"http://a.test/2\"]", "x".repeat(3 << 20));
    let entries = json(&list);
    assert_eq!(entries.len(), 3);
    says(&entries[1..2], "longer than 1048576 bytes");
    assert_eq!(brief(&entries[2..]), ["2 http://a.test/2"]);
}

#[test]
fn pieces_of_any_size_give_the_same_entries() {
    let list = "[ \"http://a.test/1\" , {\"url\":\"http://a.test/\\\"2\"}\n,3, \"http://a.test/é\"]\n".as_bytes();
    let whole = brief(&read(reader("-", list), Auto));
    for size in 1..9 {
        let cut: Vec<&[u8]> = list.chunks(size).collect();
        assert_eq!(brief(&read(pieces(&cut), Auto)), whole, "{size}");
    }
}

#[test]
fn element_of_a_pipe_does_not_wait_for_the_next() {
    let (reader, mut writer) = io::pipe().unwrap();
    let mut source = ListSource::new(vec![Input::Reader("-".into(), Box::new(reader))], Auto).unwrap();
    let (send, batches) = mpsc::sync_channel(8);
    thread::spawn(move || {
        while let Some(batch) = source.next_batch().unwrap() {
            send.send(brief(&batch.entries)).unwrap();
        }
    });
    let next = || batches.recv_timeout(Duration::from_secs(20)).unwrap();
    writer.write_all(b"[\"http://a.test/1\",\"http").unwrap();
    assert_eq!(next(), ["1 http://a.test/1"]);
    writer.write_all(b"://a.test/2\"\n]").unwrap();
    assert_eq!(next(), ["1 http://a.test/2"]);
}

/// Elements without end, and how much was asked for.
struct Endless(u64);

impl Read for Endless {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let element = b"\"http://a.test/\",";
        let begin: &[u8] = if self.0 == 0 { b"[" } else { element };
        self.0 += 1;
        buf[..begin.len()].copy_from_slice(begin);
        Ok(begin.len())
    }
}

#[test]
fn endless_array_is_given_out_in_batches() {
    let mut source = ListSource::new(vec![Input::Reader("-".into(), Box::new(Endless(0)))], Auto).unwrap();
    for _ in 0..1000 {
        assert!(source.next_batch().unwrap().is_some_and(|batch| (1..=Batch::MAX).contains(&batch.entries.len())));
    }
}

#[test]
fn every_line_end_and_encoding_of_an_array_is_understood() {
    let array =
        "[\r{\r\n\"url\": \"http://a.test/я\"\r},\n\"http://a.test/2\"\r\n,\"http://a.test/cut\r\"http://a.test/3\"]";
    let utf16: Vec<u8> = array.encode_utf16().flat_map(u16::to_be_bytes).collect();
    for list in [array.as_bytes(), &utf16] {
        let entries = read(reader("-", list), Auto);
        let good: Vec<_> = brief(&entries).into_iter().filter(|line| !line.contains('!')).collect();
        assert_eq!(good, ["2 http://a.test/%D1%8F", "5 http://a.test/2", "7 http://a.test/3"]);
    }
}

#[test]
fn value_that_is_no_utf8_names_its_byte() {
    let entries = read(reader("-", b"[\"http://a.test/\xe9\", #\xe8,\n\"http://a.test/2\"]"), Auto);
    says(&entries[0..1], "byte 0xE9 of the value is no UTF-8; save the list as UTF-8, or name its encoding");
    says(&entries[1..2], "byte 0xE8");
    assert_eq!(brief(&entries[2..]), ["2 http://a.test/2"]);
}

#[test]
fn object_that_wraps_a_long_list_is_refused_at_its_beginning() {
    let endless = b"{\"urls\":\n[\"http://a.test/1\",".chain(io::repeat(b'\n'));
    let input = Input::Reader("list".into(), Box::new(endless));
    let (entries, end) = drain(&mut ListSource::new(vec![input], Auto).unwrap());
    assert!(entries.is_empty() && end.unwrap_err().is_refusal());
}

#[test]
fn keys_near_a_known_one_are_told_once() {
    let digest = "5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03";
    let one =
        |n: u32| format!(r#"{{"SHA-256":"{digest}","hash":"x","path":null,"name":"y","url":"http://a.test/{n}"}}"#);
    for (name, list) in
        [("l.ndjson", format!("{}\n{}\n", one(1), one(2))), ("l.json", format!("[{},\n{}]", one(1), one(2)))]
    {
        let mut source = ListSource::new(vec![reader(name, list.as_bytes())], InputFormat::Auto).unwrap();
        let (mut entries, mut notes) = (Vec::new(), Vec::new());
        while let Some(batch) = source.next_batch().unwrap() {
            entries.extend(batch.entries);
            notes.extend(batch.notes);
        }
        assert_eq!(notes, [format!("{name}:1: ignoring the key `hash`; did you mean `sha256`?")]);
        let checked =
            |entry: &Entry| matches!(entry, Entry::Seed(seed) if seed.overrides.as_ref().unwrap().sha256.is_some());
        assert!(entries.len() == 2 && entries.iter().all(checked), "{entries:?}");
    }
}
