//! Lists: streams, files, arguments, tables; order, duplicates and bad lines.

use std::time::Duration;

use serde_json::{Value, json};
use wiremock::Mock;
use wiremock::matchers::{header, method};

use crate::support::cli::Fetchall;
use crate::support::mock::{Mocks, get, hello};
use crate::support::play::gzip;
use crate::support::single::kind;

/// A server of `/a` and `/b`, each of which is to be asked so many times.
fn each_asked(times: u64) -> Mocks {
    Mocks::start(["a", "b"].map(|name| get(name).respond_with(hello()).expect(times)))
}

fn parse(line: &str) -> Value {
    serde_json::from_str(line).expect("a record")
}

#[test]
fn a_line_is_fetched_before_the_next_one_arrives() {
    let server = Mocks::hello();
    let mut running = Fetchall::new().args(["--json", "-"]).stdin_open().spawn();
    for (n, name) in ["a", "b", "c"].iter().enumerate() {
        running.write_line(&server.url(name));
        let record = parse(&running.next_line());
        assert_eq!(record["url"], server.url(name));
        assert_eq!(record["source"], json!({"file": "-", "line": n + 1}));
    }
    running.close_stdin();
    assert_eq!(running.wait().expect_code(0).records().len(), 3);
}

#[test]
fn a_pipe_is_read_without_being_named() {
    let server = each_asked(1);
    let list = format!("\u{feff}# a comment\r\n\r\n  {}  \r\n{}", server.url("a"), server.url("b"));
    let run = Fetchall::new().arg("--json").stdin(list).run().expect_code(0);
    let mut lines: Vec<_> = run.records().iter().map(|record| record["source"]["line"].as_u64()).collect();
    lines.sort_unstable();
    assert_eq!(lines, [Some(3), Some(4)]);
}

#[test]
fn arguments_files_and_standard_input_go_together() {
    let server =
        Mocks::start(["one", "two", "piped", "argument"].map(|name| get(name).respond_with(hello()).expect(1)));
    let fetchall = Fetchall::new()
        .file("one.txt", server.url("one\n"))
        .file("two.txt", format!("# two\n{}", server.url("two\n")))
        .stdin(server.url("piped\n"))
        .args(["--json", "-c", "1", "one.txt"])
        .arg(server.url("argument"))
        .args(["-", "-i", "two.txt"]);
    let run = fetchall.run().expect_code(0);
    let sources: Vec<Value> = run.records().iter().map(|record| record["source"].clone()).collect();
    let from = |file: &str, line: u64| json!({"file": file, "line": line});
    assert_eq!(sources, [from("one.txt", 1), from("arguments", 2), from("-", 1), from("two.txt", 2)]);
}

#[test]
fn higher_priorities_are_handed_out_first() {
    let server = Mocks::hello();
    // While the first one is under way the rest of the list is read.
    let slow = hello().set_delay(Duration::from_millis(300));
    server.mount(get("first").respond_with(slow).with_priority(1));
    let mut list = format!("url,priority\n{},99\n", server.url("first"));
    for (name, priority) in [("low", "-5"), ("plain", ""), ("high", "7"), ("plain2", "0"), ("high2", "7")] {
        list += &format!("{},{priority}\n", server.url(name));
    }
    Fetchall::new().file("list.csv", list).args(["-c", "1", "list.csv"]).run().expect_code(0);
    let order: Vec<String> = server.requests().iter().map(|request| request.url.path().to_owned()).collect();
    assert_eq!(order, ["/first", "/high", "/high2", "/plain", "/plain2", "/low"]);
}

#[test]
fn duplicates_are_skipped_once_fetched() {
    let server = each_asked(1);
    let list = [server.url("a"), server.url("a#part"), server.url("a").replace("http", "HTTP"), server.url("b")];
    let run = Fetchall::new().arg("--json").stdin(list.join("\n")).run().expect_code(0);
    let records = run.records();
    assert_eq!(records.len(), 4);
    let skipped = records.iter().filter(|record| record["skip"]["reason"] == "duplicate").count();
    assert_eq!(skipped, 2);
}

#[test]
fn bad_lines_are_records_that_name_file_and_line() {
    let server = each_asked(2);
    let list = format!("{}\nexample.com/no-scheme\n\n# fine\nmailto:a@b\n{}\n", server.url("a"), server.url("b"));
    let fetchall = Fetchall::new().file("in/sites.txt", &list).args(["--json", "in/sites.txt"]);
    let run = fetchall.run().expect_code(1);
    let mut records = run.records();
    records.sort_by_key(|record| record["source"]["line"].as_u64());
    let seen: Vec<_> = records.iter().map(|r| (r["source"]["line"].as_u64(), kind(r))).collect();
    assert_eq!(seen, [(Some(1), "ok"), (Some(2), "invalid_url"), (Some(5), "invalid_url"), (Some(6), "ok")]);
    assert!(records.iter().all(|record| record["source"]["file"] == "in/sites.txt"));
    let text = Fetchall::new().file("in/sites.txt", &list).arg("in/sites.txt").run().expect_code(1);
    assert!(text.stdout.contains("in/sites.txt:2"), "{}", text.stdout);
}

