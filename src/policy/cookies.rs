//! Cookies (RFC 6265, and what its successor adds: prefixes, and no Secure over plain http).
//!
//! A [`Jar`] is values only: it is told the time, and reads no file.

mod exported;
mod file;
mod netscape;
mod set_cookie;

use std::collections::HashMap;
use std::net::IpAddr;

use http::HeaderValue;
use url::Url;

pub use self::file::Skipped;
pub use crate::model::Cookie;

/// The most cookies of one site, that is of one registrable domain.
const MOST_OF_A_SITE: usize = 180;

/// The most cookies.
const MOST: usize = 3000;

/// The longest Cookie field, and the most cookies in it, as in curl: servers take no more.
const LONGEST_FIELD: usize = 8190;
const MOST_IN_A_FIELD: usize = 150;

impl Cookie {
    /// Whether it has ended.
    pub fn is_over(&self, now: i64) -> bool {
        self.expires.is_some_and(|at| at <= now)
    }

    fn is_same(&self, other: &Cookie) -> bool {
        (&self.name, &self.domain, &self.path) == (&other.name, &other.domain, &other.path)
            && self.host_only == other.host_only
    }

    /// RFC 6265, section 5.4.
    fn is_for(&self, host: &str, path: &str, https: bool) -> bool {
        let host_fits = if self.host_only { host == self.domain } else { domain_matches(host, &self.domain) };
        host_fits && path_matches(path, &self.path) && (https || !self.secure)
    }
}

/// A cookie with its place in the order of things.
#[derive(Debug, Clone)]
struct Kept {
    cookie: Cookie,
    /// When it was first set: counted, not timed.
    created: u64,
    /// When it was last set.
    changed: u64,
}

/// The cookies of a run, or of one chain of redirects.
#[derive(Debug, Clone, Default)]
pub struct Jar {
    /// By site.
    sites: HashMap<String, Vec<Kept>>,
    count: usize,
    /// How often something was set.
    clock: u64,
}

impl Jar {
    /// Takes the cookies that a response for this URL sets and that the rules allow. Returns whether
    /// each Expires is a date; a cookie with another Expires lasts as long as its session.
    pub fn set<'a>(&mut self, url: &Url, fields: impl IntoIterator<Item = &'a HeaderValue>, now: i64) -> bool {
        let mut are_dates = true;
        for field in fields {
            if let Some((cookie, is_date)) = set_cookie::parse(field.as_bytes(), url, now)
                && !self.hides(&cookie, url.scheme() == "https")
            {
                self.put(cookie, now);
                are_dates &= is_date;
            }
        }
        are_dates
    }

    /// A cookie of https is not replaced or hidden by one of plain http.
    fn hides(&self, cookie: &Cookie, https: bool) -> bool {
        let kept = self.sites.get(site(&cookie.domain));
        !https
            && kept.into_iter().flatten().any(|Kept { cookie: old, .. }| {
                old.secure
                    && old.name == cookie.name
                    && path_matches(&cookie.path, &old.path)
                    && (domain_matches(&old.domain, &cookie.domain) || domain_matches(&cookie.domain, &old.domain))
            })
    }

    /// Puts a cookie in the place of the one that it is; one that is over only takes that away.
    pub fn put(&mut self, cookie: Cookie, now: i64) {
        self.clock += 1;
        let clock = self.clock;
        let kept = self.sites.entry(site(&cookie.domain).to_owned()).or_default();
        match kept.iter_mut().find(|kept| kept.cookie.is_same(&cookie)) {
            // One that is over stays for now, so that whoever has a copy hears of its end.
            Some(old) => *old = Kept { cookie, created: old.created, changed: clock },
            None => {
                kept.push(Kept { cookie, created: clock, changed: clock });
                self.count += 1;
            }
        }
        if kept.len() > MOST_OF_A_SITE {
            self.count -= thin(kept, now, MOST_OF_A_SITE);
        }
        if self.count > MOST
            && let Some(most) = self.sites.values_mut().max_by_key(|kept| kept.len())
        {
            // Whoever has most gives way: one site cannot drive out the cookies of others.
            let less = most.len() - 1;
            self.count -= thin(most, now, less);
            self.sites.retain(|_, kept| !kept.is_empty());
        }
    }

    /// The Cookie field of a request for this URL (RFC 6265, section 5.4).
    pub fn field(&self, url: &Url, now: i64) -> Option<HeaderValue> {
        let host = url.host_str()?;
        let https = url.scheme() == "https";
        let kept = self.sites.get(site(host))?;
        let fits = |kept: &&Kept| !kept.cookie.is_over(now) && kept.cookie.is_for(host, url.path(), https);
        let mut fitting: Vec<&Kept> = kept.iter().filter(fits).collect();
        fitting.sort_unstable_by_key(|kept| (std::cmp::Reverse(kept.cookie.path.len()), kept.created));
        let mut text = Vec::new();
        for Kept { cookie, .. } in fitting.into_iter().take(MOST_IN_A_FIELD) {
            if text.len() + cookie.name.len() + cookie.value.len() + 3 > LONGEST_FIELD {
                break;
            }
            if !text.is_empty() {
                text.extend_from_slice(b"; ");
            }
            if !cookie.name.is_empty() {
                text.extend_from_slice(&cookie.name);
                text.push(b'=');
            }
            text.extend_from_slice(&cookie.value);
        }
        let mut value = HeaderValue::from_bytes(&text).ok().filter(|value| !value.is_empty())?;
        value.set_sensitive(true);
        Some(value)
    }

    /// How often something was set so far.
    pub fn clock(&self) -> u64 {
        self.clock
    }

    /// What was set after that moment, those that are over among it, in order.
    pub fn since(&self, clock: u64) -> Vec<&Cookie> {
        let mut kept: Vec<&Kept> = self.sites.values().flatten().filter(|kept| kept.changed > clock).collect();
        kept.sort_unstable_by_key(|kept| kept.changed);
        kept.into_iter().map(|kept| &kept.cookie).collect()
    }
}

/// Makes room: what is over goes, then what was set longest ago. Says how many went.
fn thin(kept: &mut Vec<Kept>, now: i64, most: usize) -> usize {
    let before = kept.len();
    kept.retain(|kept| !kept.cookie.is_over(now));
    while kept.len() > most {
        let oldest = kept.iter().enumerate().min_by_key(|(_, kept)| kept.changed).map(|(at, _)| at);
        let Some(oldest) = oldest else { break };
        kept.remove(oldest);
    }
    before - kept.len()
}

/// The registrable domain of a host, or the host itself where it has none.
fn site(host: &str) -> &str {
    if is_address(host) { host } else { psl::domain_str(host).unwrap_or(host) }
}

/// Whether everybody may register names below it.
fn is_public_suffix(domain: &str) -> bool {
    psl::suffix_str(domain) == Some(domain)
}

/// Whether a host of a URL is an address.
fn is_address(host: &str) -> bool {
    host.starts_with('[') || host.parse::<IpAddr>().is_ok()
}

/// RFC 6265, section 5.1.3.
fn domain_matches(host: &str, domain: &str) -> bool {
    let below = || host.strip_suffix(domain).is_some_and(|rest| rest.ends_with('.'));
    host == domain || (!is_address(host) && below())
}

/// RFC 6265, section 5.1.4.
fn path_matches(path: &str, prefix: &str) -> bool {
    path.strip_prefix(prefix).is_some_and(|rest| rest.is_empty() || prefix.ends_with('/') || rest.starts_with('/'))
}

#[cfg(test)]
mod tests;
