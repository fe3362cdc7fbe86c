//! The authentication challenges of origins, and the state of one login.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use url::{Position, Url};

use crate::model::Credentials;
use crate::policy::credentials::authentication::Challenge;

/// The most origins in the cache of challenges. An evicted origin costs one more 401.
const MOST_ORIGINS: usize = 1000;

/// The challenges of each origin, so that each origin, not each URL, costs a 401. The fetchers of a
/// process share them and their nonce counts.
#[derive(Debug, Default)]
pub struct Challenges(Mutex<HashMap<Box<str>, OfOrigin>>);

#[derive(Debug, Default)]
struct OfOrigin {
    /// The last challenge whose credentials the server accepted. New requests use it.
    accepted: Option<Arc<Challenge>>,
    /// The last challenge received. Concurrent requests may use its nonce too.
    received: Option<Arc<Challenge>>,
}

impl Challenges {
    pub(crate) fn accepted(&self, url: &Url) -> Option<Arc<Challenge>> {
        lock(&self.0).get(origin_text(url))?.accepted.clone()
    }

    /// Stores a challenge to answer. It continues the nonce count of other requests with the same nonce.
    pub(crate) fn receive(&self, url: &Url, mut challenge: Challenge) -> Arc<Challenge> {
        self.update(url, |origin| {
            for known in [&origin.received, &origin.accepted].into_iter().flatten() {
                challenge.share_nonce(known);
            }
            let challenge = Arc::new(challenge);
            origin.received = Some(challenge.clone());
            challenge
        })
    }

    pub(crate) fn accept(&self, url: &Url, challenge: Arc<Challenge>) {
        self.update(url, |origin| origin.accepted = Some(challenge));
    }

    fn update<T>(&self, url: &Url, change: impl FnOnce(&mut OfOrigin) -> T) -> T {
        let mut origins = lock(&self.0);
        if let Some(known) = origins.get_mut(origin_text(url)) {
            return change(known);
        }
        if origins.len() >= MOST_ORIGINS
            && let Some(other) = origins.keys().next().cloned()
        {
            origins.remove(&other);
        }
        change(origins.entry(origin_text(url).into()).or_default())
    }
}

/// Locks a mutex. No caller holds the lock across an await.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Returns scheme, host and port as the URL spells them. No URL of a request has a user.
fn origin_text(url: &Url) -> &str {
    &url[..Position::BeforePath]
}

/// The authentication state of one exchange.
#[derive(Default)]
pub(crate) struct Login<'a> {
    /// The credentials for this origin, unless an explicit Authorization field replaces them.
    pub(crate) credentials: Option<&'a Credentials>,
    /// The challenge that this exchange answers. Other requests use it only after the server has
    /// accepted the answer, so none of them uses its nonce first.
    pub(crate) challenge: Option<Arc<Challenge>>,
    /// The challenge that the last request answered: its own or that of the origin.
    pub(crate) answered: Option<Arc<Challenge>>,
    pub(crate) answers: u32,
    pub(crate) sent_basic: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_of_challenges_is_bounded() {
        let challenges = Challenges::default();
        for n in 0..=MOST_ORIGINS {
            let url = Url::parse(&format!("http://h{n}.test/a")).unwrap();
            challenges.accept(&url, Arc::new(Challenge::Basic));
            assert!(challenges.accepted(&url).is_some());
        }
        assert_eq!(lock(&challenges.0).len(), MOST_ORIGINS);
        let last = |text| challenges.accepted(&Url::parse(text).unwrap()).is_some();
        assert!(last("http://h1000.test/b?c"));
        assert!(!last("https://h1000.test/a") && !last("http://h1000.test:81/a"), "other origins");
    }
}
