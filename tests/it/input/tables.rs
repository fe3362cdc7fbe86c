//! Tables: which column is fetched, and lists that are refused as a whole.

use serde_json::{Value, json};

use crate::support::BACKENDS;
use crate::support::act::{Act, Script};
use crate::support::cli::Fetchall;
use crate::support::fault::FaultServer;

fn anything() -> FaultServer {
    FaultServer::start(Script::new().otherwise(Act::KeepAliveOk(b"hello\n".to_vec())))
}

#[test]
fn the_chosen_column_is_named_in_one_warning() {
    let server = anything();
    let list = format!("id;image_url\r\n1;{}\r\n2;{}\r\n", server.url("a"), server.url("b"));
    let run = Fetchall::new().file("sites.csv", list).args(["--json", "sites.csv"]).run().expect_code(0);
    assert_eq!(run.records().len(), 2);
    let told = "sites.csv: taking the URLs from the column `image_url`";
    assert_eq!(run.stderr.matches(told).count(), 1, "{}", run.stderr);
}

#[test]
fn a_table_without_urls_ends_the_run_before_it_begins() {
    let server = anything();
    let rows = "1,a.test\n".repeat(100_000);
    let fetchall = Fetchall::new().arg("--json").arg(server.url("a")).arg("sites.csv");
    let run = fetchall.file("sites.csv", format!("id,domain\n{rows}")).run().expect_code(2);
    assert_eq!((run.stdout.as_str(), server.requests().len()), ("", 0));
    let told = "error: sites.csv: no column holds URLs; the columns are `id`, `domain`;";
    assert!(run.stderr.contains(told) && run.stderr.contains("--url-column"), "{}", run.stderr);
    assert_eq!(run.stderr.lines().count(), 1, "{}", run.stderr);
}

#[test]
fn a_pipe_without_urls_loses_no_record_of_what_came_before() {
    for backend in BACKENDS {
        let server = anything();
        let fetchall =
            Fetchall::new().args(["--json", "--summary", "s.json", "--backend", backend, "--input-format", "csv"]);
        let run = fetchall.arg(server.url("a")).arg("-").stdin("id,domain\n1,a.test\n").run().expect_code(2);
        let records = run.records();
        assert_eq!((records.len(), &records[0]["outcome"]), (1, &json!("ok")), "{backend}");
        assert!(run.stderr.contains("error: -: no column holds URLs"), "{}", run.stderr);
        let summary: Value = serde_json::from_slice(&run.read("s.json")).expect("JSON");
        assert_eq!((&summary["stopped"], &summary["input_complete"]), (&json!("broken"), &json!(false)));
        assert_eq!(summary["next_line"], json!({"file": "-", "line": 1}));
    }
}

#[test]
fn the_column_may_be_named_by_flag_file_or_variable() {
    let server = anything();
    let list = format!("page,image\n{},{}\n", server.url("page"), server.url("image"));
    let fetchall = || Fetchall::new().file("sites.csv", &list).arg("sites.csv");
    let run = fetchall().run().expect_code(2);
    assert!(run.stderr.contains("column `page` and the column `image` hold URLs"), "{}", run.stderr);
    fetchall().args(["--url-column", "image"]).run().expect_code(0);
    fetchall().env("FETCHALL_URL_COLUMN", "image").run().expect_code(0);
    fetchall().file("fetchall.toml", "url-column = \"image\"\n").run().expect_code(0);
    assert_eq!((server.asked("/image"), server.asked("/page")), (3, 0));
}

#[test]
fn a_row_on_a_pipe_is_fetched_without_waiting_for_the_next() {
    let server = anything();
    let mut running = Fetchall::new().args(["--json", "-"]).stdin_open().spawn();
    running.write_line("id\tlink");
    for (n, name) in ["a", "b"].iter().enumerate() {
        running.write_line(&format!("{n}\t{}", server.url(name)));
        let record: Value = serde_json::from_str(&running.next_line()).expect("a record");
        assert_eq!((&record["url"], &record["source"]["line"]), (&json!(server.url(name)), &json!(n + 2)));
    }
    running.close_stdin();
    running.wait().expect_code(0);
}

