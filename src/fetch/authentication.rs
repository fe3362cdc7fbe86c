//! Credentials on their way to a server: at once, or as the answer to its challenge.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ::http::header::{self, HeaderMap};
use url::{Position, Url};

use super::answer::Answer;
use super::http::Exchange;
use crate::model::Credentials;
use crate::policy::authentication::Challenge;
use crate::policy::origin;

/// The most origins whose challenges are remembered. Another one costs its origin one more 401.
const MOST_ORIGINS: usize = 1000;

/// The last challenge of each origin, so that an origin and not each of its URLs costs a 401. The
/// fetchers of a process share it, and count the uses of a nonce together.
#[derive(Debug, Default)]
pub struct Challenges(Mutex<HashMap<Box<str>, SharedChallenge>>);

type SharedChallenge = Arc<Mutex<Challenge>>;

impl Challenges {
    fn of(&self, url: &Url) -> Option<SharedChallenge> {
        lock(&self.0).get(origin_text(url)).cloned()
    }

    fn remember(&self, url: &Url, challenge: Challenge) {
        let mut origins = lock(&self.0);
        if origins.len() >= MOST_ORIGINS
            && !origins.contains_key(origin_text(url))
            && let Some(other) = origins.keys().next().cloned()
        {
            origins.remove(&other);
        }
        origins.insert(origin_text(url).into(), Arc::new(Mutex::new(challenge)));
    }
}

/// Held to compute one answer, never while anything is waited for.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Scheme, host and port as the URL spells them; no URL of a request has a user.
fn origin_text(url: &Url) -> &str {
    &url[..Position::BeforePath]
}

/// How far one request and its challenges have come.
#[derive(Default)]
pub(super) struct Login<'a> {
    /// The user that this origin may know, where no Authorization field was written out.
    credentials: Option<&'a Credentials>,
    /// The challenge that is being answered. Other requests share it once the answer was accepted, so
    /// none of them can use its nonce first.
    challenge: Option<Challenge>,
    answers: u32,
    sent_basic: bool,
}

impl<'a> Exchange<'a> {
    /// Adds the Authorization field of a request.
    pub(super) fn authorize(&mut self, url: &Url, at_home: bool, fields: &mut HeaderMap) {
        let spec = &self.fetcher.spec;
        let credentials = self.credentials(url, at_home, fields);
        self.login.credentials = credentials;
        let Some(credentials) = credentials else { return };
        let answer = |challenge: &mut Challenge| {
            let target = &url[Position::BeforePath..Position::AfterQuery];
            let is_basic = matches!(challenge, Challenge::Basic);
            (challenge.answer(credentials, self.fetcher.method.as_str(), target), is_basic)
        };
        let (value, is_basic) = match (&mut self.login.challenge, spec.challenges.of(url)) {
            (Some(own), _) => answer(own),
            (None, Some(shared)) => answer(&mut lock(&shared)),
            (None, None) if spec.anyauth => (None, false),
            (None, None) => (origin::basic(credentials), true),
        };
        self.login.sent_basic = is_basic;
        if let Some(value) = value {
            fields.insert(header::AUTHORIZATION, value);
        } else {
            // A written one that the credentials replace.
            fields.remove(header::AUTHORIZATION);
        }
    }

    /// The user that asks. A user in the URL of the list comes before a written Authorization field,
    /// that before `--user`, and that before the netrc file.
    fn credentials(&self, url: &Url, at_home: bool, fields: &HeaderMap) -> Option<&'a Credentials> {
        let (spec, wants) = (&self.fetcher.spec, self.wants());
        let own = if at_home { wants.and_then(|wants| wants.credentials.as_ref()) } else { None };
        let own_user = own.filter(|own| own.password.is_empty()).map(|own| own.username.as_str());
        // A netrc file means the usual ports. A host that a redirect names has to prove its name by TLS.
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

    /// Whether the next request answers the challenge of this response. A server gets one answer, and
    /// another one where it says that the nonce of the first was stale (RFC 7616, section 3.3).
    pub(super) fn answers_challenge(&mut self, url: &Url, response: &Answer) -> bool {
        if response.status() != 401 {
            let accepted = self.login.challenge.take();
            accepted.into_iter().for_each(|challenge| self.fetcher.spec.challenges.remember(url, challenge));
            return false;
        }
        if self.login.credentials.is_none() {
            return false;
        }
        let Some(challenge) = Challenge::strongest(response.headers()) else { return false };
        let goes_on = match challenge {
            Challenge::Basic => self.login.answers == 0 && !self.login.sent_basic,
            Challenge::Digest(_) => self.login.answers == 0 || self.login.answers == 1 && challenge.is_stale(),
        };
        if goes_on {
            self.login.answers += 1;
            self.login.challenge = Some(challenge);
        }
        goes_on
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_of_challenges_is_bounded() {
        let challenges = Challenges::default();
        for n in 0..=MOST_ORIGINS {
            let url = Url::parse(&format!("http://h{n}.test/a")).unwrap();
            challenges.remember(&url, Challenge::Basic);
            assert!(challenges.of(&url).is_some());
        }
        assert_eq!(lock(&challenges.0).len(), MOST_ORIGINS);
        let last = |text| challenges.of(&Url::parse(text).unwrap()).is_some();
        assert!(last("http://h1000.test/b?c"));
        assert!(!last("https://h1000.test/a") && !last("http://h1000.test:81/a"), "other origins");
    }
}
