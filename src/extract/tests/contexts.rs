//! Each context in which a document has a link.

use super::{extract, html, shown};

/// Asserts the links of each page.
fn assert_links(cases: &[(&str, &[&str])]) {
    for (page, links) in cases {
        assert_eq!(shown(&html(page)), *links, "{page}");
    }
}

#[test]
fn elements_that_lead_to_pages() {
    assert_links(&[
        ("<a href=x>", &["page /dir/x"]),
        ("<AREA HREF='/x'>", &["page /x"]),
        ("<svg><a xlink:href=x /><a href=y /></svg>", &["page /dir/x", "page /dir/y"]),
        ("<iframe src=x></iframe><frame src=y>", &["frame /dir/x", "frame /dir/y"]),
        ("<iframe srcdoc='<a href=&quot;x&quot;><img src=i>'></iframe>", &["page /dir/x", "need /dir/i"]),
        ("<link rel='next' href=x><link rel=PREV href=y>", &["page /dir/x", "page /dir/y"]),
        ("<link rel=alternate hreflang=de href=x>", &["page /dir/x"]),
        ("<link rel=alternate type='text/html; charset=x' href=x>", &["page /dir/x"]),
        ("<meta http-equiv=refresh content='0; url=x'>", &["page /dir/x"]),
        ("<meta content='0;x' HTTP-EQUIV=Refresh>", &["page /dir/x"]),
        ("<noscript><meta http-equiv=refresh content=\"5;URL='x'\"></noscript>", &["page /dir/x"]),
        ("<noscript><a href=x></noscript><noframes><a href=y></noframes>", &["page /dir/x", "page /dir/y"]),
        ("<form action=x></form><form action=y method=GET>", &["form /dir/x", "form /dir/y"]),
        ("<template><a href=x></template>", &["page /dir/x"]),
    ]);
}

#[test]
fn elements_that_need_other_documents() {
    assert_links(&[
        ("<img src=x srcset='y 1x, z 2x'>", &["need /dir/x", "need /dir/y", "need /dir/z"]),
        ("<picture><source srcset='x,y 2x'></picture>", &["need /dir/x,y"]),
        ("<link rel=preload imagesrcset='x 1x' href=y>", &["need /dir/x", "need /dir/y"]),
        (
            "<video src=a poster=b><source src=c><track src=d></video>",
            &["need /dir/a", "need /dir/b", "need /dir/c", "need /dir/d"],
        ),
        ("<audio src=x></audio><embed src=y>", &["need /dir/x", "need /dir/y"]),
        ("<script src=x></script>", &["need /dir/x"]),
        ("<link rel=stylesheet href=x><link rel='shortcut icon' href=y>", &["need /dir/x", "need /dir/y"]),
        ("<link rel=apple-touch-icon href=x><link rel=manifest href=y>", &["need /dir/x", "need /dir/y"]),
        ("<link rel='alternate stylesheet' href=x><link rel=modulepreload href=y>", &["need /dir/x", "need /dir/y"]),
        ("<object data=x></object><input type=IMAGE src=y>", &["need /dir/x", "need /dir/y"]),
        ("<body background=x><td background=y>", &["need /dir/x", "need /dir/y"]),
        ("<svg><image href=x /><use xlink:href='y#icon' /></svg>", &["need /dir/x", "need /dir/y"]),
        ("<style>@import 'x'; p{b:url(y)}</style>", &["need /dir/x", "need /dir/y"]),
        ("<p style='b:url(&quot;x&quot;)'>", &["need /dir/x"]),
        (
            "<svg><style>p{b:url(x?a&amp;b)}<![CDATA[q{b:url(y?a&b)}]]></style></svg>",
            &["need /dir/x?a&b", "need /dir/y?a&b"],
        ),
        ("<img data-src=x.png data-srcset='y.png 1x'>", &["need /dir/x.png", "need /dir/y.png"]),
        ("<div data-original=/x data-lazy=/y data-lazy-src=/z>", &["need /x", "need /y", "need /z"]),
        ("<img data-lazy-srcset='x.png 1x, y.png 2x'>", &["need /dir/x.png", "need /dir/y.png"]),
        ("<iframe data-src=x></iframe>", &["frame /dir/x"]),
    ]);
}

#[test]
fn elements_that_only_mention_pages() {
    assert_links(&[
        ("<link rel=canonical href=x>", &["hint /dir/x"]),
        ("<link rel=alternate type=application/rss+xml href=x>", &["hint /dir/x"]),
        ("<link rel=alternate href=x>", &["hint /dir/x"]),
    ]);
    assert_eq!(html("<link rel=canonical href='/x#y'>").canonical.unwrap().as_str(), "http://a.test/x");
}

