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
