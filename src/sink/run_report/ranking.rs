//! The records with the greatest values of some kind, a bounded number.

use crate::page::safe;
use crate::policy::text::fit::cut_middle;
use crate::policy::text::redact::{redact_line, redact_url};

/// A record in a ranking.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct RankedUrl {
    pub value: f64,
    pub url: Box<str>,
    pub status: Option<u16>,
    /// A further text, such as the media type or the last URL.
    pub note: Box<str>,
}

/// The greatest first.
#[derive(Debug)]
pub(super) struct Ranking {
    most: usize,
    rows: Vec<RankedUrl>,
}

impl Ranking {
    pub fn new(most: usize) -> Self {
        Self { most, rows: Vec::new() }
    }

    /// Adds a record if it belongs to the greatest. `row` is called only then.
    pub fn add(&mut self, value: f64, row: impl FnOnce() -> RankedUrl) {
        if self.rows.len() == self.most && self.rows.last().is_none_or(|last| last.value >= value) {
            return;
        }
        let at = self.rows.partition_point(|row| row.value >= value);
        self.rows.insert(at, row());
        self.rows.truncate(self.most);
    }

    pub fn rows(&self) -> &[RankedUrl] {
        &self.rows
    }
}

/// The longest URL that is a link, in bytes.
const LONGEST_LINK: usize = 1000;

/// The most characters of a URL or another text that is shown.
const SHOWN: usize = 240;

/// A URL as HTML: a link if it is one of the web, without what may be a secret.
pub(super) fn url_html(url: &str) -> String {
    // A line that is no URL has other rules.
    let url = if url.contains("://") { redact_url(url) } else { redact_line(url) };
    if url.is_empty() {
        return "(a text that may be a secret)".to_owned();
    }
    let shown = text_html(&url);
    let is_link = url.len() <= LONGEST_LINK && (url.starts_with("http://") || url.starts_with("https://"));
    if is_link { format!("<a href=\"{}\" rel=\"noreferrer\">{shown}</a>", safe(&url)) } else { shown }
}

/// Another text as HTML, cut in its middle.
pub(super) fn text_html(text: &str) -> String {
    safe(&cut_middle(text, SHOWN))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_greatest_are_kept_in_order() {
        let mut ranking = Ranking::new(3);
        for value in [5.0, 1.0, 9.0, 7.0, 7.0, 2.0] {
            ranking.add(value, || RankedUrl { value, url: "u".into(), status: None, note: "".into() });
        }
        assert_eq!(ranking.rows().iter().map(|row| row.value).collect::<Vec<_>>(), [9.0, 7.0, 7.0]);
    }

    #[test]
    fn only_urls_of_the_web_are_links_and_show_no_secret() {
        let html = url_html("http://ann:secret@a.test/?a=1&b=\"<x>#token");
        assert!(html.starts_with("<a href=\"http://a.test/?a=1&amp;b="), "{html}");
        for hidden in ["ann", "secret", "token", "\"<", "<x>"] {
            assert!(!html.contains(hidden), "{html}");
        }
        assert!(!url_html("javascript:alert(1)").contains("href"));
        assert_eq!([url_html("no url"), url_html("key=sesame")], ["no url", "(a text that may be a secret)"]);
        let long = url_html(&format!("http://a.test/{}", "y".repeat(5000)));
        assert!(long.len() < 1000 && !long.contains("href"), "{long}");
    }
}
