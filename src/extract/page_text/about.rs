//! The facts that a page states about itself, in its head and in marks of its content.

use dom_query::{Document, NodeRef};

use super::dates::{self, ShownDates};
use super::json_ld::{self, StructuredFacts};
use super::{LONGEST_FACT, SourcePage, single_blanks};
use crate::model::PageText;

/// The longest language tag that is taken.
const LONGEST_LANGUAGE: usize = 35;

/// Names of `meta` elements, the surest first.
const DESCRIPTION: [&str; 4] = ["description", "og:description", "twitter:description", "dcterms.description"];
const PUBLISHED: [&str; 9] = [
    "article:published_time",
    "datepublished",
    "citation_publication_date",
    "dcterms.issued",
    "dc.date.issued",
    "dcterms.created",
    "dcterms.date",
    "dc.date",
    "date",
];
const MODIFIED: [&str; 6] = [
    "article:modified_time",
    "og:updated_time",
    "datemodified",
    "dcterms.modified",
    "dc.date.modified",
    "last-modified",
];

/// Reads the facts of a page. Its text is still empty.
pub(super) fn read(document: &Document, page: &SourcePage<'_>) -> PageText {
    let metas = metas(document);
    let structured = json_ld::read(document);
    let StructuredFacts { description, published, modified } = structured;
    let shown = dates::shown(document);
    let meta = |names: &[&str]| {
        names.iter().find_map(|name| metas.iter().find(|(known, _)| known == name).map(|(_, content)| content.as_str()))
    };
    let date = |names: &[&str]| {
        let known =
            |(known, content): &(String, String)| names.contains(&known.as_str()).then(|| dates::normal(content));
        metas.iter().filter_map(known).flatten().next()
    };
    let ShownDates { published: shown_published, modified: shown_modified } = shown;
    PageText {
        title: title(document).or_else(|| meta(&["og:title"]).map(str::to_owned)),
        description: meta(&DESCRIPTION).map(str::to_owned).or(description),
        language: language(document, &metas),
        canonical: canonical(document, page),
        published: date(&PUBLISHED).or(published).or(shown_published),
        modified: date(&MODIFIED).or(modified).or(shown_modified),
        ..PageText::default()
    }
}

/// The names of `meta` elements in lower case, with their content.
fn metas(document: &Document) -> Vec<(String, String)> {
    let named = |node: &NodeRef<'_>| {
        let name = ["property", "name", "itemprop", "http-equiv"].into_iter().find_map(|name| node.attr(name))?;
        let content = single_blanks(&node.attr("content")?);
        (!content.is_empty()).then(|| (name.trim().to_ascii_lowercase(), content))
    };
    document.select("meta[content]").nodes().iter().filter_map(named).collect()
}

/// The text of the first title outside of drawings.
fn title(document: &Document) -> Option<String> {
    let titles = document.select("title");
    let is_of_page = |node: &&NodeRef<'_>| !node.ancestors_it(None).any(|above| above.has_name("svg"));
    titles.nodes().iter().find(is_of_page).map(|node| single_blanks(&node.text())).filter(|title| !title.is_empty())
}

fn language(document: &Document, metas: &[(String, String)]) -> Option<String> {
    let root = document.html_root();
    let of_root = ["lang", "xml:lang"].into_iter().find_map(|name| root.attr(name)).map(|tag| tag.to_string());
    let of_meta = || metas.iter().find(|(name, _)| name == "content-language").map(|(_, content)| content.clone());
    let tag = of_root.filter(|tag| !tag.trim().is_empty()).or_else(of_meta)?;
    // A page in several languages names them all.
    let tag = tag.split(',').next().unwrap_or_default().trim();
    let is_tag = tag.len() <= LONGEST_LANGUAGE
        && tag.starts_with(|first: char| first.is_ascii_alphabetic())
        && tag.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    is_tag.then(|| tag.to_owned())
}

fn canonical(document: &Document, page: &SourcePage<'_>) -> Option<String> {
    let is_canonical = |node: &&NodeRef<'_>| {
        node.attr("rel")
            .is_some_and(|rel| rel.split_ascii_whitespace().any(|word| word.eq_ignore_ascii_case("canonical")))
    };
    let links = document.select("link[rel][href]");
    let href = links.nodes().iter().find(is_canonical)?.attr("href")?;
    page.resolver.url(href.trim()).map(|url| url.to_string()).filter(|url| url.len() <= LONGEST_FACT)
}
