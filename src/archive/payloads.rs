//! The payloads of an archive, so that a payload that comes again is not stored again.

use std::collections::HashMap;
use std::fmt;

use crate::model::ArchivedPayload;

/// The most payloads that are remembered in memory, in each of two generations.
const GENERATION: usize = 32 * 1024;

/// The payloads of earlier runs.
pub trait EarlierPayloads: Send {
    /// Returns the response with this payload digest, if there is one. An error counts as none.
    fn find(&mut self, digest: &str) -> Option<ArchivedPayload>;
}

/// The payloads of this run and of earlier ones.
#[derive(Default)]
pub(super) struct Payloads {
    /// Those that were used of late, by digest.
    recent: HashMap<Box<str>, (Box<str>, Box<str>)>,
    older: HashMap<Box<str>, (Box<str>, Box<str>)>,
    earlier: Option<Box<dyn EarlierPayloads>>,
    /// Those that the state does not know yet, if there is a state.
    fresh: Vec<ArchivedPayload>,
}

impl Payloads {
    pub(super) fn new(earlier: Option<Box<dyn EarlierPayloads>>) -> Self {
        Self { earlier, ..Self::default() }
    }

    /// Returns the first response with this digest.
    pub(super) fn find(&mut self, digest: &str) -> Option<ArchivedPayload> {
        let known = self.recent.get(digest).or_else(|| self.older.get(digest)).cloned();
        let found = match known {
            Some((target, date)) => ArchivedPayload { digest: digest.into(), target, date },
            None => self.earlier.as_mut()?.find(digest)?,
        };
        self.remember(&found);
        Some(found)
    }

    /// Adds a response that is in the archive now.
    pub(super) fn add(&mut self, payload: ArchivedPayload) {
        self.remember(&payload);
        if self.earlier.is_some() {
            self.fresh.push(payload);
        }
    }

    /// Takes those that the state does not know yet.
    pub(super) fn take_fresh(&mut self) -> Vec<ArchivedPayload> {
        std::mem::take(&mut self.fresh)
    }

    fn remember(&mut self, payload: &ArchivedPayload) {
        if self.recent.len() >= GENERATION {
            self.older = std::mem::take(&mut self.recent);
        }
        // The first one stays: records refer to that.
        let place = (payload.target.clone(), payload.date.clone());
        self.recent.entry(payload.digest.clone()).or_insert(place);
    }
}

impl fmt::Debug for Payloads {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Payloads").field("recent", &self.recent.len()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn payload(number: usize, target: &str) -> ArchivedPayload {
        ArchivedPayload { digest: format!("sha1:{number}").into(), target: target.into(), date: "2026".into() }
    }

    #[test]
    fn first_response_of_a_payload_stays() {
        let mut payloads = Payloads::default();
        payloads.add(payload(1, "http://a.test/1"));
        payloads.add(payload(1, "http://a.test/2"));
        assert_eq!(payloads.find("sha1:1"), Some(payload(1, "http://a.test/1")));
        assert_eq!(payloads.find("sha1:2"), None);
    }

    #[test]
    fn memory_is_bounded_and_keeps_what_is_used() {
        let mut payloads = Payloads::default();
        for number in 0..10 * GENERATION {
            payloads.add(payload(number, "http://a.test/"));
            assert!(payloads.find("sha1:0").is_some(), "after {number}");
        }
        assert!(payloads.recent.len() + payloads.older.len() <= 2 * GENERATION);
        assert!(payloads.find("sha1:1").is_none());
    }
}
