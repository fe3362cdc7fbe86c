//! The exchange of one job over HTTP: a request, its response, and the body of a final response.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::SystemTime;

use futures::future::BoxFuture;
use http::Method;
use http::header::{self, HeaderMap, HeaderValue};
use jiff::Timestamp;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use url::Url;

use super::archive_thread::ArchiveThread;
use super::challenges::Login;
use super::classify::{ExchangeStage, classify};
use super::cookies;
use super::deadlines::Deadlines;
use super::head_facts::{bound_head, content_type, validators};
use super::probe;
use super::redirect::redirect_target;
use super::repeat::repeat_on;
use super::request::set_fields;
use super::resume::PartialBody;
use super::services::FetchServices;
use super::state::{Exchange, HopEnd, HttpFetcher, IDENTITY};
use crate::config::Compression;
use crate::fetch::body::meter::Meter;
use crate::fetch::config::FetchConfig;
use crate::fetch::connect::address_filter::AddressFilter;
use crate::fetch::connect::client::Clients;
use crate::fetch::connect::connect_context::{CONNECT, ConnectContext};
use crate::fetch::connect::connection_choice::ConnectionChoice;
use crate::fetch::connect::host_field::its_own;
use crate::fetch::connect::response::Response;
use crate::fetch::reply::{Fetched, Fetcher, Reply};
use crate::fetch::save::destination::CommitState;
use crate::fetch::save::saver::{FileNaming, Saver};
use crate::model::{
    Facts, FetchError, Job, Needs, RedirectState, RequestOverrides, SkipReason, Timing, Verdict, is_secret,
};
use crate::policy::retry::retry_after::asked;
use crate::policy::text::printable::printable;

const CODINGS: HeaderValue = HeaderValue::from_static("br, zstd, gzip, deflate");

impl HttpFetcher {
    pub(crate) fn new(config: &Arc<FetchConfig>, services: &FetchServices, meter: &Arc<Meter>) -> Self {
        let addresses = Arc::new(AddressFilter::new(config, &services.resolver));
        let under_way = Arc::new(AtomicUsize::new(0));
        let mut fields = HeaderMap::with_capacity(8);
        // RFC 9110, section 7.2: Host comes first, unless HTTP/2 is possible. Each request replaces
        // the placeholder.
        fields.insert(header::HOST, its_own());
        fields.insert(header::ACCEPT_ENCODING, if config.compression == Compression::Off { IDENTITY } else { CODINGS });
        fields.insert(header::ACCEPT, HeaderValue::from_static("*/*"));
        let (sent, withheld): (Vec<_>, Vec<_>) = config.headers.iter().cloned().partition(|(_, value)| value.is_some());
        let sent: Vec<_> = sent.into_iter().filter_map(|(name, value)| Some((name, value?))).collect();
        set_fields(&mut fields, &sent);
        cookies::fold(&mut fields);
        let withheld: Vec<_> = withheld.into_iter().map(|(name, _)| name).collect();
        withheld.iter().for_each(|name| drop(fields.remove(name)));
        Self {
            asks_codings: !config.headers.iter().any(|(name, _)| name == header::ACCEPT_ENCODING),
            method: if config.head { Method::HEAD } else { Method::GET },
            clients: Clients::new(config, services.throttle.bytes(), &addresses, services.archive.is_some()),
            saver: Saver::new(config, under_way.clone()),
            archiver: ArchiveThread::new(under_way.clone()),
            has_secrets: config.has_secrets(),
            config: config.clone(),
            services: services.clone(),
            addresses,
            meter: meter.clone(),
            fields,
            under_way,
            most_under_way: AtomicUsize::new(0),
        }
    }
}