#[test]
fn a_pasted_list_is_fetched_as_its_reader_means_it() {
    let server = anything();
    let [a, b, c, d, e] = ["a", "b", "c", "d", "e"].map(|name| server.url(name));
    let list = format!("- \"{a}\"\r* <{b}>\r1. [x]({c}),\r{d}\u{200b}\r{d}\u{2028}{e}\r");
    let utf16: Vec<u8> = list.encode_utf16().flat_map(u16::to_le_bytes).collect();
    for list in [list.into_bytes(), utf16] {
        let run = Fetchall::new().args(["--json", "--order", "input"]).stdin(list).run().expect_code(1);
        let records = run.records();
        let urls: Vec<_> = records[..4].iter().map(|record| record["url"].as_str().unwrap_or_default()).collect();
        assert_eq!(urls, [&a, &b, &c, &d]);
        let message = records[4]["error"]["message"].as_str().unwrap_or_default();
        assert!(message.contains("U+2028 line separator"), "{message}");
        assert_eq!(records[4]["source"]["line"], 5);
    }
    assert_eq!((server.asked("/d"), server.asked("/e")), (2, 0));
    // Arguments too.
    Fetchall::new().arg(format!("\u{a0}<{a}>")).run().expect_code(0);
    assert_eq!(server.asked("/a"), 3);
}

#[test]
fn the_encoding_of_a_list_may_be_named() {
    let server = anything();
    let mut list = format!("url;out\r\n{};caf", server.url("a")).into_bytes();
    list.extend_from_slice(b"\xe9.html\r\n");
    let fetchall = || Fetchall::new().file("export.csv", &list).args(["--json", "-d", "out", "export.csv"]);
    let run = fetchall().run().expect_code(1);
    let message = run.records()[0]["error"]["message"].as_str().unwrap_or_default().to_owned();
    assert!(message.contains("byte 0xE9 in the out cell") && message.contains("--input-encoding"), "{message}");
    let run = fetchall().args(["--input-encoding", "windows-1252"]).run().expect_code(0);
    assert_eq!(run.records()[0]["path"], "out/café.html");
    let run = fetchall().args(["--input-encoding", "ansi"]).run().expect_code(2);
    assert!(run.stderr.contains("`ansi` is no encoding"), "{}", run.stderr);
}

const HELLO: &str = "5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03";

#[test]
fn digests_under_another_spelling_are_verified() {
    for backend in BACKENDS {
        let server = anything();
        let wrong = HELLO.replace('5', "6");
        let urls = [server.url("a"), server.url("b"), server.url("c"), server.url("d")];
        let list =
            format!("URL,SHA-256\n{},{HELLO}\n{},{wrong}\n{},\n{},{HELLO}\n", urls[0], urls[1], urls[2], urls[3]);
        let run = Fetchall::new().file("names.csv", list).args(["--json", "--summary", "s.json", "--dir", "out"]);
        let run = run.args(["--backend", backend, "names.csv"]).run().expect_code(1);
        assert!(run.stderr.contains("\ndigests    2 verified · 1 differs\n"), "{}", run.stderr);
        let summary: Value = serde_json::from_slice(&run.read("s.json")).expect("JSON");
        assert_eq!(summary["digests"], json!({"verified": 2, "differs": 1, "unchecked": 0}), "{backend}");
    }
}

#[test]
fn a_digest_that_nothing_checks_is_counted() {
    let server = anything();
    let list = format!("url,out,sha256\n{},a,{HELLO}\n", server.url("a"));
    let fetchall = |word: &str| Fetchall::new().file("names.csv", &list).args(["--dir", "out", "names.csv", word]);
    let run = fetchall("--skip-existing").file("out/a", "other").run().expect_code(0);
    assert!(run.stderr.contains("digests    1 not checked\n"), "{}", run.stderr);
    let run = fetchall("--head").run().expect_code(0);
    assert!(run.stderr.contains("digests    1 not checked\n"), "{}", run.stderr);
}

#[test]
fn an_unclear_column_ends_the_run_before_it_begins() {
    let server = anything();
    let list = format!("url,hash\n{},{HELLO}\n", server.url("a"));
    let run = Fetchall::new().file("names.csv", list).args(["--json", "names.csv"]).run().expect_code(2);
    let told = "error: names.csv:1: unknown column `hash`; did you mean `sha256`? ";
    assert!(run.stderr.starts_with(told), "{}", run.stderr);
    assert_eq!((run.stdout.as_str(), server.requests().len()), ("", 0));
}

#[test]
fn file_names_without_a_folder_are_told_once() {
    let server = anything();
    let list = format!("url,filename,price\n{},a,1\n{},b,2\n", server.url("a"), server.url("b"));
    let run = Fetchall::new().file("names.csv", list).arg("names.csv").run().expect_code(0);
    let told = "names.csv:2: names a file (out), but nothing is saved without --dir DIR";
    assert_eq!(run.stderr.matches(told).count(), 1, "{}", run.stderr);
    assert_eq!(run.stderr.matches("names.csv: ignoring the column `price`").count(), 1, "{}", run.stderr);
}
