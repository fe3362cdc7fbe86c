//! What waits.

use url::Url;

use crate::model::{Claimed, Job, Seed, Subject};

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
            Waiting::New { seed, .. } => seed.size(),
            Waiting::Again(job) => job.size(),
        }
    }

    pub(super) fn into_subject(self) -> Subject {
        match self {
            Waiting::New { seed, .. } => Subject::Seed(Box::new(seed)),
            Waiting::Again(job) => Subject::Job(job),
        }
    }
}
