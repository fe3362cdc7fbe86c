//! fetchall downloads every URL of a list, at speed, with one truthful record each.
#![warn(missing_docs)]

pub mod config;
pub mod fetch;
pub mod model;
pub mod policy;
pub mod source;
