//! Redirects: their targets, and their records.

use std::time::SystemTime;

use http::header;
use url::Url;

use super::cookies;
use super::state::{Exchange, HopEnd};
use crate::fetch::connect::response::Response;
use crate::model::{ErrorKind, FetchError, Hop, RedirectState};
use crate::policy::message::location;
use crate::policy::retry::retry_after::asked;

impl Exchange<'_> {
    /// Records a redirect.
    pub(crate) async fn record_redirect(
        &mut self,
        url: &Url,
        next: Url,
        mut response: Response,
    ) -> Result<HopEnd, FetchError> {
        let from = self.fetcher.clients.peer(url, response.remote_addr);
        if self.fetcher.services.cookies.is_none() {
            cookies::keep(None, &mut self.chain, url, response.headers());
        }
        let status = response.status().as_u16();
        let wait = asked(status, response.headers(), SystemTime::now()).unwrap_or_default();
        self.facts.redirects.push(Hop::new(status, url.as_str()));
        // These describe the redirect, not its target.
        (self.facts.content_type, self.facts.validators) = (None, None);
        self.facts.final_url = Some(next);
        self.drain(&mut response).await;
        Ok(HopEnd::Redirected(from, wait))
    }
}

/// Returns the target of a redirect with a Location (RFC 9110, section 15.4).
pub(crate) fn redirect_target(url: &Url, response: &Response) -> Result<Option<Url>, FetchError> {
    if !matches!(response.status().as_u16(), 301 | 302 | 303 | 307 | 308) {
        return Ok(None);
    }
    // An empty Location would lead to the same URL again.
    let field = response.headers().get(header::LOCATION).filter(|field| !field.as_bytes().trim_ascii().is_empty());
    let Some(field) = field else { return Ok(None) };
    let next = location::target(url, field.as_bytes()).map_err(|why| FetchError::new(ErrorKind::Redirect, why))?;
    Ok(Some(next))
}

/// The most memory of the hops of one chain. They stay in memory until the chain ends.
const MOST_HOP_BYTES: usize = 128 * 1024;

/// Returns the error of a chain with more hops than `most`, or with more than [`MOST_HOP_BYTES`].
pub(crate) fn too_many(chain: &RedirectState, most: u32) -> Option<FetchError> {
    let hops = &chain.facts.redirects;
    if hops.len() <= most as usize {
        let is_long = chain.hop_bytes > MOST_HOP_BYTES;
        let text = || format!("{} redirects with more than {} KiB of URLs", hops.len(), MOST_HOP_BYTES / 1024);
        return is_long.then(|| FetchError::new(ErrorKind::Redirect, text()));
    }
    let next = chain.facts.final_url.as_ref().map(Url::as_str);
    // A URL that was cut cannot be compared.
    let seen_before = hops.iter().any(|hop| !hop.is_cut() && Some(&*hop.url) == next);
    let circle = if seen_before { "; they lead in a circle" } else { "" };
    Some(FetchError::new(ErrorKind::Redirect, format!("more than {most} redirects{circle}")))
}
