//! Traps: parts of a site that never end. Each rule has a name, which the refusal of a link shows.
//!
//! A crawl asks three times:
//!
//! - [`Traps::link`] decides about a link of a page.
//! - [`Traps::claim`] decides again before the request, because the rules may have learned something since.
//! - [`Traps::page`] learns from the text of the page, and says whether its links are followed.
//!
//! Some rules look at a URL alone, others at the text of pages. The memory of the latter is bounded: after
//! [`TrapLimits::remembered`] entries a table begins anew.

mod aliases;
mod patterns;
mod remembered;
mod shape;
mod variants;

#[cfg(test)]
mod tests;

use url::Url;

use crate::model::{SkipReason, TextSketch, TrapLimits};
use crate::policy::refusal::LinkRefusal;

use aliases::Aliases;
use patterns::Patterns;
use variants::Variants;

/// How many pages in a row had equal text, each found on the one before. It travels with the links of a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TextChain {
    /// The text of the last page ([`TextSketch::exact`]).
    pub exact: u64,
    /// How many pages there were, at least one.
    pub length: u8,
}

/// Whether the rules compare the text of the page at this URL with similar ones. They need its simhash then.
pub fn compares_similar(url: &Url) -> bool {
    patterns::may_have_sign(url)
}

/// A page that was fetched.
#[derive(Debug, Clone, Copy)]
pub struct FetchedPage<'a> {
    /// The URL that was asked for.
    pub url: &'a Url,
    /// The page whose link led to it.
    pub parent: Option<&'a Url>,
    /// The chain of that page.
    pub parent_chain: Option<TextChain>,
    /// Its text.
    pub text: TextSketch,
}

/// The rules, with their memory of the pages of a crawl.
#[derive(Debug)]
pub struct Traps {
    limits: TrapLimits,
    variants: Variants,
    aliases: Aliases,
    patterns: Patterns,
}

impl Traps {
    /// Rules that have seen no page.
    pub fn new(limits: TrapLimits) -> Self {
        let variants = Variants::new(limits.equal_query_variants, limits.remembered);
        let aliases = Aliases::new(limits.values_without_effect, limits.remembered);
        let patterns = Patterns::new(limits.near_equal_pages, limits.near_equal_bits, limits.remembered);
        Self { limits, variants, aliases, patterns }
    }

    /// Decides about a link. `number` others of its page are followed.
    ///
    /// # Errors
    /// The rule that refuses it.
    pub fn link(&self, url: &Url, parent: &Url, number: usize) -> Result<(), LinkRefusal<'static>> {
        if number >= self.limits.max_page_links {
            return Err(refusal(format!("max_page_links {}", self.limits.max_page_links)));
        }
        match shape::trap(url, &self.limits) {
            Some(rule) => Err(refusal(rule)),
            None => self.learned(url, Some(parent)),
        }
    }

    /// Decides about a URL before it is asked for, and notes that it will be. A crawl asks once for each URL, not
    /// for another attempt.
    ///
    /// # Errors
    /// The rule that refuses it.
    pub fn claim(&mut self, url: &Url, parent: Option<&Url>) -> Result<(), LinkRefusal<'static>> {
        self.learned(url, parent)?;
        self.aliases.claim(url);
        Ok(())
    }

    /// Learns from a page with a status of 2xx. Returns its chain, and the rule by which its links are not followed.
    pub fn page(&mut self, page: &FetchedPage<'_>) -> (TextChain, Option<LinkRefusal<'static>>) {
        if page.text.words > 0 {
            self.variants.learn(page.url, &page.text);
            self.aliases.learn(page.url, &page.text);
            if let Some(parent) = page.parent {
                self.patterns.learn(page.url, parent, page.text);
            }
        }
        let TextSketch { words, exact, .. } = page.text;
        let length = match page.parent_chain {
            Some(chain) if words > 0 && chain.exact == exact => chain.length.saturating_add(1),
            _ => 1,
        };
        // One page is no repetition.
        let limit = self.limits.equal_pages_in_chain.max(2);
        let stop = (length >= limit).then(|| refusal(format!("equal_pages_in_chain {limit}")));
        (TextChain { exact, length }, stop)
    }

    /// The rules that learn from pages.
    fn learned(&self, url: &Url, parent: Option<&Url>) -> Result<(), LinkRefusal<'static>> {
        if self.variants.is_closed(url) {
            return Err(refusal(format!("equal_query_variants {}", self.limits.equal_query_variants)));
        }
        if let Some(what) = self.aliases.refused(url) {
            return Err(refusal(format!("values_without_effect {}: {what}", self.limits.values_without_effect)));
        }
        if let Some(sign) = parent.and_then(|parent| self.patterns.closed(url, parent)) {
            return Err(refusal(format!("near_equal_pages {}: {}", self.limits.near_equal_pages, sign.as_str())));
        }
        Ok(())
    }
}

fn refusal(rule: String) -> LinkRefusal<'static> {
    LinkRefusal::new(SkipReason::Trap, rule)
}
