//! Gives every exchange of a run to its archive.

use std::fmt::Write as _;

use http::{HeaderMap, HeaderName, Version};
use jiff::Timestamp;
use tokio::time::Instant;
use url::{Position, Url};

use super::receive::transfer_decoder;
use super::state::{Exchange, HopEnd};
use crate::archive::{ArchivedHead, CaptureUse, CapturedExchange, CapturedPage, ExchangeCapture, Truncation};
use crate::fetch::connect::response::{Response, size};
use crate::model::{ArchivedRecords, ErrorKind, FetchError, Kind, LinkKind, LinkList, SkipReason, Verdict, is_secret};

/// A request that the archive gets.
pub(super) struct CapturedRequest {
    started: Timestamp,
    sent: Instant,
    /// Its fields, which HTTP/2 may need.
    fields: HeaderMap,
}

impl Exchange<'_> {
    /// Returns what the archive needs of a request that is about to be sent; `None` without an archive.
    pub(super) fn captured_request(&self, url: &Url, fields: &HeaderMap) -> Option<CapturedRequest> {
        self.fetcher.services.archive.as_ref()?;
        let fields = if url.scheme() == "https" { fields.clone() } else { HeaderMap::new() };
        // The state knows this time, so a later run can refer to the record by it.
        let first = self.facts.started_at.filter(|_| self.job.redirect.is_none());
        Some(CapturedRequest { started: first.unwrap_or_else(Timestamp::now), sent: Instant::now(), fields })
    }

    /// Begins to archive the exchange of this response.
    pub(super) fn begin_capture(&mut self, url: &Url, response: &Response, request: CapturedRequest) {
        let Some(archive) = &self.fetcher.services.archive else { return };
        let heads = response.heads.as_ref().map(|heads| heads.take()).unwrap_or_default();
        let sent = if heads.request.is_empty() {
            made_request(self.method().as_str(), url, &request.fields)
        } else {
            heads.request
        };
        let head = if heads.response.is_empty() {
            ArchivedHead::made("1.1", response.status(), response.headers())
        } else {
            ArchivedHead::received(&heads.response)
        };
        let protocol = match response.version() {
            Version::HTTP_10 => "http/1.0",
            Version::HTTP_2 => "h2",
            _ => "http/1.1",
        };
        let exchange = CapturedExchange {
            target: url[..Position::AfterQuery].to_owned(),
            started: request.started,
            address: self.fetcher.clients.peer(url, response.remote_addr).map(|address| address.ip()),
            protocols: std::iter::once(protocol).chain(response.tls).collect(),
            request: without_secrets(&sent),
            response: head,
            via: self.via(),
            hops: self.hops(),
        };
        self.capture = Some(Box::new(ExchangeCapture::new(archive.clone(), exchange)));
        self.sent = request.sent;
    }

    /// The document or the redirect that led to the URL.
    fn via(&self) -> Option<String> {
        let hop = self.job.redirect.as_deref().and_then(|redirect| redirect.facts.redirects.last());
        match hop {
            Some(hop) => Some(hop.url.to_string()),
            None => self.job.seed.via.parent().map(|parent| parent.to_string()),
        }
    }

    /// The way from a start page, a letter for each step.
    fn hops(&self) -> String {
        let seed = &self.job.seed;
        let mut hops = "L".repeat(seed.depth as usize);
        match seed.kind {
            Kind::Page | Kind::Check => {}
            Kind::Requisite => {
                hops.pop();
                hops.push('E');
            }
            Kind::Robots => hops.push('P'),
            Kind::Sitemap => hops.push('M'),
        }
        let redirects = self.job.redirect.as_deref().map_or(0, |redirect| redirect.facts.redirects.len());
        hops + &"R".repeat(redirects)
    }

    /// Passes a piece of the content to the archive, if there is one.
    pub(super) async fn capture_piece(&mut self, piece: &[u8]) -> Result<(), FetchError> {
        let is_full = self.capture.as_mut().is_some_and(|capture| capture.take(piece));
        if let Some(mut capture) = self.capture.take_if(|_| is_full) {
            let compressed = self.fetcher.archiver.run_long(move || capture.compress().map(|()| capture)).await;
            self.capture = Some(compressed.map_err(|e| self.not_archived(&e))?);
        }
        Ok(())
    }

    /// Reads a body that only the archive gets. The outcome of the exchange does not depend on it, so an error only
    /// ends it.
    pub(super) async fn drain_into_capture(&mut self, response: &mut Response) {
        let read = self.read_into_capture(response).await;
        if let Err(error) = read {
            self.cut = Some(truncation(&error));
        }
    }

    async fn read_into_capture(&mut self, response: &mut Response) -> Result<(), FetchError> {
        let (mut coding, mut length) = (transfer_decoder(response)?, 0);
        loop {
            let piece = self.deadlines.piece(response.chunk(), size).await?;
            let piece = piece.map_err(|e| super::classify::classify(&*e, super::classify::ExchangeStage::Body))?;
            let Some(piece) = piece else { break };
            length += piece.len() as u64;
            self.pay(&mut (piece.len() as u64)).await?;
            if let Some(most) = self.fetcher.config.max_size.filter(|most| length > *most) {
                return Err(FetchError::new(ErrorKind::TooLarge, format!("more than {most} bytes")));
            }
            let Some(coding) = &mut coding else {
                self.capture_piece(&piece).await?;
                continue;
            };
            coding.feed(piece);
            while let Some(content) = coding.pull().await? {
                self.capture_piece(content).await?;
            }
        }
        if let Some(capture) = &mut self.capture {
            capture.complete();
        }
        Ok(())
    }

    /// Archives the exchange that has ended so. The records of a page wait until its outcome is final.
    pub(super) async fn archive(&mut self, end: &Result<Option<HopEnd>, FetchError>) -> Result<(), FetchError> {
        let cut = self.cut.take();
        let (Some(capture), Some(archive)) = (self.capture.take(), &self.fetcher.services.archive) else {
            return Ok(());
        };
        let cut = match (capture.is_complete(), end) {
            (true, _) => None,
            (false, Err(error)) => Some(cut.unwrap_or_else(|| truncation(error))),
            (false, Ok(_)) => Some(cut.unwrap_or(Truncation::Unspecified)),
        };
        let is_page = matches!(self.job.seed.kind, Kind::Page | Kind::Requisite);
        let used = match end {
            Ok(Some(HopEnd::Finished(Verdict::Ok))) if is_page => CaptureUse::Page,
            Ok(Some(HopEnd::Finished(Verdict::Skipped(SkipReason::NotModified)))) => {
                CaptureUse::NotModified(self.archived_before())
            }
            _ => CaptureUse::Other,
        };
        let (took, archive, is_long) = (self.sent.elapsed(), archive.clone(), capture.is_long());
        let links = self.facts.found.links.as_deref().filter(|_| archive.wants_outlinks());
        let text = self.facts.found.text.as_deref().filter(|page| page.error.is_none());
        let page = CapturedPage {
            outlinks: links.map(|page| outlinks(&page.links)).unwrap_or_default(),
            text: text.map(|page| (self.fetcher.config.text_format, page.text.clone())),
        };
        let work = move || {
            let group = capture.finish(took, cut, used, &page)?;
            match used {
                CaptureUse::Other => archive.append(group).map(ArchivedRecords::Written),
                CaptureUse::Page | CaptureUse::NotModified(_) => archive.hold(group).map(ArchivedRecords::Held),
            }
        };
        let archiver = &self.fetcher.archiver;
        let records = if is_long { archiver.run_long(work).await } else { archiver.run(work).await };
        self.facts.found.records = Some(records.map_err(|e| self.not_archived(&e))?);
        Ok(())
    }

    /// When an earlier run has fetched the page that is not modified; `None` if redirects led to it.
    fn archived_before(&self) -> Option<Timestamp> {
        let condition = self.job.seed.known.as_ref()?.condition.as_ref()?;
        condition.facts.started_at.filter(|_| condition.facts.final_url.is_none() && self.job.redirect.is_none())
    }

    fn not_archived(&self, error: &std::io::Error) -> FetchError {
        FetchError::new(ErrorKind::Io, format!("cannot write the archive: {error}"))
    }
}

