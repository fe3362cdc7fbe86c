//! Mirrors: sites whose files a browser can open, at every moment.

mod browser;
#[cfg(unix)]
mod interrupted;
mod names;
mod refreshed;
mod start_page;
mod walk;

use std::path::Path;

use wiremock::ResponseTemplate;

use crate::crawl::site::{Site, file, html, page, redirect};
use crate::support::cli::Fetchall;
use walk::{Tree, walk};

const PNG: &str = "not really a picture";

/// A site with every sort of link.
fn site() -> Site {
    let home = "<base href='/'><link rel=stylesheet href=style integrity=sha384-x crossorigin>\
        <link rel=canonical href=/><meta http-equiv=Content-Security-Policy content=\"default-src 'self'\">\
        <a href=a>a</a> <a href='a/b?x=1&amp;y=2#part'>b</a> <a href=moved>moved</a> <a href=gone>gone</a>\
        <a href=/img>img</a> <a href='p%3Fq'>p</a> <a href=/sp%20ace>s</a> <a href='/100%25'>%</a> <a href='/a.html'>h</a>\
        <a href='http://127.0.0.2:9/out'>out</a> <a href=doc>doc</a> <a href=twice>twice</a> <a href=large>large</a>\
        <img srcset='img/1.png 1x, img/2%23%3F%25%20x.png 2x' src='logo?v=1' data-src=img/1.png>\
        <p style='background:url(img/1.png)'></p><iframe srcdoc='&lt;img src=img/1.png>'></iframe>\
        <svg><use href='sprite#i'/></svg><script src=s.js></script><noscript><img src=img/1.png></noscript>";
    let large = format!("<p>{}</p><a href=/a>a</a>", "text ".repeat(80_000));
    Site::start([
        ("/", html(home)),
        ("/a", html("<a href=/>home</a><a href='a/b?x=1&y=2'>b</a><a href='#x'>x</a>")),
        ("/a/b?x=1&y=2", html("<a href=../a>up</a><a href='?x=1&amp;y=2'>self</a>")),
        ("/a.html", html("<p>A page without links: <script>var a = '<a href=/a>'</script>")),
        ("/p%3Fq", page(&["/a"])),
        ("/sp%20ace", page(&["p%3Fq"])),
        ("/100%25", page(&["/sp%20ace"])),
        ("/img", page(&["img/1.png"])),
        ("/moved", redirect("/target")),
        ("/moved2", redirect("/moved")),
        ("/target", page(&["/"])),
        ("/twice", page(&["/moved2", "/target#end"])),
        ("/large", html(&large).insert_header("etag", "\"1\"")),
        ("/doc", file("application/xhtml+xml", "<?xml version='1.0'?><html><body><a href='a'/></body></html>")),
        ("/style", file("text/css", "@import 'two.css';body{background:url(img/1.png)}")),
        ("/two.css", file("text/css", "a{b:url(/gone.png)}c{d:url( 'img/1.png' )}")),
        ("/logo?v=1", file("image/svg+xml", "<svg xmlns:xlink='x'><image xlink:href='img/1.png'/></svg>")),
        ("/sprite", file("image/svg+xml", "<svg><g id='i'/></svg>")),
        ("/img/1.png", file("image/png", PNG)),
        ("/img/2%23%3F%25%20x.png", file("image/png", PNG)),
        ("/s.js", file("text/javascript", "var a = '/a';")),
    ])
}

/// The mirror of a site into this folder.
fn mirror(site: &Site, folder: &Path) -> Fetchall {
    Fetchall::new().args(["mirror", "--json", "--dir", folder.to_str().unwrap(), &site.url("/")])
}

#[test]
fn each_link_leads_to_a_file_or_an_absolute_url() {
    let (site, folder) = (site(), tempfile::tempdir().unwrap());
    let run = mirror(&site, folder.path()).run();
    // Two links lead to nothing.
    let failed = run.records().iter().filter(|record| record["outcome"] == "http_error").count();
    assert_eq!(failed, 2, "{}", run.stdout);
    let tree = walk(folder.path());
    tree.assert_whole();
    let saved: Vec<_> =
        run.records().iter().filter(|record| record["outcome"] == "ok").map(|r| r["url"].to_string()).collect();
    assert_eq!(saved.len(), 19, "{saved:?}");
    let absolute: Vec<_> = tree.absolute.iter().map(|(_, link)| link.replace(&site.url(""), "")).collect();
    assert_eq!(absolute, ["/gone", "http://127.0.0.2:9/out", "/gone.png"], "what has no file, and nothing else");
    let home = tree.text("index.html");
    for part in [
        "<base >",
        "href=style.css  >",
        "<link rel=canonical href=http://127.0.0.1:",
        "<meta  content=",
        "href='a~",
        "href=moved.html>moved",
        "srcset='img~",
        "url(&quot;img~",
        "<use href='sprite.svg#i'/>",
        "#part'>b</a>",
        "href=doc.xhtml>",
    ] {
        assert!(home.contains(part), "{part}: {home}");
    }
    let twice = tree.text("twice.html");
    assert!(twice.contains("href=\"moved.html\"") && twice.contains("href=\"moved.html#end\""), "{twice}");
}

