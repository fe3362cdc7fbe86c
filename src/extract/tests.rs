//! The links of whole documents, and the cost of hostile ones.

mod contexts;
mod documents;
mod encodings;
mod hostile;
mod pieces;
mod texts;

use http::header::{CONTENT_TYPE, HeaderName};
use http::{HeaderMap, HeaderValue};
use url::Url;

use super::{DocumentHead, Extractor};
use crate::model::{LinkKind, PageLinks};

/// The URL of all documents.
const PAGE: &str = "http://a.test/dir/page";

/// The links of a document with these response fields.
fn extract(fields: &[(&str, &str)], body: &[u8]) -> PageLinks {
    extract_in_pieces(fields, body, body.len().max(1))
}

fn extract_in_pieces(fields: &[(&str, &str)], body: &[u8], length: usize) -> PageLinks {
    let mut extractor = extractor(fields, false);
    body.chunks(length).for_each(|piece| extractor.piece(piece));
    extractor.end()
}

fn extractor(fields: &[(&str, &str)], is_sitemap: bool) -> Extractor {
    let url = Url::parse(PAGE).unwrap();
    let mut map = HeaderMap::new();
    for (name, value) in fields {
        map.append(HeaderName::from_bytes(name.as_bytes()).unwrap(), HeaderValue::from_str(value).unwrap());
    }
    let head =
        DocumentHead { is_sitemap, forms: true, link_texts: true, anchors: true, ..DocumentHead::new(&url, &map) };
    Extractor::new(&head)
}

/// The links of an HTML page.
fn html(page: &str) -> PageLinks {
    extract(&[("content-type", "text/html; charset=utf-8")], page.as_bytes())
}

/// The links of a document that was fetched as a sitemap.
fn sitemap(body: &[u8]) -> PageLinks {
    let mut extractor = extractor(&[(CONTENT_TYPE.as_str(), "text/plain")], true);
    extractor.piece(body);
    extractor.end()
}

/// Kind and URL of each link, without the part of the URL that all share.
fn shown(found: &PageLinks) -> Vec<String> {
    let show = |link: crate::model::Link<'_>| {
        let url = link.url.strip_prefix("http://a.test").unwrap_or(link.url);
        let nofollow = if link.nofollow { " nofollow" } else { "" };
        format!("{} {url}{nofollow}", name(link.kind))
    };
    found.links.iter().map(show).collect()
}

fn name(kind: LinkKind) -> &'static str {
    match kind {
        LinkKind::Page => "page",
        LinkKind::Frame => "frame",
        LinkKind::Form => "form",
        LinkKind::Requisite => "need",
        LinkKind::Hint => "hint",
        LinkKind::Sitemap => "sitemap",
    }
}
