//! One job to one answer: the only place that speaks HTTP.
//!
//! A backend gets a [`FetchSpec`], plain data, and builds from it a [`Fetcher`] for each of its
//! runtimes: an HTTP client must not be shared between runtimes, and a client cannot cross a pipe.
//! So every backend runs the same HTTP code, and a comparison of backends is one of concurrency.

mod answer;
mod authentication;
mod body;
mod classify;
mod client;
mod connect;
mod cookies;
mod declared;
pub mod decode;
mod dns;
mod drain;
mod frame_filter;
mod gate;
mod head_filter;
mod host_fields;
mod http;
mod kept;
mod local_file;
mod meter;
mod pace;
mod part;
mod place;
mod pool;
mod proxy;
mod reach;
mod receive;
mod redirect;
mod request;
mod resume;
mod route;
mod save;
pub mod script;
mod stream;
mod throttle;
mod timing;
mod tls;
mod verdict;
mod whole;

use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ::http::{HeaderName, HeaderValue};
use futures::future::BoxFuture;
use tokio_util::sync::CancellationToken;

use crate::config::{Compression, Digest, LowSpeed, Proxies};
use crate::model::{Credentials, Facts, FetchError, Job, RedirectState, Timing, Verdict};
use crate::output_folder::OutputFolder;
use crate::policy::netrc::Netrc;
use crate::policy::no_proxy::NoProxy;

pub use authentication::Challenges;
pub use cookies::CookieJar;
pub use decode::{DecoderMemory, MemoryLease};
pub use dns::Resolver;
pub use host_fields::HostFields;
pub use kept::{forget_beside, is_kept, is_part_beside};
pub use meter::Meter;
pub use place::Ready;
pub use reach::AddressSpec;
pub use resume::BodyStream;
pub use save::PARTS;
pub use script::{Script, Step};
pub use throttle::{Asked, ByteLimit, Throttle, Wish};

/// What one fetch found out.
#[derive(Debug)]
pub struct Fetched {
    /// What is known of the answer, also when it failed.
    pub facts: Box<Facts>,
    /// How long the phases took; `queued` is the backend's to add.
    pub timing: Timing,
    /// How it ended.
    pub verdict: Verdict,
    /// A body that is whole and has no name yet, see [`Ready`].
    pub ready: Option<Box<Ready>>,
}

/// What came of one request of a job.
#[derive(Debug)]
pub enum Reply {
    /// The job has finished.
    Finished(Fetched),
    /// The answer is a redirect. The scheduler decides when its target is asked.
    Redirected(Box<RedirectState>),
}

/// Does one job at a time, as many at once as it is asked to.
pub trait Fetcher: Send + Sync {
    /// Asks [`Job::url`]; when `abort` is cancelled, ends soon with [`Verdict::Cancelled`] and leaves no
    /// file behind.
    fn fetch<'a>(&'a self, job: &'a Job, abort: &'a CancellationToken) -> BoxFuture<'a, Reply>;
}

/// A fetcher could not be built from its spec.
#[derive(Debug, thiserror::Error)]
#[error("cannot build the HTTP client: {0}")]
pub struct BuildError(pub String);

/// What to build fetchers from.
#[derive(Debug, Clone)]
pub enum FetchSpec {
    /// Over the network.
    Http(Arc<HttpSpec>),
    /// From a script, without a network: for tests of everything above this module.
    Scripted(Arc<script::Script>),
}

impl FetchSpec {
    /// The cookies of the run, where it keeps any.
    pub fn cookies(&self) -> Option<&Arc<CookieJar>> {
        match self {
            FetchSpec::Http(spec) => spec.cookies.as_ref(),
            FetchSpec::Scripted(_) => None,
        }
    }

    /// Gives a body that a child has fetched its final name, or removes it.
    ///
    /// # Errors
    /// What the file system says, with the name.
    pub fn give_name(&self, ready: &Ready) -> Result<(), FetchError> {
        self.folder().map_or(Ok(()), |folder| ready.give_name(folder))
    }

    /// Removes a body that nobody wants.
    pub fn remove(&self, ready: &Ready) {
        if let Some(folder) = self.folder() {
            ready.remove(folder);
        }
    }

    fn folder(&self) -> Option<&OutputFolder> {
        match self {
            FetchSpec::Http(spec) => spec.saving.folder(),
            FetchSpec::Scripted(_) => None,
        }
    }

    /// Why a redirect leads no further, where this one is beyond the most that are followed.
    pub fn too_many_redirects(&self, chain: &RedirectState) -> Option<FetchError> {
        match self {
            FetchSpec::Http(spec) => redirect::too_many(chain, spec.max_redirects),
            FetchSpec::Scripted(_) => None,
        }
    }