impl Fetcher for HttpFetcher {
    fn fetch<'a>(&'a self, job: &'a Job, abort: &'a CancellationToken) -> BoxFuture<'a, Reply> {
        Box::pin(CONNECT.scope(ConnectContext::default(), async move {
            if let Some(told) = self.without_asking(job) {
                return Reply::Finished(told);
            }
            let _counted = FetchCount::new(&self.under_way, &self.most_under_way);
            let started = Instant::now();
            let before = job.redirect.as_deref();
            let mut facts = Box::new(before.map(|before| before.facts.for_next_hop()).unwrap_or_default());
            facts.started_at.get_or_insert_with(Timestamp::now);
            let timing = before.map_or_else(Timing::default, |before| before.timing);
            let spent = timing.total.unwrap_or_default();
            let commit_state = self.saver.makes_files().then(Arc::<CommitState>::default);
            let mut exchange = Exchange {
                fetcher: self,
                job,
                started,
                facts,
                spent,
                timing,
                deadlines: Deadlines::new(&self.config, started, spent),
                commit_state: commit_state.clone(),
                chain: before.and_then(|before| cookies::chain(&before.cookies)),
                rest: None,
                asks_rest: false,
                asks_part: false,
                local: None,
                asks_change: false,
                is_anonymous: false,
                useless: false,
                finished_body: None,
                accepts: None,
                asks_head: probe::begins_with_head(&self.config, job),
                capture: None,
                sent: started,
                cut: None,
                login: Login::default(),
                allowed: match before {
                    None => self.addresses.of_the_list(),
                    Some(before) => self.addresses.behind(before.from),
                },
            };
            let ended = {
                let run = exchange.run();
                tokio::pin!(run);
                tokio::select! {
                    biased;
                    ended = &mut run => ended,
                    () = abort.cancelled() => {
                        if commit_state.is_none_or(|state| state.give_up()) { Ok(HopEnd::Finished(Verdict::Cancelled)) } else { run.await }
                    }
                }
            };
            let ended = ended.unwrap_or_else(|error| {
                tracing::debug!(url = %printable(job.url().as_str()), error = %printable(&error.to_string()), "failed");
                HopEnd::Finished(Verdict::Failed(error))
            });
            let Exchange { facts, mut timing, chain, rest, finished_body, .. } = exchange;
            if let (Some(PartialBody::Stream(cut)), Some(stream)) = (rest, &self.services.stream) {
                stream.put_back(cut);
            }
            timing.total = Some(spent + started.elapsed());
            match ended {
                HopEnd::Finished(verdict) => Reply::Finished(Fetched { facts, timing, verdict, finished_body }),
                HopEnd::Redirected(from, wait) => {
                    let took = timing.first_byte.unwrap_or_default().saturating_sub(spent);
                    let cookies = cookies::of_chain(chain.as_deref());
                    Reply::Redirected(Box::new(RedirectState {
                        facts,
                        timing,
                        took,
                        wait,
                        from,
                        cookies,
                        deaths: 0,
                        hop_bytes: 0,
                    }))
                }
            }
        }))
    }
}

impl HttpFetcher {
    /// Returns the outcome of a job that needs no request. The check of one file name blocks too briefly
    /// to be worth another thread.
    fn without_asking(&self, job: &Job) -> Option<Fetched> {
        if !self.config.skip_existing && !self.config.dry_run || job.redirect.is_some() {
            return None;
        }
        let there = if self.config.skip_existing { self.saver.existing(job, None) } else { None };
        let (reason, path, bytes) = match there {
            Some((path, bytes)) => (SkipReason::Exists, Some(path), bytes),
            None if self.config.dry_run => (SkipReason::DryRun, self.saver.target(job, FileNaming::default()), None),
            None => return None,
        };
        let path = path.map(|path| path.to_string_lossy().into_owned());
        let facts = Box::new(Facts { path, bytes, ..Facts::default() });
        Some(Fetched { facts, timing: Timing::default(), verdict: Verdict::Skipped(reason), finished_body: None })
    }
}

/// A guard that counts a fetch as under way.
struct FetchCount<'a>(&'a AtomicUsize);

impl<'a> FetchCount<'a> {
    fn new(count: &'a AtomicUsize, most: &AtomicUsize) -> Self {
        let now = count.fetch_add(1, Relaxed) + 1;
        most.fetch_max(now, Relaxed);
        Self(count)
    }
}

impl Drop for FetchCount<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Relaxed);
    }
}

