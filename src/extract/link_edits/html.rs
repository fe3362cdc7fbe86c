//! The edits of a page: its links, and what would keep a browser from showing local files.

use encoding_rs::Encoding;

use super::edit::{self, LinkEdit};
use super::reference::{LinkForm, LinkRules, escaped};
use super::style::{self, SheetForm};
use super::survey;
use crate::extract::charset;
use crate::extract::collector::{bare, decoded};
use crate::extract::css::CssScanner;
use crate::extract::html::table::{self, LinkAttribute, LinkContext, LinkSyntax};
use crate::extract::html::{has_word, is, kind_of};
use crate::extract::markup::references;
use crate::extract::markup::token::{StartTag, TagAttribute, TokenReader};
use crate::extract::markup::tokenizer::Tokenizer;
use crate::model::LinkKind;

/// Collects the edits of a page.
pub(super) struct HtmlRewriter<'a> {
    pub rules: LinkRules<'a>,
    /// The edits since the last take, in order.
    pub edits: Vec<LinkEdit>,
    /// The encoding that the page is known by, if its own declaration may say another.
    pub told: Option<&'static Encoding>,
    css: CssScanner,
    /// The form of the style sheet that is read.
    sheet: Option<SheetForm>,
}

impl<'a> HtmlRewriter<'a> {
    pub fn new(rules: LinkRules<'a>, told: Option<&'static Encoding>) -> Self {
        Self { rules, edits: Vec::new(), told, css: CssScanner::new(), sheet: None }
    }

    /// Rewrites a page that is the value of an attribute; `None` if it stays.
    pub fn nested(page: &str, rules: &LinkRules<'_>) -> Option<String> {
        let own = survey::nested_base(page, rules.base);
        let rules = own.as_ref().map_or(*rules, |base| rules.with_base(base));
        let mut rewriter = HtmlRewriter::new(rules, None);
        Tokenizer::new(false).piece(page.as_bytes(), &mut rewriter);
        rewriter.end();
        let copy = edit::applied(page.as_bytes(), &rewriter.edits);
        (!rewriter.edits.is_empty()).then(|| String::from_utf8_lossy(&copy).into_owned())
    }

    /// Ends the page.
    pub fn end(&mut self) {
        let Some(form) = self.sheet.take() else { return };
        let Self { css, edits, rules, .. } = self;
        css.end(&mut |url| edits.extend(style::edit(&url, form, rules)));
    }

    /// Adds the edit of a value. Returns whether it leads to a file now.
    fn link(&mut self, tag: &StartTag<'_>, attribute: &TagAttribute, row: &LinkAttribute) -> bool {
        let (_, raw) = tag.attribute(attribute);
        // An attribute without a value has no place for one, and a longer one is no link.
        if attribute.is_cut || attribute.span.start == 0 {
            return false;
        }
        let Some(form) = form_of(tag, row, raw) else { return false };
        let encoding = self.rules.encoding;
        let text = decoded(raw, encoding);
        let text = references::decode(&text);
        if is_in_document(&text, row) {
            return false;
        }
        let Some(new) = self.rules.value(&text, row.syntax, form) else { return false };
        self.edits.push(LinkEdit { span: attribute.span.clone(), text: edit::encoded(&escaped(&new.text), encoding) });
        new.is_local
    }

    /// Makes the URL of a property absolute, which other sites read (Open Graph).
    fn shared_url(&mut self, tag: &StartTag<'_>) {
        let name = tag.value("property").or_else(|| tag.value("name"));
        if tag.value("http-equiv").is_some() || !name.is_some_and(is_shared_url) {
            return;
        }
        let row = LinkAttribute {
            elements: &["meta"],
            attribute: "content",
            syntax: LinkSyntax::Url,
            context: LinkContext::Never,
        };
        let content = tag.attributes.iter().find(|attribute| tag.attribute(attribute).0 == b"content");
        content.map(|content| self.link(tag, content, &row));
    }

    /// Removes the policies of a page, which do not allow local files, and corrects its encoding.
    fn meta(&mut self, tag: &StartTag<'_>) {
        if self.rules.is_rewritten {
            return;
        }
        self.shared_url(tag);
        let places = |name: &str| {
            let mut attributes = tag.attributes.iter();
            attributes.find(move |attribute| tag.attribute(attribute).0 == name.as_bytes())
        };
        if is(tag.value("http-equiv"), b"content-security-policy") {
            let place = places("http-equiv").map(|attribute| attribute.whole.clone());
            self.edits.extend(place.map(LinkEdit::removal));
        }
        let Some(told) = self.told else { return };
        let is_other = |declared: Option<&'static Encoding>| declared.is_some_and(|known| known != told);
        if is_other(tag.value("charset").and_then(charset::of_label)) {
            let place = places("charset").map(|attribute| attribute.span.clone());
            self.edits.extend(place.map(|span| LinkEdit { span, text: told.name().into() }));
        }
        let content = tag.value("content").unwrap_or_default();
        if is(tag.value("http-equiv"), b"content-type") && is_other(charset::of_meta_content(content)) {
            let place = places("content").map(|attribute| attribute.span.clone());
            let text = format!("text/html;charset={}", told.name());
            self.edits.extend(place.map(|span| LinkEdit { span, text: text.into_bytes() }));
        }
    }
}

