//! `fetchall crawl` as a user starts it: start pages in all their forms, and the options that reach the run.

use crate::support::act::{Act, Script};
use crate::support::cli::{Fetchall, Finished};
use crate::support::fault::FaultServer;

/// A site with links: a start page in a folder, a page below it and one outside.
fn site() -> FaultServer {
    let html = |body: &str| Act::OkWith(vec![("Content-Type", "text/html".to_owned())], body.as_bytes().to_vec());
    let script = Script::new()
        .on("docs", html("<a href=/docs/below>below</a> <a href=/docs/draft>draft</a> <a href=/outside>outside</a>"))
        .on("outside", html("outside"))
        .on("robots.txt", Act::OkWith(vec![("Content-Type", "text/plain".to_owned())], b"User-agent: *\n".to_vec()));
    FaultServer::start(script)
}

fn crawl(server: &FaultServer, words: &[&str]) -> Finished {
    let words = words.iter().map(|word| word.replace("HOST", &server.address().to_string()));
    Fetchall::new().args(["crawl", "--json", "-q"]).args(words).run()
}

/// The paths of the pages that were asked for, sorted.
fn pages(server: &FaultServer) -> Vec<String> {
    let paths = server.requests().into_iter().map(|request| request.path);
    let mut paths: Vec<_> = paths.filter(|path| !path.ends_with(".txt") && !path.ends_with(".xml")).collect();
    paths.sort_unstable();
    paths
}

#[test]
fn crawl_stays_below_a_start_page_without_a_scheme() {
    let server = site();
    let run = crawl(&server, &["HOST/docs/"]).expect_code(0);
    assert_eq!(pages(&server), ["/docs/", "/docs/below", "/docs/draft"]);
    assert_eq!(run.records().iter().filter(|record| record["outcome"] == "ok").count(), 3);
    assert_eq!((server.asked("/robots.txt"), server.asked("/sitemap.xml")), (1, 1));
}

#[test]
fn options_of_a_crawl_reach_the_run() {
    let asked = |words: &[&str]| {
        let server = site();
        crawl(&server, words).expect_code(0);
        (pages(&server), server)
    };
    let (found, server) = asked(&["--depth", "0", "--robots", "ignore", "--sitemap", "off", "http://HOST/docs/"]);
    assert_eq!(found, ["/docs/"]);
    assert_eq!((server.asked("/robots.txt"), server.asked("/sitemap.xml")), (0, 0));
    assert_eq!(
        asked(&["--scope", "host", "--exclude", "draft", "HOST/docs/"]).0,
        ["/docs/", "/docs/below", "/outside"]
    );
    assert_eq!(asked(&["-r", "-np", "-l", "1", "-R", "draft*", "HOST/docs/"]).0, ["/docs/", "/docs/below"]);
    assert_eq!(asked(&["--include", "/docs/d", "HOST/docs/"]).0, ["/docs/", "/docs/draft"]);
    let (_, server) = asked(&["-H", "X-Trial: 1", "HOST/docs/"]);
    let requests = server.requests();
    let pages = requests.iter().filter(|request| request.path.starts_with("/docs"));
    assert!(pages.clone().count() == 3 && pages.clone().all(|request| request.header("X-Trial") == Some("1")));
}

#[test]
fn start_pages_come_from_lists_too() {
    for words in [&["-i", "starts.txt"][..], &["-"], &[]] {
        let server = site();
        let list = format!("# starts\nhttp://{}/docs/\n", server.address());
        let program = Fetchall::new().file("starts.txt", &list).stdin(list).args(["crawl", "-q"]);
        program.args(words.iter().copied()).run().expect_code(0);
        assert_eq!(pages(&server), ["/docs/", "/docs/below", "/docs/draft"], "{words:?}");
    }
}

#[test]
fn wrong_start_page_or_expression_asks_no_server() {
    for (words, part) in [
        (&["HOST/docs/", "ftp://a.example/"][..], "error: ftp://a.example/: ftp URLs are not supported"),
        (&["HOST/docs/", "--exclude", "docs("], "error: --exclude: is no regular expression: unclosed group"),
        (&["HOST/docs/", "-H", "HOST/docs/"], "error: -H: is --header"),
    ] {
        let server = site();
        let run = crawl(&server, words).expect_code(2);
        assert!(run.stderr.starts_with(part) && run.stdout.is_empty(), "{}", run.stderr);
        assert_eq!(server.connections(), 0, "{words:?}");
    }
}

#[test]
fn copied_defaults_leave_robots_in_force() {
    let server = site();
    let defaults = Fetchall::new().arg("config").run().expect_code(0).stdout;
    let program = Fetchall::new().file("own.toml", defaults).args(["crawl", "-q", "--config", "own.toml"]);
    program.arg(server.url("docs/")).run().expect_code(0);
    assert_eq!(server.asked("/robots.txt"), 1);
}
