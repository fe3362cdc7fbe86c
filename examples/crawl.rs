//! A crawl as a `Stream` of outcomes: `cargo run --example crawl -- URL [DIR]`

use std::error::Error;

use fetchall::Fetchall;
use fetchall::config::Config;
use futures::StreamExt;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args().skip(1);
    let url = args.next().unwrap();
    let config = Config { dir: args.next().map(Into::into), ..Config::of_crawl() };
    let mut run = Fetchall::new([url]).config(config).start()?;
    let (mut pages, mut links) = (0, 0);
    while let Some(outcome) = run.next().await {
        pages += 1;
        links += outcome.facts.found.links.as_ref().map_or(0, |l| l.links.len());
        if pages < 20 {
            println!(
                "{} {:?} {} {:?}",
                outcome.verdict.as_str(),
                outcome.facts.status,
                outcome.subject.url(),
                outcome.facts.rule
            );
        }
    }
    let end = run.finish().await?;
    println!("{pages} {links} {:?} {:?}", end.summary.counts, end.fault);
    Ok(())
}
