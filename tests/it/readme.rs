//! README: its commands run, and what it shows is what the program writes.
#![cfg(unix)]

use std::collections::HashMap;
use std::path::Path;

use serde_json::Value;
use tempfile::TempDir;

use crate::support::act::{Act, Script};
use crate::support::cli::Fetchall;
use crate::support::fault::FaultServer;
use crate::support::process::{self, output};
use crate::support::{program, schema};

const README: &str = include_str!("../../README.md");

/// SHA-256 of `hello` and a line break.
const HELLO: &str = "5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03";

/// The lines of every block of this language.
fn blocks(language: &str) -> Vec<&'static str> {
    let open = format!("```{language}");
    let mut lines = Vec::new();
    let mut inside = false;
    for line in README.lines() {
        match line {
            _ if line == open => inside = true,
            "```" => inside = false,
            _ if inside => lines.push(line),
            _ => {}
        }
    }
    lines
}

/// Every command, with a server of ours in place of all others, so that none can reach the network.
#[test]
fn its_commands_work() {
    let server = FaultServer::start(Script::new().otherwise(Act::KeepAliveOk(b"hello\n".to_vec())));
    let folder = TempDir::new().unwrap();
    let (page, other) = (server.url("page"), server.url("other"));
    for (name, text) in [
        ("sites.txt", format!("{page}\n{other}\n")),
        ("notes.md", format!("See [a page]({page}) and {other} too.\n").replace("http://", "https://")),
        ("mirrors.txt", format!("{page}\n{other}\n")),
        ("checked.tsv", format!("url\tsha256\n{page}\t{HELLO}\n")),
    ] {
        // Whatever looks for https in notes finds http there too once the command is rewritten.
        std::fs::write(folder.path().join(name), text.replace("https://", "http://")).unwrap();
    }
    let jq = program("jq");
    let mut ran = 0;
    for line in blocks("sh") {
        if line.is_empty()
            || line.starts_with('#')
            || line.starts_with("cargo test")
            || line.starts_with("cargo install")
        {
            continue;
        }
        if line.starts_with("jq ") && jq.is_none() {
            continue;
        }
        let command = line.replace("cargo run --release --", "fetchall");
        let command = command.replace("https://example.com/", &page).replace("https://", "http://");
        let demo = command.starts_with("fetchall demo");
        let (code, told) = shell(&command, folder.path());
        assert_eq!(code, Some(i32::from(demo)), "{line}\n{told}");
        assert!(!told.contains("error: "), "{line}\n{told}");
        ran += 1;
    }
    assert!(ran > 12, "only {ran} commands were found");
    for (file, content) in [("page.html", "hello\n"), ("records.csv", HELLO), ("records.ndjson", "\"outcome\":\"ok\"")]
    {
        let text = std::fs::read_to_string(folder.path().join(file)).unwrap();
        assert!(text.contains(content), "{file}: {text}");
    }
    server.join();
}

fn shell(command: &str, folder: &Path) -> (Option<i32>, String) {
    let own = Path::new(env!("CARGO_BIN_EXE_fetchall")).parent().unwrap();
    let mut shell = process::command("/bin/sh");
    shell.args(["-c", command]).current_dir(folder).env_clear();
    let output =
        output(shell.env("PATH", format!("{}:/usr/local/bin:/usr/bin:/bin", own.display())).env("HOME", folder));
    (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
}

/// Without what differs from run to run: the port, and the time column of a record.
fn settled(text: &str) -> String {
    let mut parts = text.split("127.0.0.1:");
    let mut settled = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        settled.push_str("127.0.0.1:PORT");
        settled.push_str(part.trim_start_matches(|c: char| c.is_ascii_digit()));
    }
    settled
}

fn without_time(line: &str) -> String {
    format!("{}{}", &line[..22], settled(&line[34..]))
}

/// Of a line of the summary, what does not depend on the speed of the machine.
fn steady(line: &str) -> String {
    match line.split_once(' ') {
        Some(("received", _)) => line.split(',').next().unwrap_or_default().to_owned(),
        Some(("latency", _)) => "latency".to_owned(),
        // Equally frequent kinds come in any order.
        Some(("outcomes" | "errors" | "retries" | "in", _)) => line.to_owned(),
        _ => line.split(": ").nth(1).unwrap_or_default().to_owned(),
    }
}

#[test]
fn the_demo_writes_what_is_shown() {
    // The waits before the retries are short: what is shown is the same.
    let run = Fetchall::new().with_retries().args(["demo", "--retry-max-wait", "20ms"]).run().expect_code(1);
    let (mut shown, summary): (Vec<_>, Vec<_>) = blocks("text").into_iter().partition(|line| line.contains("http://"));
    let mut written: Vec<_> = run.stdout.lines().collect();
    assert!(shown.first().is_some_and(|line| line.len() > 34), "no lines are shown");
    for lines in [&mut shown, &mut written] {
        // They come as answers do.
        lines.sort_by_key(|line| without_time(line));
    }
    let lines = |lines: &[&str]| lines.iter().map(|line| without_time(line)).collect::<Vec<_>>();
    assert_eq!(lines(&shown), lines(&written));
    // A terminal shows a bar instead of the lines about progress.
    let told: Vec<_> = run.stderr.lines().filter(|line| !line.contains(" in flight, ")).map(steady).collect();
    assert_eq!(summary.into_iter().map(steady).collect::<Vec<_>>(), told, "{}", run.stderr);
}

#[test]
fn the_record_is_one_that_is_written() {
    let [shown] = blocks("json")[..] else { panic!("one record is shown") };
    let still = |text: &str| {
        let mut record: Value = serde_json::from_str(&settled(text)).unwrap();
        for time in record["timing"].as_object_mut().unwrap().values_mut().filter(|time| time.is_number()) {
            *time = 0.into();
        }
        record["started_at"] = "then".into();
        record
    };
    schema::check(&schema::RECORD, &serde_json::from_str(shown).unwrap());
    let run = Fetchall::new().args(["demo", "--json"]).run().expect_code(1);
    let written: HashMap<String, Value> = run
        .stdout
        .lines()
        .map(still)
        .map(|record| (record["url"].as_str().unwrap_or_default().to_owned(), record))
        .collect();
    let shown = still(shown);
    assert_eq!(written.get(shown["url"].as_str().unwrap()), Some(&shown));
}

/// The page for people who come from Python names files and flags; each of them is there.
#[test]
fn what_the_page_on_concurrency_names_exists() {
    let page = include_str!("../../docs/guide/concurrency.md");
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let named: Vec<_> = page.split('`').filter(|text| text.starts_with("src/") && !text.contains(' ')).collect();
    assert!(named.len() > 30, "{named:?}");
    for file in named {
        assert!(root.join(file).is_file(), "{file} is no file");
    }
    let help = crate::support::cli::Fetchall::new().arg("--help").run().expect_code(0).stdout;
    let flags = page
        .split(|c: char| !(c.is_ascii_lowercase() || c == '-'))
        .filter(|word| word.starts_with("--") && word.len() > 3);
    for flag in flags.filter(|flag| *flag != "--demo") {
        assert!(help.contains(flag), "{flag} is no flag");
    }
}
