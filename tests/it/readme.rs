//! README: the output that it shows is what the program writes.
#![cfg(unix)]

use std::collections::HashMap;

use serde_json::Value;

use crate::support::cli::Fetchall;
use crate::support::schema;

const README: &str = include_str!("../../README.md");

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
        // A failed URL; one that is too long for the page ends in an ellipsis.
        Some(("", _)) => settled(line).split("  (").next().unwrap_or_default().to_owned(),
        Some(("retries" | "in" | "saved" | "failed", _)) => line.to_owned(),
        _ => line.split(": ").nth(1).unwrap_or_default().to_owned(),
    }
}

#[test]
fn the_demo_writes_what_is_shown() {
    // The waits before the retries are short: what is shown is the same.
    let run = Fetchall::new().with_retries().args(["demo", "--retry-max-wait", "20ms"]).run().expect_code(1);
    let (shown, summary): (Vec<_>, Vec<_>) =
        blocks("text").into_iter().partition(|line| line.contains("http://") && !line.starts_with(' '));
    let written: Vec<_> = run.stdout.lines().map(without_time).collect();
    assert!(shown.len() > 4, "few lines are shown");
    for line in shown {
        // A line that is too long for the page ends in an ellipsis, perhaps inside a port.
        let start = line.trim_end_matches('…');
        let start = if start.len() < line.len() { start.trim_end_matches(|c: char| c.is_ascii_digit()) } else { start };
        let start = without_time(start);
        assert!(written.iter().any(|line| line.starts_with(start.trim_end_matches("PORT"))), "{line}\n{}", run.stdout);
    }
    // A terminal shows a bar instead of the lines about progress.
    let told: Vec<_> = run.stderr.lines().filter(|line| !line.contains(" done, ")).map(steady).collect();
    assert_eq!(summary.into_iter().map(steady).collect::<Vec<_>>(), told, "{}", run.stderr);
}

#[test]
fn the_record_is_one_that_is_written() {
    let shown = &*blocks("json").concat();
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
