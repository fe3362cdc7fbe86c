//! The number of a job, and the file name that it claims.

use serde::{Deserialize, Serialize};

/// Numbers the admitted lines from 0: each input line that is part of the run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct JobId(pub u64);

/// A file name that belongs to one job alone.
///
/// It is portable and relative to the output folder, with `/` between its parts. It differs from every other
/// claimed name of the run, even if the file system folds case.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claimed(pub Box<str>);
