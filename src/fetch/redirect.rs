//! Redirects: where they lead, and what is noted of them.

use std::time::SystemTime;

use ::http::header;
use url::Url;

use super::answer::Answer;
use super::cookies;
use super::http::{End, Exchange};
use crate::model::{ErrorKind, FetchError, Hop};
use crate::policy::location;
use crate::policy::retry_after::asked;

impl Exchange<'_> {
    /// Notes a redirect.
    pub(super) async fn lead_on(&mut self, url: &Url, next: Url, response: Answer) -> Result<End, FetchError> {
        let from = self.fetcher.clients.peer(url, response.remote_addr);
        let seen_before = next == *url || self.facts.redirects.iter().any(|hop| hop.url == next);
        if self.fetcher.spec.cookies.is_none() {
            cookies::keep(None, &mut self.chain, url, response.headers());
        }
        let status = response.status().as_u16();
        let wait = asked(status, response.headers(), SystemTime::now()).unwrap_or_default();
        self.facts.redirects.push(Hop { status, url: url.clone() });
        if self.facts.redirects.len() > self.fetcher.spec.max_redirects as usize {
            let most = self.fetcher.spec.max_redirects;
            let circle = if seen_before { "; they lead in a circle" } else { "" };
            return Err(FetchError::new(ErrorKind::Redirect, format!("more than {most} redirects{circle}")));
        }
        // It is of the redirect.
        (self.facts.content_type, self.facts.validators) = (None, None);
        self.facts.final_url = Some(next);
        self.drain(response).await;
        Ok(End::Onward(from, wait))
    }
}

/// Where a response leads, if it is a redirect with a Location (RFC 9110, section 15.4).
pub(super) fn redirect_target(url: &Url, response: &Answer) -> Result<Option<Url>, FetchError> {
    if !matches!(response.status().as_u16(), 301 | 302 | 303 | 307 | 308) {
        return Ok(None);
    }
    let Some(field) = response.headers().get(header::LOCATION) else { return Ok(None) };
    let next = location::target(url, field.as_bytes()).map_err(|why| FetchError::new(ErrorKind::Redirect, why))?;
    Ok(Some(next))
}
