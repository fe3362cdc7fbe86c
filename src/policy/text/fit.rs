//! Fits the texts of one URL into one line of a terminal. Each character counts as one column.

use std::borrow::Cow;

use super::printable::cut;

/// The texts of a line: a URL, where it led, and a note about it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UrlLine<'a> {
    /// The URL.
    pub url: Cow<'a, str>,
    /// The URL at the end of its redirects; empty without any.
    pub final_url: Cow<'a, str>,
    /// The note; empty without any.
    pub note: Cow<'a, str>,
}

impl UrlLine<'_> {
    /// Renders the line in at most this many columns; `None` for any number. URLs lose their middle and the note its
    /// end. The note gets half of the line if the URLs want the rest.
    pub fn render(&self, columns: Option<usize>) -> String {
        let between = if self.final_url.is_empty() { "" } else { " -> " };
        let (open, close) = if self.note.is_empty() { ("", "") } else { ("  (", ")") };
        let Some(columns) = columns else {
            return format!("{}{between}{}{open}{}{close}", self.url, self.final_url, self.note);
        };
        let [url, final_url, note] = [&self.url, &self.final_url, &self.note].map(|it| it.chars().count());
        let room = columns.saturating_sub([between, open, close].map(str::len).iter().sum());
        let note = note.min((room / 2).max(room.saturating_sub(url + final_url)));
        let rest = room - note;
        let url = url.min((rest / 2).max(rest.saturating_sub(final_url)));
        let final_url = final_url.min(rest - url);
        let (url, final_url) = (cut_middle(&self.url, url), cut_middle(&self.final_url, final_url));
        format!("{url}{between}{final_url}{open}{}{close}", cut(&self.note, note))
    }
}

/// At most `most` columns of `text`, with `…` in place of its middle where it is cut.
pub fn cut_middle(text: &str, most: usize) -> Cow<'_, str> {
    let count = text.chars().count();
    if count <= most {
        return Cow::Borrowed(text);
    }
    let Some(left) = most.checked_sub(1) else { return Cow::Borrowed("") };
    let at = |n: usize| text.char_indices().nth(n).map_or(text.len(), |(at, _)| at);
    let head = left.div_ceil(2);
    Cow::Owned(format!("{}…{}", &text[..at(head)], &text[at(count - (left - head))..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_loses_its_middle() {
        assert_eq!(cut_middle("http://h/abc", 12), "http://h/abc");
        assert_eq!(cut_middle("http://h/abc", 8), "http…abc");
        assert_eq!(cut_middle("äöü", 2), "ä…");
        assert_eq!(cut_middle("abc", 0), "");
    }

    #[test]
    fn a_line_is_never_longer_than_its_columns() {
        let long = |n: usize| Cow::Owned("x".repeat(n));
        for (url, final_url, note) in [(5, 0, 0), (200, 0, 0), (200, 300, 0), (200, 0, 100), (30, 300, 80), (9, 9, 9)] {
            let line = UrlLine { url: long(url), final_url: long(final_url), note: long(note) };
            let whole = line.render(None);
            for columns in [20, 46, 80, 1000] {
                let shown = line.render(Some(columns));
                assert!(shown.chars().count() <= columns, "{columns}: {shown}");
                assert_eq!(shown == whole, whole.chars().count() <= columns, "{columns}: {shown}");
            }
        }
    }

    #[test]
    fn all_columns_are_used_when_something_is_cut() {
        let line = UrlLine { url: "u".repeat(90).into(), final_url: "f".into(), note: "n".repeat(50).into() };
        assert_eq!(line.render(Some(80)).chars().count(), 80);
    }
}
