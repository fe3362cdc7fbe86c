//! Text of servers and lists never reaches a terminal as it came.

use fetchall::policy::text::printable::acts_on_terminal;

use crate::support::act::{Act, Script};
use crate::support::cli::Fetchall;
use crate::support::fault::FaultServer;

/// A right-to-left override, the C1 form of a control sequence, and an invisible character: all of
/// them may stand in a field value, in UTF-8.
const EVIL: &str = "\u{202e}\u{9b}31mred\u{200b}";

fn server() -> FaultServer {
    let page = |fields: &[(&'static str, String)]| Act::OkWith(fields.to_vec(), b"hello\n".to_vec());
    let script = Script::new()
        .on("type", page(&[("Content-Type", format!("text/{EVIL}"))]))
        .on("coding", page(&[("Content-Encoding", EVIL.to_owned())]))
        .on("location", Act::RedirectTo(format!("/{EVIL}")))
        .on("scheme", Act::RedirectTo(format!("ftp://{EVIL}/")))
        .on("host", Act::RedirectTo(format!("http://{EVIL}/")))
        .on("reason", Act::Raw(format!("HTTP/1.1 200 {EVIL}\r\nContent-Length: 0\r\n\r\n").into_bytes()))
        .on("head", Act::Raw(format!("{EVIL}\x1b[31m\r\n\r\n").into_bytes()))
        .on("escape", Act::Raw(b"HTTP/1.1 200 \x1b[31m\r\nContent-Type: \x1b[31m\r\n\r\n".to_vec()))
        .on("chunk", Act::Raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\x1b[31m\r\n".to_vec()));
    FaultServer::start(script)
}

fn list(server: &FaultServer) -> String {
    let names = ["type", "coding", "location", "scheme", "host", "reason", "head", "escape", "chunk"];
    let mut list: String = names.iter().map(|name| server.url(name) + "\n").collect();
    list += &format!("bad \x1b]0;title\x07 {EVIL}\nhttp://{EVIL}/\nhttp://\x1b[31m/\n{}?{EVIL}\n", server.url("type"));
    list
}

fn check(what: &str, text: &str, allowed: &[char]) {
    let found = text.chars().find(|c| acts_on_terminal(*c) && !allowed.contains(c));
    assert_eq!(found, None, "{what}: {text:?}");
}

#[test]
fn nothing_acts_on_the_terminal_in_any_format() {
    let server = server();
    for (format, allowed) in
        [("text", ['\n'].as_slice()), ("ndjson", &['\n']), ("csv", &['\r', '\n']), ("tsv", &['\t', '\n'])]
    {
        for progress in ["json", "plain"] {
            let fetchall = Fetchall::new()
                .args(["--format", format, "--progress", progress, "-v", "-d", "out"])
                .stdin(list(&server));
            let run = fetchall.run().expect_code(1);
            check(&format!("{format}, records"), &run.stdout, allowed);
            check(&format!("{format}, {progress} progress"), &run.stderr, &['\n']);
            assert!(run.stdout.contains("hello") || run.stdout.contains("/type"), "{}", run.stdout);
        }
    }
}

#[test]
fn escaped_text_can_be_read_back() {
    let server = server();
    let run = Fetchall::new().args(["--json", "--progress", "json"]).stdin(list(&server)).run().expect_code(1);
    let records = run.records();
    let find = |end: &str| records.iter().find(|record| record["url"].as_str().is_some_and(|url| url.ends_with(end)));
    assert_eq!(find("/type").expect("its record")["content_type"], format!("text/{EVIL}"));
    // Invisible characters may hide a password behind a URL: nothing after the first one is shown.
    let bad = format!("{}?", server.url("type"));
    assert!(records.iter().any(|record| record["url"] == bad), "{}", run.stdout);
    let events = run.stderr.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).expect("JSON"));
    assert!(events.into_iter().any(|event| event["url"] == bad), "{}", run.stderr);
}

#[test]
fn names_of_lists_are_text_of_others_too() {
    let name = format!("list{EVIL}\x1b[31m.txt");
    let run = Fetchall::new().file(&name, "no URL\n").arg(&name).run().expect_code(1);
    check("records", &run.stdout, &['\n']);
    check("summary", &run.stderr, &['\n']);
    let absent = Fetchall::new().arg(format!("absent{EVIL}\x1b[31m.txt")).run().expect_code(2);
    check("messages", &absent.stderr, &['\n']);
}

#[test]
fn arguments_variables_and_settings_are_shown_harmlessly() {
    let evil = format!("{EVIL}\x1b[31m");
    let runs: [&[&str]; 17] = [
        &["--EVIL"],
        &["-EVIL"],
        &["--color=EVIL"],
        &["--format", "EVIL"],
        &["--timeout", "EVIL"],
        &["--name", "{EVIL}"],
        &["--only", "EVIL", "--retry-from", "-"],
        &["config", "EVIL"],
        &["completions", "EVIL"],
        &["compare", "--backends", "EVIL", "-"],
        &["--header", "EVIL: x"],
        &["--header", "@EVIL"],
        &["--load-cookies", "EVIL", "-"],
        &["--cacert", "EVIL", "-"],
        &["--config", "EVIL", "-"],
        &["--log", "EVIL/x", "-"],
        &["--resolve", "EVIL", "-"],
    ];
    for args in runs {
        let run = Fetchall::new().args(args.iter().map(|arg| arg.replace("EVIL", &evil))).run().expect_code(2);
        check(&format!("{args:?}"), &run.stderr, &['\n']);
        assert!(!run.stderr.is_empty(), "{args:?}");
    }
    for variable in ["FETCHALL_TIMEOUT", "FETCHALL_COLOR"] {
        let run = Fetchall::new().env(variable, &evil).arg("-").run().expect_code(2);
        check(variable, &run.stderr, &['\n']);
    }
    let file = format!("colour = \"{EVIL}\"\n\"{EVIL}\" = 1\ntimeout = \"{EVIL}\"\n");
    let run = Fetchall::new().file("fetchall.toml", file).arg("-").run().expect_code(2);
    check("settings", &run.stderr, &['\n']);
    let jar = format!("{EVIL}\x1b[31m\n");
    let name = format!("jar{EVIL}\x1b[31m");
    let server = server();
    let run = Fetchall::new().file(&name, jar).args(["-v", "--load-cookies", &name, &server.url("type")]).run();
    check("cookies", &run.stderr, &['\n']);
}

#[test]
fn wrong_arguments_show_no_password() {
    for args in [&["config", "http://ann:hunter2@h.test/"][..], &["completions", "http://ann:hunter2@h.test/"]] {
        let run = Fetchall::new().args(args).run().expect_code(2);
        assert!(run.stderr.contains("'…'") && !run.stderr.contains("hunter2"), "{}", run.stderr);
    }
}
