//! One job over HTTP: a request, its answer, and the body where that is final.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::{Duration, SystemTime};

use ::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use ::http::{Method, StatusCode};
use futures_util::future::BoxFuture;
use jiff::Timestamp;
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;
use url::Url;

use super::answer::{Answer, size};
use super::classify::{LARGEST_HEAD, Stage, classify, connection_ended, not_begun};
use super::client::{Clients, MAX_FIELDS, MAX_HEAD, its_own};
use super::decode;
use super::pace::Pace;
use super::place::{Fate, Ready};
use super::reach::Reach;
use super::resume::Rest;
use super::save::Saver;
use super::timing::{MARKS, Marks};
use super::{Fetched, Fetcher, HttpSpec, Meter, Reply, Saving, cookies};
use crate::config::Compression;
use crate::model::{
    Condition, ErrorKind, Facts, FetchError, Hop, Job, Onward, PerSeed, SkipReason, Timing, Validators, Verdict,
    is_secret,
};
use crate::policy::cookies::Jar;
use crate::policy::origin;
use crate::policy::printable::printable;
use crate::policy::redact::redact;
use crate::policy::retry_after::asked;

/// The body of a response that is not wanted is read up to this size, so that its connection can
/// serve again; beyond it a new connection is cheaper.
const DRAIN: u64 = 64 * 1024;

/// And no longer than this: a server that sends it slowly must not hold a slot for it.
const DRAIN_TIME: Duration = Duration::from_secs(1);

/// How many idle connections that turn out to have ended one request may meet.
const STALE: u32 = 8;

const CODINGS: HeaderValue = HeaderValue::from_static("br, zstd, gzip, deflate");
const IDENTITY: HeaderValue = HeaderValue::from_static("identity");

/// Fetches over HTTP on the runtime it was built for.
pub(super) struct HttpFetcher {
    pub(super) spec: Arc<HttpSpec>,
    clients: Clients,
    pub(super) saver: Saver,
    pub(super) meter: Arc<Meter>,
    fields: HeaderMap,
    /// The Authorization of `--user`.
    basic: Option<HeaderValue>,
    method: Method,
    /// Whether the Accept-Encoding is ours.
    asks_codings: bool,
    /// How many fetches this fetcher is doing.
    under_way: Arc<AtomicUsize>,
    /// The most that it ever did at once.
    most_under_way: AtomicUsize,
}

impl HttpFetcher {
    pub(super) fn new(spec: &Arc<HttpSpec>, meter: &Arc<Meter>) -> Self {
        let under_way = Arc::new(AtomicUsize::new(0));
        let mut fields = HeaderMap::with_capacity(8);
        // RFC 9110, section 7.2: the first of all; which host it is each request tells.
        fields.insert(header::HOST, its_own());
        fields.insert(header::ACCEPT_ENCODING, if spec.compression == Compression::Off { IDENTITY } else { CODINGS });
        fields.insert(header::ACCEPT, HeaderValue::from_static("*/*"));
        let (sent, withheld): (Vec<_>, Vec<_>) = spec.headers.iter().cloned().partition(|(_, value)| value.is_some());
        let sent: Vec<_> = sent.into_iter().filter_map(|(name, value)| Some((name, value?))).collect();
        set_fields(&mut fields, &sent);
        cookies::fold(&mut fields);
        let withheld: Vec<_> = withheld.into_iter().map(|(name, _)| name).collect();
        withheld.iter().for_each(|name| drop(fields.remove(name)));
        Self {
            asks_codings: !spec.headers.iter().any(|(name, _)| name == header::ACCEPT_ENCODING),
            basic: spec.user.as_ref().and_then(origin::basic),
            method: if spec.head { Method::HEAD } else { Method::GET },
            clients: Clients::new(spec),
            saver: Saver::new(spec, under_way.clone()),
            spec: spec.clone(),
            meter: meter.clone(),
            fields,
            under_way,
            most_under_way: AtomicUsize::new(0),
        }
    }
}