#[test]
fn a_wrong_line_is_named_wherever_it_is_shown() {
    let page = "<p>\n<a href=part/one.html>1</a>\n<a href=/two.html>2</a>\n";
    let aria2 = "http://127.0.0.1:9/a\n  split=1\nhttp://127.0.0.1:9/b\n  out=../x\n";
    let relative = "a relative URL; give the address of its document with --base URL";
    let refused = "the output name of the line leads out of the output folder";
    for (name, list, words, told) in [
        (
            "page.html",
            page,
            &["--input-format", "html"][..],
            [2, 3].map(|n| format!("{relative}, page.html:{n}")).to_vec(),
        ),
        ("jobs.txt", aria2, &["--dir", "out"], vec![format!("{refused}, jobs.txt:3")]),
    ] {
        let run =
            |more: &[&str]| Fetchall::new().file(name, list).args(words).args(more).arg(name).run().expect_code(1);
        let (text, short) = (run(&[]), run(&["-qS"]));
        for told in told {
            assert!(text.stdout.contains(&format!("({told})\n")), "{}", text.stdout);
            assert!(text.stderr.contains(&format!("({told})\n")), "the summary: {}", text.stderr);
            assert!(short.stderr.contains(&format!("{told}\n")), "{}", short.stderr);
        }
    }
}

#[test]
fn lists_may_be_gzipped() {
    let server = each_asked(2);
    let list = gzip(format!("{}\n{}\n", server.url("a"), server.url("b")).as_bytes());
    Fetchall::new().file("list.txt.gz", &list).arg("list.txt.gz").run().expect_code(0);
    Fetchall::new().arg("-").stdin(list).run().expect_code(0);
}

#[test]
fn a_truncated_gzip_list_ends_the_run_with_an_account() {
    let server = Mocks::hello();
    let lines: String = (0..2000).map(|n| server.url(&format!("a/{n}/{}\n", n * 7919 % 1009))).collect();
    let mut list = gzip(lines.as_bytes());
    list.truncate(list.len() / 2);
    let fetchall = Fetchall::new().file("list.gz", list).args(["--json", "--summary", "s.json", "list.gz"]);
    let run = fetchall.run().expect_code(3);
    assert!(run.stderr.contains("list.gz"), "{}", run.stderr);
    let summary: Value = serde_json::from_slice(&run.read("s.json")).expect("JSON");
    assert_eq!((&summary["stopped"], &summary["input_complete"]), (&json!("broken"), &json!(false)));
    assert_eq!(summary["read"], run.records().len());
}

#[test]
fn request_fields_of_a_line_reach_the_server() {
    let names = [("csv", "text/plain"), ("ndjson", "text/plain"), ("tsv", "*/*"), ("aria2", "*/*")];
    let server = Mocks::start(names.map(|(name, accept)| {
        let fields = get(name).and(header("x-one", "1")).and(header("x-two", "2"));
        fields.and(header("accept", accept)).respond_with(hello()).expect(1)
    }));
    let [csv, ndjson, tsv, aria2] = ["csv", "ndjson", "tsv", "aria2"].map(|name| server.url(name));
    let fetchall = Fetchall::new()
        .file(
            "a.csv",
            format!("url,headers\n{csv},\"{{\"\"X-One\"\":\"\"1\"\",\"\"Accept\"\":\"\"text/plain\"\"}}\"\n"),
        )
        .file("b.ndjson", json!({"url": ndjson, "headers": {"X-One": "1", "Accept": "text/plain"}}).to_string())
        .file("c.tsv", format!("headers\turl\nX-One: 1\t{tsv}\n"))
        .file("d.txt", format!("{aria2}\n  header=X-One: 1\n"))
        .args(["-H", "X-One: run", "-H", "X-Two: 2", "a.csv", "b.ndjson", "c.tsv", "d.txt"]);
    fetchall.run().expect_code(0);
}

#[test]
fn records_of_an_earlier_run_are_a_list() {
    let server = each_asked(2);
    let first = Fetchall::new().arg("--json").args(["a", "b"].map(|name| server.url(name))).run().expect_code(0);
    Fetchall::new().args(["--input-format", "ndjson"]).stdin(first.stdout).run().expect_code(0);
}

#[test]
fn an_empty_list_is_no_error() {
    let run = Fetchall::new().arg("--json").stdin("# nothing\n\n").run().expect_code(0);
    assert_eq!(run.stdout, "");
    assert_eq!(run.stderr.lines().last().and_then(|line| line.split_once(" in ")).map(|(n, _)| n), Some("0 URLs"));
}

#[test]
fn a_missing_list_is_an_error_before_any_request() {
    let server = Mocks::start([Mock::given(method("GET")).respond_with(hello()).expect(0)]);
    let run = Fetchall::new().arg(server.url("a")).arg("absent.txt").run().expect_code(2);
    assert!(run.stderr.contains("absent.txt"), "{}", run.stderr);
}
