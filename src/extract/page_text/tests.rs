//! Tests of the text of pages.

use url::Url;

use super::*;

fn read_as(format: TextFormat, html: &str) -> ReadPage {
    let url = Url::parse("http://a.test/folder/page.html").unwrap();
    page_text(&PageHead { url, content_type: Some(b"text/html; charset=utf-8".to_vec()), format }, html.as_bytes())
}

fn text(html: &str) -> PageText {
    read_as(TextFormat::Markdown, html).0
}

/// The Markdown of some content.
fn markdown(content: &str) -> String {
    let page = text(&format!("<main><h1>A page with a title</h1>{content}</main>"));
    assert_eq!(page.error, None);
    page.text.strip_prefix("# A page with a title\n\n").map(str::to_owned).unwrap_or(page.text)
}

#[test]
fn elements_become_markdown() {
    for (content, expected) in [
        ("<dl><dt><code>-f</code><dd>Forces it.</dl>", "`-f`\n\nForces it."),
        (
            "<figure><img src=a.png alt='a knot'><figcaption>Rope</figcaption></figure>",
            "![a knot](http://a.test/folder/a.png)\n\nRope",
        ),
        ("<p>a<img src=a.png>b<img src='data:,' alt=c>", "ab"),
        (
            "<p><a href='b?x#y' title=t>b</a> <a href=#x>here</a> <a href='page.html#x'>too</a> <a name=n>anchor</a>",
            "[b](http://a.test/folder/b?x#y) here too anchor",
        ),
        (
            "<p><a href='javascript:x()'>run</a> <a href=mailto:a@b.test>mail</a> <a href=ftp://a.test/>f</a>",
            "run [mail](mailto:a@b.test) f",
        ),
        ("<h2>Part<a class=x href=#part>\u{b6}</a></h2>", "## Part"),
        ("<h2><a href=#part>Part</a></h2>", "## Part"),
        (
            "<div class='highlight-python3'><div class=highlight><pre><span>x</span> = 1\n</pre></div></div>",
            "```python\nx = 1\n```",
        ),
        ("<pre class='language-text'>x</pre>", "```\nx\n```"),
        (
            "<table><caption>Rain</caption><tr><th>a<th>b<tr><td>1<td>2</table>",
            "Rain\n\n| a | b |\n| - | - |\n| 1 | 2 |",
        ),
        (
            "<table><tr><td><h2>Left</h2>one<td><table><tr><td>1<td>2</table></table>",
            "## Left\n\none\n\n|   |   |\n| - | - |\n| 1 | 2 |",
        ),
        ("<p>Press <kbd>Enter</kbd><wbr>.<br>Then wait.", "Press `Enter`.  \nThen wait."),
        ("<aside class='admonition note'>Mind the gap.</aside>", "Mind the gap."),
        ("<details><summary>More</summary><p>Details.</details>", "More\n\nDetails."),
        ("<ul><li>1. <a href=#a>One</a><li>2. <a href='page.html#b'>Two</a></ul><p>x", "x"),
        ("<ul><li><a href=#a>One</a> about this<li><a href=#b>Two</a></ul>", "- One about this\n- Two"),
        ("<p><b>Date:&nbsp;</b>today", "**Date:** today"),
        ("<table><tr><td><ul><li>a</ul><td>c</table>", "- a\n\nc"),
        ("<table><tr><td><p>a<p>b<td>c</table>", "a\n\nb\n\nc"),
    ] {
        assert_eq!(markdown(content), expected, "{content}");
    }
}