impl Fetcher for HttpFetcher {
    fn fetch<'a>(&'a self, job: &'a Job, abort: &'a CancellationToken) -> BoxFuture<'a, Reply> {
        Box::pin(MARKS.scope(Marks::default(), async move {
            if let Some(told) = self.without_asking(job) {
                return Reply::Ended(told);
            }
            let _counted = Counted::new(&self.under_way, &self.most_under_way);
            let started = Instant::now();
            let before = job.onward.as_deref();
            let mut facts = before.map_or_else(Box::<Facts>::default, |before| before.facts.clone());
            facts.started_at.get_or_insert_with(Timestamp::now);
            let timing = before.map_or_else(Timing::default, |before| before.timing);
            let spent = timing.total.unwrap_or_default();
            let fate = self.saver.makes_files().then(Arc::<Fate>::default);
            let mut exchange = Exchange {
                fetcher: self,
                job,
                started,
                facts,
                spent,
                timing,
                pace: Pace::new(&self.spec, started, spent),
                fate: fate.clone(),
                chain: before.and_then(|before| cookies::chain(&before.cookies)),
                rest: None,
                asks_rest: false,
                asks_change: false,
                useless: false,
                ready: None,
                accepts: None,
                reach: match before {
                    None => self.spec.addresses.of_the_list(),
                    Some(before) => self.spec.addresses.behind(before.from),
                },
            };
            let ended = {
                let run = exchange.run();
                tokio::pin!(run);
                tokio::select! {
                    biased;
                    ended = &mut run => ended,
                    () = abort.cancelled() => {
                        if fate.is_none_or(|fate| fate.give_up()) { Ok(End::As(Verdict::Cancelled)) } else { run.await }
                    }
                }
            };
            let ended = ended.unwrap_or_else(|error| {
                tracing::debug!(url = %printable(job.url().as_str()), error = %printable(&error.to_string()), "failed");
                End::As(Verdict::Failed(error))
            });
            let Exchange { facts, mut timing, chain, rest, ready, .. } = exchange;
            if let (Some(Rest::Cut(cut)), Saving::Stream(stream)) = (rest, &self.spec.saving) {
                stream.put_back(cut);
            }
            timing.total = Some(spent + started.elapsed());
            match ended {
                End::As(verdict) => Reply::Ended(Fetched { facts, timing, verdict, ready }),
                End::Onward(from, wait) => {
                    let took = timing.first_byte.unwrap_or_default().saturating_sub(spent);
                    let cookies = cookies::of_chain(chain.as_deref());
                    Reply::Onward(Box::new(Onward { facts, timing, took, wait, from, cookies, deaths: 0 }))
                }
            }
        }))
    }
}

impl HttpFetcher {
    /// What can be told of a job without asking anybody. A look at one name does not wait for a
    /// disk long enough to be worth another thread.
    fn without_asking(&self, job: &Job) -> Option<Fetched> {
        if !self.spec.skip_existing && !self.spec.dry_run || job.onward.is_some() {
            return None;
        }
        let there = if self.spec.skip_existing { self.saver.existing(job, None) } else { None };
        let (reason, path, bytes) = match there {
            Some((path, bytes)) => (SkipReason::Exists, Some(path), bytes),
            None if self.spec.dry_run => (SkipReason::DryRun, self.saver.target(job, None), None),
            None => return None,
        };
        let path = path.map(|path| path.to_string_lossy().into_owned());
        let facts = Box::new(Facts { path, bytes, ..Facts::default() });
        Some(Fetched { facts, timing: Timing::default(), verdict: Verdict::Skipped(reason), ready: None })
    }
}

/// Counts a fetch for as long as it lives.
struct Counted<'a>(&'a AtomicUsize);

impl<'a> Counted<'a> {
    fn new(count: &'a AtomicUsize, most: &AtomicUsize) -> Self {
        let now = count.fetch_add(1, Relaxed) + 1;
        most.fetch_max(now, Relaxed);
        Self(count)
    }
}

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Relaxed);
    }
}

/// Field names given twice in a row are both sent; a later list of fields replaces earlier names.
fn set_fields(fields: &mut HeaderMap, more: &[(HeaderName, HeaderValue)]) {
    for (i, (name, value)) in more.iter().enumerate() {
        if more[..i].iter().any(|(earlier, _)| earlier == name) {
            fields.append(name, value.clone());
        } else {
            fields.insert(name, value.clone());
        }
    }
}

/// How one request ends.
enum End {
    As(Verdict),
    /// A redirect leads on, from this address, after this wait.
    Onward(Option<SocketAddr>, Duration),
}

