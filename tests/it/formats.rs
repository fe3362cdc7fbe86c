//! The published formats: the schemas say what the documents and the library say.

use fetchall::model::{ErrorKind, SkipReason, StopCause};
use serde_json::{Value, json};

use crate::support::schema::{RECORD, SUMMARY, check, faults};

const DOCUMENT: &str = include_str!("../../docs/reference/records.md");
const RECORD_TEXT: &str = include_str!("../../docs/reference/records.schema.json");
const SUMMARY_TEXT: &str = include_str!("../../docs/reference/summary.schema.json");

/// The example of the document.
fn record() -> Value {
    let (_, rest) = DOCUMENT.split_once("```json\n").expect("an example");
    let (example, _) = rest.split_once("\n```").expect("its end");
    serde_json::from_str(example).expect("the example is JSON")
}

fn with(changes: Value) -> Value {
    let mut record = record();
    let fields = record.as_object_mut().expect("an object");
    fields.extend(changes.as_object().expect("an object").clone());
    record
}

fn error(kind: &str) -> Value {
    json!({"kind": kind, "message": "what happened"})
}

fn schema(text: &str) -> Value {
    serde_json::from_str(text).expect("a schema is JSON")
}

fn strings(value: &Value) -> Vec<&str> {
    value.as_array().expect("an array").iter().filter_map(Value::as_str).collect()
}

#[test]
fn records_of_every_outcome_fit() {
    check(&RECORD, &record());
    check(&RECORD, &with(json!({"outcome": "http_error", "status": 404, "error": error("http_status")})));
    check(&RECORD, &with(json!({"outcome": "failed", "error": error("truncated")})));
    check(&RECORD, &with(json!({"outcome": "cancelled", "status": null, "error": error("cancelled")})));
    check(&RECORD, &with(json!({"outcome": "skipped", "status": null, "skip": {"reason": "duplicate", "rule": null}})));
    let of_crawl = json!({"source": null, "depth": 2, "parent": "http://a/", "via": "link", "links": 7, "title": "A"});
    check(&RECORD, &with(of_crawl));
    check(&RECORD, &with(json!({"warc": {"file": "a-00000.warc.gz", "offset": 0, "length": 9}})));
    let nothing = json!({
        "v": 1, "url": "exa mple", "outcome": "failed", "status": null, "final_url": null, "path": null, "bytes": null,
        "wire_bytes": null, "content_type": null, "sha256": null, "blake3": null, "attempts": 0, "redirects": [],
        "http_version": null, "remote_addr": null, "started_at": null,
        "timing": {"queued_ms": null, "dns_ms": null, "connect_ms": null, "tls_ms": null, "first_byte_ms": null,
                   "total_ms": null},
        "source": {"file": "-", "line": 1}, "error": error("invalid_url"), "skip": null, "depth": 0, "parent": null, "via": "list", "kind": "page",
        "links": null, "title": null, "robots": null, "warc": null, "worker": null
    });
    check(&RECORD, &nothing);
}

#[test]
fn records_that_contradict_themselves_do_not_fit() {
    for changes in [
        json!({"v": 2}),
        json!({"outcome": "done"}),
        json!({"status": 404}),
        json!({"status": null}),
        json!({"status": "200"}),
        json!({"error": error("timeout")}),
        json!({"skip": {"reason": "duplicate", "rule": null}}),
        json!({"warc": {"file": "a-00000.warc.gz", "offset": 0}}),
        json!({"outcome": "failed"}),
        json!({"outcome": "failed", "error": error("http_status")}),
        json!({"outcome": "failed", "error": error("sunspots")}),
        json!({"outcome": "failed", "error": {"kind": "timeout"}}),
        json!({"outcome": "failed", "error": error("timeout"), "skip": {"reason": "duplicate", "rule": null}}),
        json!({"outcome": "http_error", "status": 200, "error": error("http_status")}),
        json!({"outcome": "http_error", "status": 500, "error": error("io")}),
        json!({"outcome": "cancelled"}),
        json!({"outcome": "skipped"}),
        json!({"outcome": "skipped", "skip": {"reason": "lazy", "rule": null}}),
        json!({"outcome": "skipped", "skip": {"reason": "duplicate"}}),
        json!({"outcome": "skipped", "skip": {"reason": "duplicate", "rule": null}, "error": error("io")}),
        json!({"surprise": 1}),
        json!({"timing": {}}),
        json!({"bytes": -1}),
        json!({"sha256": "ABC"}),
        json!({"started_at": "2026-11-21 02:00:00"}),
        json!({"redirects": null}),
        json!({"redirects": [{"status": 200, "url": "http://a/"}]}),
        json!({"source": null}),
        json!({"source": {"file": "-", "line": 0}}),
        json!({"parent": "http://a/"}),
        json!({"via": "link"}),
        json!({"via": "luck"}),
        json!({"kind": "image"}),
        json!({"depth": null}),
    ] {
        assert!(!faults(&RECORD, &with(changes.clone())).is_empty(), "{changes} should not fit");
    }
    for field in record().as_object().expect("an object").keys() {
        let mut record = record();
        record.as_object_mut().expect("an object").remove(field);
        assert!(!faults(&RECORD, &record).is_empty(), "{field} may not be left out");
    }
}

