//! Documents that are made to cost memory or time.

use std::fmt::Write as _;

use super::{extract, extractor, html, sitemap};

#[test]
fn page_has_at_most_50_000_links() {
    let page = |links: usize| {
        (0..links).fold(String::new(), |mut page, link| {
            write!(page, "<a href={link}>").unwrap();
            page
        })
    };
    let found = html(&page(100_000));
    assert_eq!((found.links.len(), found.more), (50_000, true));
    let found = html(&page(50_000));
    assert_eq!((found.links.len(), found.more), (50_000, false));
    let repeated = html(&"<a href=x><img src=x>".repeat(100_000));
    assert_eq!((repeated.links.len(), repeated.more), (2, false));
}

#[test]
fn sitemap_has_at_most_50_000_entries() {
    let body = |entries: usize| {
        (0..entries).fold("<urlset>".to_owned(), |mut body, entry| {
            write!(body, "<url><loc>/{entry}</loc></url>").unwrap();
            body
        })
    };
    let found = sitemap(body(50_001).as_bytes());
    assert_eq!((found.links.len(), found.more), (50_000, true));
    let found = sitemap(body(50_000).as_bytes());
    assert_eq!((found.links.len(), found.more), (50_000, false));
}

#[test]
fn sitemap_is_read_up_to_50_mib() {
    let mut extractor = extractor(&[], true);
    extractor.piece(b"<urlset><url><loc>/x</loc></url>");
    let blanks = vec![b' '; 1 << 20];
    for _ in 0..50 {
        extractor.piece(&blanks);
    }
    extractor.piece(b"<url><loc>/y</loc></url>");
    let found = extractor.end();
    assert_eq!((found.links.len(), found.more), (1, true));
}

#[test]
fn long_base_is_bounded_with_its_links() {
    let links = (0..10_000).fold(String::new(), |mut links, link| {
        write!(links, "<a href={link}>").unwrap();
        links
    });
    let found = html(&format!("<base href='/{}/'>{links}", "b".repeat(200_000)));
    let bytes: usize = found.links.iter().map(|link| link.url.len()).sum();
    assert!(found.more && !found.links.is_empty() && bytes <= 16 << 20, "{bytes}");
}

#[test]
fn nested_tags_cost_nothing() {
    for tag in ["<div>", "<svg>", "<template>", "<select><iframe>", "<frameset>"] {
        let found = html(&format!("{}<a href=x>", tag.repeat(1_000)));
        let is_text = tag.contains("iframe");
        assert_eq!(found.links.len(), usize::from(!is_text), "{tag}");
    }
}

#[test]
fn documents_within_documents_are_bounded() {
    let page = (0..12).fold("<a href=x>".to_owned(), |page, _| {
        format!("<iframe srcdoc=\"{}\"></iframe>", page.replace('&', "&amp;").replace('"', "&quot;"))
    });
    assert!(html(&page).more);
}

#[test]
fn long_values_stay_out_of_memory() {
    const MIB: usize = 1 << 20;
    let letters = vec![b'a'; MIB];
    for (begin, end, more) in [
        ("<a href='", "'>", true),
        ("<img src='data:", "'>", false),
        ("<img srcset='", "'>", true),
        ("<p class='", "'>", false),
        ("<p ", ">", false),
        ("<", ">", false),
        ("<!-- ", "-->", false),
        ("<title>", "</title>", false),
        ("<script>", "</script>", false),
        ("<style>p{b:url(", ")}</style>", true),
        ("<svg><style>", "</style></svg>", false),
        ("<!", ">", false),
        ("<?", ">", false),
    ] {
        let mut extractor = extractor(&[("content-type", "text/html")], false);
        extractor.piece(begin.as_bytes());
        // One of them is as long as a hostile page may be.
        for _ in 0..if begin.starts_with("<a") { 200 } else { 4 } {
            extractor.piece(&letters);
        }
        assert!(extractor.memory_bytes() < 2 * MIB, "{begin}: {}", extractor.memory_bytes());
        extractor.piece(format!("{end}<a href=x>").as_bytes());
        let found = extractor.end();
        assert!(
            found.links.iter().any(|link| link.url == "http://a.test/dir/x"),
            "{begin}: the rest of the page is read"
        );
        assert_eq!(found.more, more, "{begin}");
    }
}

#[test]
fn many_attributes_and_long_urls_are_bounded() {
    let attributes = (0..100_000).fold(String::new(), |mut attributes, number| {
        write!(attributes, " data-lazy-{number}=/{number}").unwrap();
        attributes
    });
    let found = html(&format!("<p{attributes}>"));
    assert_eq!((found.links.len(), found.more), (64, true));
    let page = (0..1_300).fold(String::new(), |mut page, number| {
        write!(page, "<a href=/{number}{}>", "a".repeat(8_000)).unwrap();
        page
    });
    let mut extractor = extractor(&[("content-type", "text/html")], false);
    extractor.piece(page.as_bytes());
    assert!(extractor.memory_bytes() < 20 << 20, "{}", extractor.memory_bytes());
    assert!(extractor.end().more);
    assert!(extract(&[("content-type", "text/html")], format!("<a href=/{}>", "a".repeat(8_200)).as_bytes()).more);
}
