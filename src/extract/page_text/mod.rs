//! The main text of HTML pages, and what they say of themselves.
//!
//! | step | where |
//! | --- | --- |
//! | encoding, nesting: is it safe to build a tree? | `survey`, `tag_kind` |
//! | empty elements of XHTML | `xhtml` |
//! | title, description, dates | `about`, `json_ld`, `dates` |
//! | what is no content | `boilerplate`, `names`, `weight` |
//! | the element with the main content | `content` |
//! | elements that Markdown has no marks for | `rewriting`, `breaks`, `marks`, `tables` |
//!
//! A tree of a page takes about twenty times its bytes, so [`LARGEST_PAGE`] bounds it.

mod about;
mod boilerplate;
mod breaks;
mod content;
mod dates;
mod json_ld;
mod marks;
mod names;
mod rewriting;
mod survey;
mod tables;
mod tag_kind;
#[cfg(test)]
mod tests;
mod weight;
mod xhtml;

use std::borrow::Cow;
use std::panic::{AssertUnwindSafe, catch_unwind};

use dom_query::{Document, NodeRef};
use encoding_rs::Encoding;
use sha2::{Digest as _, Sha256};
use url::Url;

use super::charset::{self, CharsetDetector};
use super::document::media_type;
use super::resolve::LinkResolver;
use crate::model::{PageHeading, PageText, TextFormat, TextLink};
use crate::policy::message::charset::of_media_type;
use survey::TagSurvey;

/// The most bytes of a page that is read for its text.
pub const LARGEST_PAGE: usize = 4 << 20;
/// The bytes of the stack of a thread that reads pages.
pub const PAGE_STACK: usize = 16 << 20;
/// The most bytes of a text.
const LONGEST_TEXT: usize = 2 << 20;
/// The most headings and links of a page.
const MOST_HEADINGS: usize = 1_000;
const MOST_LINKS: usize = 5_000;
/// The most bytes of a heading, of the text of a link, and of a fact.
const LONGEST_FACT: usize = 2_000;

/// The media type of pages that are XML.
const XHTML: &str = "application/xhtml+xml";

/// The facts of a response that decide how its text is read.
#[derive(Debug, Clone)]
pub struct PageHead {
    /// The URL of the page after all redirects.
    pub url: Url,
    /// The Content-Type field.
    pub content_type: Option<Vec<u8>>,
    /// The form of the text.
    pub format: TextFormat,
}

impl PageHead {
    /// Whether a body that begins so is an HTML page. The content decides only without a media type.
    pub fn is_page(&self, first: &[u8]) -> bool {
        let media_type = self.content_type.as_deref().map(media_type).filter(|media_type| !media_type.is_empty());
        match media_type.as_deref() {
            Some(media_type) => matches!(media_type, "text/html" | XHTML),
            None => first.trim_ascii_start().starts_with(b"<") && !first.trim_ascii_start().starts_with(b"<?xml"),
        }
    }

    fn is_xhtml(&self) -> bool {
        self.content_type.as_deref().is_some_and(|field| media_type(field) == XHTML)
    }
}

/// The text of a page, with its digest if there is a text.
pub type ReadPage = (PageText, Option<[u8; 32]>);

/// Returns the text of a page, and the SHA-256 of its words: those of the plain text, with one blank between two of
/// them. It is the same in every format, and does not depend on the URLs of links. A text without words has none. A
/// page that breaks a library has an error in place of its text.
///
/// Readers of trees are recursive: the thread needs a stack of [`PAGE_STACK`] bytes.
pub fn page_text(head: &PageHead, body: &[u8]) -> ReadPage {
    if body.len() > LARGEST_PAGE {
        return (PageText::failed(format!("the page is larger than {LARGEST_PAGE} bytes")), None);
    }
    // No state is shared with a page that breaks.
    let read = catch_unwind(AssertUnwindSafe(|| read(head, body)));
    match read {
        Ok(Ok(read)) => read,
        Ok(Err(why)) => (PageText::failed(why), None),
        Err(_) => (PageText::failed("the page cannot be read: a library failed"), None),
    }
}

/// The digest of the words of a text, if it has any.
fn words_digest(text: &str) -> Option<[u8; 32]> {
    let mut hash = Sha256::new();
    for (at, word) in text.split_whitespace().enumerate() {
        if at > 0 {
            hash.update(b" ");
        }
        hash.update(word.as_bytes());
    }
    (!text.trim().is_empty()).then(|| hash.finalize().into())
}

fn read(head: &PageHead, body: &[u8]) -> Result<ReadPage, String> {
    let (html, encoding) = decoded(head, body)?;
    let document = Document::from(&*html);
    survey::check_tree(&document)?;
    let declared = document.select_single("base[href]").attr("href");
    let base = declared.and_then(|href| head.url.join(href.trim()).ok()).filter(|base| !base.cannot_be_a_base());
    let base = base.as_ref().unwrap_or(&head.url);
    let page = SourcePage { resolver: LinkResolver::new(base, encoding), url: &head.url };
    let mut text = about::read(&document, &page);
    boilerplate::remove(&document);
    rewriting::rewrite(&document, &page, head.format);
    let found = content::find(document, &head.url);
    // A page of frames has no body.
    let Some(root) = found.root() else { return Ok((text, None)) };
    let html = (head.format == TextFormat::Html).then(|| {
        rewriting::strip_attributes(&root);
        root.inner_html()
    });
    marks::powers(&root);
    collect(&root, &mut text);
    let plain = root.formatted_text();
    let digest = words_digest(&plain);
    let content = match html {
        Some(html) => html.to_string(),
        None if head.format == TextFormat::Markdown => marks::markdown(&root),
        None => plain.to_string(),
    };
    text.text = tidy(&content, head.format);
    cut(&mut text);
    Ok((text, digest))
}

