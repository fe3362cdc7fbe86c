//! `--retry-from`: another try of what an earlier run did not get.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::support::act::{Act, Script};
use crate::support::cli::{Fetchall, Finished};
use crate::support::fault::FaultServer;
use crate::support::play::gzip;

fn server() -> FaultServer {
    FaultServer::start(Script::new().otherwise(Act::KeepAliveOk(b"hello\n".to_vec())))
}

/// A record with what counts of it.
fn record(url: &str, outcome: &str, kind: Option<&str>, status: Option<u16>) -> String {
    let error = kind.map(|kind| json!({"kind": kind, "message": "x"}));
    let skip = (outcome == "skipped").then(|| json!({"reason": "duplicate"}));
    json!({"v": 1, "url": url, "outcome": outcome, "status": status, "error": error, "skip": skip}).to_string() + "\n"
}

/// One of each kind, named by what happened.
fn report(server: &FaultServer) -> String {
    [
        ("fine", "ok", None, Some(200)),
        ("missing", "http_error", Some("http_status"), Some(404)),
        ("busy", "http_error", Some("http_status"), Some(503)),
        ("slow", "failed", Some("timeout"), None),
        ("cut", "failed", Some("truncated"), Some(200)),
        ("late", "cancelled", Some("cancelled"), None),
        ("missing", "skipped", None, None),
    ]
    .map(|(name, outcome, kind, status)| record(&server.url(name), outcome, kind, status))
    .concat()
}

fn retry(report: &str, args: &[&str]) -> Finished {
    let run = Fetchall::new().file("report.ndjson", report).args(["--json", "--retry-from", "report.ndjson"]);
    run.args(args).run()
}

/// The last segments of the URLs that were tried.
fn tried(run: &Finished) -> BTreeSet<String> {
    let url = |record: &Value| record["url"].as_str().unwrap().rsplit('/').next().unwrap().to_owned();
    run.records().iter().map(url).collect()
}

