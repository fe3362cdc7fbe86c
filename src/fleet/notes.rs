//! The scope of a crawl as texts for all workers.

use url::Url;

use crate::model::ScopeNote;

/// Returns the text of a note: the start page and where it led to, behind a blank. No URL has one.
pub(super) fn encode(note: &ScopeNote) -> Box<str> {
    match &note.led_to {
        Some(to) => format!("{} {to}", note.start).into(),
        None => note.start.as_str().into(),
    }
}

/// Reads a note; `None` for one of another version of the program.
pub(super) fn decode(text: &str) -> Option<ScopeNote> {
    let (start, led_to) = match text.split_once(' ') {
        Some((start, to)) => (start, Some(Url::parse(to).ok()?)),
        None => (text, None),
    };
    Some(ScopeNote { start: Url::parse(start).ok()?, led_to })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notes_are_read_back() {
        let url = |text| Url::parse(text).unwrap();
        for led_to in [None, Some(url("https://www.a.test/"))] {
            let note = ScopeNote { start: url("http://a.test/x%20y"), led_to };
            assert_eq!(decode(&encode(&note)), Some(note));
        }
        assert_eq!(decode("later: x"), None);
    }
}
