//! `crawl --check`: which links are broken, and on which pages.

use std::net::TcpListener;

use fetchall::config::CrawlConfig;
use serde_json::Value;
use wiremock::ResponseTemplate;

use crate::crawl::site::{Site, crawl, file, html, page, redirect};
use crate::support::BACKENDS;
use crate::support::act::{Act, Script, ok};
use crate::support::cli::{Fetchall, Finished};
use crate::support::fault::FaultServer;
use crate::support::schema;

/// A site on another port, whose links are out of scope.
fn other() -> Site {
    Site::with(|target, request| match (target, request.method.as_str()) {
        ("/robots.txt", _) => file("text/plain", "User-agent: *\nDisallow: /private\n"),
        ("/ok" | "/i.png", "HEAD") => page(&["/deep"]),
        ("/no-head", "HEAD") => ResponseTemplate::new(405),
        ("/shy", "HEAD") => ResponseTemplate::new(403),
        ("/lost", "HEAD") => ResponseTemplate::new(404),
        ("/no-head" | "/shy" | "/lost", "GET") => page(&["/deep"]),
        ("/moved", _) => redirect("/ok"),
        ("/moved-away", _) => redirect("/gone"),
        _ => ResponseTemplate::new(404),
    })
}

/// A port that nothing listens on.
fn closed_port() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    format!("http://{}/", listener.local_addr().unwrap())
}

fn check(start: &str) -> Fetchall {
    Fetchall::new().args(["crawl", "--check", start])
}

/// The lines of a report: each page with its broken links, each as the word and the URL.
fn report(run: &Finished) -> Vec<String> {
    let lines = run.stdout.lines().map(|line| match line.strip_prefix("  ") {
        Some(link) => format!("  {}", link.split_whitespace().take(2).collect::<Vec<_>>().join(" ")),
        None => line.to_owned(),
    });
    lines.collect()
}

#[test]
fn broken_links_are_listed_by_page() {
    let (other, closed) = (other(), closed_port());
    let links = ["a", "gone", "/out", "/also-gone", "moved", "mailto:a@b.test", "javascript:f()", "data:,x", "tel:1"];
    let outside = [other.url("/ok"), other.url("/gone"), closed.clone()];
    let links: Vec<_> = links.into_iter().chain(outside.iter().map(String::as_str)).collect();
    let site = Site::start([
        ("/d/", page(&links)),
        ("/d/a", page(&["gone", "./gone", "/d/"])),
        ("/d/moved", redirect("/d/lost")),
        ("/out", page(&["deeper"])),
    ]);
    let run = check(&site.url("/d/")).run().expect_code(1);
    let (start, page) = (site.url("/d/"), site.url("/d/a"));
    let expected = [
        start.clone(),
        format!("  404 {}", site.url("/d/gone")),
        format!("  404 {}", site.url("/also-gone")),
        format!("  404 {}", site.url("/d/moved")),
        format!("  404 {}", other.url("/gone")),
        format!("  connect {closed}"),
        page,
        format!("  404 {}", site.url("/d/gone")),
    ];
    assert_eq!(report(&run), expected, "{}\n{}", run.stdout, run.stderr);
    assert!(run.stdout.contains(&format!("-> {}", site.url("/d/lost"))), "{}", run.stdout);
    assert!(run.stderr.contains("check      9 checked · 5 broken on 2 pages\n"), "{}", run.stderr);
    assert!(!site.pages().contains(&"/deeper".to_owned()), "a page out of scope has no links");
    assert_eq!(std::fs::read_dir(run.folder()).unwrap().count(), 0, "nothing is saved");
}

#[test]
fn a_site_without_broken_links_has_no_report() {
    for backend in BACKENDS {
        let other = other();
        let start = page(&["a", "/a#", &other.url("/shy"), &other.url("/i.png#x")]);
        let site = Site::start([("/", start), ("/a", page(&["/", "#top"]))]);
        let run = check(&site.url("/")).args(["--backend", backend]).run().expect_code(0);
        assert_eq!(run.stdout, "", "{backend}");
        assert_eq!((other.methods("/shy"), other.methods("/i.png").len()), (vec!["HEAD".into(), "GET".into()], 1));
    }
}

