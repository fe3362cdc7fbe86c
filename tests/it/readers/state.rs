//! The rows of a state database from an untrusted writer.

use std::cell::OnceCell;
use std::path::Path;

use fetchall::output_folder::OutputFolder;
use fetchall::policy::naming::is_portable;
use fetchall::state::{Bodies, State, StateError, StatePath};
use rusqlite::Connection;
use rusqlite::types::Value;

/// The columns that are read, in the order in which an input has their values.
const COLUMNS: &[&str] = &[
    "url",
    "name",
    "file",
    "status",
    "final_url",
    "bytes",
    "wire_bytes",
    "content_type",
    "sha256",
    "blake3",
    "etag",
    "last_modified",
    "redirects",
    "http_version",
    "remote_addr",
    "started_at",
    "outcome",
];

/// A state with one row, and the connection that writes to it.
struct Planted {
    folder: tempfile::TempDir,
    state: State,
    writer: Connection,
}

impl Planted {
    fn new() -> Self {
        let folder = tempfile::TempDir::new().expect("a folder");
        let path = folder.path().join("state.db");
        let state = State::open(&StatePath::named(&path).expect("a path"), true, false).expect("a state");
        let writer = Connection::open(&path).expect("its database");
        let row = "INSERT INTO urls (key, url, outcome, attempts) VALUES (x'00', 'http://a.test/', 'ok', 1)";
        writer.execute(row, []).expect("a row");
        Self { folder, state, writer }
    }

    /// Writes the values of the row: one a line, a number where a line is a number.
    fn write(&self, bytes: &[u8]) {
        let mut lines = bytes.split(|&byte| byte == b'\n');
        let outcome = || Value::Text("ok".to_owned());
        let values = COLUMNS.iter().map(|column| match (lines.next(), *column) {
            (Some(line), _) if !line.is_empty() => value(line),
            (_, "outcome") => outcome(),
            (_, "url") => Value::Text("http://a.test/".to_owned()),
            _ => Value::Null,
        });
        let columns: Vec<_> = COLUMNS.iter().map(|column| format!("{column} = ?")).collect();
        let update = format!("UPDATE urls SET {}", columns.join(", "));
        let values = rusqlite::params_from_iter(values);
        self.writer.prepare_cached(&update).and_then(|mut row| row.execute(values)).expect("the row");
    }
}

fn value(line: &[u8]) -> Value {
    match std::str::from_utf8(line) {
        Ok(text) => text.parse().map_or_else(|_| Value::Text(text.to_owned()), Value::Integer),
        Err(_) => Value::Blob(line.to_vec()),
    }
}

/// Reads a row of such values. Its paths of files are portable and below the output folder.
pub fn read(bytes: &[u8]) {
    thread_local! {
        static PLANTED: OnceCell<Planted> = const { OnceCell::new() };
    }
    PLANTED.with(|planted| {
        let Planted { folder, state, .. } = planted.get_or_init(Planted::new);
        planted.get().expect("set").write(bytes);
        let bodies = Bodies::Below(OutputFolder::new(folder.path().to_owned()));
        let past = state.past(&bodies).expect("a connection");
        let each = |_: &str, row: fetchall::state::PastRow| {
            if let Some(path) = row.path {
                let below = Path::new(&path).strip_prefix(folder.path()).expect("below the folder");
                assert!(below.iter().all(|part| part.to_str().is_some_and(is_portable)), "{path}");
            }
            Ok::<(), StateError>(())
        };
        past.each_ok(|_| true, each).expect("rows");
    });
}
