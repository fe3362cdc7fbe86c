//! The indexes and the package that a run makes of its archive at its end.

use std::collections::BTreeSet;
use std::io::Read as _;

use flate2::read::GzDecoder;
use serde_json::{Value, json};
use zip::ZipArchive;

use super::reader::read;
use crate::crawl::site::{Site, file, html, page, redirect};
use crate::support::cli::Fetchall;
use crate::support::single::files;

fn site() -> Site {
    Site::start([
        ("/", page(&["/a", "/b?z=1&a=2", "/moved"])),
        // Only the field of the response says which charset it is.
        ("/a", file("text/html; charset=utf-8", "<title> \u{dc}berschrift &amp;\nmehr</title>a page")),
        ("/b?z=1&a=2", html("another page")),
        ("/moved", redirect("/a")),
        ("/robots.txt", file("text/plain", "User-agent: *\n")),
    ])
}

/// The lines of an index, each with its JSON.
fn lines(text: &str) -> Vec<(String, Value)> {
    let line = |line: &str| {
        let at = line.find('{').expect("JSON");
        (line[..at].to_owned(), serde_json::from_str(&line[at..]).expect("JSON"))
    };
    text.lines().map(line).collect()
}

#[test]
fn each_file_gets_an_index_that_fits() {
    let site = site();
    let args = ["crawl", "--warc-file", "w/a", "--warc-cdx", "--warc-max-size", "4000"];
    let run = Fetchall::new().args(args).arg(site.url("/")).run();
    let names = files(&run.folder().join("w"));
    let warcs: Vec<_> = names.iter().filter(|name| name.ends_with(".warc.gz")).collect();
    assert!(warcs.len() > 1 && names.len() == 2 * warcs.len(), "{names:?}");
    for name in warcs {
        let path = run.folder().join("w").join(name);
        let bytes = std::fs::read(&path).unwrap();
        let index = String::from_utf8(run.read(&format!("w/{}", name.replace(".warc.gz", ".cdxj")))).unwrap();
        let mut sorted: Vec<_> = index.lines().collect();
        sorted.sort_unstable();
        assert_eq!(sorted, index.lines().collect::<Vec<_>>());
        let indexed = lines(&index).len();
        for (_, capture) in lines(&index) {
            let number = |name: &str| capture[name].as_str().unwrap().parse::<usize>().unwrap();
            let (offset, length) = (number("offset"), number("length"));
            let (mut member, mut text) = (GzDecoder::new(&bytes[offset..offset + length]), String::new());
            member.read_to_string(&mut text).expect("a whole member");
            assert!(text.contains(&format!("WARC-Target-URI: {}\r\n", capture["url"].as_str().unwrap())), "{text}");
            assert!(text.contains(&format!("WARC-Payload-Digest: {}\r\n", capture["digest"].as_str().unwrap())));
        }
        let records = read(&path);
        let captures = records.iter().filter(|record| matches!(record.kind(), "response" | "revisit")).count();
        assert_eq!(indexed, captures, "{name}");
    }
}

#[test]
fn package_has_every_page() {
    let site = site();
    let args = ["crawl", "--warc-file", "a", "--wacz", "a.wacz"];
    let run = Fetchall::new().args(args).arg(site.url("/")).run();
    let mut package = ZipArchive::new(std::fs::File::open(run.folder().join("a.wacz")).unwrap()).unwrap();
    let mut text = |name: &str| {
        let mut text = String::new();
        package.by_name(name).expect(name).read_to_string(&mut text).unwrap();
        text
    };
    let pages = text("pages/pages.jsonl");
    let title = |url: &str| {
        let line = pages.lines().find(|line| line.contains(&format!("\"url\":\"{url}\""))).expect("a page");
        serde_json::from_str::<Value>(line).unwrap()["title"].as_str().unwrap().to_owned()
    };
    assert_eq!(title(&site.url("/a")), "Überschrift & mehr");
    assert_eq!(title(&site.url("/")), site.url("/"), "a page without a title has its URL");
    let urls = pages.lines().skip(1).map(|line| {
        let page: Value = serde_json::from_str(line).unwrap();
        page["url"].as_str().unwrap().to_owned()
    });
    let urls: BTreeSet<_> = urls.collect();
    assert_eq!(urls, ["/", "/a", "/b?z=1&a=2"].map(|path| site.url(path)).into());
    assert!(text("indexes/index.cdx").contains("\"filename\": \"a-00000.warc.gz\""));
    assert_eq!(files(run.folder()), ["a-00000.cdxj", "a-00000.warc.gz", "a.wacz"]);
}

#[test]
fn summary_names_the_files_of_the_archive() {
    let site = site();
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let summary = || serde_json::from_slice::<Value>(&std::fs::read(path("summary")).unwrap()).unwrap();
    let run = |args: &[&str]| {
        let common = ["--summary", &path("summary"), "--warc-file", &path("a")];
        Fetchall::new().args(["crawl"]).args(common).args(args).arg(site.url("/")).run()
    };
    let told = run(&["--warc-cdx", "--wacz", &path("a.wacz")]).stderr;
    let [warc, index, package] = ["a-00000.warc.gz", "a-00000.cdxj", "a.wacz"].map(path);
    assert!(told.contains(&format!("archive    {warc} · {index} · {package}\n")), "{told}");
    let first = json!({ "files": [warc], "indexes": [index], "package": package });
    assert_eq!(summary()["archive"], first);
    let told = run(&["--warc-cdx", "--warc-max-size", "4000"]).stderr;
    let archive = summary()["archive"].clone();
    let count = |name: &str| archive[name].as_array().unwrap().len();
    assert!(count("files") > 1 && count("files") == count("indexes") && archive["package"].is_null(), "{archive}");
    assert_eq!(archive["files"][0], path("a-00001.warc.gz"));
    assert!(told.contains(&format!(" ({} files) · {} … ", count("files"), path("a-00001.cdxj"))), "{told}");
    let other = Fetchall::new().args(["--summary", &path("summary"), &site.url("/a")]).run().expect_code(0);
    assert!(summary()["archive"].is_null() && !other.stderr.contains("archive"));
}

#[test]
fn part_of_a_killed_package_is_removed_by_the_next_run() {
    let site = site();
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let parts = [".a.wacz-Ab3xYz.part", ".a-00000.cdxj-Ab3xYz.part"];
    parts.iter().for_each(|name| std::fs::write(path(name), b"part").unwrap());
    let args = ["crawl", "--warc-file", &path("a"), "--wacz", &path("a.wacz")];
    Fetchall::new().args(args).arg(site.url("/")).run();
    assert_eq!(files(folder.path()), ["a-00000.cdxj", "a-00000.warc.gz", "a.wacz"]);
}

#[test]
fn run_without_a_response_leaves_no_file() {
    let run = Fetchall::new().args(["--retry", "0", "--warc-file", "w/a", "http://127.0.0.1:1/"]).run();
    assert_eq!(files(&run.folder().join("w")), Vec::<String>::new());
}

#[test]
fn flags_of_an_archive_need_one() {
    for flags in [&["--warc-cdx"][..], &["--wacz", "a"], &["--warc-header", "a: b"], &["--warc-outlinks"]] {
        let told = Fetchall::new().args(flags).arg("http://127.0.0.1:1/").run().expect_code(2).stderr;
        assert!(told.contains(&format!("{}: there is no archive without --warc-file NAME", flags[0])), "{told}");
    }
}
