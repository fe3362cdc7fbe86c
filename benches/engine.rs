//! The cost of the engine itself for each URL: a fetcher that answers at once, no network.
//!
//! `cargo bench --bench engine [-- URLS]` runs each variant in interleaved rounds and prints
//! medians. The list is parsed as text, so that a URL is walked from its line to its record.

#![allow(clippy::expect_used, clippy::print_stdout, reason = "a benchmark prints, and ends when it cannot measure")]

use std::io::{Cursor, sink};
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::{Duration, Instant};

use fetchall::app::{self, CheckedFiles, Document, RunIo};
use fetchall::config::{Concurrency, Config, Duplicates};
use fetchall::engine::{self, Stop};
use fetchall::fetch::{FetchSpec, Fetched, Fetcher, FetcherFactory, Meter, Reply};
use fetchall::model::{Facts, Job, Timing, Verdict};
use fetchall::policy::network::address::AddressClasses;
use fetchall::sink::{Ndjson, Output, Sink, TextStyle};
use fetchall::source::Input;
use futures::future::BoxFuture;
use tokio_util::sync::CancellationToken;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const ROUNDS: usize = 5;

/// Name, whether duplicates are noticed, whether records are written, how many hosts.
const VARIANTS: &[(&str, Duplicates, bool, usize)] = &[
    ("list, scheduler, dispatch", Duplicates::Fetch, false, 1),
    ("and duplicates noticed", Duplicates::Skip, false, 1),
    ("and NDJSON records to nowhere", Duplicates::Skip, true, 1),
    ("list ..., 10 hosts", Duplicates::Fetch, false, 10),
    ("list ..., 10,000 hosts", Duplicates::Fetch, false, 10_000),
];

/// A fetcher that answers every URL at once with 1 KiB.
#[derive(Debug, Clone)]
struct Immediate(Arc<Meter>);

impl FetcherFactory for Immediate {
    fn build(&self, meter: &Arc<Meter>) -> Arc<dyn Fetcher> {
        Arc::new(Immediate(meter.clone()))
    }
}

impl Fetcher for Immediate {
    fn fetch<'a>(&'a self, job: &'a Job, _: &'a CancellationToken) -> BoxFuture<'a, Reply> {
        Box::pin(async {
            const BYTES: u64 = 1024;
            self.0.received(job.seed.id, BYTES);
            let (bytes, wire_bytes) = (Some(BYTES), Some(BYTES));
            let facts = Box::new(Facts { status: Some(200), bytes, wire_bytes, ..Facts::default() });
            let timing = Timing { first_byte: Some(Duration::ZERO), total: Some(Duration::ZERO), ..Timing::default() };
            Reply::Finished(Fetched { facts, timing, verdict: Verdict::Ok, finished_body: None })
        })
    }
}

fn main() {
    let urls: usize = std::env::args().skip(1).find_map(|a| a.parse().ok()).unwrap_or(200_000);
    let line = |i: usize, hosts: usize| format!("http://host{}.test/page/{i:07}\n", i % hosts);
    let list = |hosts: usize| -> Arc<str> { (0..urls).map(|i| line(i, hosts)).collect::<String>().into() };
    let lists: Vec<_> = VARIANTS.iter().map(|variant| list(variant.3)).collect();
    let mut times = vec![Vec::new(); VARIANTS.len()];
    for _ in 0..ROUNDS {
        for ((variant, list), times) in VARIANTS.iter().zip(&lists).zip(&mut times) {
            times.push(run(list, urls, variant.1, variant.2));
        }
    }
    println!("{urls} URLs, concurrency 100, medians of {ROUNDS} interleaved rounds");
    for (variant, times) in VARIANTS.iter().zip(&mut times) {
        times.sort();
        let each = times[ROUNDS / 2].as_nanos() / urls as u128;
        println!("{:32} {each:6} ns a URL", variant.0);
    }
}

fn run(list: &Arc<str>, urls: usize, duplicates: Duplicates, records: bool) -> Duration {
    let config =
        Config { duplicates, concurrency: Concurrency::Fixed(NonZeroU32::MIN.saturating_add(99)), ..Config::default() };
    let mut sinks: Vec<Box<dyn Sink>> = Vec::new();
    if records {
        sinks.push(Box::new(Ndjson::new(Output::new("nowhere", Box::new(sink())))));
    }
    let surroundings = RunIo {
        records: None,
        check_report: None,
        style: TextStyle::default(),
        files: CheckedFiles::default(),
        sinks,
        worker_program: std::path::PathBuf::from("fetchall").into(),
        reporters: Vec::new(),
        address_classes: AddressClasses::default(),
        on_link: None,
    };
    let input = Input::Reader("list".to_owned(), Box::new(Cursor::new(list.to_string())));
    let mut plan =
        app::plan(&config, vec![input], Document::None, surroundings, Stop::default()).expect("nothing to open");
    plan.spec = FetchSpec::Custom(Arc::new(Immediate(Arc::default())));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let started = Instant::now();
    let end = runtime.block_on(engine::run(plan));
    let took = started.elapsed();
    assert_eq!(end.summary.counts.ok, urls as u64, "{:?}", end.fault);
    took
}