#[test]
fn links_out_of_scope_get_head_and_get_where_that_fails() {
    let other = other();
    let paths = ["/ok", "/ok#part", "/no-head", "/shy", "/lost", "/moved", "/moved-away", "/private/x"];
    let site = Site::start([("/", page(&paths.map(|path| other.url(path)).each_ref().map(String::as_str)))]);
    let run = check(&site.url("/")).run().expect_code(1);
    assert_eq!(report(&run), [site.url("/"), format!("  404 {}", other.url("/moved-away"))]);
    for (path, expected) in [
        // Once for the link, and once at the end of a redirect.
        ("/ok", &["HEAD", "HEAD"][..]),
        ("/no-head", &["HEAD", "GET"]),
        ("/shy", &["HEAD", "GET"]),
        ("/lost", &["HEAD", "GET"]),
        ("/moved", &["HEAD"]),
        ("/gone", &["HEAD", "GET"]),
        ("/private/x", &[]),
        ("/deep", &[]),
        ("/robots.txt", &["GET"]),
    ] {
        assert_eq!(other.methods(path), expected, "{path}");
    }
    assert!(run.stderr.contains("1 not checked"), "{}", run.stderr);
}

#[test]
fn a_server_that_fails_at_head_is_asked_with_get() {
    let script = Script::new()
        .on_each("garbage", vec![Act::Garbage, ok()])
        .on_each("reset", vec![Act::ResetBeforeHead, ok()])
        .on("garbage-always", Act::Garbage)
        .otherwise(Act::Status(404, Vec::new()));
    let other = FaultServer::start(script);
    let urls = ["garbage", "reset", "garbage-always"].map(|name| other.url(name));
    let site = Site::start([("/", page(&urls.each_ref().map(String::as_str)))]);
    let run = check(&site.url("/")).run().expect_code(1);
    assert_eq!(report(&run), [site.url("/"), format!("  protocol {}", urls[2])]);
    let requests = other.requests();
    let methods = |name: &str| {
        let path = format!("/{name}");
        requests
            .iter()
            .filter(|request| request.path == path)
            .map(|request| request.method.as_str())
            .collect::<Vec<_>>()
    };
    assert_eq!((methods("garbage"), methods("garbage-always")), (vec!["HEAD", "GET"], vec!["HEAD", "GET"]));
    assert_eq!(methods("reset").len(), 2);
}

#[test]
fn requisites_are_asked_with_head_and_style_sheets_are_read() {
    let start = "<link rel=stylesheet href=/s.css><img src=/i.png srcset='/gone.png 2x'><script src=/x.js></script>\
        <object data=page></object><embed src=/out>";
    let site = Site::start([
        ("/d/", html(start)),
        ("/s.css", file("text/css", "@import 't.css'; a { background: url(lost.png) }")),
        ("/t.css", file("text/css; charset=utf-8", "")),
        ("/i.png", file("image/png", "png")),
        ("/x.js", file("text/javascript", "")),
        ("/d/page", page(&["lost-page"])),
        ("/out", page(&["not-followed"])),
    ]);
    let run = check(&site.url("/d/")).run().expect_code(1);
    let expected = [
        site.url("/d/"),
        format!("  404 {}", site.url("/gone.png")),
        site.url("/s.css"),
        format!("  404 {}", site.url("/lost.png")),
        site.url("/d/page"),
        format!("  404 {}", site.url("/d/lost-page")),
    ];
    assert_eq!(report(&run), expected);
    assert_eq!(site.methods("/i.png"), ["HEAD"]);
    assert_eq!(site.methods("/s.css"), ["HEAD", "GET"]);
    let run = check(&site.url("/d/")).arg("--no-requisites").run().expect_code(0);
    assert_eq!(run.stdout, "");
}

#[test]
fn fragments_of_pages_in_scope_are_checked() {
    let other = other();
    let links = [
        "b#id",
        "b#named",
        "b#%C3%A4",
        "b#ä",
        "b#lost",
        "b#ID",
        "b#",
        "b#top",
        "b#:~:text=x",
        "b#id:~:text=x",
        "b#/route",
        "old#id",
        "old#lost",
        "#here",
        "#away",
        "c.pdf#page=2",
        "gone#x",
        "b#a%20b",
    ];
    let out = other.url("/ok#lost");
    let body: String = links.iter().chain([&out.as_str()]).map(|link| format!("<a href='{link}'>x</a>")).collect();
    let site = Site::start([
        ("/d/", html(&format!("<h1 id=here>{body}"))),
        ("/d/b", html("<p id=id><a name='named'></a><i id='ä'></i><form name=lost><input name=lost><b id='a b'>")),
        ("/d/old", redirect("b")),
        ("/d/c.pdf", file("application/pdf", "%PDF")),
    ]);
    let run = check(&site.url("/d/")).run().expect_code(1);
    let line = |word: &str, path: &str| format!("  {word} {}", site.url(path));
    let expected = [
        site.url("/d/"),
        line("404", "/d/gone"),
        line("fragment", "/d/b#lost"),
        line("fragment", "/d/b#ID"),
        line("fragment", "/d/old#lost"),
        line("fragment", "/d/#away"),
    ];
    assert_eq!(report(&run), expected, "{}", run.stdout);
    assert!(run.stderr.contains("1 broken on 1 page · 4 broken fragments"), "{}", run.stderr);
    let without = check(&site.url("/d/")).args(["--no-check-fragments", "--exclude", "gone$"]).run().expect_code(0);
    assert_eq!(without.stdout, "");
}

