//! What waits, and how much text it is.

use url::Url;

use crate::model::{Claimed, Cookie, Facts, Hop, Job, Onward, Seed, Subject, Tried};

/// Something that waits.
pub(super) enum Waiting {
    New { seed: Seed, save_as: Option<Claimed>, admitted: std::time::Instant },
    Again(Box<Job>),
}

impl Waiting {
    pub(super) fn seed(&self) -> &Seed {
        match self {
            Waiting::New { seed, .. } => seed,
            Waiting::Again(job) => &job.seed,
        }
    }

    /// What it asks next.
    pub(super) fn url(&self) -> &Url {
        match self {
            Waiting::New { seed, .. } => &seed.url,
            Waiting::Again(job) => job.url(),
        }
    }

    /// The bytes of its own text.
    pub(super) fn text(&self) -> usize {
        match self {
            Waiting::New { seed, .. } => text_of(seed),
            Waiting::Again(job) => text_of_job(job),
        }
    }

    pub(super) fn into_subject(self) -> Subject {
        match self {
            Waiting::New { seed, .. } => Subject::Seed(Box::new(seed)),
            Waiting::Again(job) => Subject::Job(job),
        }
    }
}

/// The bytes of a seed's own text.
pub(super) fn text_of(seed: &Seed) -> usize {
    let wants = seed.wants.as_deref().map_or(0, |wants| {
        let fields = wants.headers.iter().map(|(name, value)| name.as_str().len() + value.len());
        wants.out.as_ref().map_or(0, String::len) + fields.sum::<usize>()
    });
    seed.url.as_str().len() + wants
}

/// With what redirects and the last try have brought, which is more than most seeds are.
pub(super) fn text_of_job(job: &Job) -> usize {
    let onward = job.onward.as_deref().map_or(0, |onward| {
        let cookies = onward.cookies.iter().map(|cookie| size_of::<Cookie>() + cookie.name.len() + cookie.value.len());
        size_of::<Onward>() + text_of_facts(&onward.facts) + cookies.sum::<usize>()
    });
    let last = job.last.as_deref().map_or(0, |last| size_of::<Tried>() + text_of_facts(&last.facts));
    text_of(&job.seed) + onward + last
}

fn text_of_facts(facts: &Facts) -> usize {
    let hops = facts.redirects.iter().map(|hop| size_of::<Hop>() + hop.url.as_str().len());
    let texts = [facts.final_url.as_ref().map(Url::as_str), facts.path.as_deref(), facts.content_type.as_deref()];
    let validators = facts.validators.as_deref().map_or(0, |validators| {
        let octets = [&validators.etag, &validators.last_modified];
        octets.into_iter().flatten().map(|octets| octets.len()).sum::<usize>()
    });
    size_of::<Facts>() + validators + hops.sum::<usize>() + texts.into_iter().flatten().map(str::len).sum::<usize>()
}
