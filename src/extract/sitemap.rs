//! The URLs of XML sitemaps and of their indexes (sitemaps.org, protocol 0.9).
//!
//! Elements are known by their names, whatever their namespace. An entry without a good `loc` costs
//! only itself.

use std::mem::take;

use jiff::Timestamp;
use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;

use super::collector::{LinkCollector, LinkUse};
use super::html::push_text;
use super::limits::LONGEST_URL;
use super::markup::references;
use super::markup::token::{StartTag, local_name};
use crate::model::LinkKind;

/// The most entries of a sitemap, good or bad.
const MOST_ENTRIES: u32 = 50_000;

/// The element whose text is read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum EntryField {
    #[default]
    None,
    Loc,
    LastMod,
}

/// A `url` or `sitemap` element that is read.
#[derive(Debug)]
struct SitemapEntry {
    is_sitemap: bool,
    prefix: Vec<u8>,
    /// Elements in it that are not closed.
    nested: u32,
    loc: Vec<u8>,
    modified: Vec<u8>,
}

/// The state of a sitemap between two tokens.
#[derive(Debug, Default)]
pub(super) struct SitemapState {
    entry: Option<SitemapEntry>,
    entries: u32,
    field: EntryField,
    text: Vec<u8>,
}

impl SitemapState {
    /// The memory of the buffers, in bytes.
    pub fn memory_bytes(&self) -> usize {
        self.text.capacity()
    }

    pub fn start_tag(&mut self, tag: &StartTag<'_>, links: &mut LinkCollector) {
        let (prefix, name) = local_name(tag.name);
        // A tag in a text ends the text: its element was not closed.
        self.field = EntryField::None;
        let is_entry = matches!(name, b"url" | b"sitemap");
        match &mut self.entry {
            Some(entry) if !is_entry || entry.prefix != prefix => {
                if entry.nested == 0 && entry.prefix == prefix && !tag.is_empty {
                    self.field = match name {
                        b"loc" => EntryField::Loc,
                        b"lastmod" => EntryField::LastMod,
                        _ => EntryField::None,
                    };
                    self.text.clear();
                }
                let is_alternate = tag.value("rel").is_some_and(|rel| rel.eq_ignore_ascii_case(b"alternate"));
                if let Some(href) = tag.value("href").filter(|_| is_alternate) {
                    links.value(href, LinkUse::url(LinkKind::Hint), true);
                }
                entry.nested += u32::from(!tag.is_empty);
            }
            _ if is_entry => {
                self.end(links);
                self.entries += 1;
                if self.entries > MOST_ENTRIES {
                    return links.cut();
                }
                let (is_sitemap, prefix) = (name == b"sitemap", prefix.to_vec());
                self.entry =
                    Some(SitemapEntry { is_sitemap, prefix, nested: 0, loc: Vec::new(), modified: Vec::new() });
            }
            _ => {}
        }
    }

    pub fn end_tag(&mut self, name: &[u8], links: &mut LinkCollector) {
        let (prefix, name) = local_name(name);
        let field = take(&mut self.field);
        let Some(entry) = &mut self.entry else { return };
        match name {
            b"url" | b"sitemap" | b"urlset" | b"sitemapindex" if entry.prefix == prefix => return self.end(links),
            b"loc" if field == EntryField::Loc && entry.loc.is_empty() => entry.loc = take(&mut self.text),
            b"lastmod" if field == EntryField::LastMod => entry.modified = take(&mut self.text),
            _ => {}
        }
        entry.nested = entry.nested.saturating_sub(1);
    }

    pub fn wants_text(&self) -> bool {
        self.field != EntryField::None
    }

    pub fn text(&mut self, bytes: &[u8], is_cdata: bool) {
        // One byte more than a URL may have shows that it is too long.
        push_text(&mut self.text, bytes, is_cdata, LONGEST_URL + 1);
    }

    /// Ends the entry that is read, if there is one.
    pub fn end(&mut self, links: &mut LinkCollector) {
        let Some(entry) = self.entry.take() else { return };
        let kind = if entry.is_sitemap { LinkKind::Sitemap } else { LinkKind::Page };
        let modified = std::str::from_utf8(&entry.modified).ok().and_then(|text| time(text.trim()));
        let loc = links.decoded(&entry.loc);
        links.entry(&references::decode(&loc), kind, false, modified);
    }
}

/// The time of a W3C date. A day, a month and a year are their last second in UTC: the change may have been then.
fn time(text: &str) -> Option<Timestamp> {
    let day = match text.len() {
        4 => format!("{text}-12-31").parse(),
        7 => format!("{text}-01").parse().map(Date::last_of_month),
        10 => text.parse(),
        _ => {
            let local = || text.parse::<DateTime>().ok()?.to_zoned(TimeZone::UTC).ok();
            return text.parse().ok().or_else(|| local().map(|time| time.timestamp()));
        }
    };
    let end = day.ok()?.at(23, 59, 59, 0).to_zoned(TimeZone::UTC).ok()?;
    Some(end.timestamp())
}

#[cfg(test)]
mod tests {
    use super::time;

    #[test]
    fn w3c_dates_are_read() {
        for (text, expected) in [
            ("2024", Some("2024-12-31T23:59:59Z")),
            ("2024-02", Some("2024-02-29T23:59:59Z")),
            ("2024-05-06", Some("2024-05-06T23:59:59Z")),
            ("2024-05-06T07:08Z", Some("2024-05-06T07:08:00Z")),
            ("2024-05-06T07:08:09+02:00", Some("2024-05-06T05:08:09Z")),
            ("2024-05-06T07:08:09.5Z", Some("2024-05-06T07:08:09.5Z")),
            ("2024-05-06T07:08:09", Some("2024-05-06T07:08:09Z")),
            ("2024-13-06", None),
            ("yesterday", None),
            ("", None),
        ] {
            assert_eq!(time(text).map(|time| time.to_string()).as_deref(), expected, "{text}");
        }
    }
}
