//! The targets of links: which are broken, and which ids their pages have.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

use http::StatusCode;
use percent_encoding::percent_decode_str;
use xxhash_rust::xxh3::xxh3_64;

use crate::model::{Anchors, ErrorKind, Outcome, Verdict};
use crate::policy::canonical::CanonicalRules;
use crate::policy::text::fingerprint::FingerprintSet;

/// The hash of a canonical URL.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct UrlHash(pub u64);

impl UrlHash {
    pub fn of(key: &str) -> Self {
        Self(xxh3_64(key.as_bytes()))
    }
}

/// A broken link.
#[derive(Debug, Clone, Default)]
pub(super) struct BrokenLink {
    /// The status, or the kind of the error.
    pub word: Cow<'static, str>,
    pub url: String,
    /// The URL at the end of its redirects; empty without any.
    pub final_url: String,
    /// The error in words.
    pub note: String,
    /// The page or the list that the URL is from.
    pub of: String,
    /// Whether the report has it.
    is_reported: bool,
}

impl BrokenLink {
    /// A link that is no URL.
    pub fn invalid((link, why): (String, String)) -> Self {
        let word = Cow::Borrowed(ErrorKind::InvalidUrl.as_str());
        Self { word, url: link, note: format!("is no URL: {why}"), ..Self::default() }
    }
}

/// The target of a redirect, and the URL that led there if its outcome has no answer of its own.
#[derive(Debug)]
struct RedirectEnd {
    to: UrlHash,
    url: Option<Box<str>>,
}

/// The answers of a run.
#[derive(Default)]
pub(super) struct Targets {
    broken: HashMap<UrlHash, BrokenLink>,
    redirects: HashMap<UrlHash, RedirectEnd>,
    /// The pages whose ids are known, and their ids.
    pages: HashSet<UrlHash>,
    ids: FingerprintSet,
}

impl Targets {
    /// Takes the ids of a page. One with more ids than were read is not checked.
    pub fn page(&mut self, page: UrlHash, anchors: &Anchors) {
        if anchors.more_ids || !self.pages.insert(page) {
            return;
        }
        for id in anchors.ids.iter() {
            self.ids.insert(&place(page, id));
        }
    }

    /// Takes the end of a redirect. `url` is the URL that led there, if another outcome has the answer.
    pub fn redirect(&mut self, from: UrlHash, to: UrlHash, url: Option<&str>) {
        if from != to {
            self.redirects.insert(from, RedirectEnd { to, url: url.map(Into::into) });
        }
    }

    /// Takes a URL that failed, or a line that is no URL.
    pub fn broken(&mut self, hash: UrlHash, outcome: &Outcome) {
        let (word, note) = match &outcome.verdict {
            Verdict::Failed(error) => (Cow::Borrowed(error.kind.as_str()), error.message.to_string()),
            Verdict::Skipped(reason) => {
                (Cow::Borrowed(reason.as_str()), outcome.facts.rule.as_deref().unwrap_or_default().to_owned())
            }
            _ => {
                let status = outcome.facts.status.unwrap_or_default();
                let reason = StatusCode::from_u16(status).ok().and_then(|status| status.canonical_reason());
                (Cow::Owned(status.to_string()), reason.unwrap_or_default().to_owned())
            }
        };
        let via = outcome.subject.via();
        let of = via.parent().map_or_else(|| via.origin().to_string(), |parent| parent.to_string());
        let final_url = outcome.facts.final_url.as_ref().map(ToString::to_string).unwrap_or_default();
        let url = outcome.subject.url().to_owned();
        self.broken.insert(hash, BrokenLink { word, url, final_url, note, of, is_reported: false });
    }

    /// Carries errors back to the URLs that redirect to them.
    pub fn settle(&mut self) {
        for (from, end) in &mut self.redirects {
            let (Some(url), Some(at_end)) = (end.url.take(), self.broken.get(&end.to)) else { continue };
            let broken = BrokenLink { url: url.into(), final_url: at_end.url.clone(), ..at_end.clone() };
            self.broken.entry(*from).or_insert(broken);
        }
    }

    /// Returns what is wrong with a URL that a page links to.
    pub fn broken_url(&mut self, url: UrlHash) -> Option<&BrokenLink> {
        let broken = self.broken.get_mut(&url)?;
        broken.is_reported = true;
        Some(broken)
    }

    /// Returns what is wrong with the fragment of a link. Only pages of the crawl are known.
    pub fn broken_fragment(&self, target: &str, rules: &CanonicalRules) -> Option<BrokenLink> {
        let (url, fragment) = target.split_once('#')?;
        let hash = UrlHash::of(&rules.key_of(url)?);
        let page = self.redirects.get(&hash).map_or(hash, |end| end.to);
        if !self.pages.contains(&page) || self.has_place(page, fragment) {
            return None;
        }
        let note = "no element of the page has this id".to_owned();
        Some(BrokenLink { word: Cow::Borrowed("fragment"), url: target.to_owned(), note, ..BrokenLink::default() })
    }

    /// Whether a page has the place that a fragment names (HTML standard, section 7.4.6.4). Fragments for scripts are
    /// not judged.
    fn has_place(&self, page: UrlHash, fragment: &str) -> bool {
        // The rest is for the browser.
        let fragment = fragment.split(":~:").next().unwrap_or_default();
        let is_for_scripts = fragment.starts_with(['!', '/']);
        fragment.is_empty() || is_for_scripts || fragment.eq_ignore_ascii_case("top") || {
            let has = |id: &str| self.ids.contains(&place(page, id));
            has(fragment) || has(&percent_decode_str(fragment).decode_utf8_lossy())
        }
    }

    /// How many URLs are broken.
    pub fn broken_urls(&self) -> u64 {
        self.broken.len() as u64
    }

    /// The broken URLs that the report does not have yet, by where they are from.
    pub fn unlinked(&self) -> Vec<&BrokenLink> {
        let mut unlinked: Vec<_> = self.broken.values().filter(|broken| !broken.is_reported).collect();
        unlinked.sort_by(|one, other| (&one.of, &one.url).cmp(&(&other.of, &other.url)));
        unlinked
    }
}

/// A place of a page as one text.
fn place(page: UrlHash, id: &str) -> String {
    format!("{:x}#{id}", page.0)
}