#[test]
fn a_base_governs_links_but_not_fragments_in_css_and_svg() {
    let drawing = "<svg><linearGradient id=g /><use href='#g'/><path style='fill:url(#g)'/><use href='#lost'/></svg>";
    let site = Site::start([
        (
            "/d/",
            html(&format!(
                "<base href=/other>{drawing}<style>a{{fill:url(#g)}}</style><a href='#here'><a href='#gone'>"
            )),
        ),
        ("/other", html("<p id=here>")),
    ]);
    let run = check(&site.url("/d/")).args(["--scope", "host"]).run().expect_code(1);
    let line = |path: &str| format!("  fragment {}", site.url(path));
    assert_eq!(report(&run), [site.url("/d/"), line("/d/#lost"), line("/other#gone")], "{}", run.stdout);
}

#[test]
fn links_that_are_no_urls_are_broken() {
    let links = ["http://127.0.0.1:99999/", "https://exam ple.test/", "http://", "https://ann:secret@h.test:x/", "a"];
    let site = Site::start([("/", page(&links)), ("/a", page(&links))]);
    let run = check(&site.url("/")).args(["--summary", "s.json"]).run().expect_code(1);
    let lines = |page: &str| {
        let shown = ["http://127.0.0.1:99999/", "https://exam", "http://", "https://"];
        [site.url(page)].into_iter().chain(shown.map(|url| format!("  invalid_url {url}"))).collect::<Vec<_>>()
    };
    assert_eq!(report(&run), [lines("/"), lines("/a")].concat(), "{}", run.stdout);
    assert!(run.stdout.contains("http://127.0.0.1:99999/  (is no URL: invalid port number)"), "{}", run.stdout);
    assert!(!run.stdout.contains("secret"), "{}", run.stdout);
    let summary: Value = serde_json::from_slice(&run.read("s.json")).unwrap();
    schema::check(&schema::SUMMARY, &summary);
    assert_eq!((&summary["check"]["checked"], &summary["check"]["pages"]), (&6.into(), &2.into()));
    assert_eq!(summary["check"]["broken"], 4);
}

#[test]
fn broken_fragments_alone_are_a_failure() {
    let site = Site::start([("/", page(&["#away"]))]);
    let run = check(&site.url("/")).args(["--summary", "s.json"]).run().expect_code(1);
    assert_eq!(report(&run), [site.url("/"), format!("  fragment {}", site.url("/#away"))]);
    let summary: Value = serde_json::from_slice(&run.read("s.json")).unwrap();
    schema::check(&schema::SUMMARY, &summary);
    assert_eq!((&summary["check"]["broken_fragments"], &summary["check"]["pages"]), (&1.into(), &1.into()));
    check(&site.url("/")).args(["--fail-on", "never"]).run().expect_code(0);
}

#[test]
fn links_that_are_not_followed_are_checked() {
    let site = Site::start([
        ("/", html("<a href=a>a</a><a href=b rel=nofollow>b</a><a href=x rel=nofollow>x</a>")),
        ("/a", page(&["deep", "/b", "/lost"])),
        ("/b", page(&["under-b"])),
        ("/deep", page(&["deeper"])),
    ]);
    let run = check(&site.url("/")).args(["--depth", "1"]).run().expect_code(1);
    let expected =
        [site.url("/"), format!("  404 {}", site.url("/x")), site.url("/a"), format!("  404 {}", site.url("/lost"))];
    assert_eq!(report(&run), expected);
    assert_eq!((site.methods("/deep"), site.methods("/deeper")), (vec!["HEAD".to_owned()], vec![]));
}

#[test]
fn excluded_links_are_not_asked_for() {
    let other = other();
    let site = Site::start([("/", page(&["gone", "kept-gone", &other.url("/gone")]))]);
    let run = check(&site.url("/")).args(["--exclude", "/gone$"]).run().expect_code(1);
    assert_eq!(report(&run), [site.url("/"), format!("  404 {}", site.url("/kept-gone"))]);
    assert_eq!(other.requests(), [""; 0]);
}

