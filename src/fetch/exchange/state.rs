//! The state of a fetcher, and of the exchange of one hop of a job.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::time::Duration;

use http::Method;
use http::header::{HeaderMap, HeaderValue};
use tokio::time::Instant;

use super::archive_thread::ArchiveThread;
use super::challenges::Login;
use super::deadlines::Deadlines;
use super::resume::PartialBody;
use super::services::FetchServices;
use crate::archive::{ExchangeCapture, Truncation};
use crate::fetch::body::meter::Meter;
use crate::fetch::config::FetchConfig;
use crate::fetch::connect::address_filter::{AddressFilter, AllowedAddresses};
use crate::fetch::connect::client::Clients;
use crate::fetch::save::destination::{CommitState, FinishedBody};
use crate::fetch::save::local_file::LocalFile;
use crate::fetch::save::saver::Saver;
use crate::model::{Facts, Job, RequestOverrides, Timing, Verdict};
use crate::policy::cookies::Jar;

/// The Accept-Encoding of a request for no coding.
pub(crate) const IDENTITY: HeaderValue = HeaderValue::from_static("identity");

/// Fetches over HTTP on the runtime it was built for.
pub(crate) struct HttpFetcher {
    pub(crate) config: Arc<FetchConfig>,
    pub(crate) services: FetchServices,
    pub(crate) addresses: Arc<AddressFilter>,
    pub(crate) clients: Clients,
    pub(crate) saver: Saver,
    pub(crate) meter: Arc<Meter>,
    /// Makes the records of the archive.
    pub(crate) archiver: ArchiveThread,
    pub(crate) fields: HeaderMap,
    pub(crate) method: Method,
    /// Whether the default Accept-Encoding applies.
    pub(crate) asks_codings: bool,
    /// Whether the run has secrets, apart from those of lists.
    pub(crate) has_secrets: bool,
    /// The number of fetches under way.
    pub(crate) under_way: Arc<AtomicUsize>,
    /// The peak of `under_way`.
    pub(crate) most_under_way: AtomicUsize,
}

/// The outcome of one exchange.
pub(crate) enum HopEnd {
    /// It has this verdict.
    Finished(Verdict),
    /// A redirect from this address, to be followed after this wait.
    Redirected(Option<SocketAddr>, Duration),
}

/// The exchange of one hop of a job.
pub(crate) struct Exchange<'a> {
    pub(crate) fetcher: &'a HttpFetcher,
    pub(crate) job: &'a Job,
    pub(crate) started: Instant,
    /// The time of the earlier hops.
    pub(crate) spent: Duration,
    pub(crate) facts: Box<Facts>,
    pub(crate) timing: Timing,
    pub(crate) deadlines: Deadlines,
    /// The commit state, if the fetcher saves bodies as files.
    pub(crate) commit_state: Option<Arc<CommitState>>,
    /// The cookies of this redirect chain, if the run has no jar.
    pub(crate) chain: Option<Box<Jar>>,
    /// The partial body, and whether the current request asks for the rest of it.
    pub(crate) rest: Option<PartialBody>,
    pub(crate) asks_rest: bool,
    /// Whether the current request has a Range of the user.
    pub(crate) asks_part: bool,
    /// The file that the body would replace, if the request is conditional on its time.
    pub(crate) local: Option<Box<LocalFile>>,
    /// Whether the current request is conditional (RFC 9110, section 13).
    pub(crate) asks_change: bool,
    /// Whether the current request has no secret field, in a run that may have secrets.
    pub(crate) is_anonymous: bool,
    /// Whether the partial body turned out to be useless.
    pub(crate) useless: bool,
    /// The finished body, if the parent process has to give it its name.
    pub(crate) finished_body: Option<Box<FinishedBody>>,
    /// The Accept-Encoding of the current request.
    pub(crate) accepts: Option<HeaderValue>,
    /// Whether the next request is HEAD, although the run sends GET: the answer is only to be checked.
    pub(crate) asks_head: bool,
    /// The current exchange, if the run archives it.
    pub(crate) capture: Option<Box<ExchangeCapture>>,
    /// When its request began, and why a body that only the archive gets was cut off.
    pub(crate) sent: Instant,
    pub(crate) cut: Option<Truncation>,
    pub(crate) login: Login<'a>,
    /// The addresses to which the next request may go.
    pub(crate) allowed: AllowedAddresses,
}

impl<'a> Exchange<'a> {
    /// The method of the next request.
    pub(crate) fn method(&self) -> Method {
        if self.asks_head { Method::HEAD } else { self.fetcher.method.clone() }
    }

    pub(crate) fn overrides(&self) -> Option<&'a RequestOverrides> {
        self.job.seed.overrides.as_deref()
    }
}
