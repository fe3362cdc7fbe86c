//! Documents that arrive in pieces.

use html5gum::Tokenizer;
use html5gum::emitters::callback::{CallbackEmitter, CallbackEvent};
use proptest::prelude::*;

use super::{extract, extract_in_pieces};
use crate::extract::link_values;

/// Parts of documents that change how the next bytes are read.
const PARTS: &[&str] = &[
    "<a href=x>",
    "<a href='y z'",
    ">",
    "\"",
    "'",
    "=",
    "/",
    "<",
    "</",
    "<!",
    "<!--",
    "-->",
    "--!>",
    "-",
    "<!-->",
    "]]>",
    "<![CDATA[",
    "<?xml version='1.0'?>",
    "<svg>",
    "</svg>",
    "<p>",
    "<p id=i>",
    "<a name='n'",
    "</a>",
    "text",
    "<a href=x#f>",
    "<script>",
    "</script>",
    "</script ",
    "<script",
    "<style>",
    "</style>",
    "@import 'c'",
    "url(d)",
    "url( 'e' )",
    "/*",
    "*/",
    "\\72 ",
    "(",
    ")",
    ";",
    "<title>",
    "</title>",
    "<textarea>",
    "</textarea>",
    "<base href=/b/>",
    "&amp;",
    "&#x26;",
    "&copy",
    " href=",
    " src=f ",
    "<img srcset='g 1x,h 2x'>",
    "<meta charset=windows-1251>",
    "<meta charset=iso-2022-jp>",
    "\u{44f}",
    "\u{1b}$B",
    "<urlset>",
    "<url>",
    "<loc>",
    "/u",
    "</loc>",
    "</url>",
    "<iframe srcdoc='<a href=i>'>",
    " ",
    "\n",
    "a",
    "<link rel=next href=j>",
    "data:",
];

fn document() -> impl Strategy<Value = String> {
    prop::collection::vec(prop::sample::select(PARTS), 0..24).prop_map(|parts| parts.concat())
}

/// The value of each `href` of an `a` element, as another tokenizer reads it.
fn hrefs(page: &str) -> Vec<String> {
    let (mut is_link, mut is_href, mut has_href) = (false, false, false);
    let (mut found, mut value) = (Vec::new(), None);
    let each = |event: CallbackEvent<'_>, _| -> Option<String> {
        match event {
            CallbackEvent::OpenStartTag { name } => (is_link, has_href, value) = (name == b"a", false, None),
            CallbackEvent::AttributeName { name } => is_href = is_link && name == b"href" && !has_href,
            CallbackEvent::AttributeValue { value: text } if is_href => {
                (has_href, value) = (true, Some(String::from_utf8_lossy(text).into_owned()));
            }
            CallbackEvent::CloseStartTag { .. } => return value.take(),
            _ => {}
        }
        None
    };
    let mut emitter: CallbackEmitter<_, String> = CallbackEmitter::new(each);
    emitter.naively_switch_states(true);
    found.extend(Tokenizer::new_with_emitter(page, emitter).map(|value| value.unwrap()));
    found
}

proptest! {
    #[test]
    fn cuts_change_no_link(page in document(), length in 1_usize..40) {
        for media_type in ["text/html", "text/xml", "text/css"] {
            let fields = [("content-type", media_type)];
            let whole = extract(&fields, page.as_bytes());
            prop_assert_eq!(&extract_in_pieces(&fields, page.as_bytes(), 1), &whole);
            prop_assert_eq!(&extract_in_pieces(&fields, page.as_bytes(), length), &whole);
        }
    }

    #[test]
    fn tags_are_those_of_another_tokenizer(page in document()) {
        // The other one knows neither SVG, nor that no script runs here.
        prop_assume!(!page.contains("<svg"));
        let values = link_values(page.as_bytes());
        let own = values.iter().filter(|value| value.attribute.attribute == "href" && value.attribute.elements.contains(&"a"));
        let own: Vec<_> = own
            .map(|value| &page.as_bytes()[value.span.start as usize..value.span.end as usize])
            .map(|raw| crate::extract::markup::references::decode(std::str::from_utf8(raw).unwrap()).into_owned())
            .collect();
        prop_assert_eq!(own, hrefs(&page));
    }
}
