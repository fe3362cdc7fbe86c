//! The encoding that a document declares: `<?xml encoding="…"?>` and `<meta charset>`.

use encoding_rs::{Encoding, UTF_8, WINDOWS_1252, X_USER_DEFINED};
use html5gum::{DefaultEmitter, StartTag, Token, Tokenizer};
use quick_xml::Reader;
use quick_xml::events::Event;

use crate::policy::message::charset::{of_label, of_media_type};

/// The encoding that the beginning of a document declares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum DeclaredEncoding {
    /// More of it must be seen.
    Undecided,
    /// This encoding, or none.
    As(Option<&'static Encoding>),
}

/// Elements that may stand before the `meta` element that declares an encoding.
const HEAD: [&[u8]; 9] = [b"html", b"head", b"title", b"meta", b"base", b"link", b"script", b"style", b"noscript"];

/// The encoding of an XML declaration. `whole` says that no more of the document is looked at.
pub(super) fn of_xml(beginning: &[u8], whole: bool) -> DeclaredEncoding {
    const BEGIN: &[u8] = b"<?xml";
    let text = beginning.trim_ascii_start();
    let end = memchr::memmem::find(text, b"?>").filter(|_| text.starts_with(BEGIN));
    let Some(end) = end else {
        let begun = text.starts_with(BEGIN) || BEGIN.starts_with(text);
        return if begun && !whole { DeclaredEncoding::Undecided } else { DeclaredEncoding::As(None) };
    };
    let declaration = String::from_utf8_lossy(&text[..end + 2]);
    let Ok(Event::Decl(declaration)) = Reader::from_str(&declaration).read_event() else {
        return DeclaredEncoding::As(None);
    };
    DeclaredEncoding::As(
        declaration.encoding().and_then(Result::ok).and_then(|label| of_label(label.as_bytes())).map(of_ascii),
    )
}

/// The encoding of an XML declaration or of the first `meta` element that declares one. The search
/// ends at the first element that belongs to no head.
pub(super) fn of_page(beginning: &[u8], whole: bool) -> DeclaredEncoding {
    let by_xml = of_xml(beginning, whole);
    if by_xml != DeclaredEncoding::As(None) {
        return by_xml;
    }
    let mut emitter = DefaultEmitter::default();
    emitter.naively_switch_states(true);
    for token in Tokenizer::new_with_emitter(beginning, emitter).flatten() {
        match token {
            Token::StartTag(tag) if tag.name.as_slice() == b"meta" => {
                if let Some(encoding) = of_meta(&tag) {
                    return DeclaredEncoding::As(Some(encoding));
                }
            }
            Token::StartTag(tag) if !HEAD.contains(&tag.name.as_slice()) => return DeclaredEncoding::As(None),
            _ => {}
        }
    }
    if whole { DeclaredEncoding::As(None) } else { DeclaredEncoding::Undecided }
}

fn of_meta(tag: &StartTag<()>) -> Option<&'static Encoding> {
    let attribute = |name: &[u8]| tag.attributes.get(name).map(|value| value.as_slice());
    let is_type = || attribute(b"http-equiv").is_some_and(|name| name.eq_ignore_ascii_case(b"content-type"));
    let encoding = match attribute(b"charset") {
        Some(label) => of_label(label),
        None => attribute(b"content").filter(|_| is_type()).and_then(of_media_type),
    };
    encoding.map(of_ascii)
}

/// The encoding of a text whose declaration was read as ASCII.
fn of_ascii(declared: &'static Encoding) -> &'static Encoding {
    if declared == X_USER_DEFINED {
        return WINDOWS_1252;
    }
    if declared.is_ascii_compatible() { declared } else { UTF_8 }
}

#[cfg(test)]
mod tests {
    use encoding_rs::{SHIFT_JIS, WINDOWS_1251};

    use super::*;

    #[test]
    fn xml_declaration_names_the_encoding() {
        for (text, encoding) in [
            ("<?xml version='1.0' encoding='ISO-8859-1'?>", Some(WINDOWS_1252)),
            ("\n<?xml version=\"1.0\" encoding=\"windows-1251\" standalone=\"yes\"?><urlset>", Some(WINDOWS_1251)),
            ("<?xml version='1.0' encoding='UTF-16'?>", Some(UTF_8)),
            ("<?xml version='1.0' encoding='klingon'?>", None),
            ("<?xml version='1.0'?><!-- encoding='latin1' -->", None),
            ("<urlset>", None),
        ] {
            assert_eq!(of_xml(text.as_bytes(), false), DeclaredEncoding::As(encoding), "{text}");
        }
        for begun in ["", "<", "<?xm", "<?xml version='1.0' encoding='lat"] {
            assert_eq!(of_xml(begun.as_bytes(), false), DeclaredEncoding::Undecided, "{begun}");
            assert_eq!(of_xml(begun.as_bytes(), true), DeclaredEncoding::As(None), "{begun}");
        }
    }

    #[test]
    fn meta_element_in_the_head_names_the_encoding() {
        for (text, encoding) in [
            ("<!DOCTYPE html><html><head><title>x</title><META CharSet=' shift_jis '>", Some(SHIFT_JIS)),
            ("<meta http-equiv=Content-Type content='text/html; charset=\"windows-1251\"'>", Some(WINDOWS_1251)),
            ("<meta content='text/html;charset = latin1; x' http-equiv=content-type>", Some(WINDOWS_1252)),
            ("<meta name=x content='charset=latin1'><meta charset=x-user-defined>", Some(WINDOWS_1252)),
            ("<?xml version='1.0' encoding='windows-1251'?><html><meta charset=latin1>", Some(WINDOWS_1251)),
            ("<!-- <meta charset=latin1> --><meta charset=utf-16be>", Some(UTF_8)),
            ("<script>'<meta charset=latin1>'</script><body><meta charset=latin1>", None),
        ] {
            assert_eq!(of_page(text.as_bytes(), false), DeclaredEncoding::As(encoding), "{text}");
        }
        assert_eq!(of_page(b"<html><head><meta charset=lat", false), DeclaredEncoding::Undecided);
        assert_eq!(of_page(b"<html><head><meta charset=lat", true), DeclaredEncoding::As(None));
    }
}
