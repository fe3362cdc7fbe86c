//! The texts of links, the ids of pages, and fragments.

use super::{extract, html};
use crate::model::PageLinks;

fn texts(found: &PageLinks) -> Vec<&str> {
    found.links.iter().map(|link| link.text).collect()
}

#[test]
fn a_link_has_the_text_that_a_reader_sees() {
    for (page, expected) in [
        ("<a href=x> one\n <b>t</b>wo </a> three", "one two"),
        ("<a href=x><h2>Head</h2><p>body</p></a>", "Head body"),
        ("<a href=x>a &amp; b&nbsp;c</a>", "a & b c"),
        ("<a href=x>one<a href=y>two</a>", "one"),
        ("<a href=x></a><a href=x>second</a><a href=x>third</a>", "second"),
        ("<a href=x><script>f()</script><style>a{}</style>seen</a>", "seen"),
        ("<a href=x>never closed", "never closed"),
        ("<img src=x alt='A  picture'>", "A picture"),
        ("<link rel=stylesheet href=x>text", ""),
    ] {
        assert_eq!(texts(&html(page)).first(), Some(&expected), "{page}");
    }
}

#[test]
fn texts_and_ids_are_decoded() {
    let page = b"<meta charset=windows-1252><a href=x#\xe9>\xe9t\xe9</a><p id=\xe9><i id='a&amp;b'>";
    let found = extract(&[("content-type", "text/html")], page);
    assert_eq!(texts(&found), ["\u{e9}t\u{e9}"]);
    let anchors = found.anchors.unwrap();
    assert_eq!(anchors.ids.iter().collect::<Vec<_>>(), ["\u{e9}", "a&b"]);
    assert_eq!(anchors.targets.iter().collect::<Vec<_>>(), ["http://a.test/dir/x#%C3%A9"]);
}

#[test]
fn anchors_are_ids_names_and_links_with_a_fragment() {
    let page = "<base href=/other/><p id=a><a name=b id=c><form name=no><a href='#d'><a href='#'><a href=x><a href='x#e'>\
        <a href='http://u:p@b.test/#f'><a href='mailto:a@b.test#g'><p id=a><svg><g id=h></g></svg><p id=''>";
    let anchors = html(page).anchors.unwrap();
    assert_eq!(anchors.ids.iter().collect::<Vec<_>>(), ["a", "b", "c", "h"]);
    let targets = ["http://a.test/other/#d", "http://a.test/other/x#e", "http://b.test/#f"];
    assert_eq!(anchors.targets.iter().collect::<Vec<_>>(), targets);
}

#[test]
fn fragments_of_css_and_svg_are_those_of_the_page_itself() {
    let page =
        "<base href=/b/><use href='#a'><use href='x#b'><p style='f:url(#c)'><style>p{f:url(#d)}</style><a href='#e'>";
    let anchors = html(page).anchors.unwrap();
    let own = |id: &str| format!("http://a.test/dir/page#{id}");
    let linked = |target: &str| format!("http://a.test/b/{target}");
    let targets = [own("a"), linked("x#b"), own("c"), own("d"), linked("#e")];
    assert_eq!(anchors.targets.iter().collect::<Vec<_>>(), targets);
}

#[test]
fn many_ids_are_cut_and_said_to_be_more() {
    let page: String = (0..60_000).map(|number| format!("<p id=i{number}>")).collect();
    let anchors = html(&page).anchors.unwrap();
    assert_eq!((anchors.ids.len(), anchors.more_ids), (50_000, true));
    assert!(!html("<p id=a>").anchors.unwrap().more_ids);
}