#[test]
fn readability_loses_no_heading_code_or_table() {
    let long = "A paragraph that is long enough for a reader, with commas, and with more than a few words. ".repeat(9);
    let menu = "<table><tr><td><a href=/a>Products</a><br><a href=/b>Support</a><br><a href=/c>Contact</a></td><td>";
    let page = text(&format!("{menu}<h1>Title</h1><p>{long}<p>{long}</td></table>"));
    assert_eq!(page.text, format!("# Title\n\n{0}\n\n{0}", long.trim()), "the menu is left out");
    let page =
        text(&format!("{menu}<div><h2>Synopsis</h2><pre>run</pre></div><div><p>{long}<p>{long}</div></td></table>"));
    assert!(page.text.contains("## Synopsis\n\n```\nrun\n```"), "{}", page.text);
}

#[test]
fn blocks_without_content_are_left_out() {
    for content in [
        "<nav><a href=/>Home</a></nav>",
        "<script>x</script><style>x</style><template>x</template><noscript>x</noscript><svg><title>x</title></svg>",
        "<aside>Recent posts</aside>",
        "<div role=navigation>x</div><div hidden>x</div><p aria-hidden=true>x</p><p style='display: none'>x</p>",
        "<div class='cookie-banner'>We use cookies</div><div id=gdpr-consent>x</div>",
        "<div class='pagination other'>Previous Next</div><ul class=breadcrumb><li>x</ul><span class=headerlink>x</span>",
        "<form><button>Send</button><select><option>x</select><textarea>x</textarea></form><dialog open>x</dialog>",
        "<!-- x -->",
    ] {
        assert_eq!(markdown(&format!("{content}<p>The text.")), "The text.", "{content}");
    }
    for content in [
        "<section id=cookies><p>The text.</section>",
        "<dt id=navigation class=sig>The text.",
        "<div class='sidebar-layout'>The text.</div>",
    ] {
        assert_eq!(markdown(content), "The text.", "{content}");
    }
}

#[test]
fn main_content_is_found() {
    let long = "A paragraph that is long enough for a reader, with commas, and with more than a few words. ".repeat(6);
    let header = "<header><a href=/>Logo</a><p>The slogan</header>";
    for (page, expected) in [
        (
            format!("{header}<main><p>In main there is a text.</p><p>With more of it.</main><p>Behind it"),
            "In main there is a text.\n\nWith more of it.".to_owned(),
        ),
        (
            format!("{header}<div role=main>In the main part of the page.</div><p>Behind"),
            "In the main part of the page.".to_owned(),
        ),
        (
            format!("{header}<article><header><h1>T</h1></header>In the only article here.</article><p>x"),
            "# T\n\nIn the only article here.".to_owned(),
        ),
        (
            format!(
                "{header}<article><p>The first of two articles</article><article><p>The second of two articles</article>"
            ),
            "The first of two articles\n\nThe second of two articles".to_owned(),
        ),
        (
            format!("{header}<header><h1>Title</h1><a href=/>x</a></header><p>{long}<footer>x</footer>"),
            format!("# Title\n\n{}", long.trim()),
        ),
        (format!("<main> </main><p>{long}"), long.trim().to_owned()),
        ("<p>Call 123.".to_owned(), "Call 123.".to_owned()),
        (
            "<ul><li><a href=/1>One</a> 2026<li><a href=/2>Two</a> 2025</ul>".to_owned(),
            "- [One](http://a.test/1) 2026\n- [Two](http://a.test/2) 2025".to_owned(),
        ),
    ] {
        assert_eq!(text(&page).text, expected, "{page}");
    }
}

