//! Says what a crawl has found so far.

use std::cmp::Reverse;

use crate::model::{CrawlSummary, Progress, SkipReason};

/// The reasons that the rules of a crawl give.
pub(super) const OF_CRAWLS: [SkipReason; 7] = [
    SkipReason::Robots,
    SkipReason::Scope,
    SkipReason::Depth,
    SkipReason::Trap,
    SkipReason::Budget,
    SkipReason::Nofollow,
    SkipReason::Type,
];

/// The counts of a crawl, in words.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct CrawlCounts {
    /// Pages, URLs that wait, hosts, and links that are not followed.
    pub(super) counts: Vec<String>,
    /// Why these are not followed, the most frequent reason first.
    pub(super) reasons: Vec<String>,
}

/// The counts of a crawl; `None` for a list.
pub(super) fn crawl_counts(p: &Progress) -> Option<CrawlCounts> {
    let crawl = p.crawl.as_ref()?;
    let queued = p.read.saturating_sub(p.done).saturating_sub(p.in_flight.into());
    let mut reasons: Vec<_> = OF_CRAWLS.iter().map(|reason| (skipped(p, crawl, *reason), reason.as_str())).collect();
    reasons.retain(|(n, _)| *n > 0);
    reasons.sort_by_key(|(n, _)| Reverse(*n));
    let skipped: u64 = reasons.iter().map(|(n, _)| n).sum();
    let mut counts = vec![of(crawl.pages(), "page"), format!("{queued} queued"), of(crawl.hosts, "host")];
    if skipped > 0 {
        counts.push(format!("{skipped} skipped"));
    }
    Some(CrawlCounts { counts, reasons: reasons.iter().map(|(n, reason)| format!("{n} {reason}")).collect() })
}

/// How many links and URLs this reason has stopped.
fn skipped(p: &Progress, crawl: &CrawlSummary, reason: SkipReason) -> u64 {
    [&p.skips, &crawl.left_out].iter().filter_map(|skips| skips.get(&reason)).sum()
}

fn of(n: u64, noun: &str) -> String {
    format!("{n} {noun}{}", if n == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_of_a_crawl_are_words_and_those_of_a_list_none() {
        let mut p = Progress { read: 20, done: 13, in_flight: 4, ..Progress::default() };
        assert_eq!(crawl_counts(&p), None);
        p.crawl = Some(CrawlSummary { pages_by_depth: vec![1], hosts: 1, ..CrawlSummary::default() });
        let words = |p: &Progress| crawl_counts(p).map(|CrawlCounts { counts, reasons }| (counts, reasons)).unwrap();
        assert_eq!(words(&p), (vec!["1 page".into(), "3 queued".into(), "1 host".into()], vec![]));
        p.skips = [(SkipReason::Robots, 2), (SkipReason::Trap, 1), (SkipReason::Done, 40)].into();
        p.crawl = Some(CrawlSummary {
            pages_by_depth: vec![1, 11],
            hosts: 3,
            left_out: [(SkipReason::Scope, 7), (SkipReason::Trap, 4)].into(),
            ..CrawlSummary::default()
        });
        let (counts, reasons) = words(&p);
        assert_eq!(counts, ["12 pages", "3 queued", "3 hosts", "14 skipped"]);
        assert_eq!(reasons, ["7 scope", "5 trap", "2 robots"]);
        assert_eq!(words(&Progress { in_flight: 9, ..p }).0[1], "0 queued", "a robots.txt is in flight and no URL");
    }
}
