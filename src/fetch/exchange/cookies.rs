//! The cookies of a run, shared by its fetchers, and those of one chain of redirects.

use std::sync::{Mutex, MutexGuard, PoisonError};

use http::header::{self, HeaderMap, HeaderValue};
use jiff::Timestamp;
use url::Url;

use crate::policy::cookies::{Cookie, Jar, MOST_BYTES, MOST_BYTES_OF_A_CHAIN};
use crate::policy::text::printable::printable;

/// The one jar of a run. The fetchers of all threads share it. A child process has a copy, which its
/// parent keeps up to date.
#[derive(Debug)]
pub struct CookieJar(Mutex<Jar>);

impl Default for CookieJar {
    fn default() -> Self {
        Self::new(Jar::new(MOST_BYTES))
    }
}

impl CookieJar {
    /// Creates a jar with these cookies.
    pub fn new(jar: Jar) -> Self {
        Self(Mutex::new(jar))
    }

    /// Returns the number of changes so far.
    pub fn clock(&self) -> u64 {
        self.locked().clock()
    }

    /// Returns the cookies set after this clock value, expired ones included, and the clock value of the last.
    /// Their size is about `most_bytes` at most. Returns no cookies if nothing has changed.
    pub fn since(&self, clock: u64, most_bytes: usize) -> (Vec<Cookie>, u64) {
        let jar = self.locked();
        if jar.clock() == clock {
            return (Vec::new(), clock);
        }
        let (mut set, mut bytes) = (Vec::new(), 0);
        for (cookie, changed) in jar.since(clock) {
            bytes += cookie.size();
            set.push(cookie.clone());
            if bytes >= most_bytes {
                return (set, changed);
            }
        }
        (set, jar.clock())
    }

    /// Inserts cookies unchecked, because another jar has checked them.
    pub fn put(&self, cookies: impl IntoIterator<Item = Cookie>) {
        let now = now();
        let mut jar = self.locked();
        cookies.into_iter().for_each(|cookie| jar.put(cookie, now));
    }

    /// Returns the text of a cookie file with all unexpired cookies.
    pub fn text(&self) -> Vec<u8> {
        self.locked().text(now())
    }

    /// Locks the jar. No caller holds the lock across an await.
    fn locked(&self) -> MutexGuard<'_, Jar> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Stores the cookies of a response in the jar of the run, or else in that of its redirect chain.
pub(crate) fn keep(jar: Option<&CookieJar>, chain: &mut Option<Box<Jar>>, url: &Url, fields: &HeaderMap) {
    if !fields.contains_key(header::SET_COOKIE) {
        return;
    }
    let set = fields.get_all(header::SET_COOKIE);
    let are_dates = match jar {
        Some(jar) => jar.locked().set(url, set, now()),
        None => chain.get_or_insert_with(new_chain).set(url, set, now()),
    };
    if !are_dates {
        tracing::debug!(url = %printable(url.as_str()), "an Expires of a cookie is no date and counts for nothing");
    }
}

/// Returns a jar with the cookies of the earlier hops.
pub(crate) fn chain(cookies: &[Cookie]) -> Option<Box<Jar>> {
    let now = now();
    let mut chain = (!cookies.is_empty()).then(new_chain)?;
    cookies.iter().for_each(|cookie| chain.put(cookie.clone(), now));
    Some(chain)
}

fn new_chain() -> Box<Jar> {
    Box::new(Jar::new(MOST_BYTES_OF_A_CHAIN))
}

/// Returns the cookies for the next hop.
pub(crate) fn of_chain(chain: Option<&Jar>) -> Vec<Cookie> {
    chain.map(|chain| chain.since(0).map(|(cookie, _)| cookie.clone()).collect()).unwrap_or_default()
}

/// Adds the cookies for a URL, before those of the user.
pub(crate) fn send(jar: Option<&CookieJar>, chain: Option<&Jar>, url: &Url, fields: &mut HeaderMap) {
    let field = match (jar, chain) {
        (Some(jar), _) => jar.locked().field(url, now()),
        (None, Some(chain)) => chain.field(url, now()),
        (None, None) => return,
    };
    let Some(field) = field else { return };
    let all = std::iter::once(&field).chain(fields.get_all(header::COOKIE));
    let all = in_one_line(all);
    fields.insert(header::COOKIE, all.unwrap_or(field));
}

/// Joins Cookie fields into one, as RFC 6265, section 5.4, demands.
fn in_one_line<'a>(values: impl Iterator<Item = &'a HeaderValue>) -> Option<HeaderValue> {
    let values: Vec<_> = values.map(HeaderValue::as_bytes).collect();
    let mut one = HeaderValue::from_bytes(&values.join(&b"; "[..])).ok()?;
    one.set_sensitive(true);
    Some(one)
}

/// Joins the Cookie fields that the user gave in several ways.
pub(crate) fn fold(fields: &mut HeaderMap) {
    if fields.get_all(header::COOKIE).iter().nth(1).is_some()
        && let Some(one) = in_one_line(fields.get_all(header::COOKIE).iter())
    {
        fields.insert(header::COOKIE, one);
    }
}

fn now() -> i64 {
    Timestamp::now().as_second()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cookies_are_sent_in_pieces_each_once() {
        let mut jar = Jar::new(MOST_BYTES);
        let url = Url::parse("http://a.test/").unwrap();
        for n in 0..100 {
            let field = HeaderValue::from_str(&format!("n{n}={}", "v".repeat(1000))).unwrap();
            jar.set(&url, &[field], 0);
        }
        let jar = CookieJar::new(jar);
        let (mut told, mut clock) = (Vec::new(), 0);
        loop {
            let (set, next) = jar.since(clock, 10_000);
            let bytes: usize = set.iter().map(Cookie::size).sum();
            assert!(bytes < 12_000, "{bytes}");
            if set.is_empty() {
                break;
            }
            told.extend(set);
            clock = next;
        }
        let names: Vec<_> = told.into_iter().map(|cookie| String::from_utf8(cookie.name).unwrap()).collect();
        assert_eq!(names, (0..100).map(|n| format!("n{n}")).collect::<Vec<_>>());
    }
}