impl Exchange<'_> {
    /// Sends requests until a response is final or a redirect.
    async fn run(&mut self) -> Result<HopEnd, FetchError> {
        let url = self.job.url();
        self.rest = self.find_rest().await;
        self.local = self.find_local();
        loop {
            let response = match self.send(url).await {
                Err(error) if self.is_about_head(&error) => {
                    self.asks_head = false;
                    continue;
                }
                response => response?,
            };
            let end = self.answer(url, response).await;
            self.archive(&end).await?;
            if let Some(end) = end? {
                return Ok(end);
            }
        }
    }

    /// Reads a response. `None` if the URL must be requested again.
    async fn answer(&mut self, url: &Url, mut response: Response) -> Result<Option<HopEnd>, FetchError> {
        if self.answers_challenge(url, &response) {
            self.drain(&mut response).await;
            return Ok(None);
        }
        match redirect_target(url, &response) {
            Ok(Some(next)) => return self.record_redirect(url, next, response).await.map(Some),
            Ok(None) => {}
            Err(error) => {
                if self.capture.is_some() {
                    self.drain(&mut response).await;
                }
                return Err(error);
            }
        }
        let status = response.status();
        Ok(self.finish(url, status, response).await?.map(HopEnd::Finished))
    }

    /// Returns the partial body, if there is one.
    async fn find_rest(&self) -> Option<PartialBody> {
        if self.fetcher.services.archive.is_some() {
            // An archive has whole responses.
            if let Some(kept) = self.fetcher.saver.kept(self.job).await {
                kept.at.remove();
            }
            return None;
        }
        match &self.fetcher.services.stream {
            Some(stream) => stream.cut().map(PartialBody::Stream),
            None => self.fetcher.saver.kept(self.job).await.map(|kept| PartialBody::File(Box::new(kept))),
        }
    }

    /// Sends one request and waits for the head of its response. Repeats it once at most.
    async fn send(&mut self, url: &Url) -> Result<Response, FetchError> {
        tracing::debug!(url = %printable(url.as_str()), "asking");
        let mut choice = ConnectionChoice::Any;
        let mut is_repeat = false;
        let mut request;
        let response = loop {
            if self.fetcher.services.throttle.is_paced() {
                self.deadlines.apart(self.fetcher.services.throttle.request(url)).await?;
            }
            CONNECT.with(ConnectContext::reset);
            let fields = self.fields_for(url);
            self.accepts = fields.get(header::ACCEPT_ENCODING).cloned();
            self.asks_rest = self.rest.is_some() && fields.contains_key(header::IF_RANGE);
            self.asks_part = !self.asks_rest && fields.contains_key(header::RANGE);
            let is_conditional =
                [header::IF_NONE_MATCH, header::IF_MODIFIED_SINCE].iter().any(|it| fields.contains_key(it));
            self.asks_change = !self.asks_rest && is_conditional;
            let in_line = |line: &RequestOverrides| line.credentials.is_some() || !line.headers.is_empty();
            let may_have_secrets = self.fetcher.has_secrets || self.overrides().is_some_and(in_line);
            self.is_anonymous = may_have_secrets && !fields.keys().any(is_secret);
            let most = self.fetcher.most_under_way.load(Relaxed);
            request = self.captured_request(url, &fields);
            let sent = self.fetcher.clients.send(self.method(), url, fields, most, self.allowed, choice);
            let answered = self.deadlines.head(sent).await?;
            let Some(next) = repeat_on(&answered).filter(|_| !is_repeat) else {
                break answered.map_err(|e| classify(&*e, ExchangeStage::Head))?;
            };
            tracing::debug!(url = %printable(url.as_str()), "asking again: a reused connection ended or was refused");
            (choice, is_repeat) = (next, true);
        };
        if let Some(jar) = &self.fetcher.services.cookies {
            cookies::keep(Some(jar), &mut self.chain, url, response.headers());
        }
        self.timing.first_byte = Some(self.spent + self.started.elapsed());
        tracing::debug!(url = %printable(url.as_str()), status = response.status().as_u16(), "answered");
        CONNECT.with(|marks| marks.add_to(&mut self.timing));
        let facts = &mut self.facts;
        facts.status = Some(response.status().as_u16());
        facts.http_version = Some(response.version());
        facts.remote_addr = response.remote_addr;
        facts.is_anonymous = self.is_anonymous
            && matches!(response.status().as_u16(), 401 | 403)
            && self.fetcher.has_secrets_for(self.job);
        facts.content_type = response.headers().get(header::CONTENT_TYPE).map(|field| content_type(field.as_bytes()));
        bound_head(response.headers())?;
        let status = response.status().as_u16();
        facts.retry_after = if status >= 400 { asked(status, response.headers(), SystemTime::now()) } else { None };
        if status >= 400 && facts.retry_after.is_none() && response.headers().contains_key(header::RETRY_AFTER) {
            tracing::debug!(url = %printable(url.as_str()), "Retry-After is neither seconds nor a date");
        }
        if self.fetcher.config.needs.contains(Needs::VALIDATORS) {
            facts.validators = validators(response.headers());
        }
        if let Some(request) = request {
            self.begin_capture(url, &response, request);
        }
        Ok(response)
    }
}