    /// A fetcher for the runtime this is called on.
    ///
    /// # Errors
    /// When the TLS settings cannot be used.
    pub fn build(&self, meter: &Arc<Meter>) -> Result<Arc<dyn Fetcher>, BuildError> {
        Ok(match self {
            FetchSpec::Http(spec) => Arc::new(http::HttpFetcher::new(spec, meter)),
            FetchSpec::Scripted(script) => Arc::new(script::ScriptedFetcher::new(script, meter)),
        })
    }
}

impl HttpSpec {
    /// Removes the half body of a job whose fetcher is no more.
    pub fn clear_part(&self, job: &Job) {
        if let (Some(folder), Some(part)) = (self.saving.folder(), save::part_name(self, job)) {
            // Err: there was none, which is as good.
            let _ = folder.remove(&part);
        }
    }
}

/// Whom TLS trusts, and what it shows.
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
        // A private key is shown to nobody.
        let identity = self.identity.is_some();
        write!(f, "TlsSpec(insecure: {}, http1: {}, identity: {identity})", self.insecure, self.http1)
    }
}

impl TlsSpec {
    /// Whether a client can be built from it.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn check(&self) -> Result<(), BuildError> {
        tls::client_config(self).map(|_| ())
    }
}

/// A writer that several owners may hold, such as standard output.
pub type SharedWriter = Arc<Mutex<dyn std::io::Write + Send>>;

/// Where bodies go.
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

/// Whether a body that is cut off is kept, to go on with it (RFC 9110, section 14).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Keeping {
    /// For another try of this run.
    #[default]
    ForNow,
    /// For later runs too; the number tells what runs with one state keep from what others do.
    For(u64),
}

/// Everything an HTTP fetch depends on, as plain data.
#[derive(Debug, Clone)]
pub struct HttpSpec {
    /// Request fields of every URL, User-Agent among them; `None` where one of ours is not sent.
    pub headers: Vec<(HeaderName, Option<HeaderValue>)>,
    /// What every listed origin is told that is told nothing else.
    pub user: Option<Credentials>,
    /// What hosts are told.
    pub netrc: Netrc,
    /// Credentials are sent only to servers that ask for them.
    pub anyauth: bool,
    /// What the servers of this process have asked for.
    pub challenges: Arc<Challenges>,
    /// What the decoders of the run share.
    pub decoder_memory: DecoderMemory,
    /// The cookies of the run; without it each chain of redirects has its own.
    pub cookies: Option<Arc<CookieJar>>,
    /// What requests go through.
    pub proxies: Proxies,
    /// Hosts that are asked without these.
    pub no_proxy: NoProxy,
    /// Heads alone are asked for.
    pub head: bool,
    /// Request fields and credentials of some hosts only; the first that covers a URL counts.
    pub hosts: Vec<HostFields>,
    /// How many redirects one URL may take.
    pub max_redirects: u32,
    /// Which addresses names have, and which of them are used.
    pub addresses: Arc<AddressSpec>,
    /// Whom TLS trusts.
    pub tls: TlsSpec,
    /// What is done with content codings.
    pub compression: Compression,
    /// For name look-up, TCP and TLS together.
    pub connect_timeout: Duration,
    /// The longest silence.
    pub read_timeout: Duration,
    /// One URL from start to end, redirects included.
    pub timeout: Option<Duration>,
    /// The slowest a body may come.
    pub low_speed: Option<LowSpeed>,
    /// What keeps requests apart and bounds the bytes a second.
    pub throttle: Throttle,
    /// Where bodies go.
    pub saving: Saving,
    /// Whether ETag and Last-Modified are wanted.
    pub keeps_validators: bool,
    /// Whether a file that no state knows of is asked about by its time.
    pub refresh: bool,
    /// Whether files get the time of Last-Modified.
    pub remote_time: bool,
    /// What becomes of bodies that are cut off.
    pub keeping: Keeping,
    /// Whether saved bodies get their names here; else whoever started this process gives them.
    pub names: bool,
    /// Whether a saved body is on the disk, its name too, before anybody is told.
    pub sync: bool,
    /// Whether a name that the server proposes makes the claimed name a folder with that file in it.
    pub content_disposition: bool,
    /// Whether what is there already is not fetched.
    pub skip_existing: bool,
    /// Nothing is asked and nothing written: each job is told where its body would go.
    pub dry_run: bool,
    /// In the names of part files: tells those of this run from those of another one that saves
    /// into the same folder. A fetch that is tried again finds the part of the first try.
    pub run: u64,
    /// Computed of every body.
    pub digest: Digest,
    /// The most decoded bytes of one body.
    pub max_size: Option<u64>,
    /// The most idle connections a client may hold, so that a list of many hosts cannot run out
    /// of file descriptors.
    pub idle_connections: usize,
}
