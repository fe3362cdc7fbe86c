//! HTTP authentication (RFC 9110, section 11): which challenge of a response is answered, and how.

use http::header::{HeaderMap, HeaderValue, WWW_AUTHENTICATE};
use http_auth::digest::{Algorithm, Qop};
use http_auth::{ChallengeParser, ChallengeRef, DigestClient, ParamValue, PasswordParams};

use super::origin;
use crate::model::Credentials;

/// The algorithms of Digest as registered; servers spell them in any case.
const ALGORITHMS: [&str; 6] = ["MD5", "MD5-sess", "SHA-256", "SHA-256-sess", "SHA-512-256", "SHA-512-256-sess"];

/// A challenge that can be answered with a user name and a password.
#[derive(Debug)]
pub enum Challenge {
    /// Basic (RFC 7617).
    Basic,
    /// Digest (RFC 7616).
    Digest(Box<Digest>),
}

/// A Digest challenge, and how often its nonce was used.
#[derive(Debug)]
pub struct Digest {
    client: DigestClient,
    /// The server knows `username*`.
    utf8: bool,
    /// The name of the algorithm, where the client leaves it out (RFC 2069).
    algorithm: Option<&'static str>,
    /// The server sent an `opaque` without text, which the client leaves out.
    empty_opaque: bool,
}

impl Challenge {
    /// The strongest supported challenge of a response, and of equal ones the first.
    pub fn strongest(fields: &HeaderMap) -> Option<Self> {
        let mut strongest: Option<Self> = None;
        for value in fields.get_all(WWW_AUTHENTICATE) {
            let text = parsable(value.as_bytes());
            // Basic does not need the text of its realm.
            let exact = value.as_bytes().is_ascii();
            let challenges = ChallengeParser::new(&text).map_while(Result::ok);
            for challenge in challenges.filter_map(Self::supported).filter(|c| exact || matches!(c, Self::Basic)) {
                if strongest.as_ref().is_none_or(|other| challenge.strength() > other.strength()) {
                    strongest = Some(challenge);
                }
            }
        }
        strongest
    }

    fn supported(challenge: ChallengeRef<'_>) -> Option<Self> {
        if challenge.scheme.eq_ignore_ascii_case("Basic") {
            return Some(Self::Basic);
        }
        Digest::supported(challenge).map(|digest| Self::Digest(Box::new(digest)))
    }

    fn strength(&self) -> u8 {
        match self {
            Self::Basic => 0,
            Self::Digest(digest) if digest.client.algorithm() == Algorithm::Md5 => 1,
            Self::Digest(_) => 2,
        }
    }

    /// Whether the server refused no more than the age of a nonce.
    pub fn is_stale(&self) -> bool {
        matches!(self, Self::Digest(digest) if digest.client.stale())
    }

    /// The Authorization field of a request with this method and target; `None` where these
    /// credentials have no form that a field can hold.
    pub fn answer(&mut self, credentials: &Credentials, method: &str, target: &str) -> Option<HeaderValue> {
        match self {
            Self::Basic => origin::basic(credentials),
            Self::Digest(digest) => digest.answer(credentials, method, target),
        }
    }
}

/// A field in the form that the parser takes: ASCII, and one space between a scheme and its parameters
/// where the standard allows more.
fn parsable(field: &[u8]) -> String {
    let mut text = String::with_capacity(field.len());
    let (mut quoted, mut escaped) = (false, false);
    for byte in field {
        let c = match byte {
            b'\t' if !quoted => ' ',
            byte if byte.is_ascii() => char::from(*byte),
            _ => '?',
        };
        if quoted || c != ' ' || !text.ends_with(' ') {
            text.push(c);
        }
        quoted ^= c == '"' && !escaped;
        escaped = quoted && c == '\\' && !escaped;
    }
    text
}

impl Digest {
    fn supported(mut challenge: ChallengeRef<'_>) -> Option<Self> {
        let (mut algorithm, mut utf8, mut empty_opaque) = (None, false, false);
        for (name, value) in &mut challenge.params {
            let is = |wanted: &str| name.eq_ignore_ascii_case(wanted);
            if is("algorithm") {
                let said = value.to_unescaped();
                let known = ALGORITHMS.into_iter().find(|known| known.eq_ignore_ascii_case(&said))?;
                *value = ParamValue::try_from_escaped(known).ok()?;
                algorithm = Some(known);
            } else if is("opaque") {
                empty_opaque = value.unescaped_len() == 0;
            } else if is("charset") {
                utf8 = value.to_unescaped().eq_ignore_ascii_case("UTF-8");
            }
        }
        let client = DigestClient::try_from(&challenge).ok()?;
        // Without qop no field tells the client's nonce, which the session key is made from.
        let unusable = client.rfc2069_compat() && client.session();
        let algorithm = algorithm.filter(|_| client.rfc2069_compat());
        (client.qop() & Qop::Auth && !unusable).then_some(Self { client, utf8, algorithm, empty_opaque })
    }

    fn answer(&mut self, credentials: &Credentials, method: &str, target: &str) -> Option<HeaderValue> {
        let Credentials { username, password } = credentials;
        let params = PasswordParams { username, password, uri: target, method, body: None };
        let mut text = self.client.respond(&params).ok()?;
        if !self.utf8 && text.starts_with("Digest username*=") {
            // As curl does: a server of RFC 2617 knows no other form of the name.
            let (_, others) = text.split_once(", ")?;
            let quoted = username.replace('\\', "\\\\").replace('"', "\\\"");
            text = format!("Digest username=\"{quoted}\", {others}");
        }
        if let Some(algorithm) = self.algorithm {
            text.push_str(", algorithm=");
            text.push_str(algorithm);
        }
        if self.empty_opaque {
            text.push_str(", opaque=\"\"");
        }
        let mut value = HeaderValue::from_bytes(text.as_bytes()).ok()?;
        value.set_sensitive(true);
        Some(value)
    }
}

#[cfg(test)]
mod tests;
