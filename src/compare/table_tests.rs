//! The table over made-up figures of several backends.

use super::*;
use crate::compare::figures::Cell;

/// Four backends, one of which failed.
fn comparison() -> Comparison {
    let round = |wall_ms: f64, n: u64| Round {
        wall_ms,
        run_ms: wall_ms,
        urls: 100,
        ok: 100,
        p50_ms: Some(55.123),
        p99_ms: Some(103.9),
        peak_concurrency: n,
        cpu_user_ms: Some(20.0),
        cpu_system_ms: Some(11.0),
        context_switches: Some(1234),
        peak_memory_bytes: Some(12 << 20),
        peak_threads: Some(n),
        peak_processes: Some(1),
        peak_connections: Some(n),
        ..Round::default()
    };
    let cell = |backend: &str, n: u32, wall_ms| Cell {
        backend: backend.to_owned(),
        concurrency: n,
        rounds: vec![round(wall_ms, n.into())],
        ..Cell::default()
    };
    let mut failed = cell("processes", 50, 1.0);
    failed.rounds.clear();
    failed.failure = Some("exit status: 3: a | \"b\" \x1b[31m<i>".to_owned());
    let mut blind = cell("threads", 50, 151.0);
    blind.rounds[0].peak_memory_bytes = None;
    let cells = vec![cell("async", 50, 150.0), blind, failed, cell("sequential", 1, 5600.0)];
    Comparison { cells, rounds: 1, ..Comparison::default() }
}

#[test]
fn a_table_fits_and_its_figures_stand_below_each_other() {
    let text = text(&comparison(), false);
    let lines: Vec<&str> = text.lines().collect();
    assert!(lines.iter().all(|line| line.chars().count() <= WIDTH), "{text}");
    let ends = |line: &str, word: &str| line.find(word).map(|at| at + word.len());
    assert_eq!(ends(lines[0], "wall"), ends(lines[2], "0.15"), "{text}");
    assert_eq!(ends(lines[0], "wall"), ends(lines[5], "5.60"), "{text}");
    assert!(lines[4].starts_with("processes") && lines[4].contains("failed: exit status: 3"), "{text}");
    assert!(!text.contains('\x1b'), "{text}");
    assert!(lines[3].contains(" - "), "what is not known is a dash: {text}");
    assert!(super::text(&comparison(), true).starts_with("\x1b[1m"));
}

#[test]
fn figures_have_three_digits() {
    let shown = [0.0123, 0.31, 5.6, 5.678, 12.34, 1234.5, 0.0, 100.0].map(three);
    assert_eq!(shown, ["0.012", "0.31", "5.60", "5.68", "12.3", "1234", "0", "100"]);
}

#[test]
fn markdown_cannot_be_broken_out_of() {
    let text = markdown(&comparison());
    let bars = |line: &str| line.replace("\\|", "").matches('|').count();
    let table: Vec<&str> = text.lines().take_while(|line| !line.is_empty()).collect();
    assert_eq!(table.len(), 6);
    assert!(table.iter().all(|line| bars(line) == bars(table[0])), "{text}");
    assert!(text.contains("| wall s | speed-up | URLs/s |") && text.contains("threads | processes | connections |"));
    assert!(!text.contains("<i>") && !text.contains('\x1b'), "{text}");
}

#[test]
fn csv_has_as_many_fields_in_every_line() {
    let text = csv(&comparison());
    let lines: Vec<&str> = text.lines().collect();
    let fields = |line: &str| line.split("\"").step_by(2).map(|part| part.matches(',').count()).sum::<usize>();
    assert!(lines.iter().all(|line| fields(line) == fields(lines[0])), "{text}");
    assert!(lines[0].starts_with("backend,concurrency,rounds,wall_s,speed_up,"), "{text}");
    assert!(lines[1].starts_with("async,50,1,0.15,37.333333,"), "{text}");
}

#[test]
fn json_has_every_round() {
    let value: serde_json::Value = serde_json::from_str(&json(&comparison()).unwrap()).unwrap();
    assert_eq!(value["v"], 1);
    assert_eq!(value["cells"][0]["rounds"][0]["context_switches"], 1234);
    assert_eq!(value["cells"][1]["median"]["peak_memory_mib"], serde_json::Value::Null);
    assert!(value["cells"][2]["failure"].as_str().is_some_and(|why| why.starts_with("exit status: 3")));
    assert_eq!(value["cells"][0]["median"]["same_records"], true);
}
