//! The facts of a response, on their way between a parent and a child.

use std::net::SocketAddr;
use std::time::Duration;

use http::Version;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use url::Url;

use super::job::{entry, position};
use super::{CookieFrame, FrameError};
use crate::model::{Cookie, Facts, Found, Hop, RedirectState, Timing, Validators};

/// The versions that there are, in the order of their numbers on the wire.
const VERSIONS: [Version; 5] = [Version::HTTP_09, Version::HTTP_10, Version::HTTP_11, Version::HTTP_2, Version::HTTP_3];

/// All facts.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct FactsFrame<'a> {
    status: Option<u16>,
    final_url: Option<&'a str>,
    path: Option<&'a str>,
    bytes: Option<u64>,
    wire_bytes: Option<u64>,
    content_type: Option<&'a str>,
    sha256: Option<[u8; 32]>,
    blake3: Option<[u8; 32]>,
    #[serde(borrow)]
    redirects: Vec<(u16, &'a str)>,
    http_version: Option<u8>,
    remote_addr: Option<SocketAddr>,
    started_at: Option<(i64, i32)>,
    #[serde(borrow)]
    validators: Option<ValidatorsFrame<'a>>,
    retry_after: Option<Duration>,
}

impl<'a> FactsFrame<'a> {
    pub(super) fn new(facts: &'a Facts) -> Self {
        Self {
            status: facts.status,
            final_url: facts.final_url.as_ref().map(Url::as_str),
            path: facts.path.as_deref(),
            bytes: facts.bytes,
            wire_bytes: facts.wire_bytes,
            content_type: facts.content_type.as_deref(),
            sha256: facts.found.sha256,
            blake3: facts.found.blake3,
            redirects: facts.redirects.iter().map(|hop| (hop.status, &*hop.url)).collect(),
            http_version: facts.http_version.and_then(|version| position(&VERSIONS, version)),
            remote_addr: facts.remote_addr,
            started_at: facts.started_at.map(|at| (at.as_second(), at.subsec_nanosecond())),
            validators: facts.validators.as_deref().map(ValidatorsFrame::new),
            retry_after: facts.retry_after,
        }
    }

    pub(super) fn into_facts(self) -> Result<Facts, FrameError> {
        let url = |text: &str| Url::parse(text).map_err(|_| FrameError::Garbage);
        let hop = |(status, url): (u16, &str)| Hop { status, url: url.into() };
        Ok(Facts {
            status: self.status,
            final_url: self.final_url.map(url).transpose()?,
            path: self.path.map(str::to_owned),
            bytes: self.bytes,
            wire_bytes: self.wire_bytes,
            content_type: self.content_type.map(Into::into),
            found: Found { sha256: self.sha256, blake3: self.blake3 },
            redirects: self.redirects.into_iter().map(hop).collect(),
            http_version: self.http_version.map(|at| entry(&VERSIONS, at)).transpose()?,
            remote_addr: self.remote_addr,
            started_at: match self.started_at {
                None => None,
                Some((second, nano)) => Some(Timestamp::new(second, nano).map_err(|_| FrameError::Garbage)?),
            },
            validators: self.validators.map(|validators| Box::new(validators.into_validators())),
            retry_after: self.retry_after,
        })
    }
}

/// The octets of ETag and Last-Modified.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct ValidatorsFrame<'a> {
    etag: Option<&'a [u8]>,
    last_modified: Option<&'a [u8]>,
}

impl<'a> ValidatorsFrame<'a> {
    pub(super) fn new(validators: &'a Validators) -> Self {
        let Validators { etag, last_modified } = validators;
        Self { etag: etag.as_deref(), last_modified: last_modified.as_deref() }
    }

    pub(super) fn into_validators(self) -> Validators {
        Validators { etag: self.etag.map(Into::into), last_modified: self.last_modified.map(Into::into) }
    }
}

/// All that is known of times, but for the waiting: that is the parent's.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(super) struct TimingFrame {
    dns: Option<Duration>,
    connect: Option<Duration>,
    tls: Option<Duration>,
    first_byte: Option<Duration>,
    total: Option<Duration>,
}

impl From<&Timing> for TimingFrame {
    fn from(timing: &Timing) -> Self {
        let Timing { queued: _, dns, connect, tls, first_byte, total } = *timing;
        Self { dns, connect, tls, first_byte, total }
    }
}

impl From<TimingFrame> for Timing {
    fn from(frame: TimingFrame) -> Self {
        let TimingFrame { dns, connect, tls, first_byte, total } = frame;
        Self { queued: None, dns, connect, tls, first_byte, total }
    }
}

/// The progress of a chain of redirects.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct RedirectFrame<'a> {
    #[serde(borrow)]
    facts: FactsFrame<'a>,
    timing: TimingFrame,
    took: Duration,
    wait: Duration,
    from: Option<SocketAddr>,
    cookies: Vec<CookieFrame>,
}

impl<'a> RedirectFrame<'a> {
    /// Of a job: how it came here matters, and not over which URLs, which are the parent's to keep.
    pub(super) fn without_hops(redirect: &'a RedirectState) -> Self {
        let mut frame = Self::new(redirect);
        frame.facts.redirects = Vec::new();
        frame
    }

    pub(super) fn new(redirect: &'a RedirectState) -> Self {
        Self {
            facts: FactsFrame::new(&redirect.facts),
            timing: (&redirect.timing).into(),
            took: redirect.took,
            wait: redirect.wait,
            from: redirect.from,
            cookies: redirect.cookies.iter().cloned().map(CookieFrame::from).collect(),
        }
    }

    pub(super) fn into_state(self) -> Result<RedirectState, FrameError> {
        Ok(RedirectState {
            facts: Box::new(self.facts.into_facts()?),
            timing: self.timing.into(),
            took: self.took,
            wait: self.wait,
            asked: None,
            from: self.from,
            cookies: self.cookies.into_iter().map(Cookie::from).collect(),
            // The parent's to count.
            deaths: 0,
            hop_bytes: 0,
        })
    }
}
