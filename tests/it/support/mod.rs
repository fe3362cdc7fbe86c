//! The support of the integration tests: servers that misbehave, and the program run from outside.
#![cfg_attr(not(unix), allow(dead_code, reason = "some tests need a Unix system"))]

pub mod act;
#[cfg(unix)]
pub mod browser;
pub mod cli;
pub mod digest;
pub mod fault;
pub mod h2;
pub mod mock;
pub mod play;
pub mod process;
pub mod proxy;
#[cfg(unix)]
pub mod redis;
mod runtime;
pub mod schema;
pub mod single;
pub mod tls;

use std::path::PathBuf;
use std::time::Duration;

/// The longest that any one wait of a test may take. Nothing waits for it when all is well.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// Every backend, by its name. `backends::contract` compares this list with the registry.
pub const BACKENDS: [&str; 4] = ["async", "threads", "processes", "sequential"];

/// A program that a test needs; if it is absent, the test prints that and ends.
///
/// # Panics
/// If it is absent and CI is set, because CI may skip no test.
pub fn program(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    // Debian keeps servers where only root looks.
    let folders = std::env::split_paths(&path).chain(["/usr/sbin".into()]);
    let found = folders.map(|folder| folder.join(name)).find(|file| file.is_file());
    if found.is_none() {
        assert!(std::env::var_os("CI").is_none(), "{name} is not installed, and with CI set nothing is skipped");
        println!("skipped: {name} is not installed");
    }
    found
}

/// Blocks until a condition holds that sends no notification, such as a file that grows.
///
/// # Panics
/// When it is not within [`PATIENCE`].
pub fn wait_for(what: &str, is_so: impl Fn() -> bool) {
    let began = std::time::Instant::now();
    while !is_so() {
        assert!(began.elapsed() < PATIENCE, "waited in vain for {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}
