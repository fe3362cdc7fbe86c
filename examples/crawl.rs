//! A crawl as a `Stream` of outcomes: `cargo run --example crawl -- URL...`
//!
//! It follows the links below the start pages that have no query, and shows the title of each page and the number of
//! its links. Without arguments it crawls a small site that it serves itself, with no network at all.

use std::error::Error;
use std::io::Write as _;

use fetchall::Fetchall;
use fetchall::demo::Site;
use fetchall::model::{FoundLink, LinkChoice};
use futures::StreamExt;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let site = Site::start(Site::LATENCY).await?;
    let given: Vec<String> = std::env::args().skip(1).collect();
    let starts = if given.is_empty() { site.urls() } else { given };

    let mut out = std::io::stdout();
    let mut run = Fetchall::crawl(starts).on_link(without_query).start()?;
    while let Some(outcome) = run.next().await {
        let links = outcome.facts.found.links.as_deref();
        let count = links.map_or(0, |page| page.links.len());
        let title = links.and_then(|page| page.title.as_deref()).unwrap_or_default();
        writeln!(out, "{:<10} {count:>4} links  {}  {title}", outcome.verdict.as_str(), outcome.subject.url())?;
    }
    let end = run.finish().await?;

    site.stop().await;
    end.fault.map_or(Ok(()), |fault| Err(fault.into()))
}

/// Sorted tables and calendars put the view into the query of the URL.
fn without_query(link: &FoundLink<'_>) -> LinkChoice {
    if link.url.query().is_some() { LinkChoice::Skip } else { LinkChoice::Follow }
}
