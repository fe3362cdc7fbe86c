//! Programs of others read what the program writes: warcio, cdxj-indexer, py-wacz and pywb.

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::path::Path;

use crate::crawl::site::{Site, file, html, page, redirect};
use crate::support::cli::{Fetchall, Finished};
use crate::support::process::{Process, command, output};
use crate::support::{program, wait_for};

/// The pages of the site with more than links.
const PAGES: [(&str, &str); 3] = [
    ("/a", "<p>a page with <b>markup</b>"),
    ("/b?z=1&a=2", "<p>a page behind a query"),
    ("/%C3%BC", "<p>a page with an odd name, and \u{e4} letters"),
];

fn site() -> Site {
    Site::start(
        [
            ("/", page(&["/a", "/b?z=1&a=2", "/%C3%BC", "/moved", "/gone"])),
            ("/moved", redirect("/a")),
            ("/robots.txt", file("text/plain", "User-agent: *\n")),
        ]
        .into_iter()
        .chain(PAGES.map(|(target, body)| (target, html(body)))),
    )
}

/// Crawls the site into an archive with indexes and a package.
fn archived(site: &Site) -> Finished {
    let args = ["crawl", "--quiet", "--warc-file", "a", "--warc-cdx", "--wacz", "a.wacz"];
    Fetchall::new().args(args).arg(site.url("/")).run().expect_code(1)
}

#[test]
fn warcio_finds_no_fault() {
    let Some(warcio) = program("warcio") else { return };
    let run = archived(&site());
    let checked = output(command(&warcio).args(["check", "-v", "a-00000.warc.gz"]).current_dir(run.folder()));
    let told = String::from_utf8_lossy(&checked.stdout);
    assert!(checked.status.success() && told.contains("digest pass") && !told.contains("failed"), "{told}");
    let indexed = output(command(&warcio).args(["index", "a-00000.warc.gz"]).current_dir(run.folder()));
    assert!(String::from_utf8_lossy(&indexed.stdout).lines().count() > 10);
}

#[test]
fn cdxj_indexer_writes_the_same_index() {
    let Some(indexer) = program("cdxj-indexer") else { return };
    let run = archived(&site());
    let theirs = output(command(indexer).args(["--sort", "a-00000.warc.gz"]).current_dir(run.folder()));
    assert_eq!(String::from_utf8(run.read("a-00000.cdxj")).unwrap(), String::from_utf8(theirs.stdout).unwrap());
}

#[test]
fn py_wacz_takes_the_package() {
    let Some(wacz) = program("wacz") else { return };
    let run = archived(&site());
    let checked = output(command(wacz).args(["validate", "-f", "a.wacz"]).current_dir(run.folder()));
    let told = String::from_utf8_lossy(&checked.stdout);
    assert!(told.contains("Validation succeeded, the passed WACZ is valid"), "{told}");
}

/// The collection `c` of pywb with this file.
fn replay(folder: &Path, warc: &str) -> Option<(Process, u16)> {
    let (manager, wayback) = (program("wb-manager")?, program("wayback")?);
    for words in [&["init", "c"][..], &["add", "c", warc]] {
        let made = output(command(&manager).args(words).current_dir(folder));
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    }
    let port = TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port();
    let log = fs::File::create(folder.join("wayback.log")).unwrap();
    let words = ["-b", "127.0.0.1", "-p", &port.to_string()].map(str::to_owned);
    Some((Process::start(command(wayback).args(words).current_dir(folder).stderr(log)), port))
}

#[test]
fn pywb_replays_the_bytes_of_the_server() {
    let site = site();
    let run = archived(&site);
    let Some((_server, port)) = replay(run.folder(), "a-00000.warc.gz") else { return };
    wait_for("pywb", || TcpStream::connect(("127.0.0.1", port)).is_ok());
    for (target, body) in PAGES {
        // `id_` asks for the bytes as they were.
        let url = format!("http://127.0.0.1:{port}/c/2026id_/{}", site.url(target));
        let replayed = Fetchall::new().args(["--quiet", "-O", "out", &url]).run().expect_code(0);
        assert_eq!(replayed.read("out"), body.as_bytes(), "{target}");
    }
}
