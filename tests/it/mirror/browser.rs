//! A browser opens the files of a mirror.

use super::*;
use crate::support::browser;

/// What the script of the page found out.
fn title(dom: &str) -> &str {
    dom.split_once("<title>").and_then(|(_, rest)| rest.split_once("</title>")).map_or("", |(title, _)| title)
}

#[test]
fn a_browser_shows_the_files_without_the_network() {
    let page = "<head><meta http-equiv=Content-Security-Policy content=\"default-src 'none'\"><base href='/'>\
        <link rel=stylesheet href=style integrity=sha384-oooo crossorigin><title>no script</title></head>\
        <p>\u{43f}\u{440}</p><img src='logo?v=1' crossorigin=anonymous><a href=b>b</a><script src='js?x=1&amp;y'></script>";
    let (page, ..) = encoding_rs::WINDOWS_1251.encode(page);
    let page = ResponseTemplate::new(200).set_body_raw(page.into_owned(), "text/html; charset=windows-1251");
    let script = "addEventListener('load', () => {\
        const style = getComputedStyle(document.querySelector('p')), image = document.images[0];\
        document.title = [style.color, style.backgroundColor, image.naturalWidth, document.characterSet,\
            document.querySelector('p').textContent.length].join('|');\
        })";
    let svg = "<svg xmlns='http://www.w3.org/2000/svg' width='7' height='7'><rect width='7' height='7'/></svg>";
    let site = Site::start([
        ("/", page),
        ("/style", file("text/css", "@import url(more?a%20b);p{color:rgb(1,2,3)}")),
        ("/more?a%20b", file("text/css", "p{background-color:rgb(4,5,6)}")),
        ("/logo?v=1", file("image/svg+xml", svg)),
        ("/js?x=1&y", file("text/javascript", script)),
        ("/b", page_b()),
    ]);
    let folder = tempfile::tempdir().unwrap();
    mirror(&site, folder.path()).run().expect_code(0);
    let host = folder.path().join(site.host().replace(':', "+"));
    let Some(seen) = browser::load(&host.join("index.html")) else {
        println!("skipped: no chromium");
        return;
    };
    assert_eq!(title(&seen.dom), "rgb(1, 2, 3)|rgb(4, 5, 6)|7|windows-1251|2", "{} {:?}", seen.dom, seen.console);
    assert!(seen.asked.is_empty(), "{:?}", seen.asked);
    assert!(seen.console.is_empty(), "{:?}", seen.console);
}

/// A page to link to.
fn page_b() -> ResponseTemplate {
    html("<a href=/>back</a>")
}