#[test]
fn only_links_change() {
    let (site, folder) = (site(), tempfile::tempdir().unwrap());
    mirror(&site, folder.path()).run();
    let tree = walk(folder.path());
    assert_eq!(tree.text("s.js"), "var a = '/a';");
    let plain = tree.find(|text| text.starts_with("<p>A page without links"));
    assert_eq!(plain, "<p>A page without links: <script>var a = '<a href=/a>'</script>");
    let large = tree.text("large.html");
    assert_eq!(large.len(), "<p></p><a href=a.html>a</a>".len() + 5 * 80_000 + tag_length(&large));
}

/// How much longer the name of the page `a` is, which is not the first of its name.
fn tag_length(page: &str) -> usize {
    let link = page.rsplit("<a href=").next().unwrap();
    link.find('>').unwrap() - "a.html".len()
}

#[test]
fn each_backend_makes_the_same_files() {
    let site = site();
    let trees: Vec<Tree> = ["async", "threads", "processes", "sequential"]
        .into_iter()
        .map(|backend| {
            let folder = tempfile::tempdir().unwrap();
            // One at a time: links are found in the same order.
            mirror(&site, folder.path()).args(["--backend", backend, "-c", "1"]).run();
            walk(folder.path())
        })
        .collect();
    trees[0].assert_whole();
    for tree in &trees[1..] {
        assert_eq!(tree.names(), trees[0].names());
        let differs = |name: &&&str| tree.files[**name] != trees[0].files[**name];
        let other: Vec<_> =
            tree.names().iter().filter(differs).map(|name| (tree.text(name), trees[0].text(name))).collect();
        assert!(other.is_empty(), "{other:?}");
    }
}

#[test]
fn links_of_wget_are_understood() {
    let (site, folder) = (site(), tempfile::tempdir().unwrap());
    let words = ["mirror", "-m", "-k", "-E", "-p", "-np", "-P", folder.path().to_str().unwrap(), &site.url("/")];
    Fetchall::new().args(words).run().expect_code(1);
    walk(folder.path()).assert_whole();
    let whole = tempfile::tempdir().unwrap();
    let words = ["crawl", "-pkE", "--dir", whole.path().to_str().unwrap(), &site.url("/")];
    Fetchall::new().args(words).run().expect_code(1);
    assert_eq!(walk(whole.path()).names(), walk(folder.path()).names());
}

#[test]
fn links_stay_as_they_are_without_the_option() {
    let (site, folder) = (Site::start([("/", page(&["b"])), ("/b", page(&[]))]), tempfile::tempdir().unwrap());
    let words = ["crawl", "-pE", "--dir", folder.path().to_str().unwrap(), &site.url("/")];
    Fetchall::new().args(words).run().expect_code(0);
    assert_eq!(walk(folder.path()).text("index.html"), "<a href=\"b\">b</a>\n");
    assert_eq!(walk(folder.path()).text("b.html"), "");
}

#[test]
fn a_mirror_needs_no_folder() {
    let site = Site::start([("/", page(&["b"])), ("/b", page(&[]))]);
    let run = Fetchall::new().args(["mirror", &site.url("/")]).run().expect_code(0);
    let name = site.host().replace(':', "+");
    assert_eq!(run.read(&format!("{name}/index.html")), b"<a href=\"b.html\">b</a>\n");
}

/// A redirect out of the host, for a link that must stay.
fn outside() -> ResponseTemplate {
    redirect("http://127.0.0.2:9/out")
}

#[test]
fn redirects_out_of_scope_keep_their_links() {
    let (site, folder) = (Site::start([("/", page(&["out"])), ("/out", outside())]), tempfile::tempdir().unwrap());
    mirror(&site, folder.path()).run();
    let tree = walk(folder.path());
    tree.assert_whole();
    assert_eq!(tree.absolute[0].1, site.url("/out"));
}
