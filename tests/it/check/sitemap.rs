//! `--sitemap-out`: a sitemap of the pages of a crawl.

use crate::crawl::site::{Site, file, html, page, redirect};
use crate::support::cli::Fetchall;

/// The URLs of a sitemap with their times, in alphabetic order.
fn entries(xml: &str) -> Vec<(String, String)> {
    let between = |text: &str, tag: &str| {
        let (_, rest) = text.split_once(&format!("<{tag}>"))?;
        Some(rest.split_once(&format!("</{tag}>")).unwrap().0.to_owned())
    };
    let urls =
        xml.lines().filter_map(|line| Some((between(line, "loc")?, between(line, "lastmod").unwrap_or_default())));
    let mut urls: Vec<_> = urls.collect();
    urls.sort();
    urls
}

fn site() -> Site {
    let dated = page(&[]).insert_header("last-modified", "Sat, 31 Jan 2026 12:30:15 GMT");
    Site::start([
        ("/d/", page(&["a?x=1&y=2", "gone", "moved", "c.pdf", "/out", "copy", "it's", "#top"])),
        ("/d/a?x=1&y=2", dated),
        ("/d/moved", redirect("/d/new")),
        ("/d/new", page(&[])),
        ("/d/c.pdf", file("application/pdf", "%PDF")),
        ("/out", page(&[])),
        ("/d/copy", html("<link rel=canonical href='/d/new?'><link rel=canonical href=x>")),
        ("/d/new?", page(&[])),
        ("/d/it's", html("<link rel=canonical href='https://public.invalid/d/it'>")),
    ])
}

fn expected(site: &Site) -> Vec<(String, String)> {
    let entry = |path: &str, time: &str| (site.url(path), time.to_owned());
    vec![
        entry("/d/", ""),
        entry("/d/a?x=1&amp;y=2", "2026-01-31T12:30:15Z"),
        entry("/d/it&apos;s", ""),
        entry("/d/new", ""),
        entry("/d/new?", ""),
    ]
}

#[test]
fn a_sitemap_has_the_html_pages_in_scope_once_with_their_times() {
    let site = site();
    let run = Fetchall::new().args(["crawl", "--sitemap-out", "sitemap.xml", &site.url("/d/")]).run().expect_code(1);
    let xml = String::from_utf8(run.read("sitemap.xml")).unwrap();
    assert_eq!(entries(&xml), expected(&site), "{xml}");
    // The program reads it as a list.
    let list = Fetchall::new().file("sitemap.xml", &xml).args(["--json", "sitemap.xml"]).run().expect_code(0);
    assert_eq!(list.records().len(), 5);
}

#[test]
fn pages_that_are_not_fetched_again_are_in_the_sitemap_too() {
    let site = site();
    let out = tempfile::tempdir().unwrap();
    for more in [&[][..], &[], &["--refresh"]] {
        let run = Fetchall::new().args(["crawl", "--sitemap-out", "s.xml", "--dir"]).arg(out.path()).args(more);
        let run = run.arg(site.url("/d/")).run().expect_code(1);
        let xml = String::from_utf8(run.read("s.xml")).unwrap();
        assert_eq!(entries(&xml), expected(&site), "{more:?}: {xml}");
    }
}
