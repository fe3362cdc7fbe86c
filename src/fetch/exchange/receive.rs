//! The body of a successful response: its destination, its checks, and its kept beginning.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::SystemTime;

use bytes::Bytes;
use http::StatusCode;
use http::header::{self, HeaderMap, HeaderValue};
use url::Url;

use super::classify::{ExchangeStage, classify};
use super::resume::{PartialBody, replay};
use super::state::{Exchange, IDENTITY};
use crate::config::Compression;
use crate::extract::PageHead;
use crate::fetch::body::decode::{BodyMemory, Decoder, Resource};
use crate::fetch::body::observer::BodyObserver;
use crate::fetch::body::saved::{CodedCopy, SavedFile, StreamedBody};
use crate::fetch::body::stream::PartialStream;
use crate::fetch::body::transfer::Transfer;
use crate::fetch::body::{declared, digest, links, robots, text};
use crate::fetch::config::Saving;
use crate::fetch::connect::response::{Response, size};
use crate::fetch::save::converted::Conversion;
use crate::fetch::save::partial_file::{Note, ResumableResponse};
use crate::fetch::save::saver::FileNaming;
use crate::model::{ErrorKind, FetchError, Kind, Needs, SkipReason, Verdict};
use crate::policy::message::date;
use crate::policy::message::partial::strong_validator;
use crate::policy::naming::{file_of_url, missing_ending, name_from_disposition};
use crate::policy::scope::is_wanted_type;
use crate::policy::text::printable::{printable, text_of_octets};

