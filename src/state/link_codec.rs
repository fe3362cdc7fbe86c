//! The links of a page as the octets of a column.
//!
//! ```text
//! version (3) · flags · [sketch: words, exact, [near]] · [canonical: length, URL] · link · link · …
//! link:  flags and kind · shared · length · the rest of the URL · [seconds, nanoseconds]
//! ```
//!
//! Numbers are LEB128, negative ones in zigzag form. A URL has the first `shared` octets of the URL before it,
//! which on most pages are more than half of it. Texts of links, and ids, are not stored. A state may come from a stranger: [`read`] takes any octets,
//! and its memory has a bound.

use std::borrow::Cow;

use jiff::Timestamp;
use url::Url;

use crate::model::{Link, LinkKind, PageLinks, TextSketch};
use crate::policy::text::redact::redact_url;

/// The most octets of a column.
pub(super) const MAX_COLUMN: usize = 8 << 20;

/// The most links of a page; sitemaps have the most.
const MAX_LINKS: usize = 1 << 16;
/// The most octets of all URLs of a page.
const MAX_URLS: usize = 16 << 20;
/// More octets than a link has beside its URL.
const LINK_EXTRA: usize = 40;

/// The version of this form.
const VERSION: u8 = 3;

/// Flags of a page.
const MORE: u8 = 1;
const PAGE_NOFOLLOW: u8 = 1 << 1;
const HAS_TEXT: u8 = 1 << 2;
const HAS_CANONICAL: u8 = 1 << 3;
const HAS_NEAR: u8 = 1 << 4;

/// Flags of a link. The bits below them are the place of its kind in [`KINDS`].
const NOFOLLOW: u8 = 1 << 3;
const HAS_TIME: u8 = 1 << 4;

/// Stored by their place, so the order stays.
const KINDS: [LinkKind; 6] =
    [LinkKind::Page, LinkKind::Frame, LinkKind::Form, LinkKind::Requisite, LinkKind::Hint, LinkKind::Sitemap];

/// Returns the column of these links, without user names and passwords. The title has a column of its own.
/// Links that do not fit are left out, and the column says that there are more.
pub(super) fn write(page: &PageLinks) -> Vec<u8> {
    let has_text = page.text != TextSketch::default();
    let canonical = page.canonical.as_ref().map(shown).filter(|url| url.len() <= MAX_COLUMN / 2);
    let flags = [
        (page.more, MORE),
        (page.nofollow, PAGE_NOFOLLOW),
        (has_text, HAS_TEXT),
        (canonical.is_some(), HAS_CANONICAL),
        (page.text.near.is_some(), HAS_NEAR),
    ];
    let flags = flags.into_iter().filter(|(is_set, _)| *is_set).map(|(_, flag)| flag).sum::<u8>();
    let mut to = Vec::with_capacity(32 + 32 * page.links.len().min(MAX_LINKS));
    to.extend([VERSION, flags]);
    if has_text {
        number(&mut to, page.text.words.into());
        to.extend(page.text.exact.to_le_bytes());
        to.extend(page.text.near.iter().flat_map(|near| near.to_le_bytes()));
    }
    if let Some(url) = canonical {
        number(&mut to, url.len() as u64);
        to.extend(url.as_bytes());
    }
    let (mut before, mut left) = (Cow::Borrowed(""), MAX_URLS);
    for (at, link) in page.links.iter().enumerate() {
        let url = if link.has_user() { redact_url(link.url) } else { Cow::Borrowed(link.url) };
        let shared = shared(before.as_bytes(), url.as_bytes());
        let rest = &url.as_bytes()[shared..];
        if at == MAX_LINKS || url.len() > left || to.len() + rest.len() + LINK_EXTRA > MAX_COLUMN {
            to[1] |= MORE;
            break;
        }
        left -= url.len();
        let kind = KINDS.iter().position(|kind| *kind == link.kind).unwrap_or_default() as u8;
        let nofollow = if link.nofollow { NOFOLLOW } else { 0 };
        to.push(kind | nofollow | if link.modified.is_some() { HAS_TIME } else { 0 });
        number(&mut to, shared as u64);
        number(&mut to, rest.len() as u64);
        to.extend(rest);
        if let Some(time) = link.modified {
            number(&mut to, zigzag(time.as_second()));
            number(&mut to, zigzag(time.subsec_nanosecond().into()));
        }
        before = url;
    }
    to
}

