//! Every backend of the registry does the same: whatever runs the fetches, the records are those.

mod contract;
#[cfg(target_os = "linux")]
mod ends;
mod needs;
mod same;

use fetchall::backend::BACKENDS;

use crate::support::cli::Fetchall;

/// The names of the backends.
fn names() -> impl Iterator<Item = &'static str> {
    BACKENDS.iter().map(|entry| entry.name)
}

/// The program with this backend.
fn on(backend: &str) -> Fetchall {
    Fetchall::new().args(["--json", "--backend", backend])
}
