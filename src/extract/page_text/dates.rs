//! The dates of a page.

use dom_query::{Document, NodeRef};
use jiff::Timestamp;
use jiff::civil::{Date, DateTime};
use jiff::fmt::rfc2822;

/// The dates that a reader sees, as far as the page marks what they mean.
#[derive(Debug, Default)]
pub(super) struct ShownDates {
    pub published: Option<String>,
    pub modified: Option<String>,
}

/// Returns a date in its normal form: a time in UTC (RFC 3339), a time without a zone, or a date. `None` for a text
/// that is none of these.
pub(super) fn normal(text: &str) -> Option<String> {
    let text = text.trim();
    if let Ok(time) = text.parse::<Timestamp>() {
        return Some(time.to_string());
    }
    if let Ok(time) = rfc2822::DateTimeParser::new().parse_timestamp(text) {
        return Some(time.to_string());
    }
    // A date alone would be read as midnight.
    let has_time = text.contains(':');
    if has_time && let Ok(time) = text.parse::<DateTime>() {
        return Some(time.to_string());
    }
    let dashed = text.replace('/', "-");
    dashed
        .get(..10)
        .filter(|_| dashed.len() == 10)
        .and_then(|date| date.parse::<Date>().ok())
        .map(|date| date.to_string())
}

/// Reads the `time` elements that say what they are. The only one of an article is its date.
pub(super) fn shown(document: &Document) -> ShownDates {
    let mut shown = ShownDates::default();
    let times = document.select("time");
    for time in times.nodes() {
        let Some(date) = date_of(time) else { continue };
        let marks: Vec<_> = ["itemprop", "class"].into_iter().filter_map(|name| time.attr(name)).collect();
        let marks = marks.iter().map(|mark| mark.to_ascii_lowercase()).collect::<Vec<_>>().join(" ");
        if marks.contains("modified") || marks.contains("updated") {
            shown.modified.get_or_insert(date);
        } else if marks.contains("published") || marks.contains("entry-date") || time.has_attr("pubdate") {
            shown.published.get_or_insert(date);
        }
    }
    if let ([time], None, None) = (times.nodes(), &shown.published, &shown.modified)
        && time.ancestors_it(None).any(|above| above.has_name("article"))
    {
        shown.published = date_of(time);
    }
    shown
}

fn date_of(time: &NodeRef<'_>) -> Option<String> {
    time.attr("datetime").and_then(|text| normal(&text)).or_else(|| normal(&time.text()))
}

#[cfg(test)]
mod tests {
    use super::normal;

    #[test]
    fn dates_get_their_normal_form() {
        for (text, expected) in [
            ("2026-03-04T10:00:00Z", Some("2026-03-04T10:00:00Z")),
            ("2026-03-04T10:00:00+02:00", Some("2026-03-04T08:00:00Z")),
            (" 2026-03-04T10:00:00.000+0000 ", Some("2026-03-04T10:00:00Z")),
            ("2026-03-04 10:00:00", Some("2026-03-04T10:00:00")),
            ("2026-03-04", Some("2026-03-04")),
            ("2026/03/04", Some("2026-03-04")),
            ("Wed, 04 Mar 2026 10:00:00 GMT", Some("2026-03-04T10:00:00Z")),
            ("2026-13-04", None),
            ("yesterday", None),
            ("", None),
        ] {
            assert_eq!(normal(text).as_deref(), expected, "{text}");
        }
    }
}
