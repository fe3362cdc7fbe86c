//! A run as a `Stream` of outcomes: `cargo run --example stream -- URL...`
//!
//! Without arguments it downloads a small site that it serves itself, with no network at all.

use std::error::Error;
use std::io::Write as _;

use fetchall::Fetchall;
use fetchall::demo::Site;
use futures::StreamExt;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let site = Site::start(Site::LATENCY).await?;
    let given: Vec<String> = std::env::args().skip(1).collect();
    let urls = if given.is_empty() { site.urls() } else { given };

    let mut out = std::io::stdout();
    let mut run = Fetchall::new(urls).concurrency(10).start()?;
    while let Some(outcome) = run.next().await {
        writeln!(out, "{:<10} {}", outcome.verdict.as_str(), outcome.subject.url())?;
    }
    let end = run.finish().await?;
    writeln!(out, "{} of {} ok", end.summary.counts.ok, end.summary.counts.read)?;

    site.stop().await;
    Ok(())
}