#[test]
fn texts_and_attributes_that_are_no_links() {
    assert_links(&[
        ("<!-- <a href=x> --><!--><a href=y>", &["page /dir/y"]),
        ("<textarea><a href=x></textarea><title><a href=x></title>", &[]),
        ("<script>'<a href=x>'</script><script type=application/ld+json>{\"a\":\"<a href=x>\"}</script>", &[]),
        ("<script><!-- <script> </script> <a href=x> --></script><a href=y>", &["page /dir/y"]),
        ("<xmp><a href=x></xmp><noembed><a href=x></noembed><iframe><a href=x></iframe>", &[]),
        ("<meta property=og:image content=/x><meta name=twitter:url content='0;url=x'>", &[]),
        ("<a ping=x><button formaction=x><form action=x method=post><form method=dialog action=x>", &[]),
        (
            "<link rel=preconnect href=//b.test><link rel=dns-prefetch href=x><link rel=pingback href=x><link href=x>",
            &[],
        ),
        ("<input src=x><img data-lazy=true data-src=loading>", &[]),
        ("<a href='#x'><a href=''><a href><use href='#i'><img src=' '>", &[]),
        ("<a href=mailto:a@b><a href=javascript:x()><a href='tel:1'><a href=data:,x><a href=ftp://a.test/x>", &[]),
        ("<a href=' java\nscript:x'>", &[]),
        ("<a href=http://><a href='http://a b/'><a href='//'>", &[]),
        ("<plaintext><a href=x></plaintext><a href=y>", &[]),
        ("<a <b href=x>", &["page /dir/x"]),
    ]);
}

#[test]
fn links_that_are_no_urls_are_kept_as_they_are() {
    let page = "<a href=' http://h.test:99999/x#y '><a href='https://exam ple.com/'><img src=http://><a href='//'>\
        <a href=http://><p style='b:url(http://[)'><link rel=canonical href=http://a:b/><a href=x y:99999><a href=ftp://:x>";
    let found = html(page);
    assert_eq!(
        found.invalid,
        ["http://h.test:99999/x", "https://exam ple.com/", "http://", "//", "http://[", "http://a:b/"]
    );
    assert_eq!(shown(&found), ["page /dir/x"]);
}

#[test]
fn values_are_read_as_browsers_read_them() {
    assert_links(&[
        ("<a href=' \n x\ty \n'>", &["page /dir/xy"]),
        ("<a href='?a=1&amp;b=2&copy=3&copy;'>", &["page /dir/page?a=1&b=2&copy=3%C2%A9"]),
        ("<a href=x href=y>", &["page /dir/x"]),
        ("<a href=x/><a href=/y/>", &["page /dir/x/", "page /y/"]),
        ("<a href = x><a\nhref\n=\n'y'><a href=\"z\"class=c>", &["page /dir/x", "page /dir/y", "page /dir/z"]),
        ("<a href='x\\y'>", &["page /dir/x/y"]),
        ("<a href='http://B.test:80/../%7e'>", &["page http://b.test/%7e"]),
        ("<a href='https://b.test'><a href=//c.test/x>", &["page https://b.test/", "page http://c.test/x"]),
        ("<a href='x#a'><a href='x#b'><a href=x>", &["page /dir/x"]),
        ("<a href=x", &[]),
    ]);
}

#[test]
fn first_base_governs_all_links() {
    assert_links(&[
        ("<a href=x><base href=/b/><base href=/c/><a href=y>", &["page /b/x", "page /b/y"]),
        ("<base target=_top><base href=http://b.test/c/><a href=x>", &["page http://b.test/c/x"]),
        ("<base href=data:,x><base href=javascript:x><a href=x>", &["page /dir/x"]),
        ("<base href='http://'><base href=/b/><a href=x>", &["page /b/x"]),
        ("<iframe srcdoc='<base href=/b/><a href=x>'></iframe><a href=y>", &["page /dir/x", "page /dir/y"]),
        ("<base href='/b/?q#f'><a href='?r'><a href='#x'>", &["page /b/?r", "page /b/?q"]),
        ("<a href='#x' rel=nofollow><a href='#y' rel=nofollow><base href=/b/>", &["page /b/ nofollow"]),
        ("<base href=page><a href='#x'><use href='#y'>", &[]),
        ("<base href=/b/><a href='#'><use href='#x'><iframe srcdoc='<a href=#x>'></iframe><p style='f:url(#x)'>", &[]),
        ("<template><base href=/t/></template><a href=x>", &["page /dir/x"]),
        ("<template><template></template><base href=/t/></template><base href=/b/><a href=x>", &["page /b/x"]),
        ("</template><base href=/b/><a href=x>", &["page /b/x"]),
        ("<svg><base href=/s/ /></svg><a href=x>", &["page /dir/x"]),
    ]);
}

