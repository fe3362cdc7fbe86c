//! Executes one job and returns its response: the only module that speaks HTTP.
//!
//! A backend gets a [`FetchSpec`], which is plain data. It builds a [`Fetcher`] from it for each of its runtimes:
//! runtimes must not share an HTTP client, and a client cannot cross a pipe. So every backend runs the same HTTP
//! code, and a comparison of backends is one of concurrency.

mod body;
mod connect;
mod exchange;
mod save;
pub mod script;

use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::future::BoxFuture;
use http::{HeaderName, HeaderValue};
use tokio_util::sync::CancellationToken;

use crate::config::{Compression, Digest, LowSpeed, Proxies};
use crate::model::{Credentials, Facts, FetchError, Job, RedirectState, Timing, Verdict};
use crate::output_folder::OutputFolder;
use crate::policy::credentials::netrc::Netrc;
use crate::policy::network::no_proxy::NoProxy;

pub use body::decode;
pub use body::decode::{DecoderMemory, MemoryLease};
pub use body::meter::Meter;
pub use body::throttle::{ByteLimit, PendingQuota, QuotaRequest, Throttle};
pub use connect::address_filter::AddressSpec;
pub use connect::dns::Resolver;
pub use exchange::authentication::Challenges;
pub use exchange::cookies::CookieJar;
pub use exchange::host_fields::HostFields;
pub use exchange::resume::BodyStream;
pub use save::destination::FinishedBody;
pub use save::partial_file::{forget_beside, is_kept, is_part_beside};
pub use save::saver::PARTS;
pub use script::{Script, Step};

/// The result of one fetch.
#[derive(Debug)]
pub struct Fetched {
    /// Facts about the response, also of a failed fetch.
    pub facts: Box<Facts>,
    /// The durations of the phases; the backend adds `queued`.
    pub timing: Timing,
    /// The verdict.
    pub verdict: Verdict,
    /// A complete body without its final name, see [`FinishedBody`].
    pub finished_body: Option<Box<FinishedBody>>,
}

/// The result of one request of a job.
#[derive(Debug)]
pub enum Reply {
    /// The job has finished.
    Finished(Fetched),
    /// The response is a redirect. The scheduler decides when its target is requested.
    Redirected(Box<RedirectState>),
}

/// Executes jobs, one per call; calls may run concurrently.
pub trait Fetcher: Send + Sync {
    /// Requests [`Job::url`]. When `abort` is cancelled, ends soon with [`Verdict::Cancelled`] and leaves no file
    /// behind.
    fn fetch<'a>(&'a self, job: &'a Job, abort: &'a CancellationToken) -> BoxFuture<'a, Reply>;
}

/// A fetcher could not be built from its spec.
#[derive(Debug, thiserror::Error)]
#[error("cannot build the HTTP client: {0}")]
pub struct BuildError(pub String);

/// The settings to build fetchers from.
#[derive(Debug, Clone)]
pub enum FetchSpec {
    /// Over the network.
    Http(Arc<HttpSpec>),
    /// From a script, without a network: for tests of everything above this module.
    Scripted(Arc<script::Script>),
}

impl FetchSpec {
    /// The cookies of the run, if it keeps any.
    pub fn cookies(&self) -> Option<&Arc<CookieJar>> {
        match self {
            FetchSpec::Http(spec) => spec.cookies.as_ref(),
            FetchSpec::Scripted(_) => None,
        }
    }

    /// Gives a body that a child has fetched its final name, or removes it.
    ///
    /// # Errors
    /// Returns the error of the file system, with the file name.
    pub fn give_name(&self, finished_body: &FinishedBody) -> Result<(), FetchError> {
        self.folder().map_or(Ok(()), |folder| finished_body.give_name(folder))
    }

    /// Removes a complete body that gets no name.
    pub fn remove(&self, finished_body: &FinishedBody) {
        if let Some(folder) = self.folder() {
            finished_body.remove(folder);
        }
    }

    fn folder(&self) -> Option<&OutputFolder> {
        match self {
            FetchSpec::Http(spec) => spec.saving.folder(),
            FetchSpec::Scripted(_) => None,
        }
    }

    /// Returns the error of a redirect beyond the most that are followed.
    pub fn too_many_redirects(&self, chain: &RedirectState) -> Option<FetchError> {
        match self {
            FetchSpec::Http(spec) => exchange::redirect::too_many(chain, spec.max_redirects),
            FetchSpec::Scripted(_) => None,
        }
    }

    /// Builds a fetcher for the current runtime.
    ///
    /// # Errors
    /// When the TLS settings cannot be used.
    pub fn build(&self, meter: &Arc<Meter>) -> Result<Arc<dyn Fetcher>, BuildError> {
        Ok(match self {
            FetchSpec::Http(spec) => Arc::new(exchange::fetcher::HttpFetcher::new(spec, meter)),
            FetchSpec::Scripted(script) => Arc::new(script::ScriptedFetcher::new(script, meter)),
        })
    }
}

impl HttpSpec {
    /// Removes the part file of a job whose fetcher has died.
    pub fn clear_part(&self, job: &Job) {
        if let (Some(folder), Some(part)) = (self.saving.folder(), save::saver::part_name(self, job)) {
            // Err: there was no part file.
            let _ = folder.remove(&part);
        }
    }
}