/// Reads a column; `None` for octets that [`write`] does not make.
pub(super) fn read(column: &[u8]) -> Option<PageLinks> {
    let mut octets = column.get(..MAX_COLUMN.min(column.len()))?;
    if octets.len() < column.len() || byte(&mut octets)? != VERSION {
        return None;
    }
    let flags = byte(&mut octets)?;
    if flags & !(MORE | PAGE_NOFOLLOW | HAS_TEXT | HAS_CANONICAL | HAS_NEAR) != 0 {
        return None;
    }
    let text = match flags & HAS_TEXT {
        0 => TextSketch::default(),
        _ => TextSketch {
            words: read_number(&mut octets)?.try_into().ok()?,
            exact: u64::from_le_bytes(*octets.split_off(..8)?.first_chunk()?),
            near: match flags & HAS_NEAR {
                0 => None,
                _ => Some(u64::from_le_bytes(*octets.split_off(..8)?.first_chunk()?)),
            },
        },
    };
    let canonical = match flags & HAS_CANONICAL {
        0 => None,
        _ => {
            let length = read_length(&mut octets)?;
            Some(url(octets.split_off(..length)?)?)
        }
    };
    let mut page = PageLinks {
        more: flags & MORE != 0,
        nofollow: flags & PAGE_NOFOLLOW != 0,
        canonical,
        text,
        ..PageLinks::default()
    };
    let (mut before, mut left) = (Vec::new(), MAX_URLS);
    while !octets.is_empty() {
        if page.links.len() == MAX_LINKS {
            return None;
        }
        let flags = byte(&mut octets)?;
        let kind = *KINDS.get(usize::from(flags & (NOFOLLOW - 1)))?;
        if flags >= 2 * HAS_TIME {
            return None;
        }
        let shared = read_length(&mut octets)?;
        let length = read_length(&mut octets)?;
        let rest = octets.split_off(..length)?;
        before.get(..shared)?;
        before.truncate(shared);
        before.extend_from_slice(rest);
        let modified = match flags & HAS_TIME {
            0 => None,
            _ => {
                let seconds = signed(read_number(&mut octets)?);
                let nanoseconds = signed(read_number(&mut octets)?).try_into().ok()?;
                Some(Timestamp::new(seconds, nanoseconds).ok()?)
            }
        };
        let url = url(&before)?;
        left = left.checked_sub(url.as_str().len())?;
        page.links.push(Link { url: url.as_str(), kind, nofollow: flags & NOFOLLOW != 0, modified, text: "" });
    }
    Some(page)
}

/// A URL without user name and password.
fn shown(url: &Url) -> Cow<'_, str> {
    let has_user = !url.username().is_empty() || url.password().is_some();
    if has_user { redact_url(url.as_str()) } else { Cow::Borrowed(url.as_str()) }
}

/// A URL as a link has it.
fn url(octets: &[u8]) -> Option<Url> {
    let url = Url::parse(std::str::from_utf8(octets).ok()?).ok()?;
    let is_plain = matches!(url.scheme(), "http" | "https") && url.fragment().is_none();
    let has_user = !url.username().is_empty() || url.password().is_some();
    (is_plain && !has_user).then_some(url)
}

/// How many octets two texts have in common at their beginnings.
fn shared(one: &[u8], other: &[u8]) -> usize {
    one.iter().zip(other).take_while(|(one, other)| one == other).count()
}

fn zigzag(number: i64) -> u64 {
    ((number << 1) ^ (number >> 63)).cast_unsigned()
}

fn signed(number: u64) -> i64 {
    (number >> 1).cast_signed() ^ -(number & 1).cast_signed()
}

/// Appends a number.
fn number(to: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        to.push(number as u8 | 0x80);
        number >>= 7;
    }
    to.push(number as u8);
}

fn byte(octets: &mut &[u8]) -> Option<u8> {
    octets.split_off_first().copied()
}

fn read_number(octets: &mut &[u8]) -> Option<u64> {
    let mut number = 0;
    for shift in (0..64).step_by(7) {
        let octet = byte(octets)?;
        let part = u64::from(octet & 0x7f);
        if part << shift >> shift != part {
            return None;
        }
        number |= part << shift;
        if octet < 0x80 {
            return Some(number);
        }
    }
    None
}

