//! Sitemaps: found, read and followed.

use std::io::Write as _;

use fetchall::config::Sitemaps;
use fetchall::model::{Kind, Via};
use wiremock::{Request, ResponseTemplate};

use super::site::{Site, crawl, file, page};
use crate::support::cli::Fetchall;

fn urlset(request: &Request, paths: &[&str]) -> ResponseTemplate {
    file("application/xml", &xml(request, "urlset", "url", paths))
}

fn xml(request: &Request, root: &str, entry: &str, paths: &[&str]) -> String {
    let host = request.headers["host"].to_str().unwrap();
    let entries: String =
        paths.iter().map(|path| format!("<{entry}><loc>http://{host}{path}</loc></{entry}>")).collect();
    format!("<?xml version='1.0'?><{root} xmlns='http://www.sitemaps.org/schemas/sitemap/0.9'>{entries}</{root}>")
}

fn site() -> Site {
    Site::with(|target, request| match target {
        "/robots.txt" => {
            let host = request.headers["host"].to_str().unwrap();
            let map = format!("Sitemap: http://{host}/maps/index.xml");
            file("text/plain", &format!("User-agent: *\nDisallow: /no\n{map}\n"))
        }
        "/maps/index.xml" => {
            file("text/xml", &xml(request, "sitemapindex", "sitemap", &["/maps/1.gz", "/maps/index.xml", "/maps/none"]))
        }
        "/maps/1.gz" => {
            let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
            gzip.write_all(xml(request, "urlset", "url", &["/hidden", "/no/x", "/"]).as_bytes()).unwrap();
            ResponseTemplate::new(200).set_body_raw(gzip.finish().unwrap(), "application/octet-stream")
        }
        "/" => page(&["/a"]),
        "/hidden" => page(&["/deep"]),
        "/a" | "/deep" => page(&[]),
        _ => ResponseTemplate::new(404),
    })
}

#[test]
fn sitemaps_of_robots_txt_are_followed_beside_links() {
    let site = site();
    let crawled = crawl([site.url("/")], |_| {});
    let expected = ["/", "/a", "/deep", "/hidden", "/maps/1.gz", "/maps/index.xml", "/maps/none"];
    assert_eq!(site.pages(), expected, "{:#?}", crawled.told());
    let hidden = crawled.of("/hidden").subject.seed().unwrap();
    assert!(matches!(&hidden.via, Via::Sitemap(origin) if origin.list.ends_with("/maps/1.gz")), "{hidden:?}");
    assert_eq!(crawled.of("/maps/1.gz").subject.seed().unwrap().kind, Kind::Sitemap);
}

#[test]
fn without_links_only_sitemaps_lead_on() {
    let site = site();
    crawl([site.url("/")], |config| config.crawl.sitemap = Sitemaps::Only);
    assert_eq!(site.pages(), ["/", "/hidden", "/maps/1.gz", "/maps/index.xml", "/maps/none"]);
}

#[test]
fn a_sitemap_that_is_named_is_the_only_one() {
    let site = Site::with(|target, request| match target {
        "/" => page(&["/a"]),
        "/own.xml" => urlset(request, &["/b"]),
        "/a" | "/b" => page(&[]),
        _ => ResponseTemplate::new(404),
    });
    let url = site.url("/own.xml").parse().unwrap();
    crawl([site.url("/")], |config| config.crawl.sitemap = Sitemaps::Urls(vec![url]));
    assert_eq!(site.requests(), ["/", "/a", "/b", "/own.xml", "/robots.txt"]);
}

#[test]
fn the_usual_sitemap_is_tried_and_its_absence_is_no_failure() {
    let missing = Site::start([("/", page(&[]))]);
    let crawled = crawl([missing.url("/")], |_| {});
    assert_eq!(missing.requests(), ["/", "/robots.txt", "/sitemap.xml"]);
    assert_eq!(crawled.told(), ["/ ok"]);
    let site = Site::with(|target, request| match target {
        "/" => page(&[]),
        "/sitemap.xml" => urlset(request, &["/b"]),
        "/b" => page(&[]),
        _ => ResponseTemplate::new(404),
    });
    let crawled = crawl([site.url("/")], |_| {});
    assert_eq!(crawled.told(), ["/ ok", "/b ok", "/sitemap.xml ok"]);
}

#[test]
fn sitemap_with_a_password_is_refused_without_showing_it() {
    let words = ["crawl", "--sitemap", "http://ann:hunter2@127.0.0.1:9/s.xml", "http://127.0.0.1:9/"];
    let refused = Fetchall::new().args(words).run().expect_code(2);
    assert!(refused.stderr.contains("--sitemap") && refused.stderr.contains("--netrc"), "{}", refused.stderr);
    assert!(!refused.stderr.contains("hunter2"), "{}", refused.stderr);
}

#[test]
fn password_of_a_sitemap_in_robots_txt_is_dropped() {
    let site = Site::with(|target, request| match target {
        "/robots.txt" => {
            let host = request.headers["host"].to_str().unwrap();
            file("text/plain", &format!("Sitemap: http://ann:hunter2@{host}/map.xml\n"))
        }
        "/map.xml" => urlset(request, &["/a"]),
        _ => page(&[]),
    });
    let run = Fetchall::new().args(["crawl", "--json", &site.url("/")]).run().expect_code(0);
    let records = run.records();
    assert!(records.iter().any(|record| record["url"] == site.url("/map.xml")), "{records:?}");
    assert!(!format!("{records:?}{}", run.stderr).contains("hunter2"), "{records:?}");
}
