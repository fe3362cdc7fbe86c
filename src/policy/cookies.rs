//! Cookies (RFC 6265, and what its successor adds: prefixes, and no Secure over plain http).
//!
//! A [`Jar`] holds values only: callers pass the time, and it reads no file.

mod exported;
mod file;
mod line;
mod netscape;
mod set_cookie;

use std::collections::HashMap;
use std::net::IpAddr;

use http::HeaderValue;
use url::Url;

pub use self::line::Skipped;
pub use crate::model::Cookie;

/// The most cookies of one site, that is of one registrable domain.
const MOST_OF_A_SITE: usize = 180;

/// The most cookies.
const MOST: usize = 3000;

/// The most bytes of all cookies. Ordinary ones are a tenth of that; those of hostile servers are 10 KiB each.
pub const MOST_BYTES: usize = 2 * 1024 * 1024;

/// The most bytes of the cookies of one redirect chain. Many chains are under way at once.
pub const MOST_BYTES_OF_A_CHAIN: usize = 64 * 1024;

/// The longest Cookie field, and the most cookies in it, as in curl: servers take no more.
const LONGEST_FIELD: usize = 8190;
const MOST_IN_A_FIELD: usize = 150;

impl Cookie {
    /// Whether it has expired.
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

/// The cookies of one site.
#[derive(Debug, Clone, Default)]
struct SiteCookies {
    kept: Vec<Kept>,
    bytes: usize,
}

impl SiteCookies {
    /// Replaces the cookie of the same name, domain, path and host-only flag, or adds it.
    fn put(&mut self, cookie: Cookie, clock: u64) {
        self.bytes += cookie.size();
        match self.kept.iter_mut().find(|kept| kept.cookie.is_same(&cookie)) {
            // An expired cookie stays for now, so that every copy of the jar learns of its end.
            Some(old) => {
                self.bytes -= old.cookie.size();
                *old = Kept { cookie, created: old.created, changed: clock };
            }
            None => self.kept.push(Kept { cookie, created: clock, changed: clock }),
        }
    }

    /// Removes expired cookies. If there is none, removes the one set longest ago.
    fn thin(&mut self, now: i64) {
        let before = self.kept.len();
        self.kept.retain(|kept| !kept.cookie.is_over(now));
        if self.kept.len() == before
            && let Some((oldest, _)) = self.kept.iter().enumerate().min_by_key(|(_, kept)| kept.changed)
        {
            self.kept.remove(oldest);
        }
        self.bytes = self.kept.iter().map(|kept| kept.cookie.size()).sum();
    }
}

/// The cookies of a run, or of one chain of redirects.
#[derive(Debug, Clone)]
pub struct Jar {
    sites: HashMap<String, SiteCookies>,
    count: usize,
    bytes: usize,
    most_bytes: usize,
    /// The number of sets so far.
    clock: u64,
}

impl Jar {
    /// An empty jar. It never holds more than this many bytes.
    pub fn new(most_bytes: usize) -> Self {
        Self { sites: HashMap::new(), count: 0, bytes: 0, most_bytes, clock: 0 }
    }

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
            && kept.into_iter().flat_map(|site| &site.kept).any(|Kept { cookie: old, .. }| {
                old.secure
                    && old.name == cookie.name
                    && path_matches(&cookie.path, &old.path)
                    && (domain_matches(&old.domain, &cookie.domain) || domain_matches(&cookie.domain, &old.domain))
            })
    }

    /// Replaces the cookie of the same name, domain, path and host-only flag. An expired cookie only removes it.
    pub fn put(&mut self, cookie: Cookie, now: i64) {
        self.clock += 1;
        let clock = self.clock;
        let name = site(&cookie.domain).to_owned();
        self.change(&name, |site| site.put(cookie, clock));
        if self.sites.get(&name).is_some_and(|site| site.kept.len() > MOST_OF_A_SITE) {
            self.change(&name, |site| site.thin(now));
        }
        // The largest site loses cookies, so one site cannot evict those of others.
        while self.count > MOST || self.bytes > self.most_bytes {
            let has_many = self.count > MOST;
            let weight = |site: &SiteCookies| if has_many { site.kept.len() } else { site.bytes };
            let Some(most) = self.sites.iter().max_by_key(|(_, site)| weight(site)).map(|(name, _)| name.clone())
            else {
                break;
            };
            self.change(&most, |site| site.thin(now));
        }
    }

    /// Changes one site and counts what that changes. An empty site goes.
    fn change(&mut self, name: &str, change: impl FnOnce(&mut SiteCookies)) {
        let site = match self.sites.get_mut(name) {
            Some(site) => site,
            None => self.sites.entry(name.to_owned()).or_default(),
        };
        let before = (site.kept.len(), site.bytes);
        change(site);
        self.count = self.count - before.0 + site.kept.len();
        self.bytes = self.bytes - before.1 + site.bytes;
        if site.kept.is_empty() {
            self.sites.remove(name);
        }
    }

    /// The Cookie field of a request for this URL (RFC 6265, section 5.4).
    pub fn field(&self, url: &Url, now: i64) -> Option<HeaderValue> {
        let host = url.host_str()?;
        let https = url.scheme() == "https";
        let kept = &self.sites.get(site(host))?.kept;
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

    /// The number of sets so far.
    pub fn clock(&self) -> u64 {
        self.clock
    }

    /// Returns the cookies set after that moment, in order and each with its moment. Expired ones are included.
    pub fn since(&self, clock: u64) -> impl Iterator<Item = (&Cookie, u64)> {
        let kept = self.sites.values().flat_map(|site| &site.kept);
        let mut kept: Vec<&Kept> = kept.filter(|kept| kept.changed > clock).collect();
        kept.sort_unstable_by_key(|kept| kept.changed);
        kept.into_iter().map(|kept| (&kept.cookie, kept.changed))
    }
}

/// The registrable domain of a host, or the host itself without one.
fn site(host: &str) -> &str {
    if is_address(host) { host } else { psl::domain_str(host).unwrap_or(host) }
}

/// Whether anyone may register names below it (publicsuffix.org).
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
