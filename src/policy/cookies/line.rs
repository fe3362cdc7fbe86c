//! A line of a file of cookies, and the checks that all kinds of files share.

use url::Host;

use super::set_cookie::{path_of, prefix_holds};
use super::{Cookie, is_address, is_public_suffix};
use crate::policy::message::date;

/// The cookies of a file that were left out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Skipped {
    /// The line of the first one, or its position in a JSON list, and the reason.
    pub first: Option<(usize, &'static str)>,
    /// The number of the others.
    pub others: usize,
}

impl Skipped {
    pub(super) fn add(&mut self, number: usize, why: &'static str) {
        match self.first {
            None => self.first = Some((number, why)),
            Some(_) => self.others += 1,
        }
    }
}

/// A cookie as a file has it.
pub(super) struct CookieLine<'a> {
    pub(super) domain: &'a [u8],
    /// Whether the flag says that hosts below the domain get it too. A dot before the domain says the
    /// same, and either is enough: programs do not agree which of the two counts.
    pub(super) below: bool,
    pub(super) path: &'a [u8],
    pub(super) secure: bool,
    pub(super) http_only: bool,
    pub(super) expires: Option<i64>,
    pub(super) name: &'a [u8],
    pub(super) value: &'a [u8],
}

impl CookieLine<'_> {
    /// Checks the parts and builds the cookie.
    pub(super) fn cookie(self) -> Result<Cookie, &'static str> {
        let bare = self.domain.strip_prefix(b".").unwrap_or(self.domain);
        let host = std::str::from_utf8(bare).ok().and_then(|host| Host::parse(host).ok());
        let domain = host.map(|host| host.to_string()).filter(|domain| !domain.starts_with('.'));
        let domain = domain.ok_or("its domain is none that a host can have")?;
        let is_bad = |text: &[u8]| text.iter().any(|byte| byte.is_ascii_control() || *byte == b';');
        if is_bad(self.name) || is_bad(self.value) {
            return Err("a control character or a semicolon stands in its name or its value");
        }
        if self.name.is_empty() && self.value.is_empty() {
            return Err("it has neither a name nor a value");
        }
        let below = self.below || bare.len() < self.domain.len();
        let cookie = Cookie {
            // A public suffix has no cookies for the hosts below it, even if a file says so.
            host_only: !below || is_address(&domain) || is_public_suffix(&domain),
            name: self.name.to_owned(),
            value: self.value.to_owned(),
            domain,
            path: match self.path {
                b"" => "/".to_owned(),
                path => path_of(path).ok_or("its path does not begin with /")?,
            },
            secure: self.secure,
            http_only: self.http_only,
            expires: self.expires,
        };
        let holds = prefix_holds(&cookie, cookie.path == "/");
        holds.then_some(cookie).ok_or("its name begins with __Secure- or __Host-, and it is not as such a cookie is")
    }
}

/// The least numbers that count milliseconds, microseconds, and microseconds since 1601.
const MILLISECONDS: f64 = 1e12;
const MICROSECONDS: f64 = 1e14;
const SINCE_1601: f64 = 1e16;

/// The seconds from 1601 to 1970. Chromium counts microseconds from 1601.
const FROM_1601: f64 = 11_644_473_600.0;

/// Reads the time at which a cookie ends: `Some(None)` is the end of its session, `None` no time.
#[expect(clippy::option_option, reason = "no end, or no text that says one")]
pub(super) fn end_of(text: &[u8]) -> Option<Option<i64>> {
    let text = text.trim_ascii();
    if text.is_empty() || text.eq_ignore_ascii_case(b"session") {
        return Some(None);
    }
    let number = std::str::from_utf8(text).ok().and_then(|text| text.parse::<f64>().ok());
    let Some(number) = number.filter(|number| number.is_finite()) else { return date::parse(text).map(Some) };
    let seconds = match number {
        SINCE_1601.. => number / 1e6 - FROM_1601,
        MICROSECONDS.. => number / 1e6,
        MILLISECONDS.. => number / 1e3,
        _ => number,
    };
    // The cast saturates.
    Some((seconds > 0.0).then_some(seconds as i64))
}