/// One request of a job under way.
pub(super) struct Exchange<'a> {
    pub(super) fetcher: &'a HttpFetcher,
    pub(super) job: &'a Job,
    pub(super) started: Instant,
    /// How long the hops before took.
    pub(super) spent: Duration,
    pub(super) facts: Box<Facts>,
    pub(super) timing: Timing,
    pub(super) pace: Pace,
    /// Where bodies become files.
    pub(super) fate: Option<Arc<Fate>>,
    /// The cookies that this chain of redirects has set, where the run keeps none.
    chain: Option<Box<Jar>>,
    /// The beginning of the body, and whether the request under way asks for what is behind it.
    pub(super) rest: Option<Rest>,
    pub(super) asks_rest: bool,
    /// Whether the request under way asks only for what has changed.
    pub(super) asks_change: bool,
    /// What was kept of the body has been found to be of no use.
    pub(super) useless: bool,
    /// A body that is whole, where the parent gives it its name.
    pub(super) ready: Option<Box<Ready>>,
    /// The Accept-Encoding of the request under way.
    pub(super) accepts: Option<HeaderValue>,
    /// Where the next request may be sent.
    pub(super) reach: Reach,
}

impl Exchange<'_> {
    pub(super) fn wants(&self) -> Option<&PerSeed> {
        self.job.seed.wants.as_deref()
    }

    /// Asks until the response is final or leads elsewhere.
    async fn run(&mut self) -> Result<End, FetchError> {
        let url = self.job.url();
        self.rest = self.find_rest().await?;
        loop {
            let response = self.ask(url).await?;
            if let Some(next) = redirect_target(url, &response)? {
                return self.lead_on(url, next, response).await;
            }
            let status = response.status();
            if let Some(verdict) = self.finish(url, status, response).await? {
                return Ok(End::As(verdict));
            }
        }
    }

    /// Notes a redirect.
    async fn lead_on(&mut self, url: &Url, next: Url, response: Answer) -> Result<End, FetchError> {
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

    /// What there is of the body.
    async fn find_rest(&self) -> Result<Option<Rest>, FetchError> {
        match &self.fetcher.spec.saving {
            Saving::Discard => Ok(None),
            Saving::Stream(stream) => Ok(stream.cut().map(Rest::Cut)),
            Saving::Dir(_) | Saving::File(_) => {
                Ok(self.fetcher.saver.kept(self.job).await.map(|kept| Rest::Kept(Box::new(kept))))
            }
        }
    }

    /// Sends one request and waits for the head of its response.
    async fn ask(&mut self, url: &Url) -> Result<Answer, FetchError> {
        tracing::debug!(url = %printable(url.as_str()), "asking");
        let mut stale = 0;
        let mut unbegun = false;
        let response = loop {
            if self.fetcher.spec.throttle.is_paced() {
                self.pace.apart(self.fetcher.spec.throttle.request(url)).await?;
            }
            MARKS.with(Marks::reset);
            let fields = self.fields_for(url);
            self.accepts = fields.get(header::ACCEPT_ENCODING).cloned();
            self.asks_rest = self.rest.is_some() && fields.contains_key(header::IF_RANGE);
            self.asks_change = !self.asks_rest && self.condition(url).is_some();
            let most = self.fetcher.most_under_way.load(Relaxed);
            let sent = self.fetcher.clients.ask(self.fetcher.method.clone(), url, fields, most, self.reach);
            match self.pace.head(sent).await? {
                // RFC 9112, section 9.3.1: the server may end an idle connection just as it is
                // used again. That says nothing about the server, so it is asked anew.
                Err(e) if stale < STALE && MARKS.with(Marks::reused) && connection_ended(&*e) => {
                    tracing::debug!(url = %printable(url.as_str()), "asking again: an idle connection had ended");
                    stale += 1;
                }
                // RFC 9113, section 8.7: the server says that it has not begun with this one.
                Err(e) if !unbegun && not_begun(&*e) => {
                    tracing::debug!(url = %printable(url.as_str()), "asking again: the server had not begun");
                    unbegun = true;
                }
                // RFC 9110, section 15.5.9: so a server may announce that it ends an idle connection.
                Ok(answer) if stale < STALE && answer.status() == 408 && MARKS.with(Marks::reused) => stale += 1,
                answered => break answered.map_err(|e| classify(&*e, Stage::Head))?,
            }
        };
        if let Some(jar) = &self.fetcher.spec.cookies {
            cookies::keep(Some(jar), &mut self.chain, url, response.headers());
        }
        self.timing.first_byte = Some(self.spent + self.started.elapsed());
        self.job.answered.tell();
        tracing::debug!(url = %printable(url.as_str()), status = response.status().as_u16(), "answered");
        MARKS.with(|marks| marks.add_to(&mut self.timing));
        let facts = &mut self.facts;
        facts.status = Some(response.status().as_u16());
        facts.http_version = Some(response.head.version);
        facts.remote_addr = response.remote_addr;
        facts.content_type = response
            .headers()
            .get(header::CONTENT_TYPE)
            .map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned().into_boxed_str());
        bound_head(response.headers())?;
        let status = response.status().as_u16();
        facts.retry_after = if status >= 400 { asked(status, response.headers(), SystemTime::now()) } else { None };
        if self.fetcher.spec.keeps_validators {
            facts.validators = validators(response.headers());
        }
        Ok(response)
    }

    fn fields_for(&self, url: &Url) -> HeaderMap {
        let mut fields = self.fetcher.fields.clone();
        self.fetcher.spec.add_host_fields(url, &mut fields);
        let wants = self.wants();
        if let Some(wants) = wants {
            set_fields(&mut fields, &wants.headers);
        }
        let at_home = self.job.onward.is_none() || origin::same(url, &self.job.seed.url);
        if !at_home {
            // RFC 9110, section 15.4: what was meant for one origin does not follow a redirect out of it.
            // A Host that the user wrote names that origin.
            let secrets: Vec<_> = fields.keys().filter(|name| is_secret(name)).cloned().collect();
            secrets.into_iter().for_each(|name| drop(fields.remove(name)));
            fields.insert(header::HOST, its_own());
            // This is meant for the one that is asked now.
            self.fetcher.spec.add_host_fields(url, &mut fields);
        }
        self.authorize(url, at_home, &mut fields);
        cookies::send(self.fetcher.spec.cookies.as_deref(), self.chain.as_deref(), url, &mut fields);
        let theirs = || wants.is_some_and(|w| w.headers.iter().any(|(name, _)| name == header::ACCEPT_ENCODING));
        if self.fetcher.asks_codings && decode::asks_identity(url.path()) && !theirs() {
            fields.insert(header::ACCEPT_ENCODING, IDENTITY);
        }
        if let Some(rest) = self.rest.as_ref().and_then(|rest| rest.fields(url, &fields)) {
            fields.extend(rest);
        } else if let Some((name, value)) = self.condition(url).and_then(condition_field) {
            fields.insert(name, value);
        }
        fields
    }

    /// Who asks, where that is known: what stands in the URL of the list counts for more than a field,
    /// that for more than `--user`, and that for more than the netrc file.
    fn authorize(&self, url: &Url, at_home: bool, fields: &mut HeaderMap) {
        let spec = &self.fetcher.spec;
        let own = if at_home { self.wants().and_then(|wants| wants.credentials.as_ref()) } else { None };
        let own_user = own.filter(|own| own.password.is_empty()).map(|own| own.username.as_str());
        let has_field = fields.contains_key(header::AUTHORIZATION);
        // A file that names hosts speaks of the usual ports. Whom a redirect has named is told over TLS
        // alone: without it nobody has shown that he is that host.
        let netrc = || {
            let named = at_home || url.scheme() == "https" && url.port().is_none();
            let host = url.host_str().filter(|_| named && !spec.netrc.machines.is_empty())?;
            spec.netrc.find(host, own_user, !at_home).and_then(origin::basic)
        };
        let value = match own {
            Some(own) => own_user.and_then(|_| netrc()).or_else(|| origin::basic(own)),
            None if has_field => None,
            None => self.fetcher.basic.clone().filter(|_| at_home).or_else(netrc),
        };
        if let Some(value) = value {
            fields.insert(header::AUTHORIZATION, value);
        }
    }

    /// What is asked of this URL beside itself: whether it has changed.
    fn condition(&self, url: &Url) -> Option<&Condition> {
        let condition = self.job.seed.known.as_ref()?.condition.as_deref()?;
        (condition.url == *url).then_some(condition)
    }

    /// A response that is no redirect: what it means, and its body. `None` where the URL is to be
    /// asked again, for all of it.
    async fn finish(&mut self, url: &Url, status: StatusCode, response: Answer) -> Result<Option<Verdict>, FetchError> {
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
    fn start_again(&mut self) -> Result<(), FetchError> {
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
                _ => Ok(Verdict::Skipped(SkipReason::NotModified)),
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

    /// Reads an unwanted body so that its connection can serve again. Whether that works changes
    /// nothing about the answer, so an error only ends the reading.
    pub(super) async fn drain(&mut self, mut response: Answer) {
        if response.content_length().is_none_or(|length| length <= DRAIN) {
            let mut owed = 0;
            // Err: it is given up, and the connection with it.
            let _ = timeout(DRAIN_TIME, self.drain_some(&mut response, &mut owed)).await;
            // Err: the URL is out of time; whoever asks next finds that out.
            let _ = self.pay(&mut owed).await;
        }
    }

    /// Counts what was drained, part by part as it is paid for. Dropped on its way it owes the rest.
    async fn pay(&mut self, owed: &mut u64) -> Result<(), FetchError> {
        let throttle = &self.fetcher.spec.throttle;
        while *owed > 0 {
            let part = throttle.bytes().map_or(*owed, |limit| limit.at_once.min(*owed));
            *owed -= part;
            let paid = self.pace.apart(throttle.pay(part)).await;
            self.fetcher.meter.received(part);
            paid?;
        }
        Ok(())
    }

    async fn drain_some(&mut self, response: &mut Answer, owed: &mut u64) {
        let mut drained = 0;
        while drained <= DRAIN {
            match self.pace.piece(response.chunk(), size).await {
                Ok(Ok(Some(piece))) => {
                    drained += piece.len() as u64;
                    *owed += piece.len() as u64;
                    if self.pay(owed).await.is_err() {
                        return;
                    }
                }
                Ok(Ok(None) | Err(_)) | Err(_) => return,
            }
        }
    }
}

/// HTTP/2 is bounded by size alone, and HTTP/1.1 by what comes in one piece with the end of a head.
fn bound_head(fields: &HeaderMap) -> Result<(), FetchError> {
    // A field has a colon, a blank and a line's end besides.
    let bytes: usize = fields.iter().map(|(name, value)| name.as_str().len() + value.len() + 4).sum();
    if fields.len() <= MAX_FIELDS && bytes <= MAX_HEAD {
        return Ok(());
    }
    let message = format!("the answer has {} fields of {bytes} bytes; {LARGEST_HEAD}", fields.len());
    Err(FetchError::new(ErrorKind::Protocol, message))
}

/// RFC 9110, section 13.1: If-None-Match, which counts for more, else If-Modified-Since.
fn condition_field(condition: &Condition) -> Option<(HeaderName, HeaderValue)> {
    let Validators { etag, last_modified } = &condition.validators;
    let field = |name, text: &Option<Box<str>>| Some((name, HeaderValue::from_str(text.as_deref()?).ok()?));
    field(header::IF_NONE_MATCH, etag).or_else(|| field(header::IF_MODIFIED_SINCE, last_modified))
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
fn validators(fields: &HeaderMap) -> Option<Box<Validators>> {
    let text = |name| fields.get(name).and_then(|value| value.to_str().ok()).map(Box::<str>::from);
    let (etag, last_modified) = (text(header::ETAG), text(header::LAST_MODIFIED));
    (etag.is_some() || last_modified.is_some()).then(|| Box::new(Validators { etag, last_modified }))
}

/// Where a response leads, if it is a redirect with a Location (RFC 9110, section 15.4).
fn redirect_target(url: &Url, response: &Answer) -> Result<Option<Url>, FetchError> {
    if !matches!(response.status().as_u16(), 301 | 302 | 303 | 307 | 308) {
        return Ok(None);
    }
    let Some(location) = response.headers().get(header::LOCATION) else { return Ok(None) };
    let bad = |why: &str| {
        let shown = String::from_utf8_lossy(location.as_bytes());
        let shown: String = redact(&shown).chars().take(200).collect();
        FetchError::new(ErrorKind::Redirect, format!("the Location `{shown}` {why}"))
    };
    let text = std::str::from_utf8(location.as_bytes()).map_err(|_| bad("is not valid UTF-8"))?;
    let mut next = url.join(text).map_err(|e| bad(&format!("is no URL: {e}")))?;
    if !matches!(next.scheme(), "http" | "https") {
        return Err(bad("is neither http nor https"));
    }
    next.set_fragment(None);
    // A server's idea of our credentials is not sent, nor shown.
    if !next.username().is_empty() || next.password().is_some() {
        next.set_username("").and_then(|()| next.set_password(None)).map_err(|()| bad("is no URL"))?;
    }
    Ok(Some(next))
}