fn crawl() -> Value {
    json!({
        "pages": 3, "pages_by_depth": [1, 2], "requisites": 0, "sitemaps": 0, "hosts": 1, "robots_files": 1, "robots_unread": 0,
        "links_seen": 9, "links_in_scope": 4, "links_new": 2, "left_out": {"scope": 5, "trap": 2},
        "traps": [{"rule": "max_url_length 2048", "links": 2, "first": "http://a/"}], "queue_left": 0
    })
}

fn summary() -> Value {
    json!({
        "v": 1, "read": 7, "ok": 3, "http_error": 1, "failed": 1, "skipped": 1, "cancelled": 1,
        "errors": {"http_status": 1, "timeout": 1, "cancelled": 1}, "skips": {"duplicate": 1}, "retries": 2,
        "bytes": 10, "wire_bytes": 5, "wall_ms": 12.5,
        "latency": {"p50_ms": 1.0, "p90_ms": 2, "p99_ms": 3, "max_ms": 3.5}, "peak_concurrency": 4, "auto_concurrency": {"limit": 4, "why": "more brought no more"},
        "input_complete": false, "next_line": {"file": "sites.txt", "line": 8}, "stopped": "interrupt",
        "failures": {"404": 1, "timeout": 1}, "saved": 3, "continued": 1, "not_begun": 1,
        "changes": {"added": 1, "changed": 0, "removed": 2, "unchanged": 3},
        "digests": {"verified": 2, "differs": 1, "unchecked": 0},
        "crawl": crawl(),
        "archive": {"files": ["a-00000.warc.gz"], "indexes": ["a-00000.cdxj"], "package": null},
        "check": {"checked": 9, "broken": 2, "broken_fragments": 1, "pages": 2, "unchecked": 0}
    })
}

#[test]
fn summaries() {
    check(&SUMMARY, &summary());
    let mut complete = summary();
    for (field, value) in [
        ("latency", json!(null)),
        ("input_complete", json!(true)),
        ("next_line", json!(null)),
        ("stopped", json!(null)),
        ("errors", json!({})),
        ("failures", json!({})),
        ("changes", json!(null)),
        ("crawl", json!(null)),
        ("archive", json!(null)),
        ("check", json!(null)),
    ] {
        complete[field] = value;
    }
    check(&SUMMARY, &complete);
    for (field, value) in [
        ("v", json!(2)),
        ("read", json!(null)),
        ("errors", json!({"sunspots": 1})),
        ("skips", json!({"duplicate": 0})),
        ("input_complete", json!(true)),
        ("stopped", json!("bored")),
        ("failures", json!({"Not Found": 1})),
        ("changes", json!({"added": 1})),
        ("crawl", json!({"pages": 1})),
        ("archive", json!({"files": []})),
        ("check", json!({"broken": 1})),
        ("surprise", json!(1)),
    ] {
        let mut wrong = summary();
        wrong[field] = value;
        assert!(!faults(&SUMMARY, &wrong).is_empty(), "{field} should not fit");
    }
}

#[test]
fn names_are_the_same_everywhere() {
    let record = schema(RECORD_TEXT);
    let summary = schema(SUMMARY_TEXT);
    let kinds: Vec<&str> = ErrorKind::ALL.iter().map(|kind| kind.as_str()).collect();
    assert_eq!(strings(&record["properties"]["error"]["properties"]["kind"]["enum"]), kinds);
    assert_eq!(strings(&summary["properties"]["errors"]["propertyNames"]["enum"]), kinds);
    for kind in kinds {
        assert!(DOCUMENT.contains(&format!("\n| `{kind}` |")), "{kind} has no row");
    }
    let reasons = strings(&record["properties"]["skip"]["properties"]["reason"]["enum"]);
    assert_eq!(strings(&summary["properties"]["skips"]["propertyNames"]["enum"]), reasons);
    for reason in SkipReason::ALL {
        assert!(reasons.contains(&reason.as_str()), "{} is not in the schema", reason.as_str());
        assert!(DOCUMENT.contains(&format!("\n| `{}` |", reason.as_str())), "{} has no row", reason.as_str());
    }
    let causes = strings(&summary["properties"]["stopped"]["enum"]);
    assert_eq!(causes, StopCause::ALL.iter().map(|cause| cause.as_str()).collect::<Vec<_>>());
    for cause in causes {
        assert!(DOCUMENT.contains(&format!("`{cause}`")), "{cause} is not explained");
    }
}

/// Every field of the schema has a row in the document, nested ones under their full name.
#[test]
fn the_document_explains_every_field() {
    fn rows(prefix: &str, schema: &Value) {
        for (name, field) in schema["properties"].as_object().expect("properties") {
            let name = format!("{prefix}{name}");
            assert!(field["description"].is_string(), "{name} has no description");
            let nested = if field["items"].is_object() { &field["items"] } else { field };
            let dot = if field["items"].is_object() { "[]." } else { "." };
            if nested["properties"].is_object() {
                rows(&format!("{name}{dot}"), nested);
            } else {
                assert!(DOCUMENT.contains(&format!("\n| `{name}` |")), "{name} has no row");
            }
        }
    }
    rows("", &schema(RECORD_TEXT));
    let (_, part) = DOCUMENT.split_once("## The summary").expect("the summary has a part");
    for name in schema(SUMMARY_TEXT)["properties"].as_object().expect("properties").keys() {
        assert!(part.contains(&format!("`{name}`")), "{name} of the summary is not explained");
    }
}