impl Exchange<'_> {
    /// Returns the file name that the server proposes, if the run uses it. A name in the list has precedence.
    fn proposed(&self, fields: &HeaderMap) -> Option<String> {
        if !self.fetcher.config.content_disposition || self.overrides().is_some_and(|overrides| overrides.out.is_some())
        {
            return None;
        }
        let field = fields.get(header::CONTENT_DISPOSITION)?;
        let name = name_from_disposition(field.as_bytes());
        if name.is_none() {
            let (url, field) = (self.job.url().as_str(), text_of_octets(field.as_bytes()));
            tracing::debug!(url = %printable(url), field = %printable(&field), "Content-Disposition has no name");
        }
        name
    }

    /// Returns the ending that the file of this response lacks, if files get one. A name in the list has precedence.
    fn missing_ending(&self, proposed: Option<&str>) -> &'static str {
        let config = &self.fetcher.config;
        let is_named = self.overrides().is_some_and(|overrides| overrides.out.is_some());
        let name = proposed.or(self.job.save_as.as_ref().map(|name| &*name.0));
        match name.filter(|_| config.adjust_extension && !is_named) {
            Some(name) => missing_ending(name, self.facts.content_type.as_deref()),
            None => "",
        }
    }

    /// Returns how the links of this response are rewritten, if they are.
    fn conversion(&self, url: &Url) -> Option<Arc<Conversion>> {
        let config = &self.fetcher.config;
        let converts = config.convert_links && matches!(config.saving, Saving::Dir(_));
        Conversion::of(url, self.facts.content_type.as_deref()).filter(|_| converts).map(Arc::new)
    }

    /// Whether the file that the server has just named exists already and stays. Records its path and size.
    fn is_there(&mut self, proposed: Option<&str>) -> bool {
        if proposed.is_none() || !self.fetcher.config.skip_existing {
            return false;
        }
        let Some((path, bytes)) = self.fetcher.saver.existing(self.job, proposed) else { return false };
        self.facts.path = Some(path.to_string_lossy().into_owned());
        self.facts.bytes = bytes;
        true
    }

    /// Reads the body of a successful response to its end. The partial body, if there is one, is its beginning, and
    /// `total` the complete length from a Content-Range.
    pub(crate) async fn receive(
        &mut self,
        url: &Url,
        mut response: Response,
        total: Option<u64>,
    ) -> Result<Verdict, FetchError> {
        self.facts.continued = total.is_some();
        self.fetcher.meter.expects(self.job.seed.id, response.content_length());
        let mut transfer_coding = transfer_decoder(&response)?;
        let first = self.rest.as_ref().map(|rest| rest.first_answer(&mut self.facts, self.fetcher.config.needs));
        let proposed = self.proposed(first.as_ref().unwrap_or(response.headers()));
        if self.is_there(proposed.as_deref()) {
            self.drain(&mut response).await;
            return Ok(Verdict::Skipped(SkipReason::Exists));
        }
        let (mut transfer, note) = match self.resumed(url, &response, &mut transfer_coding).await? {
            Some(resumed) => resumed,
            None => self.transfer(url, &mut response, first, proposed, &mut transfer_coding).await?,
        };
        if let Some(total) = total {
            transfer.must_have(total);
        }
        let received = match self.pull(&mut response, &mut transfer_coding, &mut transfer).await {
            Ok(()) => transfer.finish(response.trailers(), &mut self.facts).await,
            Err(error) => Err(error),
        };
        if let Some(ignored) = received.as_ref().ok().and_then(|_| transfer.ignored()) {
            tracing::warn!(url = %printable(url.as_str()), ignored, "ignored bytes after the body");
        }
        let saved = received.inspect_err(|error| {
            let is_cut = matches!(error.kind, ErrorKind::Timeout | ErrorKind::Reset | ErrorKind::Truncated);
            if !is_cut {
                // The beginning of an invalid body is not trusted either.
                transfer.discard();
            }
            if let (Some(stream), true) = (&self.fetcher.services.stream, transfer.bytes() > 0) {
                stream.keep(note.filter(|_| is_cut), transfer);
            }
        })?;
        (self.facts.path, self.finished_body) = (saved.path, saved.finished_body);
        let is_as_it_came = self.facts.bytes.filter(|_| self.fetcher.config.convert_links);
        self.facts.file_bytes = saved.file_bytes.or(is_as_it_came);
        Ok(Verdict::Ok)
    }

    async fn pull(
        &mut self,
        response: &mut Response,
        coding: &mut Option<Decoder>,
        transfer: &mut Transfer,
    ) -> Result<(), FetchError> {
        let throttle = &self.fetcher.services.throttle;
        let at_once = throttle.bytes().map_or(usize::MAX, |limit| usize::try_from(limit.at_once).unwrap_or(usize::MAX));
        loop {
            let piece = self.deadlines.piece(response.chunk(), size).await?;
            let Some(mut piece) = piece.map_err(|e| classify(&*e, ExchangeStage::Body))? else {
                if let Some(capture) = &mut self.capture {
                    capture.complete();
                }
                return coding.as_mut().map_or(Ok(()), Decoder::finish);
            };
            while piece.len() > at_once {
                let part = piece.split_to(at_once);
                self.take(part, coding, transfer).await?;
            }
            self.take(piece, coding, transfer).await?;
            if let Some(decoded) = decoded(coding.as_ref(), transfer) {
                let pending = coding.as_ref().map_or(0, Decoder::pending) + transfer.pending();
                self.deadlines.decoded(decoded, pending);
            }
        }
    }

    /// Acquires bytes of a body from the byte limit, if there is one, and takes them.
    async fn take(
        &mut self,
        part: Bytes,
        coding: &mut Option<Decoder>,
        transfer: &mut Transfer,
    ) -> Result<(), FetchError> {
        let throttle = &self.fetcher.services.throttle;
        if throttle.bytes().is_some() {
            self.deadlines.apart(throttle.pay(part.len() as u64)).await?;
        }
        self.fetcher.meter.received(self.job.seed.id, part.len() as u64);
        transfer.count_wire(part.len(), &mut self.facts)?;
        let Some(coding) = coding else {
            self.capture_piece(&part).await?;
            return transfer.push(part, &mut self.facts).await;
        };
        coding.feed(part);
        while let Some(content) = coding.pull().await? {
            self.capture_piece(content).await?;
            transfer.push(Bytes::copy_from_slice(content), &mut self.facts).await?;
        }
        Ok(())
    }

    /// Returns the transfer of a body that a stream has in part, and the note with which it can go on. Leaves the
    /// partial body in its place if the response cannot be used.
    async fn resumed(
        &mut self,
        url: &Url,
        response: &Response,
        transfer_coding: &mut Option<Decoder>,
    ) -> Result<Option<(Transfer, Option<Note>)>, FetchError> {
        if let Some(PartialBody::Stream(cut)) = &self.rest {
            cut.transfer.expect(response.content_length())?;
            self.share_memory(url, None, transfer_coding).await?;
        }
        let Some(PartialBody::Stream(cut)) = self.rest.take_if(|rest| matches!(rest, PartialBody::Stream(_))) else {
            return Ok(None);
        };
        let PartialStream { note, mut transfer } = *cut;
        transfer.resume(response.headers(), self.deadlines.limit());
        Ok(Some((transfer, note)))
    }

    /// Returns the transfer for the bytes of a response, behind those of a partial file. For a stream, also returns
    /// the note with which a cut body can go on.
    async fn transfer(
        &mut self,
        url: &Url,
        response: &mut Response,
        first: Option<HeaderMap>,
        proposed: Option<String>,
        transfer_coding: &mut Option<Decoder>,
    ) -> Result<(Transfer, Option<Note>), FetchError> {
        let (fetcher, job) = (self.fetcher, self.job);
        let kept = match self.rest.take() {
            Some(PartialBody::File(kept)) => Some(kept),
            Some(PartialBody::Stream(_)) | None => None,
        };
        let said = first.as_ref().unwrap_or(response.headers());
        let (decoder, modified) = (self.decoder(url, said, proposed.as_deref())?, self.modified(said));
        let document = self.document_observer(url, said);
        let text = self.text_observer(url, said);
        // The links of a body that stays compressed are out of reach.
        let is_coded = decoder.is_none() && said.contains_key(header::CONTENT_ENCODING);
        let decoder = self.share_memory(url, decoder, transfer_coding).await?;
        let of_content = declared::of_content(response.headers());
        // A part that the user asked for is not the representation (RFC 9530, section 3).
        let is_part = self.asks_part && response.status() == StatusCode::PARTIAL_CONTENT;
        let of_representation =
            if is_part { None } else { declared::of_representation(response.headers(), first.as_ref()) };
        let mut answered = if kept.is_none() { self.answered(url, response) } else { None };
        let stream = fetcher.services.stream.as_ref().map(|stream| stream.writer().clone());
        let note = if stream.is_some() { answered.take().map(|answered| answered.note()) } else { None };
        let saves = self.saves_type();
        let has_copy = saves && decoder.is_some() && (kept.is_some() || answered.is_some());
        let mut transfer = Transfer::new(fetcher.config.max_size, decoder);
        transfer.observe(of_representation);
        transfer.observe(digest::observers(fetcher.config.needs, self.overrides()));
        transfer.observe(document);
        transfer.observe(text);
        transfer.observe(stream.map(StreamedBody::observer));
        let copy = if has_copy { fetcher.saver.begin_coded(job, answered.take()) } else { None };
        let file = if saves {
            let naming = FileNaming { proposed: proposed.as_deref(), ending: self.missing_ending(proposed.as_deref()) };
            let conversion = self.conversion(url).filter(|_| !is_coded);
            fetcher.saver.begin(job, self.commit_state.as_ref(), modified, naming, answered, conversion)
        } else {
            None
        };
        // The file with the bytes as received: only this one contains the kept bytes already.
        let (file, mut received) = if has_copy { (file, copy) } else { (None, file) };
        transfer.observe(file.map(SavedFile::observer));
        if let Some(kept) = kept {
            let replayed = replay(&mut transfer, kept, &mut self.facts).await;
            let kept = replayed.inspect_err(|_| self.useless = true)?;
            if let Some(file) = &mut received {
                file.resume(kept);
            }
        }
        transfer.observe(received.map(if has_copy { CodedCopy::observer } else { SavedFile::observer }));
        transfer.observe(of_content);
        transfer.expect(response.content_length())?;
        Ok((transfer, note))
    }

    /// Whether documents of this media type are saved.
    fn saves_type(&self) -> bool {
        let types = &self.fetcher.config.page_types;
        self.job.seed.kind != Kind::Page || is_wanted_type(types, self.facts.content_type.as_deref())
    }

    /// Returns the observer that reads the document for a crawl.
    fn document_observer(&self, url: &Url, fields: &HeaderMap) -> Option<Box<dyn BodyObserver>> {
        let config = &self.fetcher.config;
        match self.job.seed.kind {
            Kind::Robots => Some(robots::observer()),
            _ if config.needs.contains(Needs::LINKS) => {
                Some(links::observer(url, fields, &self.job.seed, config.forms, config.needs))
            }
            _ => None,
        }
    }

    /// Returns the observer that reads the text of a page.
    fn text_observer(&self, url: &Url, fields: &HeaderMap) -> Option<Box<dyn BodyObserver>> {
        let (config, services) = (&self.fetcher.config, &self.fetcher.services);
        if self.job.seed.kind != Kind::Page {
            return None;
        }
        let content_type = fields.get(header::CONTENT_TYPE).map(|field| field.as_bytes().to_vec());
        let head = PageHead { url: url.clone(), content_type, format: config.text_format };
        text::observer(head, config.needs, services.text_permits.clone())
    }

    /// Returns the response, if its body could be resumed after a cut. Takes the fields out of `response`.
    fn answered(&self, url: &Url, response: &mut Response) -> Option<Box<ResumableResponse>> {
        let saving = &self.fetcher.config.saving;
        // A part that the user asked for is not the beginning of the whole.
        if self.asks_part || matches!(saving, Saving::Discard) || strong_validator(response.headers()).is_none() {
            return None;
        }
        // The kept bytes of a cut body come after its transfer decoding: they are no range.
        if has_transfer_coding(response.headers()) {
            return None;
        }
        Some(Box::new(ResumableResponse {
            url: self.job.seed.url.clone(),
            asked: url.clone(),
            accept_encoding: self.accepts.clone(),
            total: response.content_length(),
            fields: std::mem::take(&mut response.head.headers),
        }))
    }

    /// Returns the modification time for the file, if files get one.
    fn modified(&self, fields: &HeaderMap) -> Option<SystemTime> {
        let field = fields.get(header::LAST_MODIFIED).filter(|_| self.fetcher.config.remote_time)?;
        date::system_time(field.as_bytes())
    }

    /// Returns the decoder of an answer. The coding of a compressed file stays.
    fn decoder(&self, url: &Url, fields: &HeaderMap, proposed: Option<&str>) -> Result<Option<Decoder>, FetchError> {
        if self.fetcher.config.compression == Compression::Raw || !fields.contains_key(header::CONTENT_ENCODING) {
            return Ok(None);
        }
        let values = fields.get_all(header::CONTENT_ENCODING).iter().map(HeaderValue::as_bytes);
        let content_type = self.facts.content_type.as_deref();
        let names = self.names(url, proposed);
        let names = names.each_ref().map(Option::as_deref);
        let asks_codings = self.accepts.as_ref() != Some(&IDENTITY);
        Decoder::new(values, &Resource { names, content_type }, asks_codings)
    }

    /// Lets the decoders of a body share the memory of their windows with all others. A body asks for it once,
    /// so where both have windows, it asks for both now.
    async fn share_memory(
        &self,
        url: &Url,
        content: Option<Decoder>,
        transfer: &mut Option<Decoder>,
    ) -> Result<Option<Decoder>, FetchError> {
        let windows = |decoder: Option<&Decoder>| decoder.map_or(0, Decoder::windows);
        let (of_content, of_transfer) = (windows(content.as_ref()), windows(transfer.as_ref()));
        if of_content + of_transfer == 0 {
            return Ok(content);
        }
        let host = url.host_str().unwrap_or_default();
        let mut memory = BodyMemory::new(&self.fetcher.services.decoder_memory, host, self.deadlines.limit());
        if of_content == 0 {
            *transfer = transfer.take().map(|decoder| decoder.with_memory(memory));
            return Ok(content);
        }
        if of_transfer > 0 {
            memory.reserve(of_content + of_transfer).await?;
        }
        Ok(content.map(|decoder| decoder.with_memory(memory)))
    }

    /// Returns the name of the file. An unsaved body has those that the listed URL and this one would give it.
    pub(crate) fn names<'a>(&'a self, url: &'a Url, proposed: Option<&'a str>) -> [Option<Cow<'a, str>>; 2] {
        match self.fetcher.saver.file_name(self.job, proposed) {
            Some(name) => [Some(Cow::Borrowed(name)), None],
            None => [Some(file_of_url(&self.job.seed.url)), Some(file_of_url(url))],
        }
    }
}

/// The number of bytes that all codings have yielded; `None` where there are none.
fn decoded(coding: Option<&Decoder>, transfer: &Transfer) -> Option<u64> {
    transfer.decoded().or_else(|| coding.map(|_| transfer.content_bytes()))
}

/// Makes the decoder of the transfer codings (RFC 9112, section 7). The client has undone `chunked`.
pub(super) fn transfer_decoder(response: &Response) -> Result<Option<Decoder>, FetchError> {
    let fields = response.headers();
    // A 204 may name codings, but has no content.
    if !has_transfer_coding(fields) || response.content_length() == Some(0) {
        return Ok(None);
    }
    Decoder::of_transfer(fields.get_all(header::TRANSFER_ENCODING).iter().map(HeaderValue::as_bytes))
}

/// Whether a transfer coding other than `chunked` is named.
fn has_transfer_coding(fields: &HeaderMap) -> bool {
    fields.get_all(header::TRANSFER_ENCODING).iter().any(|value| !value.as_bytes().eq_ignore_ascii_case(b"chunked"))
}
