//! The integration tests, in one binary: a module for each subject, linked once.
//!
//! Tests start the program with no environment of their own and in a folder of their own; see
//! `config::Home`. Nothing here reaches the network.

mod config;