/// The links of a page as lines of a metadata record, as Heritrix writes them. A line has the URL, the step from the
/// page to it, and its place in the page, which is not known in detail.
fn outlinks(links: &LinkList) -> String {
    let mut lines = String::new();
    for link in links.iter() {
        let step = match link.kind {
            LinkKind::Page | LinkKind::Form | LinkKind::Hint => "L =NAVLINK_MISC",
            LinkKind::Frame | LinkKind::Requisite => "E =EMBED_MISC",
            LinkKind::Sitemap => "M =MANIFEST_MISC",
        };
        // Writing to a String cannot fail.
        let _ = write!(lines, "outlink: {} {step}\r\n", link.url);
    }
    lines
}

/// Why a body is cut off by an error.
fn truncation(error: &FetchError) -> Truncation {
    match error.kind {
        ErrorKind::TooLarge => Truncation::Length,
        ErrorKind::Timeout => Truncation::Time,
        ErrorKind::Reset | ErrorKind::Truncated => Truncation::Disconnect,
        _ => Truncation::Unspecified,
    }
}

/// Makes the head of a request over HTTP/2, in the form of HTTP/1.1.
fn made_request(method: &str, url: &Url, fields: &HeaderMap) -> Vec<u8> {
    let path = &url[Position::BeforePath..Position::AfterQuery];
    let host = &url[Position::BeforeHost..Position::AfterPort];
    let mut head = format!("{method} {path} HTTP/1.1\r\nhost: {host}\r\n").into_bytes();
    for (name, value) in fields.iter().filter(|(name, _)| **name != http::header::HOST) {
        head.extend_from_slice(format!("{name}: ").as_bytes());
        head.extend_from_slice(value.as_bytes());
        head.extend_from_slice(b"\r\n");
    }
    head.extend_from_slice(b"\r\n");
    head
}

/// Leaves out the secret fields of a request: archives are made to be published.
fn without_secrets(head: &[u8]) -> Vec<u8> {
    let mut kept = Vec::with_capacity(head.len());
    for line in head.split_inclusive(|byte| *byte == b'\n') {
        let name = line.iter().position(|byte| *byte == b':').map(|colon| &line[..colon]);
        let name = name.and_then(|name| HeaderName::from_bytes(name).ok());
        if !name.is_some_and(|name| is_secret(&name)) {
            kept.extend_from_slice(line);
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secret_fields_are_left_out_of_a_request() {
        let head = b"GET / HTTP/1.1\r\nHost: a.test\r\nauthorization: Basic YTpi\r\nCookie: a=b\r\nAccept: */*\r\n\r\n";
        assert_eq!(without_secrets(head), b"GET / HTTP/1.1\r\nHost: a.test\r\nAccept: */*\r\n\r\n");
    }

    #[test]
    fn request_over_http2_has_the_form_of_http1() {
        let url = Url::parse("https://a.test:8443/b?c#d").unwrap();
        let mut fields = HeaderMap::new();
        fields.insert(http::header::ACCEPT, http::HeaderValue::from_static("*/*"));
        let head = made_request("GET", &url, &fields);
        assert_eq!(head, b"GET /b?c HTTP/1.1\r\nhost: a.test:8443\r\naccept: */*\r\n\r\n");
    }
}
