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
