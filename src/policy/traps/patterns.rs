//! Patterns of URLs whose pages are all similar.
//!
//! Similar text alone is no trap: the pages of products are similar by design. A link counts only with a second
//! sign beside it, and only such links are refused once the pattern is closed.

use url::{Position, Url};

use super::remembered::{Remembered, fingerprint};
use super::shape::{has_repeated_segment, pairs, segments};
use crate::model::TextSketch;

/// A second sign that a link leads on without an end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TrapSign {
    /// A segment is in the path twice.
    RepeatedSegment,
    /// The query is that of the page with the link, and more.
    GrowingQuery,
    /// Only numbers differ from the page with the link, and by a step: a counter or a date.
    Counter,
}

impl TrapSign {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            TrapSign::RepeatedSegment => "repeated segment",
            TrapSign::GrowingQuery => "growing query",
            TrapSign::Counter => "counter",
        }
    }
}

/// Counts the similar pages of each pattern.
#[derive(Debug)]
pub(super) struct Patterns {
    patterns: Remembered<SimilarPages>,
    limit: u8,
    bits: u32,
    has_closed: bool,
}

#[derive(Debug, Default)]
struct SimilarPages {
    last: Option<TextSketch>,
    /// The text of the last page of another pattern that was found on one of these.
    last_found: Option<TextSketch>,
    count: u8,
    is_closed: bool,
}

impl Patterns {
    pub(super) fn new(limit: u8, bits: u32, remembered: usize) -> Self {
        Self { patterns: Remembered::new(remembered), limit, bits, has_closed: false }
    }

    pub(super) fn learn(&mut self, url: &Url, parent: &Url, text: TextSketch) {
        let Some(sign) = sign(url, parent) else {
            self.learn_found(parent, text);
            return self.learn_other(url);
        };
        let pages = self.patterns.get_or_default(pattern(url, sign));
        let distance = |last: TextSketch| last.distance(&text);
        let is_near = pages.last.is_none_or(|last| distance(last).is_some_and(|bits| bits <= self.bits));
        pages.count = if is_near { pages.count.saturating_add(1) } else { pages.count.saturating_sub(1) };
        pages.last = Some(text);
        pages.is_closed |= pages.count >= self.limit;
        self.has_closed |= pages.is_closed;
    }

    /// Learns from a page that no step has led to. Where other links lead to the pages of a pattern too, the steps
    /// between them are no trap.
    fn learn_other(&mut self, url: &Url) {
        if after_origin(url).bytes().any(|byte| byte.is_ascii_digit()) {
            let pages = self.patterns.get_or_default(pattern(url, TrapSign::Counter));
            pages.count = pages.count.saturating_sub(1);
        }
    }

    /// Learns from a page of another pattern. Pages that lead to ever different texts, as those of a long list do, are
    /// no trap, however similar they are.
    fn learn_found(&mut self, parent: &Url, text: TextSketch) {
        for sign in [TrapSign::Counter, TrapSign::GrowingQuery] {
            let Some(pages) = self.patterns.get_mut(pattern(parent, sign)) else { continue };
            let bits = self.bits;
            let differs = |last: TextSketch| last.distance(&text).is_none_or(|distance| distance > bits);
            if pages.last_found.is_some_and(differs) {
                pages.count = pages.count.saturating_sub(1);
            }
            pages.last_found = Some(text);
        }
    }

    /// The sign for which this link is refused.
    pub(super) fn closed(&self, url: &Url, parent: &Url) -> Option<TrapSign> {
        let sign = if self.has_closed { sign(url, parent)? } else { return None };
        self.patterns.get(pattern(url, sign)).filter(|pages| pages.is_closed).map(|_| sign)
    }
}

/// Whether a link to this URL may have a sign, whatever page it is on.
pub(super) fn may_have_sign(url: &Url) -> bool {
    let has_digit = || after_origin(url).bytes().any(|byte| byte.is_ascii_digit());
    url.query().is_some() || has_digit() || has_repeated_segment(url)
}

fn sign(url: &Url, parent: &Url) -> Option<TrapSign> {
    if has_repeated_segment(url) {
        return Some(TrapSign::RepeatedSegment);
    }
    if url[..Position::BeforePath] != parent[..Position::BeforePath] {
        return None;
    }
    if grows(url, parent) {
        return Some(TrapSign::GrowingQuery);
    }
    let (one, other) = (after_origin(url), after_origin(parent));
    (one != other && differ_in_numbers(one, other) && differ_by_step(one, other)).then_some(TrapSign::Counter)
}

/// The steps of counters, of days, weeks, and of the same in seconds.
const STEPS: [u64; 4] = [1, 7, 86_400, 604_800];

/// Whether the numbers of two texts differ as those of neighbours do: by a step, or in a date by the turn of a month or
/// a year.
fn differ_by_step(one: &str, other: &str) -> bool {
    let differing: Vec<_> = numbers(one).zip(numbers(other)).filter(|(a, b)| a != b).collect();
    let is_step = |a: u64, b: u64| STEPS.contains(&a.abs_diff(b));
    // From the last month or day to the first: less than a week is the first one here.
    let is_turn = |a: u64, b: u64| a.min(b) <= 7 && (12..=31).contains(&a.max(b));
    match differing[..] {
        [(a, b)] => is_step(a, b),
        _ => differing.len() <= 3 && differing.iter().all(|&(a, b)| is_step(a, b) || is_turn(a, b)),
    }
}

fn numbers(text: &str) -> impl Iterator<Item = u64> {
    let digits = text.split(|c: char| !c.is_ascii_digit()).filter(|digits| !digits.is_empty());
    digits.map(|digits| digits.parse().unwrap_or(u64::MAX))
}

fn after_origin(url: &Url) -> &str {
    &url[Position::BeforePath..Position::AfterQuery]
}

/// Whether the query has all parameters of the other one of the same path, and more.
fn grows(url: &Url, parent: &Url) -> bool {
    let (Some(query), Some(less)) = (url.query(), parent.query()) else { return false };
    url.path() == parent.path()
        && query.len() > less.len()
        && pairs(less).next().is_some()
        && pairs(less).all(|pair| pairs(query).any(|other| other == pair))
}

/// Whether two texts are equal apart from their numbers.
fn differ_in_numbers(one: &str, other: &str) -> bool {
    text_parts(one).eq(text_parts(other))
}

/// The parts of a text between its numbers.
fn text_parts(text: &str) -> impl Iterator<Item = &str> {
    let is_digit = |c: char| c.is_ascii_digit();
    let (starts, ends) = (text.starts_with(is_digit), text.ends_with(is_digit));
    let inner = text.split(is_digit).filter(|part| !part.is_empty());
    starts.then_some("").into_iter().chain(inner).chain(ends.then_some(""))
}

/// The pattern of a URL: what stays equal while the sign goes on.
fn pattern(url: &Url, sign: TrapSign) -> u64 {
    let origin = &url[..Position::BeforePath];
    match sign {
        TrapSign::Counter => fingerprint([origin, "counter"].into_iter().chain(text_parts(after_origin(url)))),
        TrapSign::GrowingQuery => fingerprint([origin, "query"].into_iter().chain(text_parts(url.path()))),
        TrapSign::RepeatedSegment => {
            let mut distinct: Vec<_> = segments(url).collect();
            distinct.sort_unstable();
            distinct.dedup();
            fingerprint([origin, "segment"].into_iter().chain(distinct))
        }
    }
}
