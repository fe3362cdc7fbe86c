//! A crawl archives what it asks for beside pages, too.

use super::reader::read;
use crate::crawl::site::{Site, file, html, page};
use crate::support::cli::Fetchall;

#[test]
fn links_of_pages_are_archived_on_demand() {
    let site = Site::start([
        ("/", html("<a href=a#top>a</a><img src='/i.png'><iframe src='f?x&amp;y'></iframe>")),
        ("/a", html("no links")),
    ]);
    let metadata = |args: &[&str]| {
        let run = Fetchall::new().args(["--warc-file", "a"]).args(args).args([site.url("/"), site.url("/a")]).run();
        let records = read(&run.folder().join("a-00000.warc.gz"));
        let facts = |path: &str| {
            let record = records.iter().find(|record| record.kind() == "metadata" && record.path() == path);
            String::from_utf8(record.expect("the metadata").block.clone()).unwrap()
        };
        (facts(""), facts("a"))
    };
    let (start, without_links) = metadata(&["--warc-outlinks"]);
    let links: Vec<_> = start.lines().filter_map(|line| line.strip_prefix("outlink: ")).collect();
    let expected = [("/a", "L =NAVLINK_MISC"), ("/i.png", "E =EMBED_MISC"), ("/f?x&y", "E =EMBED_MISC")];
    assert_eq!(links, expected.map(|(path, step)| format!("{} {step}", site.url(path))));
    assert!(!without_links.contains("outlink"), "{without_links}");
    assert!(!metadata(&[]).0.contains("outlink"));
}

#[test]
fn robots_and_sitemaps_are_archived_too() {
    let site = Site::with(move |target, request| {
        let host = request.headers.get("host").and_then(|host| host.to_str().ok()).unwrap_or_default().to_owned();
        match target {
            "/robots.txt" => file("text/plain", &format!("User-agent: *\nSitemap: http://{host}/map.xml\n")),
            "/map.xml" => {
                let entry = format!("<url><loc>http://{host}/from-map</loc></url>");
                file("application/xml", &format!("<?xml version='1.0'?><urlset>{entry}</urlset>"))
            }
            "/" => page(&["/a", "/missing"]),
            "/a" => html("<img src=\"/i.png\">"),
            "/from-map" => html("from the map"),
            "/i.png" => file("image/png", "png"),
            _ => wiremock::ResponseTemplate::new(404),
        }
    });
    let run = Fetchall::new().args(["crawl", "-p", "--warc-file", "a", &site.url("/")]).run();
    let records = read(&run.folder().join("a-00000.warc.gz"));
    let facts = |path: &str| {
        let record = records.iter().find(|record| record.kind() == "metadata" && record.path() == path);
        String::from_utf8(record.expect("the metadata").block.clone()).unwrap()
    };
    for (path, hops, via) in [
        ("robots.txt", "P", ""),
        ("map.xml", "M", ""),
        ("", "", ""),
        ("a", "L", "/"),
        ("missing", "L", "/"),
        ("i.png", "LE", "/a"),
    ] {
        assert!(records.iter().any(|record| record.kind() == "response" && record.path() == path), "{path}");
        let facts = facts(path);
        assert_eq!(facts.contains("hopsFromSeed: "), !hops.is_empty(), "{path}: {facts}");
        assert!(facts.contains(&format!("hopsFromSeed: {hops}\r\n")) || hops.is_empty(), "{path}: {facts}");
        assert!(facts.contains(&format!("via: {}\r\n", site.url(via))) || via.is_empty(), "{path}: {facts}");
    }
    assert!(facts("from-map").contains(&format!("via: {}\r\n", site.url("/map.xml"))));
    let info = String::from_utf8(records[0].block.clone()).unwrap();
    assert!(info.contains("robots: obey\r\n"), "{info}");
}
