//! Documents that are no HTML, and how their sort is known.

use super::{extract, shown, sitemap};

#[test]
fn media_type_decides_how_a_body_is_read() {
    let body = b"<html><a href=x></a><style>p{b:url(y)}</style></html>";
    for (media_type, links) in [
        ("text/html", &["page /dir/x", "need /dir/y"][..]),
        ("TEXT/HTML ; charset=utf-8", &["page /dir/x", "need /dir/y"]),
        ("application/xhtml+xml", &["page /dir/x", "need /dir/y"]),
        ("text/xml", &["page /dir/x", "need /dir/y"]),
        ("text/css", &["need /dir/y"]),
        ("text/plain", &[]),
        ("application/octet-stream", &[]),
        ("text/javascript", &[]),
        ("application/json", &[]),
    ] {
        assert_eq!(shown(&extract(&[("content-type", media_type)], body)), links, "{media_type}");
    }
}

#[test]
fn content_decides_only_without_media_type() {
    for (body, links) in [
        (" \n<!doctype html><a href=x>", &["page /dir/x"][..]),
        ("<a href=x>", &["page /dir/x"]),
        ("<?xml version='1.0'?><html><a href='x'/></html>", &["page /dir/x"]),
        ("<urlset><url><loc>/x</loc></url></urlset>", &["page /x"]),
        ("text <a href=x>", &[]),
        ("{\"a\":1}", &[]),
        ("", &[]),
    ] {
        assert_eq!(shown(&extract(&[], body.as_bytes())), links, "{body}");
    }
}

#[test]
fn xml_documents_are_known_by_their_root() {
    for (media_type, body, links) in [
        (
            "image/svg+xml",
            "<svg xmlns='x'><a xlink:href='x'><image href='y'/></a><script/><use href='z'/></svg>",
            &["page /dir/x", "need /dir/y", "need /dir/z"][..],
        ),
        (
            "application/xhtml+xml",
            "<html><title>T</title><script>//<![CDATA[\n'<a href=\"n\">'//]]></script><a href='x'/></html>",
            &["page /dir/x"],
        ),
        (
            "image/svg+xml",
            "<?xml version='1.0'?><?xml-stylesheet href=\"y?a&amp;b\"?><?xml-stylesheet href='z' type='text/css' ?><?o href='n'?><svg/>",
            &["need /dir/y?a&b", "need /dir/z"],
        ),
        (
            "application/rss+xml",
            "<?xml-stylesheet href='n'?><rss><channel><link> /x </link><item><link><![CDATA[/y?a&b]]></link><guid>n</guid></item>\
            <atom:link rel='self' href='n'/><atom:link rel='next' href='z'/></channel></rss>",
            &["hint /x", "hint /y?a&b", "hint /dir/z"],
        ),
        (
            "application/atom+xml",
            "<feed xml:base='/b/'><link href='x'/><link rel='self' href='n'/><entry>\
            <link rel='alternate' href='y?a&amp;b'/><link rel='enclosure' href='n'/></entry></feed>",
            &["hint /b/x", "hint /b/y?a&b"],
        ),
        ("text/xml", "<rdf:RDF><item rdf:about='n'><link>/x</link></item></rdf:RDF>", &["hint /x"]),
        ("text/xml", "<other><a href='x'/><link>n</link></other>", &[]),
    ] {
        assert_eq!(shown(&extract(&[("content-type", media_type)], body.as_bytes())), links, "{body}");
    }
}

#[test]
fn bad_entry_of_a_sitemap_costs_only_itself() {
    for (body, links) in [
        (
            "<?xml version='1.0'?>\n<urlset xmlns='http://www.sitemaps.org/schemas/sitemap/0.9'><url><loc>http://a.test/x</loc></url></urlset>",
            &["page /x"][..],
        ),
        (
            "<urlset><url><loc>\n /x?a&amp;b&#38;c \n</loc></url><url><loc><![CDATA[/y?a&b]]></loc></url></urlset>",
            &["page /x?a&b&c", "page /y?a&b"],
        ),
        ("<s:urlset><s:url><s:loc>/x</s:loc></s:url></s:urlset>", &["page /x"]),
        (
            "<urlset><url><image:image><image:loc>/i</image:loc></image:image><loc>/x</loc><news:loc>/n</news:loc></url></urlset>",
            &["page /x"],
        ),
        ("<urlset><url><loc>/x<lastmod>2024</lastmod></url><url><loc>/y</loc></url></urlset>", &["page /y"]),
        ("<urlset><url><loc>/x</loc><url><loc>/y</loc></url>", &["page /x", "page /y"]),
        (
            "<urlset><url></url><url/><url><loc></loc></url><url><loc>http://</loc></url><url><loc>mailto:x</loc></url>\
            <url><loc>/y</loc></url></urlset>",
            &["page /y"],
        ),
        (
            "<urlset><url><loc>/x</loc><xhtml:link rel='alternate' hreflang='de' href='/de'/></url></urlset>",
            &["page /x", "hint /de"],
        ),
        (
            "<sitemapindex><sitemap><loc>/s.xml</loc></sitemap><sitemap><loc>/t.xml</loc></sitemap></sitemapindex>",
            &["sitemap /s.xml", "sitemap /t.xml"],
        ),
        (
            "<!DOCTYPE urlset [<!ENTITY e 'http://a.test/e'>]><urlset><url><loc>/x&e;</loc></url></urlset>",
            &["page /x&e;"],
        ),
        (
            "http://a.test/x\r\n\n nonsense\n  https://b.test/y  \nmailto:z\nhttp://a.test/z",
            &["page /x", "page https://b.test/y", "page /z"],
        ),
        ("\u{feff}http://a.test/x", &["page /x"]),
        ("<html><a href=x></html>", &[]),
    ] {
        let mut found = shown(&sitemap(body.as_bytes()));
        let mut links = links.to_vec();
        found.sort();
        links.sort_unstable();
        assert_eq!(found, links, "{body}");
    }
}

#[test]
fn sitemap_has_the_times_of_changes() {
    let found = sitemap(
        b"<urlset><url><loc>/x</loc><lastmod> 2024-05-06 </lastmod></url><url><lastmod>soon</lastmod><loc>/y</loc></url></urlset>",
    );
    let times: Vec<_> = found.links.iter().map(|link| link.modified.map(|time| time.to_string())).collect();
    assert_eq!(times, [Some("2024-05-06T23:59:59Z".to_owned()), None]);
}

#[test]
fn icons_of_a_manifest_are_hints() {
    let body = br#"{"icons":[{"src":"x.png"},{"sizes":"1x1"},{"src":"/y.png"}],"start_url":"n"}"#;
    let fields = [("content-type", "application/manifest+json")];
    assert_eq!(shown(&extract(&fields, body)), ["hint /dir/x.png", "hint /y.png"]);
    assert!(extract(&fields, b"{\"icons\":[").links.is_empty());
}

#[test]
fn links_of_llms_txt_are_hints() {
    let url = url::Url::parse("http://a.test/llms.txt").unwrap();
    let fields = http::HeaderMap::from_iter([(http::header::CONTENT_TYPE, "text/plain".parse().unwrap())]);
    let mut extractor = super::Extractor::new(&super::DocumentHead::new(&url, &fields));
    extractor.piece(b"# Title\n- [a](x.md): text [b]( https://b.test/y \"t\")\n[c](/z)");
    assert_eq!(shown(&extractor.end()), ["hint /x.md", "hint /z"]);
}
