//! Digest (RFC 7616, and RFC 2069 where the server knows no more), computed over octets.

use std::borrow::Cow;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

use http::header::HeaderValue;
use md5::Md5;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use sha2::{Digest as _, Sha256, Sha512_256};

use crate::model::{Credentials, Hex};

/// The most octets of a challenge that an answer repeats.
const MOST_OCTETS: usize = 4 * 1024;

/// Octets of an extended parameter that are percent-encoded (RFC 8187, `attr-char`).
const EXTENDED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'!')
    .remove(b'#')
    .remove(b'$')
    .remove(b'&')
    .remove(b'+')
    .remove(b'-')
    .remove(b'.')
    .remove(b'^')
    .remove(b'_')
    .remove(b'`')
    .remove(b'|')
    .remove(b'~');

/// A Digest challenge that can be answered.
#[derive(Debug)]
pub struct DigestChallenge {
    realm: Box<[u8]>,
    nonce: Box<[u8]>,
    opaque: Option<Box<[u8]>>,
    /// As the server spelled it.
    algorithm: Option<Box<[u8]>>,
    hash: DigestHash,
    /// The key is of this session (`-sess`).
    session: bool,
    /// The server knows qop; else the answer is that of RFC 2069.
    qop: bool,
    userhash: bool,
    /// The server knows `username*`.
    utf8: bool,
    stale: bool,
    /// One for all uses of the nonce: the key of a session is made from the first.
    cnonce: Arc<str>,
    /// How often the nonce was used.
    uses: Arc<AtomicU32>,
}

/// The parameters of a Digest challenge. The last of a repeated parameter counts, as in curl.
#[derive(Debug, Default)]
pub struct ChallengeParameters<'a> {
    realm: Cow<'a, [u8]>,
    nonce: Option<Cow<'a, [u8]>>,
    opaque: Option<Cow<'a, [u8]>>,
    algorithm: Option<Cow<'a, [u8]>>,
    auth: bool,
    auth_int: bool,
    userhash: bool,
    utf8: bool,
    stale: bool,
}

impl<'a> ChallengeParameters<'a> {
    pub fn add(&mut self, name: &[u8], value: Cow<'a, [u8]>) {
        let is = |wanted: &str| name.eq_ignore_ascii_case(wanted.as_bytes());
        let says = |word: &str| value.eq_ignore_ascii_case(word.as_bytes());
        if is("realm") {
            self.realm = value;
        } else if is("nonce") {
            self.nonce = Some(value);
        } else if is("opaque") {
            self.opaque = Some(value);
        } else if is("algorithm") {
            self.algorithm = Some(value);
        } else if is("qop") {
            for option in value.split(|octet| matches!(octet, b',' | b' ' | b'\t')) {
                self.auth |= option.eq_ignore_ascii_case(b"auth");
                self.auth_int |= option.eq_ignore_ascii_case(b"auth-int");
            }
        } else if is("userhash") {
            self.userhash = says("true");
        } else if is("charset") {
            self.utf8 = says("UTF-8");
        } else if is("stale") {
            self.stale = says("true");
        }
    }

    /// The challenge, or why it cannot be answered. A realm may be missing: that one is empty.
    pub fn read(self, cnonce: &str) -> Result<DigestChallenge, &'static str> {
        let nonce = self.nonce.ok_or("Digest has no nonce")?;
        let (hash, session) = match &self.algorithm {
            None => (DigestHash::Md5, false),
            Some(name) => DigestHash::named(name).ok_or("the algorithm of Digest is not supported")?,
        };
        if self.auth_int && !self.auth {
            return Err("Digest with qop=auth-int alone is not supported");
        }
        // Without qop no field carries the client's nonce, which the session key needs.
        if session && !self.auth {
            return Err("Digest has the algorithm of a session and no qop");
        }
        let opaque = self.opaque.as_ref().map_or(0, |opaque| opaque.len());
        if self.realm.len() + nonce.len() + opaque > MOST_OCTETS {
            return Err("Digest has more than 4 KiB of parameters");
        }
        Ok(DigestChallenge {
            realm: self.realm.into(),
            nonce: nonce.into(),
            opaque: self.opaque.map(Box::from),
            algorithm: self.algorithm.map(Box::from),
            hash,
            session,
            qop: self.auth,
            userhash: self.userhash,
            utf8: self.utf8,
            stale: self.stale,
            cnonce: cnonce.into(),
            uses: Arc::default(),
        })
    }
}

impl DigestChallenge {
    pub fn strength(&self) -> u8 {
        match self.hash {
            DigestHash::Md5 => 0,
            DigestHash::Sha256 | DigestHash::Sha512_256 => 1,
        }
    }