#[test]
fn facts_are_taken_from_their_surest_place() {
    let page = text(
        "<html lang='de-AT'><svg><title>drawing</title></svg><head><base href=/x/><title> A\n <b>title</b></title>\
         <meta property=og:description content='of og'><meta name=Description content=' of  meta '>\
         <link rel='CANONICAL other' href=canon#part><time class=updated datetime=2026-01-02></time>\
         <script type=application/ld+json>[{\"@graph\":[{\"@type\":\"WebSite\",\"datePublished\":\"2020-01-01\"},\
         {\"@type\":[\"BlogPosting\"],\"datePublished\":\"2026-01-01\"}]}]</script>\
         <script type=application/ld+json>no JSON</script><p>x",
    );
    assert_eq!(page.title.as_deref(), Some("A <b>title</b>"));
    assert_eq!(page.description.as_deref(), Some("of meta"));
    assert_eq!(page.language.as_deref(), Some("de-AT"));
    assert_eq!(page.canonical.as_deref(), Some("http://a.test/x/canon"));
    assert_eq!(page.published.as_deref(), Some("2026-01-01"));
    assert_eq!(page.modified.as_deref(), Some("2026-01-02"));
    let page = text("<html lang=' '><article>Seen on <time datetime=2026-05-06>some day</time></article>");
    assert_eq!((page.language, page.published.as_deref()), (None, Some("2026-05-06")));
    assert_eq!((page.title, page.description, page.canonical, page.modified), (None, None, None, None));
}

#[test]
fn digest_is_that_of_the_words() {
    let digest = |format, html: &str| read_as(format, html).1;
    let page = "<main><h1>A title</h1><p>Some <b>words</b> and <a href=/x?s=1>a link</a>.</main>";
    let known = digest(TextFormat::Markdown, page);
    assert!(known.is_some());
    assert_eq!(digest(TextFormat::Html, page), known);
    assert_eq!(digest(TextFormat::Plain, &page.replace("s=1", "s=2").replace("<p>", "\n\n<p>\n ")), known);
    assert_ne!(digest(TextFormat::Markdown, &page.replace("words", "others")), known);
}

#[test]
fn texts_without_words_have_no_digest() {
    let page = "<div id=app></div><script>data = { price: 1 }</script>";
    assert_eq!(read_as(TextFormat::Markdown, page), (PageText::default(), None));
}

#[test]
fn formatting_that_nests_without_end_is_an_error() {
    for part in ["<b>", "<b><p>t</p>", "<b><div></b>", "<p><b>t</p>\n", "<span><div></span>"] {
        let (page, digest) = read_as(TextFormat::Markdown, &format!("<main><p>x{}", part.repeat(30_000)));
        assert_eq!((page.error.as_deref(), digest), (Some("elements are nested more than 512 deep"), None), "{part}");
    }
}

#[test]
fn empty_elements_of_xhtml_have_no_content() {
    let page = "<?xml version='1.0'?><html xmlns='http://www.w3.org/1999/xhtml'><head><title/><script src='a.js'/>\
                <style/></head><body><p>One<a id='q'/> two.</p><div class='nav'/><p>The end.</p></body></html>";
    let head = PageHead {
        url: Url::parse("http://a.test/").unwrap(),
        content_type: Some(b"application/xhtml+xml; charset=utf-8".to_vec()),
        format: TextFormat::Markdown,
    };
    assert_eq!(page_text(&head, page.as_bytes()).0.text, "One two.\n\nThe end.");
    let empty = page.replace("<p>", &"<div/>".repeat(600));
    assert_eq!(page_text(&head, empty.as_bytes()).0.error, None, "they do not nest");
}

#[test]
fn readability_keeps_lists_of_links() {
    let text_of_page =
        "A paragraph that is long enough for a reader, with commas, and with more than few words. ".repeat(4);
    let items: String = (0..20).map(|at| format!("<div class=item><a href=/c{at}>Cake kind {at}</a></div>")).collect();
    let page = text(&format!("<div id=content><h1>Cakes</h1><div class=list>{items}</div><p>{text_of_page}</p></div>"));
    assert_eq!(page.links.len(), 20, "{}", page.text);
    let parts: String = (0..30).map(|at| format!("<dt><a href=/p{at}>Part {at} of the manual</a></dt>")).collect();
    let page = text(&format!("<div class=part><h1>Part VII</h1><p>Table of Contents</p><dl>{parts}</dl></div>"));
    assert_eq!(page.links.len(), 30, "{}", page.text);
}

