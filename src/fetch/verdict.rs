//! What a response that is no redirect means.

use ::http::{HeaderMap, Method, StatusCode, header};
use url::Url;

use super::answer::Answer;
use super::http::Exchange;
use super::resume::Rest;
use crate::model::{Condition, ErrorKind, FetchError, SkipReason, Validators, Verdict};
use crate::policy::printable::printable;

impl Exchange<'_> {
    /// A response that is no redirect: what it means, and its body. `None` where the URL is to be
    /// asked again, for all of it.
    pub(super) async fn finish(
        &mut self,
        url: &Url,
        status: StatusCode,
        response: Answer,
    ) -> Result<Option<Verdict>, FetchError> {
        match status.as_u16() {
            206 | 416 if self.asks_rest => {
                let Some(rest) = self.rest.take() else { return Ok(None) };
                match rest.is_in(response.headers()) {
                    Ok(total) if status == 206 => {
                        return match self.receive(url, response, Some((rest, total))).await {
                            // What was kept turned out to be nothing to go on with.
                            Err(_) if std::mem::take(&mut self.useless) => Ok(None),
                            received => received.map(Some),
                        };
                    }
                    Ok(_) => {}
                    Err(why) => tracing::debug!(url = %printable(url.as_str()), why, "starting again"),
                }
                self.rest = Some(rest);
                self.start_again().map(|()| None)
            }
            200..=299 if self.fetcher.method == Method::HEAD => {
                self.drain(response).await;
                Ok(Some(Verdict::Ok))
            }
            200..=299 if status != 206 => {
                self.start_again()?;
                self.receive(url, response, None).await.map(Some)
            }
            _ => self.without_body(url, status, response).await.map(Some),
        }
    }

    /// What there is of the body is of no use.
    pub(super) fn start_again(&mut self) -> Result<(), FetchError> {
        match self.rest.take() {
            None => Ok(()),
            Some(Rest::Kept(kept)) => {
                kept.at.remove();
                Ok(())
            }
            Some(Rest::Cut(cut)) => {
                let error = cut.is_out();
                self.rest = Some(Rest::Cut(cut));
                Err(error)
            }
        }
    }

    /// What a response means whose body nobody wants.
    async fn without_body(&mut self, url: &Url, status: StatusCode, response: Answer) -> Result<Verdict, FetchError> {
        match status.as_u16() {
            206 => {
                let message = "206 Partial Content, though no range was asked for";
                Err(FetchError::new(ErrorKind::Protocol, message))
            }
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
            304 => {
                let message = "304 Not Modified, though the request had no condition";
                Err(FetchError::new(ErrorKind::Protocol, message))
            }
            300..=399 => {
                let message = format!("{status} without a Location to follow");
                Err(FetchError::new(ErrorKind::Redirect, message))
            }
            // RFC 9110, section 15: what is beyond 599 is treated as an error of the server.
            400.. => {
                self.drain(response).await;
                Ok(Verdict::HttpError)
            }
            other => Err(FetchError::new(ErrorKind::Protocol, format!("status {other} is no final status"))),
        }
    }
}

/// Whether an answer speaks of another version than it was asked about (RFC 9110, section 8.8.3.2:
/// compared as weak tags are).
fn is_another(condition: &Condition, fields: &HeaderMap) -> bool {
    let opaque = |tag: &str| tag.strip_prefix("W/").unwrap_or(tag).to_owned();
    let asked = condition.validators.etag.as_deref().map(opaque);
    let told = fields.get(header::ETAG).and_then(|tag| tag.to_str().ok()).map(opaque);
    asked.zip(told).is_some_and(|(asked, told)| asked != told)
}

/// What lets a later run ask whether the answer has changed (RFC 9110, section 8.8).
pub(super) fn validators(fields: &HeaderMap) -> Option<Box<Validators>> {
    let text = |name| fields.get(name).and_then(|value| value.to_str().ok()).map(Box::<str>::from);
    let (etag, last_modified) = (text(header::ETAG), text(header::LAST_MODIFIED));
    (etag.is_some() || last_modified.is_some()).then(|| Box::new(Validators { etag, last_modified }))
}
