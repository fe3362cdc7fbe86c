//! The published schemas, as a judge of what the program writes.

use std::sync::LazyLock;

use jsonschema::Validator;
use serde_json::Value;

/// The schema of one record, `docs/reference/records.schema.json`.
pub static RECORD: LazyLock<Validator> =
    LazyLock::new(|| compile(include_str!("../../../docs/reference/records.schema.json")));

/// The schema of the summary, `docs/reference/summary.schema.json`.
pub static SUMMARY: LazyLock<Validator> =
    LazyLock::new(|| compile(include_str!("../../../docs/reference/summary.schema.json")));

/// The schema of the report of changes, `docs/reference/changes.schema.json`.
pub static CHANGES: LazyLock<Validator> =
    LazyLock::new(|| compile(include_str!("../../../docs/reference/changes.schema.json")));

/// The schema of a line of `--skipped`, `docs/reference/skipped.schema.json`.
pub static SKIPPED: LazyLock<Validator> =
    LazyLock::new(|| compile(include_str!("../../../docs/reference/skipped.schema.json")));

/// The schema of a line of `--links-out`, `docs/reference/link.schema.json`.
pub static LINK: LazyLock<Validator> =
    LazyLock::new(|| compile(include_str!("../../../docs/reference/link.schema.json")));

/// The schema of a line of `explain --json`, `docs/reference/explain.schema.json`.
pub static EXPLANATION: LazyLock<Validator> =
    LazyLock::new(|| compile(include_str!("../../../docs/reference/explain.schema.json")));

/// The schema of a line of `--text`, `docs/reference/text.schema.json`.
pub static TEXT: LazyLock<Validator> =
    LazyLock::new(|| compile(include_str!("../../../docs/reference/text.schema.json")));

fn compile(text: &str) -> Validator {
    let schema: Value = serde_json::from_str(text).expect("a schema is JSON");
    assert!(jsonschema::meta::is_valid(&schema), "not a valid schema: {text}");
    jsonschema::validator_for(&schema).expect("a schema that can be used")
}

/// Returns the faults of a value; empty when there are none.
pub fn faults(schema: &Validator, value: &Value) -> Vec<String> {
    schema.iter_errors(value).map(|error| format!("{}: {error}", error.instance_path())).collect()
}

/// # Panics
/// When the value does not fit.
pub fn check(schema: &Validator, value: &Value) {
    let faults = faults(schema, value);
    assert!(faults.is_empty(), "{faults:#?}\nin {value:#}");
}