#[test]
fn deep_pages_fit_the_stack() {
    for (open, close) in
        [("<div>", "</div>"), ("<blockquote>", "</blockquote>"), ("<ul><li>", "</ul>"), ("<section>", "")]
    {
        let depth = 480 / open.matches('<').count();
        let html = format!("<main>{}The text that is deep in it.{}</main>", open.repeat(depth), close.repeat(depth));
        for format in [TextFormat::Markdown, TextFormat::Plain, TextFormat::Html] {
            let page = read_as(format, &html).0;
            assert!(page.text.contains("The text that is deep in it."), "{open} {:?} {}", page.error, page.text.len());
        }
    }
}

#[test]
fn tables_keep_their_columns() {
    for (table, expected) in [
        ("<tr><th>a<th>b<th>c<tr><td>12<td>3", "| a | b | c |\n| - | - | - |\n| 12 | 3 |  |"),
        (
            "<tr><th rowspan=2>Year<th colspan=2>Sales<tr><th>EU<th>US<tr><td>2023<td>1<td>57",
            "| Year | Sales |  |\n| ---- | ----- | - |\n|  | EU | US |\n| 2023 | 1 | 57 |",
        ),
        (
            "<tr><th>N<th>V<tr><td>x<td>1<tr><th colspan=2>Section B<tr></tr><tr><td>y<td>2",
            "| N | V |\n| - | - |\n| x | 1 |\n| Section B |  |\n| y | 2 |",
        ),
        (
            "<thead><tr><th rowspan=9>a<th>b<tbody><tr><td rowspan=2>1<td>2<tr><td>3",
            "| a | b |\n| - | - |\n| 1 | 2 |\n|  | 3 |",
        ),
        ("<tr><th>a<th colspan=9999>b<tr><td>1<td rowspan=0>2", "| a | b |\n| - | - |\n| 1 | 2 |"),
        ("<tr><td colspan=500>a<td>b<tr><td>1<td>2", "a\n\nb\n\n1\n\n2"),
    ] {
        assert_eq!(markdown(&format!("<table>{table}</table>")), expected, "{table}");
    }
    let wide = format!("<tr><td>a{}", "<td>b".repeat(180));
    let page = markdown(&format!("<table>{wide}{}</table>", "<tr><td>c".repeat(1_000)));
    assert!(page.starts_with("a\n\nb\n\n") && page.ends_with("c\n\nc"), "a table with too many empty cells is blocks");
}

#[test]
fn code_keeps_its_lines() {
    for (code, expected) in [
        ("<pre>a = 1<br>b = 2</pre>", "a = 1\nb = 2"),
        ("<pre><span class=line>let a;</span><br><span class=line>b();</span><br></pre>", "let a;\nb();"),
        ("<pre><code><div>l1</div><div></div><div>l2</div></code></pre>", "l1\n\nl2"),
        ("<pre>l0<div>l1\n</div><div><div>l2</div></div>l3</pre>", "l0\nl1\nl2\nl3"),
        ("<pre><ol><li>k1<li>k2</ol></pre>", "k1\nk2"),
        ("<pre><table><tr><td class=lineno>1<td>x<tr><td class=lineno>2<td>y</table></pre>", "x\ny"),
    ] {
        assert_eq!(markdown(code), format!("```\n{expected}\n```"), "{code}");
        let plain = read_as(TextFormat::Plain, &format!("<main>{code}<p>A text of some length.</main>")).0;
        assert!(plain.text.starts_with(&format!("{expected}\n")), "{code} {}", plain.text);
        let html = read_as(TextFormat::Html, &format!("<main>{code}<p>A text of some length.</main>")).0;
        assert!(!html.text.contains("<br>") && !html.text.contains("<div>"), "{}", html.text);
    }
}

