//! The commands of the program, one file each.

pub mod compare;
pub mod compare_child;
pub mod completions;
pub mod config;
pub mod explain;
pub mod man;
pub mod queue;
pub mod report;
pub mod run;
pub mod wacz;
pub mod warc;
pub mod worker;
