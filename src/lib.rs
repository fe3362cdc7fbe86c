//! fetchall downloads every URL of a list, at speed, with one truthful record each.
#![warn(missing_docs)]
pub mod backend;
pub mod config;
pub mod demo;
pub mod engine;
pub mod fetch;
pub mod frontier;
pub mod model;
pub mod policy;
pub mod report;
pub mod sink;
pub mod source;
pub mod wire;