/// A length of at most [`MAX_COLUMN`].
fn read_length(octets: &mut &[u8]) -> Option<usize> {
    usize::try_from(read_number(octets)?).ok().filter(|length| *length <= MAX_COLUMN)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::model::LinkList;

    fn parsed(url: &str) -> Url {
        Url::parse(url).unwrap()
    }

    fn link(url: &str) -> Link<'_> {
        Link { url, kind: LinkKind::Page, nofollow: false, modified: None, text: "" }
    }

    fn links<S: AsRef<str>>(urls: impl IntoIterator<Item = S>) -> LinkList {
        let mut links = LinkList::default();
        urls.into_iter().for_each(|url| links.push(link(url.as_ref())));
        links
    }

    fn any_url() -> impl Strategy<Value = Url> {
        "https?://(a|b)\\.test(:81)?/[a-c]{0,3}(/[a-zé%~ ]{0,8}){0,3}(\\?[a-z=&é]{0,8})?".prop_map(|url| parsed(&url))
    }

    fn any_links() -> impl Strategy<Value = LinkList> {
        let time = prop::option::of((-377_705_023_201..=253_402_207_200_i64, 0..1_000_000_000_i32));
        prop::collection::vec((any_url(), 0..KINDS.len(), any::<bool>(), time), 0..20).prop_map(|links| {
            let mut list = LinkList::default();
            for (url, kind, nofollow, time) in &links {
                let modified = time.and_then(|(seconds, nanoseconds)| Timestamp::new(seconds, nanoseconds).ok());
                list.push(Link { url: url.as_str(), kind: KINDS[*kind], nofollow: *nofollow, modified, text: "" });
            }
            list
        })
    }

    fn any_page() -> impl Strategy<Value = PageLinks> {
        let text = (any::<u32>(), any::<u64>(), any::<Option<u64>>()).prop_map(|(words, exact, near)| TextSketch {
            words,
            exact,
            near,
        });
        let canonical = prop::option::of(any_url());
        (any_links(), any::<(bool, bool)>(), canonical, text).prop_map(|(links, (more, nofollow), canonical, text)| {
            PageLinks { links, more, nofollow, canonical, text, ..PageLinks::default() }
        })
    }

    proptest! {
        #[test]
        fn links_are_read_as_they_were_written(page in any_page()) {
            prop_assert_eq!(read(&write(&page)), Some(page));
        }

        #[test]
        fn any_octets_are_links_or_nothing(octets in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = read(&octets);
            let _ = read(&[&[VERSION, 0], &*octets].concat());
        }

        #[test]
        fn damaged_links_are_links_or_nothing(
            page in any_page(),
            changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
            end in any::<prop::sample::Index>(),
        ) {
            let mut column = write(&page);
            column.truncate(1 + end.index(column.len()));
            for (at, octet) in changes {
                let at = at.index(column.len());
                column[at] = octet;
            }
            if let Some(read_back) = read(&column) {
                // They are links that could be written.
                prop_assert_eq!(read(&write(&read_back)), Some(read_back));
            }
        }
    }

    #[test]
    fn a_link_costs_what_is_new_in_it() {
        let urls = (0..300).map(|n| format!("https://a.test/some/long/folder/of/pages/page-{n}.html"));
        let page = PageLinks { links: links(urls), ..PageLinks::default() };
        let column = write(&page);
        assert!(column.len() < 300 * 12, "{}", column.len());
        assert_eq!(read(&column), Some(page));
    }

    #[test]
    fn user_names_and_passwords_are_not_written_and_not_read() {
        let page = PageLinks {
            links: links(["https://ann:secret@a.test/x"]),
            canonical: Some(parsed("https://ann:secret@a.test/y")),
            ..PageLinks::default()
        };
        let column = write(&page);
        assert!(!column.windows(6).any(|text| text == b"secret") && !column.windows(3).any(|text| text == b"ann"));
        let read_back = read(&column).unwrap();
        assert_eq!(read_back.links, links(["https://a.test/x"]));
        assert_eq!(read_back.canonical, Some(parsed("https://a.test/y")));
        for url in ["https://ann:pw@a.test/", "ftp://a.test/", "https://a.test/#x", "a", ""] {
            let mut column = vec![VERSION, 0, 0, 0, url.len() as u8];
            column.extend(url.as_bytes());
            assert_eq!(read(&column), None, "{url}");
        }
    }

    #[test]
    fn links_beyond_a_bound_are_left_out_and_said_to_be_more() {
        let many = PageLinks { links: links(vec!["http://a.test/"; MAX_LINKS + 1]), ..PageLinks::default() };
        let read_back = read(&write(&many)).unwrap();
        assert_eq!((read_back.links.len(), read_back.more), (MAX_LINKS, true));
        // Each of them differs from its first octets on.
        let long = (0..10_000).map(|n| format!("http://{n}.test/{}", "x".repeat(2000)));
        let long = PageLinks { links: links(long), ..PageLinks::default() };
        let column = write(&long);
        let read_back = read(&column).unwrap();
        assert!(column.len() <= MAX_COLUMN && read_back.more && read_back.links.len() > 4000);
        assert!(read_back.links.iter().eq(long.links.iter().take(read_back.links.len())));
    }

    #[test]
    fn a_small_column_does_not_become_large_in_memory() {
        // Each link repeats a long URL with two octets.
        let mut column = write(&PageLinks {
            links: links([format!("http://a.test/{}", "x".repeat(1 << 20))]),
            ..PageLinks::default()
        });
        for _ in 0..100 {
            column.push(0);
            number(&mut column, 1 << 20);
            number(&mut column, 0);
        }
        assert_eq!(read(&column), None);
    }
}