impl TokenReader for HtmlRewriter<'_> {
    fn wants(&self, tag: &[u8], attribute: &[u8]) -> bool {
        table::find(tag, attribute).is_some()
            || table::decides(tag, attribute)
            || is_guard(attribute)
            || attribute == b"property"
    }

    fn start_tag(&mut self, tag: &StartTag<'_>) {
        let first = self.edits.len();
        match tag.name {
            b"meta" => self.meta(tag),
            b"style" if !(tag.is_foreign && tag.is_empty) => {
                self.css = CssScanner::new();
                self.sheet = Some(if tag.is_foreign { SheetForm::References } else { SheetForm::Plain });
            }
            _ => {}
        }
        let mut is_local = false;
        for attribute in tag.attributes {
            let Some(row) = table::find(tag.name, tag.attribute(attribute).0) else { continue };
            match row.context {
                LinkContext::Base if self.rules.is_rewritten => {}
                LinkContext::Base => self.edits.push(LinkEdit::removal(attribute.whole.clone())),
                _ => is_local |= self.link(tag, attribute, row),
            }
        }
        if is_local {
            let guards = tag.attributes.iter().filter(|attribute| is_guard(tag.attribute(attribute).0));
            self.edits.extend(guards.map(|attribute| LinkEdit::removal(attribute.whole.clone())));
        }
        self.edits[first..].sort_by_key(|edit| edit.span.start);
    }

    fn end_tag(&mut self, name: &[u8]) {
        if name == b"style" {
            self.end();
        }
    }

    fn wants_text(&self) -> bool {
        self.sheet.is_some()
    }

    fn text(&mut self, bytes: &[u8], at: u64, is_cdata: bool) {
        let Some(form) = self.sheet else { return };
        let form = if is_cdata { SheetForm::Plain } else { form };
        let Self { css, edits, rules, .. } = self;
        css.piece_at(bytes, at, &mut |url| edits.extend(style::edit(&url, form, rules)));
    }

    fn declaration(&mut self, _: &[u8]) {}

    fn must_stop(&self) -> bool {
        false
    }
}

/// Whether an attribute keeps a browser from using a local file.
fn is_guard(attribute: &[u8]) -> bool {
    matches!(attribute, b"integrity" | b"crossorigin")
}

/// Properties of Open Graph and of cards whose value is a URL.
const SHARED_URLS: &[&str] = &[
    "og:url",
    "og:image",
    "og:image:url",
    "og:image:secure_url",
    "og:video",
    "og:video:url",
    "og:video:secure_url",
    "og:audio",
    "og:audio:url",
    "og:audio:secure_url",
    "twitter:url",
    "twitter:image",
    "twitter:image:src",
    "twitter:player",
];

/// Whether the value of a property is a URL.
fn is_shared_url(name: &[u8]) -> bool {
    SHARED_URLS.iter().any(|known| known.as_bytes().eq_ignore_ascii_case(name.trim_ascii()))
}

/// Whether an element of SVG names another one by a fragment alone. Browsers look in the document itself then, whatever
/// its base is.
fn is_in_document(text: &str, row: &LinkAttribute) -> bool {
    let is_needed = row.context == LinkContext::Kind(LinkKind::Requisite) && row.syntax == LinkSyntax::Url;
    is_needed && bare(text).starts_with('#')
}

/// The form of the new links of an attribute; `None` if they stay.
fn form_of(tag: &StartTag<'_>, row: &LinkAttribute, raw: &[u8]) -> Option<LinkForm> {
    match row.context {
        LinkContext::FormAction => Some(LinkForm::Action),
        LinkContext::Never if row.attribute == "formaction" => Some(LinkForm::Action),
        LinkContext::Never => Some(LinkForm::Absolute),
        LinkContext::Rel if tag.value("rel").is_some_and(|rel| has_word(rel, b"canonical")) => Some(LinkForm::Absolute),
        LinkContext::MetaRefresh | LinkContext::Lazy => kind_of(tag, row, raw).map(|_| LinkForm::Local),
        LinkContext::Base => None,
        // `src` of an `input` is a link with `type=image` only, and harmless without.
        LinkContext::Kind(_) | LinkContext::Rel | LinkContext::ImageButton => Some(LinkForm::Local),
    }
}
