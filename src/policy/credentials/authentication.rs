//! HTTP authentication (RFC 9110, section 11): which challenge of a response is answered, and how.

mod challenges;
mod digest;

use http::header::{HeaderMap, HeaderValue, WWW_AUTHENTICATE};

use self::challenges::{ChallengePart, ChallengeParts, is_digest};
use self::digest::{ChallengeParameters, DigestChallenge};
use super::origin;
use crate::model::Credentials;

/// A challenge that can be answered with a user name and a password.
#[derive(Debug)]
pub enum Challenge {
    /// Basic (RFC 7617).
    Basic,
    /// Digest (RFC 7616).
    Digest(Box<DigestChallenge>),
}

/// The responses that Basic may answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BasicFor {
    /// Any response that offers it.
    AnyOffer,
    /// Responses that offer no Digest, not even one that cannot be answered (`--anyauth`).
    OffersWithoutDigest,
}

impl Challenge {
    /// Chooses the strongest challenge of a response that can be answered; the first of equal ones wins.
    /// Otherwise it returns the reason. A Digest answer uses this client nonce.
    pub fn choose(fields: &HeaderMap, basic_for: BasicFor, cnonce: &str) -> Result<Self, &'static str> {
        let (mut basic, mut digest) = (false, None);
        for field in fields.get_all(WWW_AUTHENTICATE) {
            let mut rest = Some(field.as_bytes());
            while let Some(text) = rest {
                let mut parts = ChallengeParts::new(text);
                let (mut has_digest, mut begun) = (false, None::<ChallengeParameters<'_>>);
                for part in &mut parts {
                    match part {
                        ChallengePart::Scheme(name) => {
                            basic |= name.eq_ignore_ascii_case(b"Basic");
                            has_digest |= is_digest(name);
                            let ended =
                                std::mem::replace(&mut begun, is_digest(name).then(ChallengeParameters::default));
                            digest = stronger(digest, ended, cnonce);
                        }
                        ChallengePart::Parameter(name, value) => {
                            begun.iter_mut().for_each(|it| it.add(name, value.clone()))
                        }
                    }
                }
                digest = stronger(digest, begun, cnonce);
                rest = parts.hidden_digest().filter(|_| !has_digest);
            }
        }
        match digest {
            Some(Ok(digest)) => Ok(Self::Digest(Box::new(digest))),
            Some(Err(why)) if !basic || basic_for == BasicFor::OffersWithoutDigest => Err(why),
            _ if basic => Ok(Self::Basic),
            _ => Err("the server offers neither Basic nor Digest"),
        }
    }

    /// Whether the server rejected only the age of a nonce.
    pub fn is_stale(&self) -> bool {
        matches!(self, Self::Digest(digest) if digest.is_stale())
    }

    /// Counts the uses of a nonce together with another challenge that has the same nonce.
    pub fn share_nonce(&mut self, other: &Self) {
        if let (Self::Digest(digest), Self::Digest(other)) = (self, other) {
            digest.share_nonce(other);
        }
    }

    /// Skips nonce counts that another process has used. The request carried the challenge `had`.
    pub fn skip_used(&self, had: &Self, random: u16) {
        if let (Self::Digest(digest), Self::Digest(had)) = (self, had) {
            digest.skip_used(had, random);
        }
    }

    /// The Authorization field of a request with this method and target. Returns `None` if no field can hold
    /// these credentials.
    pub fn answer(&self, credentials: &Credentials, method: &str, target: &str) -> Option<HeaderValue> {
        match self {
            Self::Basic => origin::basic(credentials),
            Self::Digest(digest) => digest.answer(credentials, method, target),
        }
    }
}

/// The stronger of the Digest challenge so far and the next. A challenge that cannot be answered is the
/// weakest.
fn stronger(
    so_far: Option<Result<DigestChallenge, &'static str>>,
    next: Option<ChallengeParameters<'_>>,
    cnonce: &str,
) -> Option<Result<DigestChallenge, &'static str>> {
    let Some(next) = next.map(|next| next.read(cnonce)) else { return so_far };
    let strength = |digest: &Result<DigestChallenge, _>| digest.as_ref().ok().map(DigestChallenge::strength);
    match so_far {
        Some(so_far) if strength(&so_far) >= strength(&next) => Some(so_far),
        _ => Some(next),
    }
}

#[cfg(test)]
mod tests;
