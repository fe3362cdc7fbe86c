//! A program that decides by each answer what is fetched next: `cargo run --example mirrors -- URL,URL... ...`
//!
//! Each argument is a file with the URLs of its mirrors. The program asks one mirror, and the next one after a
//! failure. Without arguments it uses a small site that it serves itself, with no network at all.

use std::collections::{HashMap, VecDeque};
use std::error::Error;
use std::io::Write as _;

use fetchall::Fetchall;
use fetchall::demo::Site;
use fetchall::model::Verdict;
use futures::StreamExt;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let site = Site::start(Site::LATENCY).await?;
    let given: Vec<_> = std::env::args().skip(1).map(|file| file.split(',').map(str::to_owned).collect()).collect();
    let files: Vec<VecDeque<String>> = if given.is_empty() { with_a_broken_mirror(&site) } else { given };

    let mut out = std::io::stdout();
    let (mut run, feed) = Fetchall::default().start_fed()?;
    // The mirrors that are left, by the URL under way. `add` waits while the run is full, so a program with very
    // many URLs adds them from a task of its own.
    let mut under_way = HashMap::new();
    for mut mirrors in files {
        let Some(first) = mirrors.pop_front() else { continue };
        feed.add(&first).await?;
        under_way.insert(first, mirrors);
    }
    while !under_way.is_empty() {
        let Some(outcome) = run.next().await else { break };
        let url = outcome.subject.url();
        let mut mirrors = under_way.remove(url).unwrap_or_default();
        match (&outcome.verdict, mirrors.pop_front()) {
            (Verdict::Ok, _) => writeln!(out, "found {url}")?,
            (_, Some(next)) => {
                writeln!(out, "{} {url}, next {next}", outcome.verdict.as_str())?;
                feed.add(&next).await?;
                under_way.insert(next, mirrors);
            }
            (_, None) => writeln!(out, "{} {url}, the last mirror", outcome.verdict.as_str())?,
        }
    }
    // The input of the run ends with its feed.
    drop(feed);
    run.finish().await?;

    site.stop().await;
    Ok(())
}

/// The files of the site, each with a mirror before it that has lost the file.
fn with_a_broken_mirror(site: &Site) -> Vec<VecDeque<String>> {
    let lost = |url: &String| format!("{}/lost{}", site.base(), url.trim_start_matches(&site.base()));
    site.urls().iter().take(3).map(|url| VecDeque::from([lost(url), url.clone()])).collect()
}
