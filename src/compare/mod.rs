//! Backends and concurrencies side by side: the same list, a fresh child process for each, the same figures.
//!
//! A *cell* is a backend at a concurrency. Every round is a process of its own, measured from
//! outside. No cell inherits the warm connections, the memory or the threads of another. Rounds are
//! interleaved: a machine that gets slower gets slower for all.

mod advice;
mod cell;
mod figures;
mod page;
mod process;
mod records;
mod svg;
mod table;
mod tree;

use std::ffi::OsString;
use std::io;
use std::path::PathBuf;

use tokio_util::sync::CancellationToken;

pub use advice::{advice, headline};
pub use cell::{PASSED, private_file};
pub use figures::{Cell, Comparison, Round, Row};
pub use page::render as page;
pub use records::{Sample, Span};
pub use table::{csv, json, markdown, text};

use crate::backend::BACKENDS;
use crate::config::Config;
use crate::model::{ChildProgram, shown_path};
use cell::{End, Launch};

/// The cells to compare, and their input.
#[derive(Debug, Clone)]
pub struct Spec {
    /// The program that every child is. Its environment must hold no settings of this program.
    pub program: ChildProgram,
    /// Its inputs: files and URLs.
    pub inputs: Vec<OsString>,
    /// A description of the fetched URLs, for people.
    pub about: String,
    /// How it is fetched; of this the settings in [`PASSED`].
    pub config: Config,
    /// The backends.
    pub backends: Vec<&'static str>,
    /// The concurrencies.
    pub concurrency: Vec<u32>,
    /// The number of measurements of each cell.
    pub rounds: u32,
    /// A folder for what children read and write; of its owner alone, for it holds passwords.
    pub folder: PathBuf,
}

/// One measurement, as it begins and as it has ended.
#[derive(Debug)]
pub struct Measurement<'a> {
    /// Which round, from 1.
    pub round: u32,
    /// Which cell of the round, from 1.
    pub number: usize,
    /// The number of cells.
    pub of: usize,
    /// The cell; its last round is this one when `ended`.
    pub cell: &'a Cell,
    /// Whether it has ended.
    pub ended: bool,
}

/// Nothing can be compared.
#[derive(Debug, thiserror::Error)]
pub enum CompareError {
    /// The inputs have no URL.
    #[error("the list is empty: there is nothing to fetch")]
    Empty,
    /// The folder for the children's outputs cannot be used.
    #[error("cannot use {path}: {source}", path = shown_path(.path))]
    Folder {
        /// The folder.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
}

/// The names of all backends.
pub fn backends() -> Vec<&'static str> {
    BACKENDS.iter().map(|entry| entry.name).collect()
}

/// Measures every cell, and returns what was measured when `stop` is cancelled before the end.
///
/// # Errors
/// When the folder cannot be used or the list is empty. A child that fails is part of the result.
pub fn run(
    spec: &Spec,
    stop: &CancellationToken,
    tell: &mut dyn FnMut(&Measurement<'_>),
) -> Result<Comparison, CompareError> {
    let unusable = |source| CompareError::Folder { path: spec.folder.clone(), source };
    let words = cell::words(&spec.config, &spec.inputs);
    let launch = Launch { program: &spec.program, words, folder: &spec.folder };
    let mut comparison = Comparison {
        about: spec.about.clone(),
        started_at: jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
        rounds: spec.rounds,
        processors: std::thread::available_parallelism().ok().map(usize::from),
        cells: cells(&spec.backends, &spec.concurrency),
        interrupted: false,
    };
    let of = comparison.cells.len();
    let mut reference = None;
    for round in 1..=spec.rounds {
        for (cell, number) in comparison.cells.iter_mut().zip(1..) {
            // A failed cell would fail again, or its median would be of fewer rounds than that of the others.
            if cell.failure.is_some() {
                continue;
            }
            if stop.is_cancelled() {
                comparison.interrupted = true;
                return Ok(comparison);
            }
            tell(&Measurement { round, number, of, cell, ended: false });
            let end = cell::round(&launch, &cell.backend, cell.concurrency, reference.as_ref(), stop);
            match end.map_err(unusable)? {
                End::Measured(measured) => {
                    let (figures, set, sample) = *measured;
                    if figures.urls == 0 {
                        return Err(CompareError::Empty);
                    }
                    cell.rounds.push(figures);
                    cell.sample = sample;
                    reference.get_or_insert(set);
                }
                End::Failed(why) => cell.failure = Some(why),
                End::Stopped => {
                    comparison.interrupted = true;
                    return Ok(comparison);
                }
            }
            tell(&Measurement { round, number, of, cell, ended: true });
        }
    }
    Ok(comparison)
}

/// Every backend at every concurrency; sequential once, for it knows no other than 1.
fn cells(backends: &[&str], levels: &[u32]) -> Vec<Cell> {
    let cell = |backend: &str, concurrency| Cell { backend: backend.to_owned(), concurrency, ..Cell::default() };
    let mut cells = Vec::new();
    for backend in backends {
        if *backend == figures::SEQUENTIAL {
            cells.push(cell(backend, 1));
        } else {
            cells.extend(levels.iter().map(|&level| cell(backend, level)));
        }
    }
    cells
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sequential_is_one_cell_and_others_one_per_concurrency() {
        let cells = cells(&["async", "sequential", "threads"], &[5, 50]);
        let names: Vec<String> = cells.iter().map(Cell::name).collect();
        assert_eq!(names, ["async at 5", "async at 50", "sequential", "threads at 5", "threads at 50"]);
        assert_eq!(cells[2].concurrency, 1);
    }
}