#[test]
fn words_and_numbers_stay_apart() {
    for (content, expected) in [
        (
            "<p>10<sup>6</sup> m<sup>2</sup> 2<sup>\u{2212}10</sup> 1<sup>st</sup> word<sup>[1]</sup> e<sup>x</sup><sup></sup>",
            "10^6 m^2 2^\u{2212}10 1st word\\[1\\] e^x",
        ),
        ("<p><del>$50</del> <ins>$40</ins> ~~ <code><s>x</s></code><s> </s>", "~~$50~~ $40 \\~\\~ `x`"),
        ("<a href=/c><h3>Title</h3><p>Text</p></a>", "[Title Text](http://a.test/c)"),
        ("<div><a href=/c>Title<br>Text<ul><li>x<li>y</ul></a></div>", "[Title Text x y](http://a.test/c)"),
        (
            "<aside class=note>C</aside><aside class=tip>D</aside><footer>x</footer><hgroup>E</hgroup>F",
            "C\n\nD\n\nE\n\nF",
        ),
        ("<h2>head<br>two</h2>text", "## head two\n\ntext"),
    ] {
        assert_eq!(markdown(content), expected, "{content}");
    }
    let page = text("<main><h2>head<br>two<sup>2</sup></h2><a href=/x><div>a</div><div>b</div></a> A text.</main>");
    assert_eq!(page.headings[0].text, "head two^2");
    assert_eq!(page.links[0].text, "a b");
}

#[test]
fn one_article_counts_if_it_has_half_of_the_text() {
    let long = "A paragraph that is long enough for a reader. ".repeat(30);
    for (page, kept) in [
        (format!("<h1>T</h1><div>{long}</div><article class=teaser>A short teaser of another page.</article>"), true),
        (
            format!(
                "<div class=c><h1>T</h1><p>{long}</div><div class=related><article>A teaser of some length</article></div>"
            ),
            true,
        ),
        (format!("<p>Before it<article><p>{long}</article>"), false),
    ] {
        let text = text(&page).text;
        assert!(text.contains(long.trim()), "{text}");
        assert_eq!(text.contains('T') || text.contains("Before"), kept, "{text}");
    }
}

#[test]
fn names_and_styles_do_not_remove_the_text() {
    let long = "A paragraph that is long enough for a reader. ".repeat(5);
    let long = long.trim();
    for content in [
        format!("<p>{long} <a class=share>A</a> <span class=ad>B</span>"),
        format!("<div class='row gutter'><p>{long} A B</div>"),
        format!("<div class=sidebar><p>{long} A B</div><p>x"),
        format!("<div class=newsletter><p>{long}</div><p>A B"),
        format!("<div id=related><h2>Related work</h2><p>Smith did this. A B</div><p>{long}"),
        format!("<section class=footer><p>Refunds take 30 days. A B</section><p>{long}"),
        format!("<div style='display:none'><p>{long} A B</div>"),
        format!("<div hidden><p>{long} A B<div class=sidebar>gone</div></div>"),
    ] {
        let page = text(&format!("<html style='display:none'><body>{content}"));
        for part in [long, "A", "B", if content.contains("30") { "30 days" } else { "" }] {
            assert!(page.text.contains(part), "{content}: {}", page.text);
        }
        assert_eq!(page.text.contains("Smith"), content.contains("Smith"));
        assert!(!page.text.contains("gone"), "{}", page.text);
    }
    let table = "<table><tr><th>Name<th class=share>Share<tr><td>ACME<td class=share>12%<tr class=footer><td>Total<td>9</table>";
    assert_eq!(markdown(table), "| Name | Share |\n| ---- | ----- |\n| ACME | 12% |\n| Total | 9 |");
    let short = text(&format!(
        "<main><p>{long}<div class=sidebar><p>A menu. And more.</div><div style='display:none'>no</div>"
    ));
    assert_eq!(short.text, long, "less than half of the text is no loss");
}

