//! The state of an earlier run as its records, for `--retry-from`.

use std::fs::File;
use std::io::{self, BufWriter, Read, Seek, Write};
use std::path::{Path, PathBuf};

use serde_json::json;

use super::SetupError;
use crate::policy::rerun::selection::is_outcome;
use crate::source::Input;
use crate::state::{OWN, State, StateError, StatePath};
use crate::wire::VERSION;

/// The first bytes of an SQLite database (sqlite.org/fileformat.html).
const MAGIC: &[u8] = b"SQLite format 3\0";

/// The state that runs with this output folder have.
pub fn state_in(folder: &Path) -> PathBuf {
    folder.join(OWN)
}

/// Whether a report is a state and no file of records.
pub(super) fn is_state(path: &Path) -> bool {
    // Anything else than a file may block.
    let is_file = std::fs::metadata(path).is_ok_and(|metadata| metadata.is_file());
    let begin = || -> io::Result<Vec<u8>> {
        let mut begin = Vec::new();
        File::open(path)?.take(MAGIC.len() as u64).read_to_end(&mut begin)?;
        Ok(begin)
    };
    // Err: opening it as a report gives the reason.
    is_file && begin().is_ok_and(|begin| begin == MAGIC)
}

/// Why the results were not read.
enum Failure {
    State(StateError),
    Io(io::Error),
}

impl From<StateError> for Failure {
    fn from(error: StateError) -> Self {
        Self::State(error)
    }
}

/// Returns the records of a report. Those of a state are copied into a file without a name, because the run may write
/// this very state.
///
/// # Errors
/// When the state cannot be read, or the copy cannot be written.
pub(super) fn records(report: Input) -> Result<Input, SetupError> {
    let path = match report {
        Input::File(path) if is_state(&path) => path,
        report => return Ok(report),
    };
    let mut out = BufWriter::new(tempfile::tempfile().map_err(|source| unusable(&path, source))?);
    let copied = StatePath::named(&path).and_then(|named| State::look_at(&named)).map_err(Failure::State);
    let copied = copied.and_then(|state| {
        let Some(state) = state else { return Ok(()) };
        state.each_result(|url, result| {
            // A state may come from a stranger.
            if !is_outcome(result.outcome) {
                return Ok(());
            }
            let error = result.kind.map(|kind| json!({ "kind": kind }));
            let record =
                json!({"v": VERSION, "url": url, "outcome": result.outcome, "status": result.status, "error": error});
            writeln!(out, "{record}").map_err(Failure::Io)
        })
    });
    let rewound = copied.and_then(|()| {
        let mut file = out.into_inner().map_err(|error| Failure::Io(error.into_error()))?;
        file.rewind().map_err(Failure::Io)?;
        Ok(file)
    });
    match rewound {
        Ok(file) => Ok(Input::Reader(path.display().to_string(), Box::new(file))),
        Err(Failure::State(error)) => Err(error.into()),
        Err(Failure::Io(source)) => Err(unusable(&path, source)),
    }
}

fn unusable(path: &Path, source: io::Error) -> SetupError {
    SetupError::Path { path: path.to_owned(), purpose: "a copy of its results", source }
}