/// A page whose links are resolved.
struct SourcePage<'a> {
    resolver: LinkResolver<'a>,
    url: &'a Url,
}

/// Decodes a body. The order is that of links: byte order mark, field, declaration in the document, detection.
fn decoded<'a>(head: &PageHead, body: &'a [u8]) -> Result<(Cow<'a, str>, &'static Encoding), String> {
    let shown = charset::of_first_bytes(body);
    let body = &body[shown.map_or(0, |(_, mark)| mark)..];
    let known = shown.map(|(encoding, _)| encoding).or(head.content_type.as_deref().and_then(of_media_type));
    if let Some(encoding) = known.filter(|encoding| charset::hides_tags(encoding)) {
        return Ok((surveyed(head, encoding.decode_without_bom_handling(body).0)?, encoding));
    }
    let survey = TagSurvey::of(body);
    let encoding = known.or(survey.declared).unwrap_or_else(|| {
        let mut detector = CharsetDetector::new();
        detector.piece(body);
        detector.guess(&head.url)
    });
    let text = encoding.decode_without_bom_handling(body).0;
    if head.is_xhtml() {
        return Ok((surveyed(head, text)?, encoding));
    }
    survey.check()?;
    Ok((text, encoding))
}

/// Returns a page as the parser needs it, if that can build its tree.
fn surveyed<'a>(head: &PageHead, text: Cow<'a, str>) -> Result<Cow<'a, str>, String> {
    let text = if head.is_xhtml() { xhtml::with_end_tags(&text).into() } else { text };
    TagSurvey::of(text.as_bytes()).check()?;
    Ok(text)
}

/// Collects the headings and the links of the content.
fn collect(root: &NodeRef<'_>, page: &mut PageText) {
    for node in root.descendants_it().filter(NodeRef::is_element) {
        let Some(name) = node.node_name() else { continue };
        match &*name {
            "h1" | "h2" | "h3" | "h4" | "h5" | "h6" => {
                let text = single_blanks(&node.text());
                let level = name.as_bytes()[1] - b'0';
                if page.headings.len() >= MOST_HEADINGS {
                    page.is_cut = true;
                } else if !text.is_empty() {
                    page.headings.push(PageHeading { level, text });
                }
            }
            "a" => {
                let Some(url) = node.attr("href") else { continue };
                if page.links.len() >= MOST_LINKS {
                    page.is_cut = true;
                } else {
                    page.links.push(TextLink { url: url.to_string(), text: link_text(&node) });
                }
            }
            _ => {}
        }
    }
}

/// The text of a link. A picture gives its description.
fn link_text(link: &NodeRef<'_>) -> String {
    let text = single_blanks(&link.text());
    if !text.is_empty() {
        return text;
    }
    let pictures = link.descendants_it().filter(|node| node.has_name("img"));
    pictures
        .filter_map(|picture| picture.attr("alt"))
        .map(|text| single_blanks(&text))
        .find(|text| !text.is_empty())
        .unwrap_or_default()
}

/// Returns a text with single blanks, up to a limit.
fn single_blanks(text: &str) -> String {
    let mut single = String::with_capacity(text.len().min(LONGEST_FACT));
    for word in text.split_whitespace() {
        if single.len() + word.len() >= LONGEST_FACT {
            single.push('…');
            break;
        }
        if !single.is_empty() {
            single.push(' ');
        }
        single.push_str(word);
    }
    single
}

/// Returns a text without blank lines around it, and without doubled ones, except in code.
fn tidy(text: &str, format: TextFormat) -> String {
    let mut tidied = String::with_capacity(text.len());
    let (mut blank_lines, mut fence) = (0, None::<&str>);
    for line in text.trim_matches(['\n', '\r', ' ']).lines() {
        let begin = line.trim_start();
        if format == TextFormat::Markdown && begin.starts_with("```") {
            let ticks = &begin[..begin.len() - begin.trim_start_matches('`').len()];
            fence = match fence {
                None => Some(ticks),
                Some(open) if begin.trim_end() == open => None,
                open => open,
            };
        }
        if fence.is_none() && begin.is_empty() && format != TextFormat::Html {
            blank_lines += 1;
            if blank_lines > 1 {
                continue;
            }
        } else {
            blank_lines = 0;
        }
        tidied.push_str(if begin.is_empty() { "" } else { line });
        tidied.push('\n');
    }
    tidied.truncate(tidied.trim_end_matches('\n').len());
    tidied
}

/// Cuts a text that is too long at the end of a line.
fn cut(page: &mut PageText) {
    if page.text.len() <= LONGEST_TEXT {
        return;
    }
    let mut end = LONGEST_TEXT;
    while !page.text.is_char_boundary(end) {
        end -= 1;
    }
    page.text.truncate(page.text[..end].rfind('\n').unwrap_or(end));
    page.is_cut = true;
}
