//! The results of an earlier run: what has changed since, and what deserves another try.

pub mod change;
pub mod selection;
