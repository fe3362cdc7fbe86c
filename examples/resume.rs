//! A run that is stopped and goes on later: `cargo run --example resume`
//!
//! The first run is stopped after a few URLs. The second one gets the same list and the same folder, and skips what
//! the first has saved. The example serves a small site itself, with no network at all.

use std::error::Error;
use std::io::Write as _;

use fetchall::demo::Site;
use fetchall::model::{SkipReason, Verdict};
use fetchall::{Fetchall, StopLevel};
use futures::StreamExt;

/// The number of outcomes after which the first run is stopped.
const STOP_AFTER: usize = 5;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let site = Site::start(Site::LATENCY).await?;
    let folder = tempfile::tempdir()?;
    let mut out = std::io::stdout();

    let mut run = Fetchall::new(site.urls()).dir(folder.path()).concurrency(2).start()?;
    let stop = run.stop();
    for _ in 0..STOP_AFTER {
        run.next().await;
    }
    // Those under way finish, and the others are cancelled. `Abort` would end the former too.
    stop.raise(StopLevel::Drain);
    let first = run.finish().await?.summary;
    writeln!(out, "first run: {} saved, {} cancelled", first.saved, first.counts.cancelled)?;

    // The folder has the state of the first run.
    let mut run = Fetchall::new(site.urls()).dir(folder.path()).start()?;
    let mut skipped = 0;
    while let Some(outcome) = run.next().await {
        skipped += u64::from(outcome.verdict == Verdict::Skipped(SkipReason::Done));
    }
    let second = run.finish().await?.summary;
    writeln!(out, "second run: {skipped} skipped, {} saved", second.saved)?;

    site.stop().await;
    Ok(())
}
