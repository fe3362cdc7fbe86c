//! The verdict on a response that is no redirect.

use http::{HeaderMap, HeaderValue, StatusCode, header};
use url::Url;

use super::resume::PartialBody;
use super::state::Exchange;
use crate::fetch::connect::response::Response;
use crate::model::{Condition, ErrorKind, FetchError, SkipReason, Verdict};
use crate::policy::message::partial::whole_in_a_part;
use crate::policy::text::printable::printable;
use crate::policy::text::redact::redact_url;

impl Exchange<'_> {
    /// Reads a response that is no redirect and returns its verdict. `None` if the URL must be requested again in
    /// full.
    pub(crate) async fn finish(
        &mut self,
        url: &Url,
        status: StatusCode,
        mut response: Response,
    ) -> Result<Option<Verdict>, FetchError> {
        if self.must_get(status) {
            self.asks_head = false;
            self.drain(&mut response).await;
            return Ok(None);
        }
        if let Some(verdict) = self.probed(status, &mut response).await {
            return Ok(Some(verdict));
        }
        match status.as_u16() {
            206 | 416 if self.asks_rest => {
                let Some(rest) = &self.rest else { return Ok(None) };
                match rest.is_in(response.headers()) {
                    Ok(total) if status == 206 => {
                        return match self.receive(url, response, Some(total)).await {
                            // The kept bytes were unusable: request the whole body.
                            Err(_) if std::mem::take(&mut self.useless) => Ok(None),
                            received => received.map(Some),
                        };
                    }
                    Ok(_) => {}
                    Err(why) => tracing::debug!(url = %printable(url.as_str()), why, "starting again"),
                }
                self.start_again().map(|()| None)
            }
            206 if !self.asks_part => {
                let total = whole_in_a_part(response.headers()).map_err(|why| {
                    let message = format!("206 Partial Content, though no range was asked for: {why}; {AT_FAULT}");
                    FetchError::new(ErrorKind::Protocol, message)
                })?;
                self.start_again()?;
                self.receive(url, response, Some(total)).await.map(Some)
            }
            200..=299 => {
                self.start_again()?;
                self.receive(url, response, None).await.map(Some)
            }
            _ => self.without_body(url, status, response).await.map(Some),
        }
    }

    /// Discards the partial body. Fails if a stream has written part of it already.
    pub(crate) fn start_again(&mut self) -> Result<(), FetchError> {
        match self.rest.take() {
            None => Ok(()),
            Some(PartialBody::File(kept)) => {
                kept.at.remove();
                Ok(())
            }
            Some(PartialBody::Stream(cut)) => {
                let error = cut.is_out();
                self.rest = Some(PartialBody::Stream(cut));
                Err(error)
            }
        }
    }

    /// Returns the verdict on a response whose body is not used.
    async fn without_body(
        &mut self,
        url: &Url,
        status: StatusCode,
        mut response: Response,
    ) -> Result<Verdict, FetchError> {
        if self.capture.is_some() || status.as_u16() >= 400 {
            self.drain(&mut response).await;
        }
        match status.as_u16() {
            304 if self.asks_change => match self.condition(url) {
                Some(condition) if is_another(condition, response.headers()) => {
                    let message = "304 Not Modified, with another ETag than was asked with";
                    Err(FetchError::new(ErrorKind::Protocol, message))
                }
                _ => {
                    self.keep_local();
                    Ok(Verdict::Skipped(SkipReason::NotModified))
                }
            },
            304 => Err(FetchError::new(ErrorKind::Protocol, not_followed(status, response.headers()))),
            300..=399 => Err(FetchError::new(ErrorKind::Redirect, not_followed(status, response.headers()))),
            // RFC 9110, section 15: a status beyond 599 is treated as a server error.
            400.. => Ok(Verdict::HttpError),
            other => Err(FetchError::new(ErrorKind::Protocol, format!("status {other} is no final status"))),
        }
    }
}

/// The advice about a response that fetchall did not request.
const AT_FAULT: &str = "the server or a cache on the way is at fault, --header 'Cache-Control: no-cache' may help";

/// The most characters of a Location that a message repeats.
const MAX_LOCATION: usize = 200;

/// Explains why a 3xx response is not followed, and gives advice (RFC 9110, section 15.4).
fn not_followed(status: StatusCode, fields: &HeaderMap) -> String {
    const CHOOSE: &str = "list the URL that you want";
    let (what, to_do) = match status.as_u16() {
        300 => ("300 Multiple Choices: not followed, the server leaves the choice to you".to_owned(), CHOOSE),
        301 | 302 | 303 | 307 | 308 => {
            (format!("{status} without a Location to follow"), "open it in a browser to see what it wants")
        }
        304 => ("304 Not Modified, though the request had no condition".to_owned(), AT_FAULT),
        305 => {
            let what = "305 Use Proxy: not followed, a server may not choose the proxy";
            (what.to_owned(), "--proxy goes through one that you trust")
        }
        306 => ("306 (Unused): not followed, the status has no meaning any more".to_owned(), CHOOSE),
        other => (format!("{other}: not followed, no such redirect is defined"), CHOOSE),
    };
    let location = fields.get(header::LOCATION).map(|location| {
        let text = String::from_utf8_lossy(location.as_bytes());
        let shown: String = redact_url(&text).chars().take(MAX_LOCATION).collect();
        format!("; its Location is `{shown}`")
    });
    format!("{what}{}; {to_do}", location.unwrap_or_default())
}

/// Whether a response has another ETag than the request, by weak comparison (RFC 9110, section 8.8.3.2).
fn is_another(condition: &Condition, fields: &HeaderMap) -> bool {
    fn opaque(tag: &[u8]) -> &[u8] {
        tag.strip_prefix(b"W/").unwrap_or(tag)
    }
    let asked = condition.validators.etag.as_deref();
    let told = fields.get(header::ETAG).map(HeaderValue::as_bytes);
    asked.zip(told).is_some_and(|(asked, told)| opaque(asked) != opaque(told))
}
