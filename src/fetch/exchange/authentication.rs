//! Sends credentials to a server: at once, or in response to its challenge.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use http::header::{self, HeaderMap};
use url::{Position, Url};

use super::fetcher::Exchange;
use crate::fetch::connect::response::Response;
use crate::model::Credentials;
use crate::policy::credentials::authentication::{BasicFor, Challenge};
use crate::policy::credentials::origin;
use crate::policy::text::printable::printable;

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
    fn accepted(&self, url: &Url) -> Option<Arc<Challenge>> {
        lock(&self.0).get(origin_text(url))?.accepted.clone()
    }

    /// Stores a challenge to answer. It continues the nonce count of other requests with the same nonce.
    fn receive(&self, url: &Url, mut challenge: Challenge) -> Arc<Challenge> {
        self.update(url, |origin| {
            for known in [&origin.received, &origin.accepted].into_iter().flatten() {
                challenge.share_nonce(known);
            }
            let challenge = Arc::new(challenge);
            origin.received = Some(challenge.clone());
            challenge
        })
    }

    fn accept(&self, url: &Url, challenge: Arc<Challenge>) {
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
    credentials: Option<&'a Credentials>,
    /// The challenge that this exchange answers. Other requests use it only after the server has
    /// accepted the answer, so none of them uses its nonce first.
    challenge: Option<Arc<Challenge>>,
    /// The challenge that the last request answered: its own or that of the origin.
    answered: Option<Arc<Challenge>>,
    answers: u32,
    sent_basic: bool,
}

impl<'a> Exchange<'a> {
    /// Adds the Authorization field of a request.
    pub(crate) fn authorize(&mut self, url: &Url, at_home: bool, fields: &mut HeaderMap) {
        let spec = &self.fetcher.spec;
        let credentials = self.credentials(url, at_home, fields);
        self.login.credentials = credentials;
        let Some(credentials) = credentials else { return };
        let challenge = self.login.challenge.clone().or_else(|| spec.challenges.accepted(url));
        let (value, is_basic) = match challenge.as_deref() {
            Some(challenge) => {
                let target = &url[Position::BeforePath..Position::AfterQuery];
                let value = challenge.answer(credentials, self.fetcher.method.as_str(), target);
                (value, matches!(challenge, Challenge::Basic))
            }
            None if spec.anyauth => (None, false),
            None => (origin::basic(credentials), true),
        };
        self.login.answered = challenge;
        self.login.sent_basic = is_basic;
        if let Some(value) = value {
            fields.insert(header::AUTHORIZATION, value);
        } else {
            // The credentials replace an explicit field.
            fields.remove(header::AUTHORIZATION);
        }
    }

    /// Returns the credentials of a request. The order is: a user in the URL of the list, an explicit
    /// Authorization field, `--user`, the netrc file.
    fn credentials(&self, url: &Url, at_home: bool, fields: &HeaderMap) -> Option<&'a Credentials> {
        let (spec, wants) = (&self.fetcher.spec, self.wants());
        let own = if at_home { wants.and_then(|wants| wants.credentials.as_ref()) } else { None };
        let own_user = own.filter(|own| own.password.is_empty()).map(|own| own.username.as_str());
        // A netrc file applies to default ports. The target of a redirect has to prove its name by TLS.
        let netrc = || {
            let named = at_home || url.scheme() == "https" && url.port().is_none();
            let host = url.host_str().filter(|_| named && !spec.netrc.machines.is_empty())?;
            spec.netrc.find(host, own_user, !at_home)
        };
        if let Some(own) = own {
            return own_user.and_then(|_| netrc()).or(Some(own));
        }
        let in_list = wants.is_some_and(|w| w.headers.iter().any(|(name, _)| name == header::AUTHORIZATION));
        if at_home && in_list {
            return None;
        }
        match spec.host_credentials(url) {
            Some(credentials) => Some(credentials),
            None if fields.contains_key(header::AUTHORIZATION) => None,
            None => spec.user.as_ref().filter(|_| at_home).or_else(netrc),
        }
    }

    /// Whether the next request answers the challenge of this response. A server gets one answer, and a
    /// second one if it marks the nonce of the first as stale (RFC 7616, section 3.3).
    pub(crate) fn answers_challenge(&mut self, url: &Url, response: &Response) -> bool {
        let spec = &self.fetcher.spec;
        if response.status() != 401 {
            let accepted = self.login.challenge.take();
            accepted.into_iter().for_each(|challenge| spec.challenges.accept(url, challenge));
            return false;
        }
        if self.login.credentials.is_none() {
            return false;
        }
        let basic_for = if spec.anyauth { BasicFor::OffersWithoutDigest } else { BasicFor::AnyOffer };
        let chosen = random().and_then(|random| {
            let challenge = Challenge::choose(response.headers(), basic_for, &format!("{random:032x}"))?;
            Ok((challenge, random))
        });
        let (challenge, random) = match chosen {
            Ok(chosen) => chosen,
            Err(why) => {
                tracing::debug!(url = %printable(url.as_str()), why, "the challenge is not answered");
                return false;
            }
        };
        let goes_on = match challenge {
            Challenge::Basic => self.login.answers == 0 && !self.login.sent_basic,
            Challenge::Digest(_) => self.login.answers == 0 || self.login.answers == 1 && challenge.is_stale(),
        };
        if goes_on {
            self.login.answers += 1;
            let challenge = spec.challenges.receive(url, challenge);
            if let Some(had) = &self.login.answered {
                challenge.skip_used(had, (random >> 112) as u16);
            }
            self.login.challenge = Some(challenge);
        }
        goes_on
    }
}

/// Returns a cryptographically random number.
fn random() -> Result<u128, &'static str> {
    let mut octets = [0; 16];
    let source = rustls::crypto::ring::default_provider().secure_random;
    source.fill(&mut octets).map_err(|_| "the system has no random numbers")?;
    Ok(u128::from_ne_bytes(octets))
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