#[test]
fn the_sketch_tells_pages_apart_by_what_a_reader_sees() {
    let page = "<title>Gallery</title><a href=next>Next</a><img src=a.jpg alt=sea><script src=a.js></script>";
    let sketch = html(page).text;
    for (from, to, is_equal) in [
        ("Gallery", "Photos", false),
        ("Next", "Previous", false),
        ("a.jpg", "b.jpg", false),
        ("sea", "mountain", false),
        ("<img", "<video src=a.mp4></video><img", false),
        ("a.js>", "b.js>", true),
        ("href=next", "href=other", true),
        ("<img", "<a href='http://h.test/x/1.pdf?a'></a><img", false),
        ("<img", "<p style='background: url(b.png)'></p><img", false),
        ("<img", "<iframe src=/player/1></iframe><img", false),
        ("<img", "<a href=http://h.test></a><a href=/x.d/y></a><a href=1.html></a><a href=5.ics></a><img", true),
    ] {
        let other = html(&page.replace(from, to)).text;
        assert_eq!(sketch.is_equal(&other), is_equal, "{to}");
        // Only the title may differ in similar pages.
        assert_eq!(sketch.distance(&other) == Some(0), is_equal || to == "Photos", "{to}");
    }
}

#[test]
fn a_url_with_two_uses_is_a_link_of_each_kind() {
    assert_links(&[
        ("<a href=x><img src=x><a href=x>", &["page /dir/x", "need /dir/x"]),
        (
            "<img src=x><a rel=nofollow href=x><link rel=canonical href=x>",
            &["page /dir/x nofollow", "need /dir/x", "hint /dir/x"],
        ),
        ("<a rel=nofollow href=x><a rel='ugc NoFollow' href=x>", &["page /dir/x nofollow"]),
        ("<a rel=nofollow href=x><a href=x>", &["page /dir/x"]),
        ("<a rel=nofollower href=x>", &["page /dir/x"]),
    ]);
}

#[test]
fn response_fields_have_links() {
    let found = extract(
        &[
            ("content-type", "image/png"),
            ("link", "<x>; rel=next, </y>; rel=\"canonical nofollow\""),
            ("link", "<s.css>; rel=preload; as=style, <z>; rel=preconnect, <w>; rel=next; anchor=/other"),
            ("refresh", "0; url=/r"),
        ],
        b"<a href=no>",
    );
    assert_eq!(shown(&found), ["hint /dir/x", "hint /y nofollow", "need /dir/s.css", "page /r"]);
    assert_eq!(found.canonical.unwrap().as_str(), "http://a.test/y");
}

#[test]
fn page_may_forbid_to_follow_its_links() {
    for (page, forbids) in [
        ("<meta name=robots content='noindex, nofollow'>", true),
        ("<meta content=NONE name=ROBOTS>", true),
        ("<meta name=fetchall content=nofollow>", true),
        ("<meta name=googlebot content=nofollow>", false),
        ("<meta name=robots content=noindex>", false),
        ("<meta name=robots content='index,follow'>", false),
    ] {
        assert_eq!(html(page).nofollow, forbids, "{page}");
    }
    let fields = [("content-type", "text/html"), ("x-robots-tag", "otherbot: nofollow"), ("x-robots-tag", "noindex")];
    assert!(!extract(&fields, b"").nofollow);
    assert!(extract(&[("x-robots-tag", "fetchall: noindex, none")], b"").nofollow);
}

#[test]
fn title_is_that_of_the_page() {
    for (page, title) in [
        ("<title>\n A &amp; B\t<b> &eacute;\n</title><title>C</title>", Some("A & B <b> \u{e9}")),
        ("<svg><title>no</title></svg><title>yes</title>", Some("yes")),
        ("<title>&nbsp; \n</title>", None),
        ("<title>unclosed", None),
        ("<p>none", None),
    ] {
        assert_eq!(html(page).title.as_deref(), title, "{page}");
    }
}
