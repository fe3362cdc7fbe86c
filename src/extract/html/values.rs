//! The places of the link attributes of a page, for a program that rewrites them.

use std::ops::Range;

use super::table::{self, LinkAttribute, LinkContext};
use crate::extract::markup::token::{StartTag, TokenReader};
use crate::extract::markup::tokenizer::Tokenizer;
use crate::model::LinkKind;

/// A link attribute of a page.
#[derive(Debug, Clone)]
pub struct LinkValue {
    /// The row of the table.
    pub attribute: &'static LinkAttribute,
    /// The kind of its links; `None` if they are never fetched.
    pub kind: Option<LinkKind>,
    /// The place of the value in the page, without quotes. The value has character references.
    pub span: Range<u64>,
    /// Whether the value is longer than extraction reads.
    pub is_cut: bool,
}

/// Returns each attribute of the page that is in the table of links, in document order.
///
/// The encoding of the page must keep ASCII bytes for ASCII characters.
pub fn link_values(page: &[u8]) -> Vec<LinkValue> {
    let mut values = ValueCollector::default();
    Tokenizer::new(false).piece(page, &mut values);
    values.0
}

#[derive(Default)]
struct ValueCollector(Vec<LinkValue>);

impl TokenReader for ValueCollector {
    fn wants(&self, tag: &[u8], attribute: &[u8]) -> bool {
        table::find(tag, attribute).is_some() || table::decides(tag, attribute)
    }

    fn start_tag(&mut self, tag: &StartTag<'_>) {
        let values = tag.attributes.iter().filter_map(|attribute| {
            let (name, raw) = tag.attribute(attribute);
            let row = table::find(tag.name, name)?;
            let kind = super::kind_of(tag, row, raw);
            let is_other_meta = row.context == LinkContext::MetaRefresh && kind.is_none();
            let value = LinkValue { attribute: row, kind, span: attribute.span.clone(), is_cut: attribute.is_cut };
            (!is_other_meta).then_some(value)
        });
        self.0.extend(values);
    }

    fn end_tag(&mut self, _: &[u8]) {}

    fn wants_text(&self) -> bool {
        false
    }

    fn text(&mut self, _: &[u8], _: u64, _: bool) {}

    fn declaration(&mut self, _: &[u8]) {}

    fn must_stop(&self) -> bool {
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_the_values_without_quotes() {
        let page = b"<p><a class=x href = '/a?b&amp;c'><IMG srcset=\"a.png 1x, b.png 2x\" src=/i.png>\
            <link rel=canonical href=c><a href><form action=f method=post><button formaction=g><meta content=x>\
            <meta content='0;url=r' http-equiv=refresh><a title='<a href=no>' ping=p href=d/>";
        let found: Vec<_> = link_values(page)
            .into_iter()
            .map(|value| {
                let text = &page[value.span.start as usize..value.span.end as usize];
                (value.attribute.attribute, std::str::from_utf8(text).unwrap(), value.kind)
            })
            .collect();
        assert_eq!(
            found,
            [
                ("href", "/a?b&amp;c", Some(LinkKind::Page)),
                ("srcset", "a.png 1x, b.png 2x", Some(LinkKind::Requisite)),
                ("src", "/i.png", Some(LinkKind::Requisite)),
                ("href", "c", Some(LinkKind::Hint)),
                ("href", "", Some(LinkKind::Page)),
                ("action", "f", None),
                ("formaction", "g", None),
                ("content", "0;url=r", Some(LinkKind::Page)),
                ("ping", "p", None),
                ("href", "d/", Some(LinkKind::Page)),
            ]
        );
    }
}
