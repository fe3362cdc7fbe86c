//! A crawl of a site that has a trap of each kind among its pages.

use std::collections::{BTreeMap, HashSet, VecDeque};

use super::url;
use crate::policy::text::sketch::SketchBuilder;
use crate::policy::traps::*;

/// A site: true pages, and a trap of each kind that every tenth of them links to.
struct TrapSite {
    /// Makes links that were never seen before.
    fresh: u32,
}

const TRUE_PAGES: u32 = 2000;
const SHOP_PAGES: u32 = 200;

impl TrapSite {
    /// The text and the links of a page.
    fn page(&mut self, page: &Url) -> (String, Vec<String>) {
        let numbers: Vec<u32> = page.path().split('/').filter_map(|part| part.parse().ok()).collect();
        let path = page.path();
        self.fresh += 1;
        let fresh = self.fresh;
        let session = u64::from(fresh).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        match (path.split('/').nth(1).unwrap_or_default(), &numbers[..]) {
            ("", _) => ("Start".to_owned(), vec!["/page/1".to_owned()]),
            ("page", &[n]) => {
                let words: Vec<String> = (0..20).map(|k| word(n * 20 + k)).collect();
                let mut links: Vec<_> = [n * 2, n * 2 + 1, n + 1, n.saturating_sub(1).max(1)]
                    .into_iter()
                    .filter(|next| *next <= TRUE_PAGES)
                    .map(|next| format!("/page/{next}"))
                    .collect();
                if n % 10 == 0 {
                    links.extend(["/cal/2026/5", "/facets?a=1", "/loop/x/", "/tree/r/"].map(str::to_owned));
                    links.push(format!("/shop/{}?sid={session:016x}", n % SHOP_PAGES));
                }
                (words.join(" "), links)
            }
            ("shop", &[n]) => {
                let links = (0..20).map(|k| format!("/shop/{}?sid={session:016x}", (n * 7 + k * 11) % SHOP_PAGES));
                (format!("Goods {} {}", word(n), word(n + 5000)), links.collect())
            }
            ("cal", &[year, month]) => {
                let next = if month == 12 { (year + 1, 1) } else { (year, month + 1) };
                let before = if month == 1 { (year - 1, 12) } else { (year, month - 1) };
                let links = [next, before, (year + 1, month)].map(|(year, month)| format!("/cal/{year}/{month}"));
                (format!("Events of {year}-{month:02} none next before"), links.to_vec())
            }
            ("facets", _) => {
                let query = page.query().unwrap_or_default();
                let links = ["b", "c", "d", "e", "f"].map(|name| format!("/facets?{query}&{name}{fresh}=1"));
                ("Nothing found".to_owned(), links.to_vec())
            }
            ("loop", _) => ("A folder that holds itself".to_owned(), vec![format!("{path}x/"), format!("{path}y/")]),
            _ => ("A tree of leaves".to_owned(), vec![format!("{path}{}/", word(fresh)), format!("{path}r/")]),
        }
    }
}

/// A word of letters for each number.
fn word(mut n: u32) -> String {
    let mut word = String::from("w");
    loop {
        word.push(char::from(b'a' + (n % 26) as u8));
        n /= 26;
        if n == 0 {
            return word;
        }
    }
}

/// A job of a crawl: the page, and what is known about the page that has the link.
struct Waiting {
    url: Url,
    parent: Option<(Url, TextChain)>,
}

/// The paths that a crawl fetches with this number of requests at once.
fn crawl(at_once: usize) -> Vec<String> {
    let (mut site, mut traps) = (TrapSite { fresh: 0 }, Traps::new(TrapLimits::default()));
    let (mut seen, mut waiting, mut fetched) = (HashSet::new(), VecDeque::new(), Vec::new());
    waiting.push_back(Waiting { url: url("/"), parent: None });
    while !waiting.is_empty() {
        let mut under_way: Vec<Waiting> = waiting.drain(..at_once.min(waiting.len())).collect();
        under_way.retain(|job| traps.claim(&job.url, job.parent.as_ref().map(|(parent, _)| parent)).is_ok());
        for Waiting { url: page, parent } in under_way {
            let (parent, parent_chain) = parent.unzip();
            let (text, links) = site.page(&page);
            let text = SketchBuilder::of(&text);
            let (chain, stop) = traps.page(&FetchedPage { url: &page, parent: parent.as_ref(), parent_chain, text });
            fetched.push(page.path().to_owned());
            assert!(fetched.len() < 10_000, "the crawl does not end");
            for (number, link) in links.iter().enumerate().filter(|_| stop.is_none()) {
                let link = url(link);
                if traps.link(&link, &page, number).is_ok() && seen.insert(link.clone()) {
                    waiting.push_back(Waiting { url: link, parent: Some((page.clone(), chain)) });
                }
            }
        }
    }
    fetched
}

#[test]
fn crawl_of_a_site_with_traps_ends_with_its_true_pages() {
    for at_once in [1, 16] {
        let fetched = crawl(at_once);
        let distinct: HashSet<_> = fetched.iter().collect();
        let count = |start: &str| distinct.iter().filter(|path| path.starts_with(start)).count();
        let (pages, shop) = (count("/page/"), count("/shop/"));
        let waste = fetched.len() - pages - shop;
        let mut by_kind = BTreeMap::<&str, u32>::new();
        fetched.iter().for_each(|path| *by_kind.entry(path.split('/').nth(1).unwrap_or_default()).or_default() += 1);
        assert_eq!(pages, TRUE_PAGES as usize, "{by_kind:?}");
        assert!(shop * 100 >= 99 * SHOP_PAGES as usize, "{by_kind:?}");
        assert!(waste * 20 < pages + shop, "{by_kind:?}");
    }
}
