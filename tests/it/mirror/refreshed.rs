//! A mirror that is updated.

use std::sync::Mutex;

use super::walk::walk;
use super::*;

#[test]
fn pages_that_come_later_get_local_links() {
    let (site, folder) = (site(), tempfile::tempdir().unwrap());
    mirror(&site, folder.path()).args(["--max-pages", "2"]).run();
    let tree = walk(folder.path());
    tree.assert_whole();
    assert!(tree.absolute.iter().any(|(_, link)| *link == site.url("/twice")), "{:?}", tree.absolute);
    mirror(&site, folder.path()).arg("--no-refresh").run();
    let tree = walk(folder.path());
    tree.assert_whole();
    assert_eq!(tree.absolute.len(), 3, "{:?}", tree.absolute);
}

#[test]
fn a_changed_page_is_replaced_and_linked() {
    static HOME: Mutex<&str> = Mutex::new("<a href=b>b</a>");
    let site = Site::with(|target, request| {
        let home = *HOME.lock().unwrap();
        let tag = if target == "/" { format!("\"{}\"", home.len()) } else { "\"b\"".to_owned() };
        if request.headers.get("if-none-match").is_some_and(|known| known.as_bytes() == tag.as_bytes()) {
            return ResponseTemplate::new(304);
        }
        match target {
            "/" => html(home).insert_header("etag", tag.as_str()),
            "/b" => html("<a href=/>home</a><a href=c>c</a>").insert_header("etag", tag.as_str()),
            "/c" => html("c"),
            _ => ResponseTemplate::new(404),
        }
    });
    let folder = tempfile::tempdir().unwrap();
    mirror(&site, folder.path()).args(["--exclude", "/c$"]).run().expect_code(0);
    let c = site.url("/c");
    assert_eq!(walk(folder.path()).text("b.html"), format!("<a href=index.html>home</a><a href={c}>c</a>"));
    *HOME.lock().unwrap() = "<a href=b>b</a> and <a href=c>c</a>";
    let run = mirror(&site, folder.path()).run().expect_code(0);
    let tree = walk(folder.path());
    assert_eq!(tree.text("index.html"), "<a href=b.html>b</a> and <a href=c.html>c</a>");
    assert_eq!(tree.text("b.html"), "<a href=index.html>home</a><a href=c.html>c</a>");
    let not_modified = run.records().iter().filter(|record| record["skip"]["reason"] == "not_modified").count();
    assert_eq!(not_modified, 1, "{}", run.stdout);
    let again = mirror(&site, folder.path()).run().expect_code(0);
    assert_eq!(again.records().iter().filter(|record| record["outcome"] == "ok").count(), 1, "only /c has no ETag");
    assert!(walk(folder.path()).files == tree.files);
}

#[test]
fn a_mirror_takes_what_a_crawl_has_saved() {
    let (site, folder) = (site(), tempfile::tempdir().unwrap());
    let words = ["crawl", "--dir", folder.path().to_str().unwrap()];
    Fetchall::new().args(words).arg(site.url("/")).run().expect_code(1);
    let run = mirror(&site, folder.path()).arg("--no-refresh").run();
    let fetched: Vec<_> = run.records().iter().filter(|record| record["outcome"] == "ok").map(page_of).collect();
    assert!(!fetched.iter().any(|url| url.ends_with("/twice") || url.ends_with("/doc")), "{fetched:?}");
    assert!(fetched.iter().any(|url| url.ends_with("/style")), "what pages show was not there: {fetched:?}");
    let (tree, whole) = (walk(folder.path()), tempfile::tempdir().unwrap());
    tree.assert_whole();
    assert_eq!(tree.absolute.len(), 3, "{:?}", tree.absolute);
    for name in ["index.html", "doc.xhtml", "twice.html", "img.html"] {
        assert!(tree.files.contains_key(name), "{name}: {:?}", tree.names());
    }
    mirror(&site, whole.path()).run();
    assert_eq!(tree.text("twice.html"), walk(whole.path()).text("twice.html"));
}

fn page_of(record: &serde_json::Value) -> String {
    record["url"].as_str().unwrap().to_owned()
}

#[test]
fn a_page_of_another_type_leaves_the_file_that_others_link_to() {
    static IS_PICTURE: Mutex<bool> = Mutex::new(false);
    let site = Site::with(|target, request| match target {
        "/" if request.headers.contains_key("if-none-match") => ResponseTemplate::new(304),
        "/" => page(&["b"]).insert_header("etag", "\"1\""),
        "/b" if *IS_PICTURE.lock().unwrap() => file("image/png", PNG),
        "/b" => page(&["/"]),
        _ => ResponseTemplate::new(404),
    });
    let folder = tempfile::tempdir().unwrap();
    mirror(&site, folder.path()).run().expect_code(0);
    *IS_PICTURE.lock().unwrap() = true;
    mirror(&site, folder.path()).run().expect_code(0);
    let tree = walk(folder.path());
    tree.assert_whole();
    assert_eq!(tree.text("b"), PNG);
    assert!(tree.text("index.html").contains("b.html"), "its links stay");
}
