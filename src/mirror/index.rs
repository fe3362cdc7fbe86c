//! The files of URLs, and the references from one file to another.

use std::collections::HashMap;
use std::fmt::Write as _;

use url::Url;
use xxhash_rust::xxh3::xxh3_128;

use crate::extract::LinkTargets;
use crate::policy::canonical::CanonicalRules;

/// The most redirects that are not followed of one link.
const MOST_REDIRECTS: usize = 20;

/// How well a file fits a URL; the least counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct TargetRank(u8);

impl TargetRank {
    /// `is_of_run`: the file is from a run with the same settings. `is_asked`: the URL is the one of the request, and not
    /// that at the end of its redirects.
    pub fn new(is_of_run: bool, is_asked: bool) -> Self {
        Self(2 * u8::from(!is_of_run) + u8::from(!is_asked))
    }
}

/// The place of a path in the index, and its rank.
#[derive(Debug, Clone, Copy)]
struct IndexEntry {
    start: usize,
    len: u32,
    rank: TargetRank,
}

/// The file of each URL. URLs are kept as fingerprints of 128 bits.
pub(super) struct FileIndex<'a> {
    canonical: &'a CanonicalRules,
    files: HashMap<u128, IndexEntry>,
    redirects: HashMap<u128, u128>,
    /// All paths, one after the other.
    paths: String,
}

impl<'a> FileIndex<'a> {
    /// Without any file.
    pub fn new(canonical: &'a CanonicalRules) -> Self {
        Self { canonical, files: HashMap::new(), redirects: HashMap::new(), paths: String::new() }
    }

    fn key(&self, url: &Url) -> u128 {
        xxh3_128(self.canonical.key(url).as_bytes())
    }

    /// Adds the file of a URL. The first one of the best rank counts.
    pub fn insert(&mut self, url: &Url, file: &str, rank: TargetRank) {
        let key = self.key(url);
        if self.files.get(&key).is_some_and(|known| known.rank <= rank) {
            return;
        }
        let start = self.paths.len();
        self.paths.push_str(file);
        let len = u32::try_from(file.len()).unwrap_or(u32::MAX);
        self.files.insert(key, IndexEntry { start, len, rank });
    }

    /// Adds a redirect that was not followed.
    pub fn redirect(&mut self, from: &Url, to: &Url) {
        let (from, to) = (self.key(from), self.key(to));
        self.redirects.insert(from, to);
    }

    /// Finds the file of a URL.
    fn file(&self, url: &Url) -> Option<&str> {
        self.file_of_key(self.key(url))
    }

    /// Finds the file of a URL with this fingerprint, which may redirect.
    fn file_of_key(&self, mut key: u128) -> Option<&str> {
        for _ in 0..=MOST_REDIRECTS {
            if let Some(IndexEntry { start, len, .. }) = self.files.get(&key) {
                return self.paths.get(*start..*start + *len as usize);
            }
            key = *self.redirects.get(&key)?;
        }
        None
    }

    /// Returns the targets of links in this file.
    pub fn links_of<'i>(&'i self, file: &'i str) -> FileLinks<'i> {
        FileLinks { index: self, file }
    }
}

/// The targets of the links in one file.
pub(super) struct FileLinks<'i> {
    index: &'i FileIndex<'i>,
    file: &'i str,
}

impl LinkTargets for FileLinks<'_> {
    fn reference(&self, url: &Url) -> Option<String> {
        self.index.file(url).map(|target| reference(self.file, target))
    }

    fn reference_of(&self, url: &str) -> Option<String> {
        let key = xxh3_128(self.index.canonical.key_of(url)?.as_bytes());
        self.index.file_of_key(key).map(|target| reference(self.file, target))
    }
}

/// The relative reference from one file to another, both below one folder.
pub(super) fn reference(from: &str, to: &str) -> String {
    let common = from.bytes().zip(to.bytes()).take_while(|(one, other)| one == other).count();
    // Folders that both are in.
    let shared = from[..from.floor_char_boundary(common)].rfind('/').map_or(0, |slash| slash + 1);
    let mut reference = "../".repeat(from[shared..].matches('/').count());
    for (at, segment) in to[shared..].split('/').enumerate() {
        if at > 0 {
            reference.push('/');
        }
        push_encoded(&mut reference, segment);
    }
    reference
}

/// Adds a part of a file name as a segment of a path. What a URL or a page could read in another way is
/// percent-encoded: `%`, `?`, `#`, `:`, blanks, quotes.
fn push_encoded(reference: &mut String, part: &str) {
    for byte in part.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~@=+,!".contains(&byte) {
            reference.push(char::from(byte));
        } else {
            // Writing to a String cannot fail.
            let _ = write!(reference, "%{byte:02X}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Url {
        Url::parse(text).unwrap()
    }

    #[test]
    fn references_are_relative_and_encoded() {
        for (from, to, expected) in [
            ("h/a.html", "h/b.html", "b.html"),
            ("h/a.html", "h/a.html", "a.html"),
            ("h/d/a.html", "h/d/b/c.png", "b/c.png"),
            ("h/d/e/a.html", "h/f.html", "../../f.html"),
            ("h/dir/a.html", "h/directory/a.html", "../directory/a.html"),
            ("h/a.html", "i+8080/b.html", "../i+8080/b.html"),
            ("h/a.html", "h/a b%20@x=1&y#?:'\".html", "a%20b%2520@x=1%26y%23%3F%3A%27%22.html"),
            ("h/\u{e9}/a", "h/\u{e8}/b", "../%C3%A8/b"),
            ("a", "b", "b"),
        ] {
            assert_eq!(reference(from, to), expected, "{from} {to}");
            let base = url("file:///out/").join(&from.replace('%', "%25")).unwrap();
            let led = base.join(expected).unwrap();
            let path = percent_encoding::percent_decode_str(led.path()).decode_utf8().unwrap();
            assert_eq!(path, format!("/out/{to}"), "as a browser reads it");
        }
    }

    #[test]
    fn redirects_lead_to_the_file_of_their_end() {
        let canonical = CanonicalRules::new::<&str>(&["utm_*"], &[]).unwrap();
        let mut index = FileIndex::new(&canonical);
        let [a, b, c, d] = ["http://h/a", "http://h/b", "http://h/c", "http://h/d"].map(url);
        index.redirect(&a, &b);
        index.redirect(&b, &c);
        index.redirect(&d, &d);
        index.insert(&c, "h/c.html", TargetRank::new(true, true));
        assert_eq!(index.file(&a), Some("h/c.html"));
        assert_eq!(index.file(&d), None, "a circle has no end");
        assert_eq!(index.file(&url("http://h/c?utm_source=x")), Some("h/c.html"));
        assert_eq!(index.file(&url("http://h/c?x")), None);
    }

    #[test]
    fn files_of_the_same_settings_count_more() {
        let canonical = CanonicalRules::new::<&str>(&[], &[]).unwrap();
        let (mut index, a) = (FileIndex::new(&canonical), url("http://h/a"));
        index.insert(&a, "other", TargetRank::new(false, true));
        index.insert(&a, "redirected", TargetRank::new(true, false));
        assert_eq!(index.file(&a), Some("redirected"));
        index.insert(&a, "own", TargetRank::new(true, true));
        index.insert(&a, "later", TargetRank::new(true, true));
        assert_eq!(index.file(&a), Some("own"));
    }
}
