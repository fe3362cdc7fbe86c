//! A sink of one's own, beside the stream: `cargo run --example custom_sink -- URL...`
//!
//! It counts content types and writes the table when the run is over, however it ended. Without
//! arguments the example downloads a small site that it serves itself, with no network at all.

use std::collections::BTreeMap;
use std::error::Error;
use std::io::{self, Write as _};
use std::ops::ControlFlow;

use fetchall::demo::Site;
use fetchall::model::{Outcome, Summary};
use fetchall::{Fetchall, Sink, SinkError};

/// Counts answers and bytes by content type.
#[derive(Default)]
struct ContentTypes(BTreeMap<String, (u64, u64)>);

impl Sink for ContentTypes {
    fn outcome(&mut self, outcome: &Outcome) -> Result<ControlFlow<()>, SinkError> {
        let media_type = match &outcome.facts.content_type {
            // Without parameters such as `charset=utf-8`.
            Some(field) => field.split(';').next().unwrap_or_default().trim().to_owned(),
            None => "(none)".to_owned(),
        };
        let (answers, bytes) = self.0.entry(media_type).or_default();
        *answers += 1;
        *bytes += outcome.facts.bytes.unwrap_or(0);
        // `Break` would end the run.
        Ok(ControlFlow::Continue(()))
    }

    fn finish(&mut self, summary: &Summary) -> Result<(), SinkError> {
        let failed = |source| SinkError { target: "standard output".to_owned(), source };
        self.print(summary).map_err(failed)
    }
}

impl ContentTypes {
    fn print(&self, summary: &Summary) -> io::Result<()> {
        let mut out = io::stdout();
        for (media_type, (answers, bytes)) in &self.0 {
            writeln!(out, "{answers:>5} {bytes:>9}  {media_type}")?;
        }
        writeln!(out, "{:>5} {:>9}  all", summary.counts.read, summary.bytes)
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let site = Site::start(Site::LATENCY).await?;
    let given: Vec<String> = std::env::args().skip(1).collect();
    let urls = if given.is_empty() { site.urls() } else { given };

    let end = Fetchall::new(urls).sink(ContentTypes::default()).start()?.finish().await?;

    site.stop().await;
    // An account is complete even when a part of the run broke; what broke is kept beside it.
    end.fault.map_or(Ok(()), |fault| Err(fault.into()))
}