fn set(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

#[test]
fn the_summary_names_the_command_that_tries_again() {
    let gone = Act::RawKeepAlive(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n".to_vec());
    let script = Script::new().on_each("gone", vec![gone, Act::KeepAliveOk(b"hello\n".to_vec())]);
    let server = FaultServer::start(script.otherwise(Act::KeepAliveOk(b"hello\n".to_vec())));
    let urls = ["a", "gone"].map(|name| server.url(name));
    let first = Fetchall::new().args(["--json", "-o", "my records.ndjson"]).args(urls.clone()).run().expect_code(1);
    let next = "to try again: the same command with --retry-from 'my records.ndjson' -o again.ndjson (1 failed)";
    assert_eq!(first.stderr.lines().last(), Some(next), "{}", first.stderr);
    let again = Fetchall::new().file("my records.ndjson", first.read("my records.ndjson"));
    let args = ["--json", "-o", "my records.ndjson", "--retry-from", "my records.ndjson", "-o", "again.ndjson"];
    let again = again.args(args).args(urls).run().expect_code(0);
    let records = crate::support::cli::records(&String::from_utf8(again.read("again.ndjson")).unwrap());
    assert_eq!(records.iter().map(|record| &record["url"]).collect::<Vec<_>>(), [&json!(server.url("gone"))]);
    assert!(again.stderr.lines().last().is_some_and(|last| last.ends_with(": 1 ok")), "{}", again.stderr);
}

#[cfg(target_os = "linux")]
#[test]
fn the_next_command_knows_where_standard_output_leads() {
    let gone = Act::RawKeepAlive(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n".to_vec());
    let server = FaultServer::start(Script::new().otherwise(gone));
    let program = env!("CARGO_BIN_EXE_fetchall");
    let last = |to: &str| {
        let command = format!("{program} --json {} {} {to}", server.url("a"), server.url("b"));
        let run = Fetchall::of("/bin/sh").args(["-c", &command]).run();
        run.stderr.lines().last().map(str::to_owned)
    };
    let with_file = "to try again: the same command with --retry-from r.ndjson > again.ndjson (2 failed)";
    assert_eq!(last("> r.ndjson").as_deref(), Some(with_file));
    let from_start = "to try again: the same command from the start (2 failed); --dir DIR resumes";
    assert_eq!(last("| cat").as_deref(), Some(from_start));
}

#[test]
fn retry_from_fetches_failed_or_named_outcomes() {
    let server = server();
    let report = report(&server);
    for (args, expected) in [
        (&[][..], &["busy", "cut", "late", "missing", "slow"][..]),
        (&["--only", "timeout,5xx"], &["busy", "slow"]),
        (&["--only", "404", "--only", "cancelled"], &["late", "missing"]),
        (&["--only", "failed"], &["cut", "slow"]),
        (&["--only", "http_error"], &["busy", "missing"]),
        (&["--only", "Timeout,5XX"], &["busy", "slow"]),
        (&["--only", "dns"], &[]),
    ] {
        let run = retry(&report, args).expect_code(0);
        assert_eq!(tried(&run), set(expected), "{args:?}");
        assert_eq!(run.records().len(), expected.len(), "{args:?}");
        assert!(run.records().iter().all(|record| record["source"]["file"] == "report.ndjson"));
        assert_eq!(run.stderr.contains(": nothing to do\n"), expected.is_empty(), "{}", run.stderr);
    }
}

#[test]
fn records_of_an_empty_url_cell_say_that_it_is_empty() {
    for (format, ending) in [("--json", "ndjson"), ("--csv", "csv"), ("--tsv", "tsv")] {
        let report = format!("r.{ending}");
        let first = Fetchall::new().file("list.csv", "url,out\n,x\n").args([format, "-o", &report, "list.csv"]);
        let first = first.run().expect_code(1);
        let again = Fetchall::new().file(&report, first.read(&report)).args(["--json", "--retry-from", &report]);
        let records = again.run().expect_code(1).records();
        let message = &records[0]["error"]["message"];
        assert_eq!((records.len(), message), (1, &json!("the URL is empty")), "{format}");
    }
}

#[test]
fn the_last_record_of_a_url_counts() {
    let server = server();
    let of = |name: &str, outcome: &str| record(&server.url(name), outcome, None, None);
    let report = [of("a", "failed"), of("b", "ok"), of("a", "ok"), of("b", "failed"), of("c", "failed")].concat();
    let run = retry(&report, &["--order", "input"]).expect_code(0);
    let lines: Vec<_> = run.records().iter().map(|record| record["source"]["line"].clone()).collect();
    assert_eq!((tried(&run), lines), (set(&["b", "c"]), vec![json!(4), json!(5)]));
}

#[test]
fn its_own_records_are_a_report_gzipped_and_through_a_pipe_too() {
    let busy = || Act::Status(503, Vec::new());
    let server =
        FaultServer::start(Script::new().on_each("busy", vec![busy(), busy(), busy(), Act::KeepAliveOk(b"x".into())]));
    let first = Fetchall::new().args(["--json"]).args([server.url("busy"), server.url("missing")]).run().expect_code(1);
    let gz = Fetchall::new().file("r.gz", gzip(first.stdout.as_bytes())).args(["--json", "--retry-from", "r.gz"]);
    assert_eq!(tried(&gz.run().expect_code(1)), set(&["busy", "missing"]));
    let again = || Fetchall::new().args(["--json", "--only", "503", "--retry-from", "-"]).stdin(first.stdout.clone());
    assert_eq!(tried(&again().run().expect_code(1)), set(&["busy"]));
    assert_eq!(tried(&again().run().expect_code(0)), set(&["busy"]));
}

#[test]
fn a_list_says_how_and_the_report_says_which() {
    let server = server();
    let credentials = server.url("late").replace("http://", "http://me:secret@");
    let list = format!(
        "url\tout\theaders\n{}\tx/slow.txt\tX-A: 1\n{}\tx/fine.txt\t\n{}\t\t\nnonsense\t\t\n{credentials}\t\t\n",
        server.url("slow"),
        server.url("fine"),
        server.url("other"),
    );
    let run = Fetchall::new().file("report.ndjson", report(&server)).file("list.tsv", list);
    let run = run.args(["--json", "--retry-from", "report.ndjson", "--dir", "out", "list.tsv"]).run().expect_code(0);
    assert_eq!(tried(&run), set(&["busy", "cut", "late", "missing", "slow"]));
    assert_eq!(run.read("out/x/slow.txt"), b"hello\n");
    let asked = |path: &str| server.requests().into_iter().find(|request| request.path == path).expect("asked");
    assert_eq!(asked("/slow").header("x-a"), Some("1"));
    assert_eq!(asked("/late").header("authorization"), Some("Basic bWU6c2VjcmV0"));
    assert_eq!(asked("/cut").header("x-a"), None);
    let files: BTreeSet<_> = run.records().iter().map(|r| r["source"]["file"].as_str().unwrap().to_owned()).collect();
    assert_eq!(files, set(&["list.tsv", "report.ndjson"]), "each record names where it was read");
}

#[test]
fn a_line_that_is_no_record_is_one_failed_record() {
    let server = server();
    let lines = [
        record(&server.url("a"), "failed", None, None).trim_end().to_owned(),
        "http://127.0.0.1:9/list".to_owned(),
        "{\"url\":\"http://127.0.0.1:9/\"}".to_owned(),
        "{\"outcome\":\"failed\"}".to_owned(),
        String::new(),
        record("http://127.0.0.1:9/", "eaten", None, None).trim_end().to_owned(),
        "{\"v\":2,\"url\":\"http://127.0.0.1:9/\",\"outcome\":\"failed\"}".to_owned(),
        "{\"v\":1,\"url\":\"http://127.0".to_owned(),
    ];
    let run = retry(&lines.join("\n"), &[]).expect_code(1);
    let bad: Vec<_> = run.records().into_iter().filter(|record| record["outcome"] == "failed").collect();
    let places: Vec<_> = bad.iter().map(|r| r["source"]["line"].as_u64().unwrap()).collect();
    assert_eq!(places, [2, 3, 4, 6, 7, 8]);
    let message = bad[5]["error"]["message"].as_str().unwrap();
    assert!(message.starts_with("a record that is cut off"), "{message}");
    for record in &bad {
        assert_eq!(
            (&record["error"]["kind"], &record["source"]["file"]),
            (&"invalid_url".into(), &"report.ndjson".into())
        );
    }
    assert_eq!((run.records().len(), server.asked("/a")), (7, 1), "and what is a record is tried");
}

#[test]
fn a_file_that_is_no_report_is_refused() {
    let list = "\n# a list\nhttp://127.0.0.1:9/\n";
    let as_file = Fetchall::new().file("l.txt", list).args(["--json", "--retry-from", "l.txt"]);
    let as_pipe = Fetchall::new().stdin(list).args(["--json", "--retry-from", "-"]);
    for run in [as_file, as_pipe] {
        let refused = run.run().expect_code(2);
        assert!(refused.stderr.contains(":2: not a record; name the records"), "{}", refused.stderr);
        assert_eq!(refused.stdout, "");
    }
}

#[test]
fn contradicting_options_are_refused_before_any_change() {
    let run = || Fetchall::new().file("r.ndjson", "").file("list.txt", "");
    for (args, said) in [
        (&["--retry-from", "r.ndjson", "-o", "r.ndjson"][..], "would overwrite the input r.ndjson"),
        (&["--retry-from", "r.ndjson", "--summary", "./r.ndjson"], "would overwrite the input r.ndjson"),
        (&["--retry-from", "none.ndjson"], "none.ndjson: no such file"),
        (&["--retry-from", "r.ndjson", "--only", "5x"], "`5x` is none of"),
        (&["--retry-from", "r.ndjson", "--only", "ok"], "timeout"),
        (&["--only", "5xx", "list.txt"], "--only: there are no results to select by; name records with --retry-from"),
        (&["--only", "5xx", "--dir", "out", "--fresh", "list.txt"], "--only and --fresh: "),
        (&["--only", "5xx", "--dir", "out", "--changes", "c", "list.txt"], "--only and --changes: "),
        (&["--only", "5xx", "--dir", "out", "--dry-run", "list.txt"], "--only: no run has left its results here yet"),
        (&["--only", "5xx", "--dir", "out", "list.txt"], "--only: no run has left its results here yet"),
        (&["--only", "5xx", "--state", "s.db", "list.txt"], "--only: no run has left its results here yet"),
        (&["--retry-from", "-", "-"], "standard input is named twice"),
        (&["--retry-from", "r.ndjson", "-O", "x"], "--output-document and --retry-from"),
        (&["--retry-from", "r.ndjson", "--dir", "out", "--changes", "c"], "changes"),
    ] {
        let refused = run().args(args.iter().copied()).run().expect_code(2);
        assert!(refused.stderr.contains(said), "{args:?}: {}", refused.stderr);
    }
}

/// A list of three with the second in trouble, fetched into `out` with these arguments; the state is
/// gone after it.
fn numbered(server: &FaultServer, urls: &[String], args: &[&str]) -> Finished {
    let list = urls.join("\n");
    let run = Fetchall::new().file("n.txt", list).args(["--json", "--dir", "out", "-o", "n.nd", "n.txt"]);
    let run = run.args(args).run().expect_code(1);
    assert_eq!(server.asked("/z"), 1);
    run
}

/// The same list, only what failed of it.
fn numbered_again(before: &Finished, args: &[&str]) -> Finished {
    let mut run = Fetchall::new();
    for path in ["n.txt", "n.nd"] {
        run = run.file(path, before.read(path));
    }
    let out = before.folder().join("out");
    run.args(["--json", "--retry-from", "n.nd", "n.txt", "--dir"]).arg(out).args(args).run()
}

#[test]
fn names_follow_from_the_whole_list() {
    let body = |text: &str| Act::KeepAliveOk(text.as_bytes().to_vec());
    let numbers = ("{n}.html", ["1.html", "2.html", "3.html"]);
    for ((name, files), fresh) in [(numbers, true), (numbers, false), (("{stem}", ["x", "z", "y"]), true)] {
        let script = Script::new()
            .on("x", body("one"))
            .on_each("z", vec![Act::Status(404, Vec::new()), body("two")])
            .on("y", body("three"));
        let server = FaultServer::start(script);
        let urls = ["x", "z", "y"].map(|path| server.url(path));
        let first = numbered(&server, &urls, &["--name", name]);
        for order in ["completed", "input"] {
            let args = ["--name", name, if fresh { "--fresh" } else { "--fresh=false" }, "--order", order];
            let again = numbered_again(&first, &args).expect_code(0);
            assert_eq!((again.records().len(), tried(&again)), (1, set(&["z"])));
        }
        for (file, text) in files.into_iter().zip(["one", "two", "three"]) {
            assert_eq!(first.read(&format!("out/{file}")), text.as_bytes(), "{name}");
        }
        assert_eq!((server.asked("/x"), server.asked("/y")), (1, 1), "what was ok is not asked");
    }
}

#[test]
fn a_line_that_is_left_out_keeps_its_name_to_itself() {
    let body = |text: &str| Act::KeepAliveOk(text.as_bytes().to_vec());
    let script = Script::new().on("f", body("first")).on_each("z", vec![Act::Status(404, Vec::new()), body("second")]);
    let server = FaultServer::start(script);
    // Both are called `same`.
    let list = format!("url\tout\n{}\tsame\n{}\tsame\n", server.url("f"), server.url("z"));
    let first = Fetchall::new().file("n.txt", &list).args(["--json", "--dir", "out", "-o", "n.nd", "n.txt"]);
    let first = first.run().expect_code(1);
    std::fs::remove_dir_all(first.folder().join("out/.fetchall")).expect("what was known goes");
    let again = numbered_again(&first, &[]).expect_code(0);
    assert_eq!(first.read("out/same"), b"first", "a good file is not overwritten");
    let path = again.records()[0]["path"].as_str().expect("saved").to_owned();
    assert!(path.contains("/same~"), "{path}");
    assert_eq!(std::fs::read(path).expect("its file"), b"second");
}

#[test]
fn urls_missing_in_the_report_are_named() {
    let server = server();
    let report = report(&server);
    let list = ["fine", "slow", "new", "newer"].map(|name| server.url(name)).join("\n");
    let run = |list: String| Fetchall::new().file("r.ndjson", &report).file("n.txt", list);
    let told = run(list).args(["--json", "--retry-from", "r.ndjson", "n.txt"]).run().expect_code(0);
    assert!(told.stderr.contains("2 lines of the lists have no result yet"), "{}", told.stderr);
    assert_eq!(server.asked("/new") + server.asked("/fine"), 0);
    let nothing = run(server.url("fine")).args(["--json", "--retry-from", "r.ndjson", "n.txt"]).run().expect_code(0);
    assert!(!nothing.stderr.contains("no result yet"), "{}", nothing.stderr);
}

/// Which of four answers is a failure at first: a missing page, a busy server, an answer that is not HTTP.
fn troubled() -> FaultServer {
    let good = || Act::KeepAliveOk(b"good\n".to_vec());
    let status = |code| Act::Status(code, Vec::new());
    let script = Script::new()
        .on("fine", good())
        .on_each("gone", vec![status(404), good()])
        .on_each("busy", vec![status(503), good()])
        .on_each("cut", vec![Act::Garbage, good()]);
    FaultServer::start(script)
}

/// A first run of the four into `out`, with its list and its records in two formats.
fn first_run(server: &FaultServer) -> Finished {
    let list = ["fine", "gone", "busy", "cut"].map(|name| server.url(name)).join("\n");
    let run = Fetchall::new().file("n.txt", list).args(["--dir", "out", "--name", "{n}", "--retry", "0", "n.txt"]);
    run.args(["--format", "csv", "-o", "r.csv"]).run().expect_code(1)
}

/// Another run in the folder of a first one.
fn in_folder_of(first: &Finished, args: &[&str]) -> Finished {
    let folder = first.folder();
    let args = args.iter().map(|arg| arg.replace("FOLDER", &folder.display().to_string()));
    Fetchall::new().args(["--json", "--retry", "0"]).args(args).run()
}

#[test]
fn only_alone_selects_by_the_state() {
    let server = troubled();
    let first = first_run(&server);
    let args = |which| ["--dir", "FOLDER/out", "--name", "{n}", "--only", which, "FOLDER/n.txt"];
    let dry = in_folder_of(&first, &[&args("404")[..], &["--dry-run"]].concat()).expect_code(0);
    assert_eq!(tried(&dry), set(&["gone"]));
    let run = in_folder_of(&first, &args("5xx,timeout")).expect_code(0);
    assert_eq!(tried(&run), set(&["busy"]));
    assert_eq!(first.read("out/3"), b"good\n", "the name is that of the whole list");
    let run = in_folder_of(&first, &args("failed")).expect_code(0);
    assert_eq!((tried(&run), first.read("out/4")), (set(&["cut"]), b"good\n".to_vec()));
    assert_eq!(tried(&in_folder_of(&first, &args("5xx")).expect_code(0)), set(&[]), "it is done");
    assert_eq!((server.asked("/fine"), server.asked("/gone")), (1, 1));
}

#[test]
fn only_tells_of_lines_without_a_result() {
    let server = troubled();
    let first = first_run(&server);
    let list = format!("{}\n{}\nnonsense\n", server.url("busy"), server.url("new"));
    std::fs::write(first.folder().join("more.txt"), list).expect("a list");
    let args = |which| ["--dir", "FOLDER/out", "--name", "{n}", "--only", which, "FOLDER/more.txt"];
    let run = in_folder_of(&first, &args("5xx")).expect_code(0);
    assert_eq!(tried(&run), set(&["busy"]));
    assert!(run.stderr.contains("1 line of the lists has no result yet"), "{}", run.stderr);
    let run = in_folder_of(&first, &args("cancelled")).expect_code(1);
    assert_eq!(tried(&run), set(&["new"]), "no run has come to its end");
}

#[test]
fn only_tries_what_a_refresh_did_not_get() {
    let good = || Act::KeepAliveOk(b"good\n".to_vec());
    let server = FaultServer::start(
        Script::new().on_each("a", vec![good(), Act::Status(503, Vec::new()), good()]).otherwise(good()),
    );
    let list = format!("{}\n{}\n", server.url("a"), server.url("b"));
    let first = Fetchall::new().file("n.txt", list).args(["--dir", "out", "n.txt"]).run().expect_code(0);
    in_folder_of(&first, &["--dir", "FOLDER/out", "--refresh", "FOLDER/n.txt"]).expect_code(1);
    let run = in_folder_of(&first, &["--dir", "FOLDER/out", "--only", "5xx", "FOLDER/n.txt"]).expect_code(0);
    assert_eq!((tried(&run), &run.records()[0]["outcome"]), (set(&["a"]), &json!("ok")));
}

#[test]
fn a_report_may_be_a_table_a_state_or_a_folder() {
    for report in ["r.csv", "r.tsv", "r.gz", "out/.fetchall/state.db", "out"] {
        let server = troubled();
        let first = first_run(&server);
        let csv = String::from_utf8(first.read("r.csv")).expect("text");
        std::fs::write(first.folder().join("r.tsv"), csv.replace(',', "\t")).expect("a table");
        std::fs::write(first.folder().join("r.gz"), gzip(csv.replace(',', ";").as_bytes())).expect("a table");
        let named = format!("FOLDER/{report}");
        let run = in_folder_of(&first, &["--retry-from", &named, "--only", "5xx,404"]).expect_code(0);
        assert_eq!(tried(&run), set(&["busy", "gone"]), "{report}");
        let args = ["--retry-from", &named, "--dir", "FOLDER/out", "--name", "{n}", "FOLDER/n.txt"];
        let run = in_folder_of(&first, &args).expect_code(0);
        assert_eq!(tried(&run), set(&["busy", "cut", "gone"]), "{report}");
        assert_eq!(first.read("out/4"), b"good\n", "{report}");
        assert_eq!(server.asked("/fine"), 1, "{report}");
    }
}

#[test]
fn a_state_may_be_the_report_and_the_state_of_one_run() {
    let server = troubled();
    let list = ["fine", "busy"].map(|name| server.url(name)).join("\n");
    let first = Fetchall::new().file("n.txt", list).args(["--state", "s.db", "--retry", "0", "n.txt"]);
    let first = first.run().expect_code(1);
    let again = in_folder_of(&first, &["--retry-from", "FOLDER/s.db", "--state", "FOLDER/s.db"]).expect_code(0);
    assert_eq!(tried(&again), set(&["busy"]));
    assert_eq!(tried(&in_folder_of(&first, &["--retry-from", "FOLDER/s.db"]).expect_code(0)), set(&[]));
    let other = in_folder_of(&first, &["--retry-from", "FOLDER/s.db", "--output", "FOLDER/s.db"]).expect_code(2);
    assert!(other.stderr.contains("would overwrite the input"), "{}", other.stderr);
}

#[test]
fn a_row_that_is_no_record_is_one_failed_record() {
    let server = server();
    let row = |rest: &str| format!("{}{rest}\n", server.url("a"));
    let table = [
        "url,outcome,status,error_kind\n",
        &row(",failed,,timeout"),
        "x\n",
        &row(",eaten,,"),
        &row(",failed,many,"),
        &row(",failed,"),
    ];
    let run = Fetchall::new().file("r.csv", table.concat()).args(["--json", "--retry-from", "r.csv"]).run();
    let run = run.expect_code(1);
    let bad = run.records().into_iter().filter(|record| record["error"]["kind"] == "invalid_url");
    let lines: Vec<_> = bad.map(|record| record["source"]["line"].as_u64().unwrap()).collect();
    assert_eq!((lines, server.asked("/a")), (vec![3, 4, 5, 6], 1));
}
