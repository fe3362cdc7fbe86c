//! New texts for links: the reference of a file, or the absolute URL.

use std::borrow::Cow;
use std::ops::Range;

use encoding_rs::{Encoding, UTF_8};
use url::Url;

use super::html::HtmlRewriter;
use super::{LinkTargets, edit, style};
use crate::extract::collector::{bare, fetchable};
use crate::extract::html::table::LinkSyntax;
use crate::extract::resolve::LinkResolver;
use crate::extract::{refresh, srcset};

/// The most `srcdoc` attributes that enclose one another.
const DEEPEST: u8 = 4;

/// The form of a new link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LinkForm {
    /// The reference of a file, or an absolute URL.
    Local,
    /// An absolute URL.
    Absolute,
    /// The same, for the target of a form: an empty one is the document itself, which takes no answers as a file.
    Action,
}

/// The rules for the links of one document.
#[derive(Clone, Copy)]
pub(super) struct LinkRules<'a> {
    /// The URL of the document.
    pub url: &'a Url,
    /// The base of its links.
    pub base: &'a Url,
    /// Resolves links against the base.
    pub resolver: LinkResolver<'a>,
    /// The encoding of the text that is read, and of the new text.
    pub encoding: &'static Encoding,
    /// Whether the links were rewritten before. Then relative ones lead to files.
    pub is_rewritten: bool,
    pub targets: &'a dyn LinkTargets,
    /// How many `srcdoc` attributes enclose the document.
    pub depth: u8,
}

/// The new text of a link.
pub(super) struct NewText {
    pub text: String,
    /// Whether it has the reference of a file.
    pub is_local: bool,
}

impl<'a> LinkRules<'a> {
    /// The rules of a page in an attribute with a base of its own.
    pub fn with_base<'b>(&self, base: &'b Url) -> LinkRules<'b>
    where
        'a: 'b,
    {
        LinkRules { base, resolver: self.resolver.with_base(base), ..*self }
    }

    /// Returns the new text of one URL; `None` if it stays.
    pub fn url(&self, text: &str, form: LinkForm) -> Option<NewText> {
        let text = bare(text);
        // An empty reference and a fragment mean the document itself, or what its base is.
        let means_base = text.is_empty() || text.starts_with('#');
        let is_own = self.base == self.url && form != LinkForm::Action;
        if means_base && (self.is_rewritten || is_own) || !means_base && fetchable(&text).is_none() {
            return None;
        }
        let is_absolute = ["http://", "https://"]
            .iter()
            .any(|scheme| text.get(..scheme.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(scheme)));
        if self.is_rewritten && !is_absolute {
            return None;
        }
        if let Some(new) = self.plain_url(&text, is_absolute, form) {
            return new;
        }
        let mut url = self.resolver.url_with_fragment(&text)?;
        if form == LinkForm::Local {
            let fragment = url.fragment().map(|fragment| format!("#{fragment}")).unwrap_or_default();
            url.set_fragment(None);
            if let Some(reference) = self.targets.reference(&url) {
                return Some(NewText { text: reference + &fragment, is_local: true });
            }
            url.set_fragment(fragment.strip_prefix('#'));
        }
        (!is_absolute).then(|| NewText { text: url.into(), is_local: false })
    }

    /// Does the same for a URL that needs no parser, as most; `None` if it needs one. Parsing takes most of the time.
    fn plain_url(&self, text: &str, is_absolute: bool, form: LinkForm) -> Option<Option<NewText>> {
        let (url, fragment) = text.split_at(text.find('#').unwrap_or(text.len()));
        let is_serialized = |byte: u8| byte.is_ascii_graphic() && !b"\"<>`".contains(&byte);
        let mut absolute = String::with_capacity(self.base.as_str().len() + text.len());
        if !fragment.bytes().all(is_serialized) || !self.resolver.resolve_plain(url, &mut absolute) {
            return None;
        }
        let reference = (form == LinkForm::Local).then(|| self.targets.reference_of(&absolute)).flatten();
        if let Some(reference) = reference {
            return Some(Some(NewText { text: reference + fragment, is_local: true }));
        }
        absolute.push_str(fragment);
        Some((!is_absolute).then_some(NewText { text: absolute, is_local: false }))
    }

    /// Returns the new text of a URL in a style sheet. A fragment alone means the document itself, whatever its base
    /// is (CSS Values and Units 4, section 4.5.1).
    pub fn sheet_url(&self, text: &str) -> Option<NewText> {
        if bare(text).starts_with('#') { None } else { self.url(text, LinkForm::Local) }
    }

    /// Returns the new text of a value that has links; `None` if all of them stay.
    pub fn value(&self, text: &str, syntax: LinkSyntax, form: LinkForm) -> Option<NewText> {
        match syntax {
            LinkSyntax::Url => self.url(text, form),
            LinkSyntax::Srcset => self.parts(text, srcset::spans(text), form),
            LinkSyntax::Refresh => self.parts(text, refresh::span(text).into_iter(), form),
            LinkSyntax::Css => {
                let edits = style::edits_of_text(text, self);
                let copy = edit::applied(text.as_bytes(), &edits);
                let text = String::from_utf8_lossy(&copy).into_owned();
                (!edits.is_empty()).then_some(NewText { text, is_local: false })
            }
            LinkSyntax::Html => {
                let nested = LinkRules { depth: self.depth + 1, encoding: UTF_8, ..*self };
                let copy = (nested.depth <= DEEPEST).then(|| HtmlRewriter::nested(text, &nested))??;
                Some(NewText { text: copy, is_local: false })
            }
        }
    }

    /// Replaces the URLs at these places of a text.
    fn parts(&self, text: &str, places: impl Iterator<Item = Range<usize>>, form: LinkForm) -> Option<NewText> {
        let (mut new, mut at) = (NewText { text: String::new(), is_local: false }, 0);
        for place in places {
            let Some(part) = self.url(&text[place.clone()], form) else { continue };
            new.text.push_str(&text[at..place.start]);
            new.text.push_str(&in_list(&part.text));
            new.is_local |= part.is_local;
            at = place.end;
        }
        new.text.push_str(&text[at..]);
        (at > 0).then_some(new)
    }
}

/// Keeps commas at the ends of a URL from separating candidates of a `srcset`.
fn in_list(url: &str) -> Cow<'_, str> {
    let begin = url.len() - url.trim_start_matches(',').len();
    let end = url.trim_end_matches(',').len();
    if begin == 0 && end == url.len() {
        return Cow::Borrowed(url);
    }
    let commas = |count: usize| "%2C".repeat(count);
    Cow::Owned(format!("{}{}{}", commas(begin), &url[begin..end.max(begin)], commas(url.len() - end.max(begin))))
}

/// Writes a text as part of an attribute value, with any quotes or none.
pub(super) fn escaped(text: &str) -> Cow<'_, str> {
    if !text.contains(['&', '"', '\'', '<', '>', '`']) {
        return Cow::Borrowed(text);
    }
    let mut escaped = String::with_capacity(text.len() + 16);
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '`' => escaped.push_str("&#96;"),
            other => escaped.push(other),
        }
    }
    Cow::Owned(escaped)
}
