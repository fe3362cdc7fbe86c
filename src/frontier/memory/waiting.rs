//! What waits, and how much text it is.

use url::Url;

use crate::model::{Claimed, Hop, Job, Onward, Seed, Subject};

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

/// With what redirects have brought, which is more than most seeds are.
pub(super) fn text_of_job(job: &Job) -> usize {
    let onward = job.onward.as_deref().map_or(0, |onward| {
        let hops = onward.facts.redirects.iter().map(|hop| size_of::<Hop>() + hop.url.as_str().len());
        let cookies = onward.cookies.iter().map(|cookie| cookie.name.len() + cookie.value.len());
        size_of::<Onward>() + job.url().as_str().len() + hops.sum::<usize>() + cookies.sum::<usize>()
    });
    text_of(&job.seed) + onward
}
