//! The cost of extraction: links of each HTML page below a folder, in memory, one thread.
//!
//! `cargo bench --bench extract [-- FOLDER]` prints medians. Without a folder it reads the
//! documentation of the Rust toolchain, if that is installed.

#![allow(clippy::expect_used, clippy::print_stdout, reason = "a benchmark prints, and ends when it cannot measure")]

use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use fetchall::extract::{DocumentHead, Extractor};
use fetchall::model::PageLinks;
use http::{HeaderMap, HeaderValue};
use url::Url;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const ROUNDS: usize = 5;
/// The most bytes of pages.
const MOST: usize = 200 << 20;
/// The length of a piece, as a body brings it.
const PIECE: usize = 16 * 1024;

fn main() {
    let folder = std::env::args().skip(1).find(|argument| !argument.starts_with("--"));
    let folder = folder.map_or_else(toolchain_documentation, PathBuf::from);
    let (mut pages, mut bytes) = (Vec::new(), 0);
    collect(&folder, &mut pages, &mut bytes);
    if pages.is_empty() {
        println!("{}: no HTML page; name a folder with pages", folder.display());
        return;
    }
    let mut fields = HeaderMap::new();
    fields.insert(http::header::CONTENT_TYPE, HeaderValue::from_static("text/html"));
    let mut scans = Vec::new();
    let (mut links, mut first) = (0, 0);
    for round in 0..ROUNDS {
        let start = Instant::now();
        let found: Vec<usize> = pages.iter().map(|(url, page)| extract(url, &fields, page).links.len()).collect();
        scans.push(start.elapsed());
        links = found.iter().sum();
        if round == 0 {
            first = links;
        }
    }
    assert_eq!(links, first, "each round finds the same links");
    scans.sort();
    let median = scans[ROUNDS / 2];
    println!("{} pages, {} MB, {links} links, medians of {ROUNDS} rounds", pages.len(), bytes / 1_000_000);
    println!("{:8.0} MB/s", bytes as f64 / 1e6 / median.as_secs_f64());
    println!("{:8.1} µs a page", micros(median) / pages.len() as f64);
}

fn micros(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}

fn extract(url: &Url, fields: &HeaderMap, page: &[u8]) -> PageLinks {
    let mut extractor = Extractor::new(&DocumentHead::new(url, fields));
    page.chunks(PIECE).for_each(|piece| extractor.piece(piece));
    black_box(extractor.end())
}

/// Reads the pages below a folder, up to a limit of bytes.
fn collect(folder: &Path, pages: &mut Vec<(Url, Vec<u8>)>, bytes: &mut usize) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for path in entries.filter_map(|entry| Some(entry.ok()?.path())) {
        if path.is_dir() {
            collect(&path, pages, bytes);
        } else if path.extension().is_some_and(|extension| extension == "html") && *bytes < MOST {
            let page = std::fs::read(&path).expect("a page");
            let url = format!("http://127.0.0.1/{}", path.strip_prefix("/").unwrap_or(&path).display());
            *bytes += page.len();
            pages.push((Url::parse(&url).expect("a URL"), page));
        }
    }
}

fn toolchain_documentation() -> PathBuf {
    let printed = Command::new("rustc").args(["--print", "sysroot"]).output().expect("rustc");
    let sysroot = String::from_utf8(printed.stdout).expect("a path");
    Path::new(sysroot.trim()).join("share/doc/rust/html")
}
