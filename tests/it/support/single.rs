//! One URL, one server, one record.

use std::path::Path;

use serde_json::Value;

use super::act::{Act, Script};
use super::cli::{Fetchall, Finished};
use super::fault::FaultServer;

/// The result of one URL.
pub struct Single {
    pub record: Value,
    pub run: Finished,
    pub server: FaultServer,
}

impl Single {
    /// The error's kind, or the outcome where there is no error.
    pub fn kind(&self) -> &str {
        kind(&self.record)
    }

    /// The saved body.
    pub fn body(&self) -> Vec<u8> {
        let path = self.record["path"].as_str().unwrap_or_else(|| panic!("nothing saved: {}", self.record));
        self.run.read(path)
    }
}

/// The error's kind, or the outcome where there is no error.
pub fn kind(record: &Value) -> &str {
    record["error"]["kind"].as_str().unwrap_or_else(|| record["outcome"].as_str().expect("an outcome"))
}

/// Saves `/x`, which the server answers with this act, below `out`.
pub fn fetch(act: Act, args: &[&str]) -> Single {
    let server = FaultServer::start(Script::new().on("x", act));
    let url = server.url("x");
    let (record, run) = record_of(Fetchall::new().args(["--dir", "out"]).args(args).arg(url));
    Single { record, run, server }
}

/// Runs it for its one record. A failed URL must have left no file below `out`.
pub fn record_of(fetchall: Fetchall) -> (Value, Finished) {
    let run = fetchall.arg("--json").run();
    let mut records = run.records();
    assert_eq!(records.len(), 1, "{}\n{}", run.stdout, run.stderr);
    let record = records.remove(0);
    if record["outcome"] == "ok" {
        assert_eq!(run.code(), Some(0), "{}", run.stderr);
    } else {
        assert_eq!(run.code(), Some(1), "{}", run.stderr);
        assert!(record["path"].is_null(), "{record}");
        assert_eq!(files(&run.folder().join("out")), [""; 0], "{record}");
    }
    (record, run)
}

/// Everything below a folder that is no folder, sorted, but for what the run remembers; links are
/// not followed.
pub fn files(folder: &Path) -> Vec<String> {
    fn walk(folder: &Path, below: &str, found: &mut Vec<String>) {
        for entry in std::fs::read_dir(folder).into_iter().flatten() {
            let entry = entry.expect("a readable folder");
            let name = format!("{below}{}", entry.file_name().to_string_lossy());
            if entry.file_type().expect("its type").is_dir() {
                walk(&entry.path(), &format!("{name}/"), found);
            } else if !name.contains(".fetchall/state.db") {
                found.push(name);
            }
        }
    }
    let mut found = Vec::new();
    walk(folder, "", &mut found);
    found.sort_unstable();
    found
}
