//! Measures the memory of texts. Servers choose the length of texts, so this bounds the memory of waiting
//! items.

use url::Url;

use super::{
    Anchors, Claimed, Cookie, Facts, Found, Hop, Job, Outcome, PageLinks, PageText, PriorRun, RedirectState,
    RequestOverrides, Seed, Subject, Tried, Validators, Verdict,
};

impl Seed {
    /// The bytes of its own text.
    pub fn size(&self) -> usize {
        let asked = self.overrides.as_deref().map_or(0, RequestOverrides::size);
        self.url.as_str().len() + asked + self.known.as_deref().map_or(0, PriorRun::size)
    }
}

impl RequestOverrides {
    fn size(&self) -> usize {
        let fields = self.headers.iter().map(|(name, value)| name.as_str().len() + value.len());
        self.out.as_ref().map_or(0, String::len) + fields.sum::<usize>()
    }
}

impl PriorRun {
    fn size(&self) -> usize {
        let done = self.done.as_deref().map_or(0, Facts::size);
        let condition = self
            .condition
            .as_deref()
            .map_or(0, |condition| condition.url.as_str().len() + condition.validators.size() + condition.facts.size());
        let before = self.before.as_deref().map_or(0, |before| {
            let url = before.body.final_url.as_ref().map_or(0, |url| url.as_str().len());
            url + before.body.validators.size() + before.path.as_ref().map_or(0, String::len)
        });
        let links = self.links.as_deref().map_or(0, PageLinks::size);
        size_of::<PriorRun>() + done + condition + before + links
    }
}

impl Validators {
    fn size(&self) -> usize {
        [&self.etag, &self.last_modified].into_iter().flatten().map(|octets| octets.len()).sum()
    }
}

impl Hop {
    /// The memory of some hops.
    pub(super) fn bytes(hops: &[Hop]) -> usize {
        hops.iter().map(|hop| size_of::<Hop>() + hop.url.len()).sum()
    }
}

impl Facts {
    /// Their own bytes and those of their text.
    pub fn size(&self) -> usize {
        self.size_without_hops() + Hop::bytes(&self.redirects)
    }

    fn size_without_hops(&self) -> usize {
        let texts = [self.final_url.as_ref().map(Url::as_str), self.path.as_deref(), self.content_type.as_deref()];
        let texts = texts.into_iter().flatten().map(str::len);
        let validators = self.validators.as_deref().map_or(0, Validators::size);
        let rule = self.rule.as_ref().map_or(0, |rule| rule.len());
        size_of::<Facts>() + validators + texts.sum::<usize>() + rule + self.found.size()
    }
}

impl Found {
    fn size(&self) -> usize {
        let text = self.text.as_deref().map_or(0, PageText::bytes);
        self.links.as_deref().map_or(0, PageLinks::size) + text + self.robots.as_ref().map_or(0, |body| body.len())
    }
}

impl PageLinks {
    fn size(&self) -> usize {
        let canonical = self.canonical.as_ref().map_or(0, |url| url.as_str().len());
        let anchors = self.anchors.as_deref().map_or(0, Anchors::bytes);
        let invalid = self.invalid.iter().map(|text| size_of::<String>() + text.len()).sum::<usize>();
        let title = self.title.as_ref().map_or(0, String::len);
        size_of::<PageLinks>() + self.links.bytes() + invalid + canonical + anchors + title
    }
}

impl Verdict {
    fn size(&self) -> usize {
        if let Verdict::Failed(error) = self { error.message.len() } else { 0 }
    }
}

impl Cookie {
    /// Its own bytes and those of its text.
    pub fn size(&self) -> usize {
        size_of::<Cookie>() + self.name.len() + self.value.len() + self.domain.len() + self.path.len()
    }
}

impl RedirectState {
    fn size(&self) -> usize {
        let cookies = self.cookies.iter().map(Cookie::size).sum::<usize>();
        size_of::<RedirectState>() + self.facts.size_without_hops() + self.hop_bytes + cookies
    }
}

impl Job {
    /// Its own bytes and those of its text, including its redirects and its last try.
    pub fn size(&self) -> usize {
        let last = |last: &Tried| size_of::<Tried>() + last.facts.size() + last.verdict.size();
        let name = self.save_as.as_ref().map_or(0, |Claimed(name)| name.len());
        let chain = self.redirect.as_deref().map_or(0, RedirectState::size);
        size_of::<Job>() + self.seed.size() + name + chain + self.last.as_deref().map_or(0, last)
    }
}

impl Outcome {
    /// Its own bytes and those of its text.
    pub fn size(&self) -> usize {
        let subject = match &self.subject {
            Subject::Job(job) => job.size(),
            Subject::Seed(seed) => size_of::<Seed>() + seed.size(),
            Subject::Bad(bad) => bad.text.len() + bad.error.message.len(),
        };
        size_of::<Outcome>() + subject + self.facts.size() + self.verdict.size()
    }
}
