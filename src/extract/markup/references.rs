//! Character references (HTML standard, section 13.2.5.72).
//!
//! A reference becomes characters, so no reference expands to other references. XML documents are
//! read by the same rules: they may use the names of HTML too.

use std::borrow::Cow;
use std::convert::Infallible;

use html5gum::emitters::callback::{Callback, CallbackEmitter, CallbackEvent};
use html5gum::{Span, Tokenizer};
use memchr::{memchr, memchr_iter};

/// Keeps the value of an attribute.
#[derive(Default)]
struct ValueReader;

impl Callback<Vec<u8>, ()> for ValueReader {
    fn handle_event(&mut self, event: CallbackEvent<'_>, _span: Span<()>) -> Option<Vec<u8>> {
        match event {
            CallbackEvent::AttributeValue { value } => Some(value.to_vec()),
            _ => None,
        }
    }
}

/// Replaces the character references of an attribute value, and of the text of an XML element.
///
/// As in attributes, a name without `;` stays text before `=` and letters: `?a&copy=1` is a query.
pub(in crate::extract) fn decode(text: &str) -> Cow<'_, str> {
    if memchr(b'&', text.as_bytes()).is_none() {
        return Cow::Borrowed(text);
    }
    if memchr_iter(b'&', text.as_bytes()).all(|at| is_plain(&text.as_bytes()[at + 1..])) {
        return Cow::Owned(text.replace("&amp;", "&"));
    }
    // The library knows the 2,231 names. A quote would end the value, so it becomes a reference too.
    let tag = format!("<a b=\"{}\">", text.replace('"', "&quot;"));
    let emitter: CallbackEmitter<ValueReader, Vec<u8>> = CallbackEmitter::new(ValueReader);
    let value = Tokenizer::new_with_emitter(&tag[..], emitter).find_map(Result::<Vec<u8>, Infallible>::ok);
    value.map_or(Cow::Borrowed(text), |value| Cow::Owned(String::from_utf8_lossy(&value).into_owned()))
}

/// Whether the bytes after `&` begin `&amp;`, or no reference.
fn is_plain(rest: &[u8]) -> bool {
    rest.starts_with(b"amp;") || !rest.first().is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'#')
}

#[cfg(test)]
mod tests {
    use super::decode;

    #[test]
    fn references_of_attributes_are_decoded() {
        for (text, decoded) in [
            ("a&amp;b", "a&b"),
            ("a&b", "a&b"),
            ("?a=1&b=2&c", "?a=1&b=2&c"),
            ("&lt;&gt;&quot;&apos;", "<>\"'"),
            ("&#47;&#x2F;&#x2f", "///"),
            ("?x&copy=1&copyx&copy;", "?x&copy=1&copyx\u{a9}"),
            ("caf&eacute;?\"q\"", "caf\u{e9}?\"q\""),
            ("&NotEqualTilde;", "\u{2242}\u{338}"),
            ("&amp;amp;", "&amp;"),
            ("&#0;&#xD800;", "\u{fffd}\u{fffd}"),
            ("&&&", "&&&"),
            ("", ""),
        ] {
            assert_eq!(decode(text), decoded, "{text}");
        }
    }
}
