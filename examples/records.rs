//! A list with saved bodies, a record for each URL and a report: `cargo run --example records -- FOLDER URL...`
//!
//! The folder gets the bodies, `records.ndjson`, `summary.json` and `report.html`. Without arguments the example uses
//! a temporary folder and a small site that it serves itself, with no network at all.

use std::error::Error;
use std::io::Write as _;
use std::path::PathBuf;

use fetchall::config::Format;
use fetchall::demo::Site;
use fetchall::{Fetchall, RunEnd};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let site = Site::start(Site::LATENCY).await?;
    let temporary = tempfile::tempdir()?;
    let mut arguments = std::env::args().skip(1);
    let folder = arguments.next().map_or_else(|| temporary.path().to_owned(), PathBuf::from);
    let given: Vec<String> = arguments.collect();
    let urls = if given.is_empty() { site.urls() } else { given };

    let records = folder.join("records.ndjson");
    let run = Fetchall::new(urls).dir(folder.join("bodies")).configure(|config| {
        config.format = Format::Ndjson;
        config.output = records.clone();
        config.summary = Some(folder.join("summary.json"));
        config.report = Some(folder.join("report.html"));
        config.retry = 1;
    });
    let RunEnd { summary, fault } = run.start()?.finish().await?;

    let mut out = std::io::stdout();
    // A record says what became of its URL: docs/reference/records.md has its fields.
    for line in std::fs::read_to_string(&records)?.lines() {
        let record: serde_json::Value = serde_json::from_str(line)?;
        writeln!(out, "{} {} {}", record["outcome"], record["url"], record["path"])?;
    }
    writeln!(out, "{} of {} saved", summary.saved, summary.counts.read)?;

    site.stop().await;
    fault.map_or(Ok(()), |fault| Err(fault.into()))
}
