//! The links of style sheets: each URL becomes a string in quotes.

use super::edit::LinkEdit;
use super::reference::LinkRules;
use crate::extract::css::{CssScanner, CssUrl};
use crate::extract::markup::references;

/// How the text of a sheet stands in its document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SheetForm {
    /// As it is: a file, an element `style` of HTML, a CDATA section.
    Plain,
    /// With character references: an element `style` of SVG or XML.
    References,
}

/// Returns the edit of one URL.
pub(super) fn edit(url: &CssUrl<'_>, form: SheetForm, rules: &LinkRules<'_>) -> Option<LinkEdit> {
    if url.is_cut {
        return None;
    }
    let text = crate::extract::collector::decoded(url.text, rules.encoding);
    let new = match form {
        SheetForm::Plain => rules.sheet_url(&text)?.text,
        SheetForm::References => rules.sheet_url(&references::decode(&text))?.text,
    };
    let quoted = quoted(&new);
    let text = match form {
        SheetForm::Plain => quoted,
        SheetForm::References => quoted.replace('&', "&amp;").replace('<', "&lt;"),
    };
    Some(LinkEdit { span: url.span.clone(), text: text.into_bytes() })
}

/// The edits of declarations, or of a sheet, in a text.
pub(super) fn edits_of_text(text: &str, rules: &LinkRules<'_>) -> Vec<LinkEdit> {
    let (mut css, mut edits) = (CssScanner::new(), Vec::new());
    let link = &mut |url: CssUrl<'_>| {
        let in_utf_8 = String::from_utf8_lossy(url.text);
        let new = if url.is_cut { None } else { rules.sheet_url(&in_utf_8) };
        edits.extend(new.map(|new| LinkEdit { span: url.span.clone(), text: quoted(&new.text).into_bytes() }));
    };
    css.piece(text.as_bytes(), link);
    css.end(link);
    edits
}

/// A string of CSS.
fn quoted(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for character in text.chars() {
        if matches!(character, '"' | '\\') {
            quoted.push('\\');
        }
        quoted.push(character);
    }
    quoted.push('"');
    quoted
}
