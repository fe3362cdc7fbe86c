//! Sends credentials to a server: at once, or in response to its challenge.

use http::header::{self, HeaderMap};
use url::{Position, Url};

use super::state::Exchange;
use crate::fetch::connect::response::Response;
use crate::model::Credentials;
use crate::policy::credentials::authentication::{BasicFor, Challenge};
use crate::policy::credentials::origin;
use crate::policy::text::printable::printable;

impl<'a> Exchange<'a> {
    /// Adds the Authorization field of a request.
    pub(crate) fn authorize(&mut self, url: &Url, at_home: bool, fields: &mut HeaderMap) {
        let (config, services) = (&self.fetcher.config, &self.fetcher.services);
        let credentials = self.credentials(url, at_home, fields);
        self.login.credentials = credentials;
        let Some(credentials) = credentials else { return };
        let challenge = self.login.challenge.clone().or_else(|| services.challenges.accepted(url));
        let (value, is_basic) = match challenge.as_deref() {
            Some(challenge) => {
                let target = &url[Position::BeforePath..Position::AfterQuery];
                let value = challenge.answer(credentials, self.fetcher.method.as_str(), target);
                (value, matches!(challenge, Challenge::Basic))
            }
            None if config.anyauth => (None, false),
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
        let (config, overrides) = (&self.fetcher.config, self.overrides());
        let own = if at_home { overrides.and_then(|overrides| overrides.credentials.as_ref()) } else { None };
        let own_user = own.filter(|own| own.password.is_empty()).map(|own| own.username.as_str());
        // A netrc file applies to default ports. The target of a redirect has to prove its name by TLS.
        let netrc = || {
            let named = at_home || url.scheme() == "https" && url.port().is_none();
            let host = url.host_str().filter(|_| named && !config.netrc.machines.is_empty())?;
            config.netrc.find(host, own_user, !at_home)
        };
        if let Some(own) = own {
            return own_user.and_then(|_| netrc()).or(Some(own));
        }
        let in_list = overrides.is_some_and(|w| w.headers.iter().any(|(name, _)| name == header::AUTHORIZATION));
        if at_home && in_list {
            return None;
        }
        match config.host_credentials(url) {
            Some(credentials) => Some(credentials),
            None if fields.contains_key(header::AUTHORIZATION) => None,
            None => config.user.as_ref().filter(|_| at_home).or_else(netrc),
        }
    }

    /// Whether the next request answers the challenge of this response. A server gets one answer, and a
    /// second one if it marks the nonce of the first as stale (RFC 7616, section 3.3).
    pub(crate) fn answers_challenge(&mut self, url: &Url, response: &Response) -> bool {
        let (config, services) = (&self.fetcher.config, &self.fetcher.services);
        if response.status() != 401 {
            let accepted = self.login.challenge.take();
            accepted.into_iter().for_each(|challenge| services.challenges.accept(url, challenge));
            return false;
        }
        if self.login.credentials.is_none() {
            return false;
        }
        let basic_for = if config.anyauth { BasicFor::OffersWithoutDigest } else { BasicFor::AnyOffer };
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
            let challenge = services.challenges.receive(url, challenge);
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