#[test]
fn pages_that_redirect_out_of_scope_are_checked() {
    let other = other();
    let away = |path: &str| redirect(&other.url(path));
    let site = Site::start([("/", page(&["a", "b"])), ("/a", away("/ok")), ("/b", away("/gone"))]);
    let run = check(&site.url("/")).run().expect_code(1);
    assert_eq!(report(&run), [site.url("/"), format!("  404 {}", site.url("/b"))], "{}", run.stderr);
    assert_eq!(other.methods("/deep"), [""; 0]);
}

#[test]
fn a_redirect_to_a_broken_page_that_is_linked_too_is_broken() {
    let site = Site::start([("/", page(&["gone", "old"])), ("/old", redirect("/gone"))]);
    let run = check(&site.url("/")).run().expect_code(1);
    let expected = [site.url("/"), format!("  404 {}", site.url("/gone")), format!("  404 {}", site.url("/old"))];
    assert_eq!(report(&run), expected, "{}", run.stderr);
}

#[test]
fn broken_url_without_a_page_is_listed_by_its_origin() {
    let sitemap = "<urlset><url><loc>/a</loc></url><url><loc>/lost</loc></url></urlset>";
    let site = Site::start([("/sitemap.xml", file("application/xml", sitemap)), ("/a", page(&[]))]);
    let run = check(&site.url("/")).run().expect_code(1);
    let expected = [
        site.url("/sitemap.xml"),
        format!("  404 {}", site.url("/lost")),
        "arguments:1".to_owned(),
        format!("  404 {}", site.url("/")),
    ];
    assert_eq!(report(&run), expected, "{}", run.stderr);
}

#[test]
fn records_have_each_url_and_the_report_goes_to_standard_error() {
    let other = other();
    let site = Site::start([("/", page(&["a", &other.url("/gone"), "#x"])), ("/a", page(&[]))]);
    let run = check(&site.url("/")).arg("--json").run().expect_code(1);
    let records = run.records();
    records.iter().for_each(|record| schema::check(&schema::RECORD, record));
    let kinds: Vec<_> = records.iter().map(|record| record["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds.iter().filter(|kind| **kind == "check").count(), 1, "{kinds:?}");
    assert_eq!(records.len(), 3);
    let listed = format!("{}\n  404          {}  (Not Found)\n  fragment ", site.url("/"), other.url("/gone"));
    assert!(run.stderr.contains(&listed), "{}", run.stderr);
}

#[test]
fn quiet_leaves_the_report() {
    let site = Site::start([("/", page(&["gone"]))]);
    let run = check(&site.url("/")).arg("-q").run().expect_code(1);
    assert_eq!(report(&run), [site.url("/"), format!("  404 {}", site.url("/gone"))]);
    assert_eq!(run.stderr, "");
    let to_file = check(&site.url("/")).args(["-q", "-o", "report.txt"]).run().expect_code(1);
    assert_eq!((to_file.stdout.as_str(), to_file.read("report.txt")), ("", run.stdout.into_bytes()));
}

#[test]
fn flags_for_files_are_refused() {
    for flag in [&["--dir", "out"][..], &["--state", "s"], &["--refresh"], &["--accept", "pdf"], &["--head"]] {
        let run = check("http://127.0.0.1:1/").args(flag).run().expect_code(2);
        assert!(run.stderr.contains("a link check"), "{flag:?}: {}", run.stderr);
    }
    for command in ["mirror", "map"] {
        let run = Fetchall::new().args([command, "--check", "http://127.0.0.1:1/"]).run().expect_code(2);
        assert!(run.stderr.contains("use `fetchall crawl`"), "{}", run.stderr);
    }
    let run = Fetchall::new().args(["--check", "http://127.0.0.1:1/"]).run().expect_code(2);
    assert!(run.stderr.contains("fetchall crawl"), "{}", run.stderr);
}

#[test]
fn a_program_gets_the_counts() {
    let site = Site::start([("/", page(&["gone", "#x"]))]);
    let crawled = crawl([site.url("/")], |config| {
        config.crawl = CrawlConfig { check: true, ..CrawlConfig::following() };
    });
    let counts = crawled.end.summary.check.unwrap();
    assert_eq!((counts.broken, counts.broken_fragments, counts.pages), (1, 1, 1));
}

#[test]
fn a_site_whose_robots_txt_cannot_be_had_is_a_failure() {
    let site = Site::with(|target, _| match target {
        "/robots.txt" => ResponseTemplate::new(503),
        _ => page(&[]),
    });
    let run = check(&site.url("/")).run().expect_code(1);
    assert_eq!(report(&run), ["arguments:1".to_owned(), format!("  robots {}", site.url("/"))], "{}", run.stdout);
    assert_eq!(site.pages(), [""; 0]);
}