/// Trusted certificate authorities and the client certificate of TLS.
#[derive(Clone, Default)]
pub struct TlsSpec {
    /// PEM text of the authorities to trust instead of the system's.
    pub ca_pem: Option<Vec<u8>>,
    /// PEM text of the certificate that servers are shown, and of its private key.
    pub identity: Option<(Vec<u8>, Vec<u8>)>,
    /// Accept any certificate.
    pub insecure: bool,
    /// Offer HTTP/1.1 alone.
    pub http1: bool,
}

impl std::fmt::Debug for TlsSpec {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The output must not contain the private key.
        let identity = self.identity.is_some();
        write!(f, "TlsSpec(insecure: {}, http1: {}, identity: {identity})", self.insecure, self.http1)
    }
}

impl TlsSpec {
    /// Whether a client can be built from it.
    ///
    /// # Errors
    /// Returns the reason why no client can be built.
    pub fn check(&self) -> Result<(), BuildError> {
        connect::tls::client_config(self).map(|_| ())
    }
}

/// A writer that several owners may hold, such as standard output.
pub type SharedWriter = Arc<Mutex<dyn std::io::Write + Send>>;

/// The destination of bodies.
#[derive(Clone, Default)]
pub enum Saving {
    /// Nowhere: read to the end, checked, dropped.
    #[default]
    Discard,
    /// Below this folder, under the name that the job has claimed.
    Dir(OutputFolder),
    /// To the file of this name in this folder; for a run of one URL.
    File(OutputFolder, PathBuf),
    /// To this writer; for a run of one URL.
    Stream(BodyStream),
}

impl Saving {
    /// The folder below which files are written.
    pub fn folder(&self) -> Option<&OutputFolder> {
        match self {
            Saving::Dir(folder) | Saving::File(folder, _) => Some(folder),
            Saving::Discard | Saving::Stream(_) => None,
        }
    }
}

impl std::fmt::Debug for Saving {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Saving::Discard => f.write_str("Discard"),
            Saving::Dir(folder) => f.debug_tuple("Dir").field(&folder.path()).finish(),
            Saving::File(folder, file) => f.debug_tuple("File").field(&folder.path().join(file)).finish(),
            Saving::Stream(_) => f.write_str("Stream"),
        }
    }
}

/// For how long a partial body is kept to be resumed (RFC 9110, section 14).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Keeping {
    /// For retries of this run.
    #[default]
    ForNow,
    /// For later runs too. The number separates the kept bodies of runs with different states.
    For(u64),
}

/// All settings of HTTP fetches, as plain data.
#[derive(Debug, Clone)]
pub struct HttpSpec {
    /// Request fields of every URL, User-Agent among them. `None` removes a default field.
    pub headers: Vec<(HeaderName, Option<HeaderValue>)>,
    /// Credentials for each listed origin that has no others.
    pub user: Option<Credentials>,
    /// Credentials of hosts, from a netrc file.
    pub netrc: Netrc,
    /// Credentials are sent only to servers that ask for them.
    pub anyauth: bool,
    /// Authentication challenges that servers have sent to this process.
    pub challenges: Arc<Challenges>,
    /// The memory that the decoders of the run share.
    pub decoder_memory: DecoderMemory,
    /// The cookies of the run; without it each chain of redirects has its own.
    pub cookies: Option<Arc<CookieJar>>,
    /// The proxies of requests.
    pub proxies: Proxies,
    /// Hosts that requests reach without a proxy.
    pub no_proxy: NoProxy,
    /// Send HEAD requests.
    pub head: bool,
    /// Request fields and credentials of some hosts only; the first that covers a URL counts.
    pub hosts: Vec<HostFields>,
    /// The most redirects of one URL.
    pub max_redirects: u32,
    /// The resolver, and the rules for allowed addresses.
    pub addresses: Arc<AddressSpec>,
    /// The TLS settings.
    pub tls: TlsSpec,
    /// The handling of content codings.
    pub compression: Compression,
    /// The limit for name look-up, TCP and TLS together.
    pub connect_timeout: Duration,
    /// The longest wait for bytes.
    pub read_timeout: Duration,
    /// One URL from start to end, redirects included.
    pub timeout: Option<Duration>,
    /// The low speed limit of bodies.
    pub low_speed: Option<LowSpeed>,
    /// Spaces requests and limits the bytes per second.
    pub throttle: Throttle,
    /// The destination of bodies.
    pub saving: Saving,
    /// Whether facts include ETag and Last-Modified.
    pub keeps_validators: bool,
    /// Whether a file without an entry in the state is requested with If-Modified-Since.
    pub refresh: bool,
    /// Whether files get the time of Last-Modified.
    pub remote_time: bool,
    /// For how long partial bodies are kept.
    pub keeping: Keeping,
    /// Whether this process gives saved bodies their final names. Otherwise its parent process does.
    pub names: bool,
    /// Whether a saved body and its name are synced to the disk before its outcome is reported.
    pub sync: bool,
    /// Whether a name that the server proposes makes the claimed name a folder with that file in it.
    pub content_disposition: bool,
    /// Whether existing files are skipped.
    pub skip_existing: bool,
    /// Sends no request and writes no file. Each outcome has the path that its body would get.
    pub dry_run: bool,
    /// In the names of part files: separates those of this run from those of other runs into the same folder. A retry
    /// uses the same part file.
    pub run: u64,
    /// The digest of every body.
    pub digest: Digest,
    /// The most decoded bytes of one body.
    pub max_size: Option<u64>,
    /// The most idle connections a client may hold, so that a list of many hosts cannot run out
    /// of file descriptors.
    pub idle_connections: usize,
}
