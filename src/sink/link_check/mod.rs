//! The link check: which links of the pages of a crawl are broken, by page.
//!
//! The outcomes say which URLs are broken, but their pages come before them. So the links of each page wait in a
//! temporary file, as hashes, until the run is over. In memory are the broken URLs, and the ids of pages as
//! fingerprints.

mod report;
mod spool;
mod targets;

use std::collections::HashSet;
use std::ops::ControlFlow;

use url::{Position, Url};

use super::{Output, Sink, SinkError, TextStyle};
use crate::model::{CheckCounts, Link, Needs, Outcome, SkipReason, Summary, Verdict, has_at_sign};
use crate::policy::canonical::CanonicalRules;
use crate::policy::scope::is_html;
use crate::policy::text::redact::{redact, redact_url};
use report::CheckReport;
use spool::{LinkSpool, SpooledPage};
use targets::{BrokenLink, Targets, UrlHash};

/// Collects links and answers, and writes the report at the end.
pub struct LinkCheck {
    /// The output of the report; `None` if only the counts are wanted.
    output: Option<Output>,
    style: TextStyle,
    canonical: CanonicalRules,
    /// Whether fragments are checked.
    fragments: bool,
    spool: LinkSpool,
    targets: Targets,
    counts: CheckCounts,
}

impl LinkCheck {
    /// Creates a sink with a report for people. `fragments` says whether fragments are checked.
    pub fn new(output: Option<Output>, style: TextStyle, canonical: CanonicalRules, fragments: bool) -> Self {
        let (spool, targets, counts) = (LinkSpool::default(), Targets::default(), CheckCounts::default());
        Self { output, style, canonical, fragments, spool, targets, counts }
    }

    /// Takes the links of a page, and its ids.
    fn page(&mut self, outcome: &Outcome) -> Result<(), SinkError> {
        let facts = &outcome.facts;
        let (Some(page), Some(seed)) = (facts.found.links.as_deref(), outcome.subject.seed()) else { return Ok(()) };
        let url = facts.final_url.as_ref().unwrap_or(&seed.url);
        let key = self.hash(url);
        if let (Some(anchors), true) = (page.anchors.as_deref(), is_html(facts.content_type.as_deref())) {
            self.targets.page(key, anchors);
        }
        let links = page.links.iter().filter_map(|link| hash_of(&self.canonical, link)).collect();
        let targets = page.anchors.iter().flat_map(|anchors| anchors.targets.iter()).map(str::to_owned).collect();
        let invalid = page.invalid.iter().map(|link| invalid_link(url, link)).collect();
        self.spool.push(&SpooledPage { url: url[..Position::AfterQuery].to_owned(), links, targets, invalid })
    }

    fn hash(&self, url: &Url) -> UrlHash {
        UrlHash::of(&self.canonical.key(url))
    }

    /// Takes the answer to the request for a URL.
    fn answer(&mut self, outcome: &Outcome) {
        let Some(seed) = outcome.subject.seed() else {
            return self.targets.broken(UrlHash::of(outcome.subject.url()), outcome);
        };
        let (hash, led_to) = (self.hash(&seed.url), outcome.facts.final_url.as_ref());
        match outcome.verdict {
            Verdict::Ok | Verdict::Skipped(SkipReason::Done | SkipReason::NotModified) => {
                self.counts.checked += 1;
                if let Some(led_to) = led_to {
                    self.targets.redirect(hash, self.hash(led_to), None);
                }
            }
            Verdict::Skipped(SkipReason::Duplicate) => {
                self.counts.checked += 1;
                // Another outcome has the answer at the end of the redirect.
                if let Some(led_to) = led_to {
                    self.targets.redirect(hash, self.hash(led_to), Some(seed.url.as_str()));
                }
            }
            Verdict::HttpError | Verdict::Failed(_) => {
                self.counts.checked += 1;
                self.targets.broken(hash, outcome);
            }
            // Without its start page nothing of a site is checked.
            Verdict::Skipped(SkipReason::Robots) if outcome.subject.via().parent().is_none() => {
                self.targets.broken(hash, outcome);
            }
            Verdict::Skipped(_) | Verdict::Cancelled => self.counts.unchecked += 1,
        }
    }

    /// Writes the lines of each page with broken links, and those of broken URLs that no page links to.
    fn report(&mut self) -> Result<(), SinkError> {
        self.targets.settle();
        let mut report = CheckReport::new(self.output.as_mut(), self.style);
        let mut pages = std::mem::take(&mut self.spool).read()?;
        let mut invalid = HashSet::new();
        while let Some(page) = pages.next()? {
            // Two spellings of a link may lead to one URL.
            let (mut links, mut targets) = (HashSet::new(), HashSet::new());
            for link in page.links.iter().filter(|link| links.insert(**link)) {
                if let Some(broken) = self.targets.broken_url(*link) {
                    report.line(&page.url, broken)?;
                }
            }
            for target in page.targets.iter().filter(|target| targets.insert(target.as_str())) {
                if let Some(broken) = self.targets.broken_fragment(target, &self.canonical) {
                    report.line(&page.url, &broken)?;
                    self.counts.broken_fragments += 1;
                }
            }
            for link in page.invalid {
                invalid.insert(UrlHash::of(&link.0));
                report.line(&page.url, &BrokenLink::invalid(link))?;
            }
        }
        self.counts.pages = report.pages();
        for broken in self.targets.unlinked() {
            report.line(&broken.of, broken)?;
        }
        self.counts.checked += invalid.len() as u64;
        self.counts.broken = self.targets.broken_urls() + invalid.len() as u64;
        report.end()
    }
}

impl Sink for LinkCheck {
    fn needs(&self) -> Needs {
        if self.fragments { Needs::LINKS | Needs::ANCHORS } else { Needs::LINKS }
    }

    fn outcome(&mut self, outcome: &Outcome) -> Result<ControlFlow<()>, SinkError> {
        self.page(outcome)?;
        self.answer(outcome);
        Ok(ControlFlow::Continue(()))
    }

    fn finish(&mut self, _summary: &Summary) -> Result<(), SinkError> {
        self.report()
    }

    fn check(&self) -> Option<CheckCounts> {
        Some(self.counts)
    }
}

/// The hash of the URL of a link, without user name and password; `None` if it is no URL.
fn hash_of(rules: &CanonicalRules, link: Link<'_>) -> Option<UrlHash> {
    let url = if link.has_user() { redact_url(link.url) } else { link.url.into() };
    rules.key_of(&url).map(|key| UrlHash::of(&key))
}

/// A link that is no URL, as it may be shown, and what is wrong with it.
fn invalid_link(page: &Url, text: &str) -> (String, String) {
    let why = page.join(text).err().map(|error| error.to_string()).unwrap_or_default();
    // Without an at sign it has no password.
    let shown = if has_at_sign(text) { redact(text) } else { text.into() };
    (shown.into_owned(), why)
}