#[test]
fn headings_of_headers_and_buttons_stay() {
    let long = "A paragraph that is long enough for a reader. ".repeat(5);
    let long = long.trim();
    for (page, expected) in [
        (
            format!("<header id=title-block-header><h1>Title</h1><p>By Jane</header><h1>One</h1><p>{long}<h1>Two</h1>"),
            format!("# Title\n\nBy Jane\n\n# One\n\n{long}\n\n# Two"),
        ),
        (
            format!("<header><h1><a href=/>Site</a></h1><p>Slogan</header><h1>One</h1><p>{long}"),
            format!("# One\n\n{long}"),
        ),
        (
            format!("<div class=post><header><h2>Post one</h2><a href=/>x</a> now</header><p>{long}</div>"),
            format!("## Post one\n\n{long}"),
        ),
        (
            format!("<div role=main><header><h1>Title</h1><a href=/x>Lead</a></header><p>{long}</div>"),
            format!("# Title\n\n[Lead](http://a.test/x)\n\n{long}"),
        ),
        (
            format!("<main><h2><button>How do I pay?</button></h2><p>{long}<h2>Code <button>Copy</button></h2></main>"),
            format!("## How do I pay?\n\n{long}\n\n## Code"),
        ),
        (
            format!(
                "<main><p>{long}<div><button aria-expanded=false aria-controls=a1>Where?</button><div id=a1 hidden>In Rome.</div></div></main>"
            ),
            format!("{long}\n\nWhere?\n\nIn Rome."),
        ),
        (
            format!(
                "<main><p>{long}<button aria-controls=m aria-expanded=false></button><div id=m hidden><a href=/x>Menu</a></div></main>"
            ),
            long.to_owned(),
        ),
        (
            format!("<main><p>{long}<div role=tabpanel hidden><p>brew install x</div><div hidden>x</div></main>"),
            format!("{long}\n\nbrew install x"),
        ),
    ] {
        assert_eq!(text(&page).text, expected, "{page}");
    }
}

#[test]
fn code_keeps_its_blank_lines() {
    assert_eq!(markdown("<p>a</p><pre>x\n\n\n\ny</pre><p>b"), "a\n\n```\nx\n\n\n\ny\n```\n\nb");
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(200))]
    #[test]
    fn no_page_breaks_the_reader(parts in proptest::collection::vec(proptest::sample::select(PARTS), 0..40)) {
        let html = parts.concat();
        for format in [TextFormat::Markdown, TextFormat::Plain, TextFormat::Html] {
            let (page, digest) = read_as(format, &html);
            proptest::prop_assert_eq!(page.error, None);
            proptest::prop_assert!(digest.is_some() || !page.text.contains("text"));
        }
    }
}

/// Parts of which odd pages are made.
const PARTS: &[&str] = &[
    "<main>",
    "</main>",
    "<table>",
    "<tr>",
    "<td>",
    "</td>",
    "</table>",
    "<caption>c",
    "<ul>",
    "<li>",
    "</ul>",
    "<dl>",
    "<dt>",
    "<dd>",
    "<a href=x>",
    "<a href=#y>",
    "<a>",
    "</a>",
    "<pre>",
    "</pre>",
    "<code class=language-x>",
    "</code>",
    "<img alt=a src=b>",
    "<h1>",
    "</h1>",
    "<nav>",
    "</nav>",
    "<header>",
    "</header>",
    "<p>",
    "</p>",
    "<b>",
    "<i>",
    "</b>",
    "<article>",
    "</article>",
    "<select>",
    "<svg>",
    "<template>",
    "<frameset>",
    "<body>",
    "<html>",
    "text ",
    "\n\n",
    "*_`|",
    "<div class=sidebar>",
    "<div>",
    "</div>",
    "<blockquote>",
    "<br>",
    "<ol start=7>",
    "\u{0}",
    "&nbsp;",
    "<aside class=note>",
    "<div class=related>",
    "<div hidden>",
    "<sup>2",
    "<del>",
    "<td colspan=3 rowspan=2>",
    "<th>",
    "<button>",
    "<h2>",
];
