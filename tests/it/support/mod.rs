//! What the integration tests stand on: servers that misbehave, and the program run from outside.
#![allow(dead_code, reason = "what one subject does not use another does")]

pub mod act;
pub mod cli;
pub mod fault;
pub mod play;
mod runtime;
pub mod schema;
pub mod single;
pub mod tls;

use std::time::Duration;

/// The longest that any one wait of a test may take. Nothing waits for it when all is well.
pub const PATIENCE: Duration = Duration::from_secs(30);