    /// Whether the server rejected only the age of a nonce.
    pub fn is_stale(&self) -> bool {
        self.stale
    }

    /// Counts the uses of a nonce together with another challenge that has the same nonce.
    pub fn share_nonce(&mut self, other: &Self) {
        if self.nonce == other.nonce {
            self.cnonce = other.cnonce.clone();
            self.uses = other.uses.clone();
        }
    }

    /// Skips nonce counts that another process has used. The server then calls the nonce of the request stale
    /// but still offers it.
    pub fn skip_used(&self, had: &Self, random: u16) {
        if self.stale && self.nonce == had.nonce {
            self.uses.fetch_add(u32::from(random), Relaxed);
        }
    }

    /// The value of an Authorization field; `None` if no field can hold this user name.
    pub fn answer(&self, credentials: &Credentials, method: &str, target: &str) -> Option<HeaderValue> {
        let (username, hash) = (credentials.username.as_bytes(), self.hash);
        let mut key = hash.of(&[username, &self.realm, credentials.password.as_bytes()]);
        if self.session {
            key = hash.of(&[key.as_bytes(), &self.nonce, self.cnonce.as_bytes()]);
        }
        let request = hash.of(&[method.as_bytes(), target.as_bytes()]);
        let mut field = b"Digest ".to_vec();
        if self.userhash {
            quote(&mut field, "username", hash.of(&[username, &self.realm]).as_bytes());
        } else if self.utf8 && !username.iter().all(|octet| matches!(octet, b' '..=b'~')) {
            let encoded = utf8_percent_encode(&credentials.username, EXTENDED).to_string();
            field.extend_from_slice(format!("username*=UTF-8''{encoded}").as_bytes());
        } else {
            // As curl does: a server of RFC 2617 knows no other form of the name.
            quote(&mut field, "username", username);
        }
        for (name, value) in [("realm", &*self.realm), ("nonce", &self.nonce), ("uri", target.as_bytes())] {
            field.extend_from_slice(b", ");
            quote(&mut field, name, value);
        }
        if let Some(algorithm) = &self.algorithm {
            field.extend_from_slice(b", algorithm=");
            field.extend_from_slice(algorithm);
        }
        let response = if self.qop {
            let count = self.uses.fetch_add(1, Relaxed).wrapping_add(1);
            let count = format!("{count:08x}");
            field.extend_from_slice(format!(", nc={count}, cnonce=\"{}\", qop=auth", self.cnonce).as_bytes());
            let cnonce = self.cnonce.as_bytes();
            hash.of(&[key.as_bytes(), &self.nonce, count.as_bytes(), cnonce, b"auth", request.as_bytes()])
        } else {
            hash.of(&[key.as_bytes(), &self.nonce, request.as_bytes()])
        };
        field.extend_from_slice(format!(", response=\"{response}\"").as_bytes());
        if let Some(opaque) = &self.opaque {
            field.extend_from_slice(b", ");
            quote(&mut field, "opaque", opaque);
        }
        if self.userhash {
            field.extend_from_slice(b", userhash=true");
        }
        let mut value = HeaderValue::from_bytes(&field).ok()?;
        value.set_sensitive(true);
        Some(value)
    }
}

/// Adds a parameter whose value is a quoted string.
fn quote(field: &mut Vec<u8>, name: &str, value: &[u8]) {
    field.extend_from_slice(name.as_bytes());
    field.extend_from_slice(b"=\"");
    for octet in value {
        if matches!(octet, b'"' | b'\\') {
            field.push(b'\\');
        }
        field.push(*octet);
    }
    field.push(b'"');
}

#[derive(Debug, Clone, Copy)]
enum DigestHash {
    Md5,
    Sha256,
    Sha512_256,
}

impl DigestHash {
    /// The hash of a registered algorithm, and whether that has the key of a session. Servers spell
    /// the names in any case.
    fn named(algorithm: &[u8]) -> Option<(Self, bool)> {
        let name = algorithm.to_ascii_lowercase();
        let (hash, session) = match name.strip_suffix(b"-sess") {
            Some(hash) => (hash, true),
            None => (&*name, false),
        };
        let hash = match hash {
            b"md5" => Self::Md5,
            b"sha-256" => Self::Sha256,
            b"sha-512-256" => Self::Sha512_256,
            _ => return None,
        };
        Some((hash, session))
    }

    /// The digest of these parts with a colon between them, in hexadecimal.
    fn of(self, parts: &[&[u8]]) -> String {
        let text = parts.join(&b':');
        match self {
            Self::Md5 => Hex(&Md5::digest(text)).to_string(),
            Self::Sha256 => Hex(&Sha256::digest(text)).to_string(),
            Self::Sha512_256 => Hex(&Sha512_256::digest(text)).to_string(),
        }
    }
}
