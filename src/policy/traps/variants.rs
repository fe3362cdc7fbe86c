//! Queries of one path that all show the same text.

use url::{Position, Url};

use super::remembered::{Remembered, fingerprint};
use crate::model::TextSketch;

/// The texts of a path that are counted at once.
const TEXTS: usize = 4;

/// Counts the texts of each path that has queries.
#[derive(Debug)]
pub(super) struct Variants {
    paths: Remembered<PathTexts>,
    limit: u8,
}

/// The most frequent texts of a path, by the algorithm of Misra and Gries: a text is counted as long as it is
/// more than a fifth of all. A path of distinct pages stays open, even if some of them show the same error.
#[derive(Debug, Default)]
struct PathTexts {
    counts: [(u64, u8); TEXTS],
    is_closed: bool,
}

impl Variants {
    pub(super) fn new(limit: u8, remembered: usize) -> Self {
        Self { paths: Remembered::new(remembered), limit }
    }

    pub(super) fn learn(&mut self, url: &Url, text: &TextSketch) {
        if !has_query(url) {
            return;
        }
        let path = self.paths.get_or_default(key(url));
        path.count(text.exact);
        path.is_closed |= path.counts.iter().any(|(_, count)| *count >= self.limit);
    }

    pub(super) fn is_closed(&self, url: &Url) -> bool {
        has_query(url) && self.paths.get(key(url)).is_some_and(|path| path.is_closed)
    }
}

impl PathTexts {
    fn count(&mut self, text: u64) {
        let is_known = |entry: &&mut (u64, u8)| entry.1 > 0 && entry.0 == text;
        if let Some((_, count)) = self.counts.iter_mut().find(is_known) {
            *count = count.saturating_add(1);
        } else if let Some(free) = self.counts.iter_mut().find(|(_, count)| *count == 0) {
            *free = (text, 1);
        } else {
            self.counts.iter_mut().for_each(|(_, count)| *count -= 1);
        }
    }
}

fn has_query(url: &Url) -> bool {
    url.query().is_some_and(|query| !query.is_empty())
}

fn key(url: &Url) -> u64 {
    fingerprint([&url[..Position::AfterPath]])
}
