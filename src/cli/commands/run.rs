//! PLACEHOLDER for the download itself: says that it is not there and exits 3.
//!
//! The signatures are the contract with `cli::dispatch`; the bodies are to be replaced whole.

use crate::cli::exit::Exit;
use crate::cli::resolve::Resolved;

/// Downloads the inputs.
pub fn list(_resolved: Resolved) -> anyhow::Result<Exit> {
    anyhow::bail!("downloading is not built into this program yet; `fetchall config` works")
}

/// Downloads a small site that is served on loopback.
pub fn demo(_resolved: Resolved) -> anyhow::Result<Exit> {
    anyhow::bail!("the demo is not built into this program yet; `fetchall config` works")
}
