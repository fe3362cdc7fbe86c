//! `--links-out`: the links of all pages.

use serde_json::{Value, json};

use crate::crawl::site::{Site, file, html, page, redirect};
use crate::support::cli::{Fetchall, Finished};
use crate::support::schema;

/// The lines of a link graph, by parent and in the order of the page.
fn graph(run: &Finished, name: &str) -> Vec<Value> {
    let text = std::fs::read_to_string(run.folder().join(name)).unwrap();
    let mut lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    lines.iter().for_each(|line| schema::check(&schema::LINK, line));
    lines.sort_by_key(|line| line["parent"].as_str().unwrap().to_owned());
    lines
}

fn children(lines: &[Value]) -> Vec<&str> {
    lines.iter().map(|line| line["child"].as_str().unwrap()).collect()
}

#[test]
fn each_link_of_each_page_has_a_line() {
    let start = "<title>t</title><a href=b#x>  The <b>se</b>cond\n &amp; last </a><p><a href=b>again</a><a href=./b>spelled otherwise</a>
        <a href=/out rel=nofollow><h3>Out</h3>side</a><a href=http://ann:pw@other.invalid/><img src=/i.png alt='A &lt; B'></a>
        <a href=mailto:a@b.test>mail</a><a href='#top'>top</a><img src=/bare.png>
        <link rel=stylesheet href=/s.css><link rel=canonical href=/d/>";
    let site = Site::start([
        ("/d/", html(start)),
        ("/d/b", page(&["/d/", "gone", "moved"])),
        ("/d/moved", redirect("/d/new")),
        ("/d/new", html("<iframe src=b></iframe>")),
    ]);
    let run = Fetchall::new().args(["crawl", "--links-out", "g.ndjson", "--json", &site.url("/d/")]).run();
    let run = run.expect_code(1);
    let line = |parent: &str, child: &str, kind: &str, text: Option<&str>| {
        let child = if child.starts_with('/') { site.url(child) } else { child.to_owned() };
        json!({"parent": site.url(parent), "child": child, "kind": kind, "text": text, "nofollow": child.ends_with("/out")})
    };
    let expected = [
        line("/d/", "/d/b", "page", Some("The second & last")),
        line("/d/", "/out", "page", Some("Out side")),
        line("/d/", "http://other.invalid/", "page", None),
        line("/d/", "/i.png", "requisite", Some("A < B")),
        line("/d/", "/bare.png", "requisite", None),
        line("/d/", "/s.css", "requisite", None),
        line("/d/", "/d/", "hint", None),
        line("/d/b", "/d/", "page", Some("/d/")),
        line("/d/b", "/d/gone", "page", Some("gone")),
        line("/d/b", "/d/moved", "page", Some("moved")),
        line("/d/new", "/d/b", "frame", None),
    ];
    let lines = graph(&run, "g.ndjson");
    assert_eq!(lines, expected, "{lines:#?}");
}

#[test]
fn long_texts_of_links_are_cut() {
    let site = Site::start([("/", html(&format!("<a href=/a>{}</a>", "wörd ".repeat(5000)))), ("/a", page(&[]))]);
    let run = Fetchall::new().args(["crawl", "--links-out", "g", &site.url("/")]).run().expect_code(0);
    let text = graph(&run, "g")[0]["text"].as_str().unwrap().to_owned();
    assert!(text.starts_with("wörd wörd ") && text.ends_with('…') && text.len() < 250, "{text}");
}

#[test]
fn a_page_that_is_not_fetched_again_has_its_lines_too() {
    let site = Site::start([("/", page(&["a", "/b"])), ("/a", page(&["/"])), ("/b", page(&[]))]);
    let out = tempfile::tempdir().unwrap();
    let run = || {
        let run = Fetchall::new().args(["crawl", "--links-out", "g", "--dir"]).arg(out.path()).arg(site.url("/"));
        graph(&run.run().expect_code(0), "g")
    };
    let first = run();
    let again = run();
    assert_eq!(site.pages(), ["/", "/a", "/b"], "no page is asked for again");
    assert_eq!(children(&again), children(&first));
    assert!(again.iter().all(|line| line["text"] == Value::Null), "a state has no texts");
}

#[test]
fn a_list_and_a_map_have_links_too() {
    let style = file("text/css", "a { b: url(c) }");
    let site = Site::start([("/", page(&["a"])), ("/a", page(&["/elsewhere"])), ("/s.css", style)]);
    let map = Fetchall::new().args(["map", "--links-out", "g", &site.url("/")]).run().expect_code(1);
    assert_eq!(children(&graph(&map, "g")), ["/a", "/elsewhere"].map(|path| site.url(path)));
    let list = format!("{}\n{}\n", site.url("/a"), site.url("/s.css"));
    let run = Fetchall::new().args(["--links-out", "g", "-"]).stdin(list).run().expect_code(0);
    assert_eq!(children(&graph(&run, "g")), ["/elsewhere", "/c"].map(|path| site.url(path)));
}

#[test]
fn a_list_saved_without_links_is_fetched_again_for_them() {
    let site = Site::start([("/a", page(&["/b"]))]);
    let out = tempfile::tempdir().unwrap();
    let run = |more: &[&str]| Fetchall::new().arg("--dir").arg(out.path()).args(more).arg(site.url("/a")).run();
    run(&[]).expect_code(0);
    for _ in 0..2 {
        let run = run(&["--links-out", "g"]).expect_code(0);
        assert_eq!(children(&graph(&run, "g")), [site.url("/b")]);
    }
    assert_eq!(site.pages(), ["/a", "/a"], "the second run has stored the links");
}
