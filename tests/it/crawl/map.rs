//! The command `map`: the URLs of a site as a list.

use serde_json::Value;

use super::site::{Site, file, page, redirect};
use crate::support::cli::Fetchall;

fn site() -> Site {
    Site::start([
        ("/d/", page(&["a", "b#part", "b", "gone", "moved", "c.pdf", "/out"])),
        ("/d/a", page(&["/d/", "a?x=1"])),
        ("/d/a?x=1", page(&[])),
        ("/d/b", page(&["b"])),
        ("/d/c.pdf", file("application/pdf", "%PDF")),
        ("/d/moved", redirect("/d/new")),
        ("/d/new", page(&[])),
        ("/d/image.png", file("image/png", "x")),
        ("/out", page(&[])),
    ])
}

const PAGES: [&str; 6] = ["/d/", "/d/a", "/d/a?x=1", "/d/b", "/d/c.pdf", "/d/new"];

fn sorted(text: &str) -> Vec<String> {
    let mut lines: Vec<_> = text.lines().map(str::to_owned).collect();
    lines.sort();
    lines
}

#[test]
fn a_map_is_the_list_of_pages_and_saves_nothing() {
    for backend in ["async", "threads", "processes", "sequential"] {
        let site = site();
        // One page of the site is missing.
        let run = Fetchall::new().args(["map", "--backend", backend, &site.url("/d/")]).run().expect_code(1);
        assert_eq!(sorted(&run.stdout), PAGES.map(|path| site.url(path)), "{backend}");
        assert!(run.stderr.contains("/d/gone") && !run.stderr.contains("--dir"), "{backend}: {}", run.stderr);
        assert_eq!(std::fs::read_dir(run.folder()).unwrap().count(), 0, "{backend}");
    }
}

#[test]
fn quiet_leaves_the_list_of_a_map() {
    let site = site();
    let run = Fetchall::new().args(["map", "-q", &site.url("/d/")]).run().expect_code(1);
    assert_eq!((run.stdout.lines().count(), run.stderr.as_str()), (PAGES.len(), ""));
}

#[test]
fn a_map_in_json_has_the_records_of_its_pages() {
    let site = site();
    let run = Fetchall::new().args(["map", "--json", &site.url("/d/")]).run().expect_code(1);
    let records = run.records();
    let mut urls: Vec<_> =
        records.iter().map(|record| record["final_url"].as_str().or(record["url"].as_str()).unwrap()).collect();
    urls.sort_unstable();
    assert_eq!(urls, PAGES.map(|path| site.url(path)));
    assert!(records.iter().all(|record| record["outcome"] == "ok" && record["path"] == Value::Null), "{records:?}");
}

#[test]
fn the_list_of_a_map_can_be_downloaded() {
    let site = site();
    for format in ["text", "ndjson"] {
        let map = Fetchall::new().args(["map", "-q", "--format", format, &site.url("/d/")]).run().expect_code(1);
        let run = Fetchall::new().args(["--dir", "out", "--json", "-"]).stdin(map.stdout).run().expect_code(0);
        assert_eq!(run.records().len(), PAGES.len(), "{format}");
    }
}

#[test]
fn a_map_of_sitemaps_leaves_out_what_is_older() {
    let urls: String = [("new", "2026-02-01"), ("old", "2026-01-01")]
        .map(|(path, day)| format!("<url><loc>/d/{path}</loc><lastmod>{day}</lastmod></url>"))
        .concat();
    let sitemap = file("application/xml", &format!("<urlset>{urls}</urlset>"));
    let site = Site::start([
        ("/sitemap.xml", sitemap),
        ("/d/", page(&["linked"])),
        ("/d/linked", page(&[])),
        ("/d/new", page(&[])),
        ("/d/old", page(&[])),
    ]);
    let words = ["map", "--sitemap", "only", "--since", "2026-01-31"];
    let run = Fetchall::new().args(words).arg(site.url("/d/")).run().expect_code(0);
    assert_eq!(sorted(&run.stdout), [site.url("/d/"), site.url("/d/new")]);
}

#[test]
fn an_ended_map_goes_on_with_a_state_and_lists_all() {
    let site = site();
    let words = ["map", "--state", "state", "--sitemap", "off", &site.url("/d/")].map(str::to_owned);
    let first = Fetchall::new().args(words.clone()).run().expect_code(1);
    let state = std::fs::read(first.folder().join("state")).unwrap();
    let second = Fetchall::new().file("state", state).args(words).run().expect_code(1);
    assert_eq!(sorted(&second.stdout), sorted(&first.stdout));
    assert_eq!(site.pages().iter().filter(|path| *path == "/d/a").count(), 1);
}

#[test]
fn a_map_fetches_no_requisites_even_if_a_file_asks() {
    let site = Site::start([
        ("/", super::site::html("<img src=/i.png><a href=/a>a</a>")),
        ("/a", page(&[])),
        ("/i.png", file("image/png", "x")),
    ]);
    let run = Fetchall::new()
        .file("own.toml", "requisites = true\ndir = \"out\"\n")
        .args(["map", "--config", "own.toml", &site.url("/")])
        .run()
        .expect_code(0);
    assert_eq!(sorted(&run.stdout), [site.url("/"), site.url("/a")]);
    assert_eq!(site.pages(), ["/", "/a"]);
    assert!(!run.folder().join("out").exists());
}
