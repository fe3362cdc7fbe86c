//! A browser opens the files of a mirror.

use super::*;
use crate::support::browser;

/// The findings of the script of the page.
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

/// A picture.
const SVG: &str =
    "<svg xmlns='http://www.w3.org/2000/svg' width='7' height='7'><rect id='i' width='7' height='7'/></svg>";

/// A page with each row of the table of links.
const EACH_ROW: &str = r#"<!doctype html><html><head><meta charset=utf-8><title>t</title>
<link rel=stylesheet href=/style?v=1 crossorigin><link rel=icon href=/p/icon><link rel=apple-touch-icon href=/p/icon>
<link rel=manifest href=/manifest><link rel=preload as=image href=/p/5 imagesrcset="/p/a,b 1x, /p/5 2x">
<link rel=modulepreload href=/module.js><link rel=next href=/next><link rel=alternate hreflang=de href=/next?de>
<link rel=canonical href=/><meta property=og:image content=/p/1><meta http-equiv=refresh content="30; url=/next">
<style>@import '/two?x=%41';p{background:image-set('/p/2' 1x, url(/p/3) 2x)}</style>
<script src=/s.js></script><script type=module src=/module.js></script></head><body background=/p/4>
<a href="/next#part">f</a><a href="/c:d">c</a><a href="/sl%2Fash">s</a><a href="/q?a=1&amp;b=%23">q</a>
<img usemap=#m src=/p/5 srcset="/p/a,b 1x, /p/5 2x"><map name=m><area href=/next?area shape=default></map>
<p style="background:url('/p/\36 ')">text</p><picture><source srcset=/p/7><img src=/p/7></picture>
<video poster=/p/8 src=/v.mp4><source src=/v.webm><track src=/t.vtt></video><audio src=/a.mp3></audio>
<object data=/p/9></object><embed src=/p/10><form action=/go><input type=image src=/p/11></form>
<svg><image href=/p/12 /><use href="/p/sprite#i"/><use xlink:href="/p/sprite#i"/><a xlink:href=/next></a></svg>
<iframe src=/frame></iframe><iframe srcdoc="&lt;img src=/p/13>&lt;a href=/next>n&lt;/a>"></iframe>
<img data-src=/p/14 data-srcset="/p/15 2x" data-lazy-src=/p/16 data-original=/p/17 alt=x>
<noscript><img src=/p/18></noscript><a href=/frameset>f</a><a href=/utf-16>u</a><a href=/xml>x</a></body></html>"#;

fn site_of_each_row() -> Site {
    let answer = |target: &str, _: &wiremock::Request| {
        let xml = "<?xml version='1.0'?><?xml-stylesheet href='/two?x=%41' type='text/css'?>\
            <html xmlns='http://www.w3.org/1999/xhtml'><head><title>x</title></head><body><a href='/next'>n</a></body></html>";
        let utf_16: Vec<u8> =
            "<p>\u{6f22}<a href=/next>n</a><img src=/p/1>".encode_utf16().flat_map(u16::to_le_bytes).collect();
        match target {
            "/" => html(EACH_ROW),
            "/style?v=1" => file("text/css", "@import url(/two?x=%41);h1{background:url(/p/19)}"),
            "/two?x=%41" => file("text/css", "i{color:red}"),
            "/manifest" => file("application/manifest+json", "{\"name\":\"x\",\"icons\":[{\"src\":\"/p/icon\"}]}"),
            "/s.js" => file("text/javascript", "var a = 1"),
            "/module.js" => file("text/javascript", "export const a = 1"),
            "/v.mp4" | "/v.webm" => file("video/mp4", "x"),
            "/a.mp3" => file("audio/mpeg", "x"),
            "/t.vtt" => file("text/vtt", "WEBVTT\n"),
            "/frameset" => html("<frameset cols='50%,50%'><frame src=/frame><frame src=/next></frameset>"),
            "/frame" => html("<base href=/p/ target=_top><p>frame</p><img src=1><a href=/next>n</a>"),
            "/utf-16" => ResponseTemplate::new(200).set_body_raw(utf_16, "text/html; charset=utf-16le"),
            "/xml" => file("application/xhtml+xml", xml),
            _ if target.starts_with("/p/") => file("image/svg+xml", SVG),
            "/next" | "/next?de" | "/next?area" | "/c:d" | "/sl%2Fash" | "/q?a=1&b=%23" => page_b(),
            _ => ResponseTemplate::new(404),
        }
    };
    Site::with(answer)
}

/// Things that no browser does with a file from a disk.
fn is_refused_from_disk(message: &str) -> bool {
    let is_of = |names: &[&str]| names.iter().any(|name| message.contains(name));
    message.contains("blocked by CORS policy") && is_of(&["/module.js", "/manifest"])
        || message.contains("'file:' URLs are treated as unique") && is_of(&["/sprite.svg"])
}

#[test]
fn each_row_of_the_table_leads_to_a_file() {
    let (site, folder) = (site_of_each_row(), tempfile::tempdir().unwrap());
    mirror(&site, folder.path()).run().expect_code(0);
    let tree = walk(folder.path());
    tree.assert_whole();
    assert!(tree.absolute.is_empty(), "{:?}", tree.absolute);
    let home = tree.text("index.html");
    let own: Vec<_> =
        home.match_indices(&site.url("/")).map(|(at, _)| &home[at..home[at..].find('>').unwrap() + at]).collect();
    assert_eq!(own, [site.url("/"), site.url("/p/1"), site.url("/go")], "canonical, og:image, action");
    let host = folder.path().join(site.host().replace(':', "+"));
    for name in ["index.html", "frameset.html", "utf-16.html", "xml.xhtml", "q@a=1&b=#.html"] {
        let path = host.join(name.replace('#', "%23"));
        let Some(seen) = browser::load(&path) else {
            println!("skipped: no chromium");
            return;
        };
        assert!(seen.asked.is_empty(), "{name}: {:?}", seen.asked);
        let errors: Vec<_> = seen.console.iter().filter(|message| !is_refused_from_disk(message)).collect();
        assert!(errors.is_empty(), "{name}: {errors:?}");
        assert!(seen.dom.contains("<a ") || seen.dom.contains("<frame "), "{name}: {}", seen.dom);
    }
}
