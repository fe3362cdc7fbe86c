//! The resolved configuration: the settings of every part of a run, with nothing left to decide.
//!
//! Text becomes these values once, in `cli/resolve`; after that there is no environment, no file and no flag. A `None`
//! here is a decision ("no limit"), never a gap.
//!
//! Text becomes values in layers: [`Layers`] starts at the defaults and takes files, variables and flags, later ones over
//! earlier ones, setting by setting. [`KEYS`] is the one table of settings. The caller passes all text in.

mod archive;
mod crawl;
mod end;
mod file;
mod fleet;
mod folder_file;
mod header;
mod hosts;
mod keys;
mod listen;
mod merge;
mod pace;
mod pin;
mod proxy;
mod queue_address;
mod records;
mod retry;
mod text;
mod traps;
mod units;
mod validate;

use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

use http::header::{HeaderName, HeaderValue};
use serde::{Deserialize, Serialize};
use url::Url;

use crate::model::{RetryOn, is_secret};

pub use archive::ArchiveConfig;
pub use crawl::{CrawlConfig, Sitemaps};
pub use end::{FailOn, Order, Until};
pub use fleet::FleetConfig;
pub use hosts::HostTable;
pub use pace::Rate;
pub use queue_address::{QueueAddress, QueueServer};
pub use records::{Color, Format, ProgressMode, Show};
pub use text::{ChangesBy, TextConfig};

// For the program: names, layers and texts of settings.
#[doc(hidden)]
pub use header::{check_field, headers, parse_header, user};
#[doc(hidden)]
pub use keys::{KEYS, Key, Raw, ValueForm, Word};
#[doc(hidden)]
pub use listen::parse_listen;
#[doc(hidden)]
pub use merge::{Layers, Origins, Problem, SettingSource};
#[doc(hidden)]
pub use pin::{Pin, parse_pin, pins};
#[doc(hidden)]
pub use proxy::Proxies;
#[doc(hidden)]
pub use traps::{TRAP_LIMITS, TrapLimit};
#[doc(hidden)]
pub use units::{parse_low_speed, parse_size, parse_time, show_low_speed, show_size, show_time};
#[doc(hidden)]
pub use validate::Task;

/// The format of a list.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum InputFormat {
    /// Detected by the file's extension, else by its first lines.
    #[default]
    Auto,
    /// One URL a line; aria2's indented option lines are understood.
    Text,
    /// Tab-separated with a line of column names.
    Tsv,
    /// Comma-separated (RFC 4180) with a line of column names.
    Csv,
    /// One JSON object a line.
    Ndjson,
    /// A JSON array of strings or objects, or one object a line.
    Json,
    /// An XML sitemap or an index of sitemaps.
    Sitemap,
    /// The links of an HTML page.
    Html,
    /// The captures of a WARC file.
    Warc,
    /// A CDXJ index of WARC files.
    Cdxj,
}

/// The treatment of content codings (RFC 9110, section 8.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Compression {
    /// Request br, zstd, gzip and deflate and decode them; a file with the name of a compressed
    /// file stays compressed.
    Auto,
    /// Ask for none.
    Off,
    /// Ask as with `Auto`, keep the coded bytes.
    Raw,
}

/// The number of URLs in flight at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Concurrency {
    /// At most this number.
    Fixed(NonZeroU32),
    /// The number that brings a gain, found during the run.
    Auto,
}

/// Which addresses that are not public may be connected to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum PrivateAddresses {
    /// All.
    Allow,
    /// All but those to which a redirect from a public host leads.
    Guard,
    /// None.
    Deny,
}

/// Which addresses of a name are used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum IpVersion {
    /// All.
    Any,
    /// Those of IPv4.
    Four,
    /// Those of IPv6.
    Six,
}

/// The treatment of a URL that stood earlier in the input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Duplicates {
    /// It becomes a skipped record.
    Skip,
    /// The run fetches it again.
    Fetch,
}

/// A digest that is computed of every body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Digest {
    /// None, but those that the list declares.
    None,
    /// SHA-256 (FIPS 180-4).
    Sha256,
    /// BLAKE3.
    Blake3,
}

/// The way to run fetches at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BackendKind {
    /// Tasks on a few single-threaded runtimes.
    Async,
    /// A thread for each fetch under way.
    Threads,
    /// A child process for each fetch under way.
    Processes,
    /// One fetch at a time, whatever the concurrency.
    Sequential,
}

/// A body that comes slower than `bytes_per_second`, averaged over `over`, is given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct LowSpeed {
    /// The least rate.
    pub bytes_per_second: u64,
    /// The time over which it is averaged.
    pub over: Duration,
}

/// Every setting of a run, resolved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// `input-format`: how lists are written.
    pub input_format: InputFormat,
    /// `base`: where documents with relative URLs were, such as a saved page.
    pub base: Option<Url>,
    /// `input-encoding`: the encoding of lists without a byte order mark; `None` finds out.
    pub input_encoding: Option<&'static encoding_rs::Encoding>,
    /// `url-column`: the column of tables that holds the URLs, by name or number; `None` finds out.
    pub url_column: Option<String>,
    /// `duplicates`: what happens to a URL that stood earlier in the input.
    pub duplicates: Duplicates,
    /// `concurrency`: the most URLs in flight at once.
    pub concurrency: Concurrency,
    /// `backend`: how fetches run at once.
    pub backend: BackendKind,
    /// `per-host`: the most URLs of one host in flight at once; `None`: its share.
    pub per_host: Option<NonZeroU32>,
    /// `delay`: the time between the starts of two requests of one host.
    pub delay: Duration,
    /// `random-wait`: `delay` is from half to one and a half times as long, by chance.
    pub random_wait: bool,
    /// `rate`: the most requests, all hosts together.
    pub rate: Option<Rate>,
    /// `limit-rate`: the most bytes a second of all bodies together.
    pub limit_rate: Option<u64>,
    /// `grace`: after the first Ctrl-C, how long URLs in flight may go on.
    pub grace: Duration,
    /// `order`: the order of the records.
    pub order: Order,
    /// `until`: what the run waits for.
    pub until: Until,
    /// `max-failures`: after so many, error statuses among them, the run ends.
    pub max_failures: Option<NonZeroU32>,
    /// `max-duration`: after this time the run ends.
    pub max_duration: Option<Duration>,
    /// `quota`: after so many bytes of bodies, as they are sent, the run ends.
    pub quota: Option<u64>,
    /// `fail-on`: which failures make the run a failed one.
    pub fail_on: FailOn,
    /// `header`: request fields for every URL, each as [`parse_header`] reads it; see [`headers`].
    pub header: Vec<String>,
    /// `user-agent`: the User-Agent field; empty for none.
    pub user_agent: String,
    /// `user`: USER:PASSWORD for every listed origin without credentials of its own; see [`user`].
    pub user: Option<String>,
    /// `anyauth`: credentials are sent only to servers that ask for them.
    pub anyauth: bool,
    /// `netrc`: passwords by host come from the netrc file.
    pub netrc: bool,
    /// `netrc-file`: which file that is; naming one is enough to use it.
    pub netrc_file: Option<PathBuf>,
    /// `cookie`: with a `=` in it, a Cookie field for every listed origin; else a file to load, as in curl.
    pub cookie: Option<String>,
    /// `load-cookies`: a file of cookies that the run begins with.
    pub load_cookies: Option<PathBuf>,
    /// `save-cookies`: a file that gets the cookies at the end of the run.
    pub save_cookies: Option<PathBuf>,
    /// `proxy`: what requests go through; [`Proxies`] reads it.
    pub proxy: Option<String>,
    /// `noproxy`: hosts that get requests without a proxy.
    pub noproxy: Option<String>,
    /// `head`: ask for heads alone (HEAD), and save nothing.
    pub head: bool,
    /// `http1`: no HTTP/2.
    pub http1: bool,
    /// `max-redirects`: how many redirects one URL may take.
    pub max_redirects: u32,
    /// `resolve`: names whose addresses are given, each as [`parse_pin`] reads it; see [`pins`].
    pub resolve: Vec<String>,
    /// `ip-version`: which addresses of a name are used.
    pub ip_version: IpVersion,
    /// `private-addresses`: which addresses that are not public may be connected to.
    pub private_addresses: PrivateAddresses,
    /// `cacert`: a PEM file of authorities to trust instead of the system's.
    pub cacert: Option<PathBuf>,
    /// `cert`: a PEM file with the certificate that TLS shows of us.
    pub cert: Option<PathBuf>,
    /// `key`: a PEM file with its private key, where that is not in the same file.
    pub key: Option<PathBuf>,
    /// `insecure`: accept any certificate.
    pub insecure: bool,
    /// `compression`: what is done with content codings.
    pub compression: Compression,
    /// `connect-timeout`: for name look-up, TCP and TLS together.
    pub connect_timeout: Duration,
    /// `read-timeout`: the longest silence.
    pub read_timeout: Duration,
    /// `timeout`: one URL from start to end, redirects included.
    pub timeout: Option<Duration>,
    /// `low-speed`: the slowest a body may come.
    pub low_speed: Option<LowSpeed>,
    /// `retry`: how often a URL is tried beyond the first time.
    pub retry: u32,
    /// `retry-on`: after what.
    pub retry_on: RetryOn,
    /// `retry-max-wait`: the longest wait that a server may ask for.
    pub retry_max_wait: Duration,
    /// `dir`: where bodies are saved.
    pub dir: Option<PathBuf>,
    /// `name`: how files below `dir` are called; `policy::naming::Template` reads it.
    pub name: String,
    /// `content-disposition`: files are called as the server proposes, each in a folder of its own.
    pub content_disposition: bool,
    /// `skip-existing`: what is there already is not fetched.
    pub skip_existing: bool,
    /// `fresh`: forget what earlier runs into this folder left behind.
    pub fresh: bool,
    /// `refresh`: ask for what is done, and for files that are there, whether it has changed; files get
    /// the server's time.
    pub refresh: bool,
    /// `remote-time`: files get the time of Last-Modified.
    pub remote_time: bool,
    /// `state`: the file that keeps what is known; unless it is named, one in `dir`.
    pub state: Option<PathBuf>,
    /// `sync`: reported outcomes outlast a loss of power.
    pub sync: bool,
    /// `changes`: a file that gets what differs from what was known before.
    pub changes: Option<PathBuf>,
    /// `digest`: computed of every body.
    pub digest: Digest,
    /// `max-size`: the most decoded bytes of one body.
    pub max_size: Option<u64>,
    /// `format`: how records are written.
    pub format: Format,
    /// `output`: the file that gets the records; `-` is standard output.
    pub output: PathBuf,
    /// `summary`: a file that gets the summary as JSON.
    pub summary: Option<PathBuf>,
    /// `metrics`: the address on which the program shows the run while it goes on.
    pub metrics: Option<SocketAddr>,
    /// `report`: a file that gets the report of the run as HTML.
    pub report: Option<PathBuf>,
    /// `progress`: what is shown while the run goes on.
    pub progress: ProgressMode,
    /// `quiet`: no bar, no summary, no text lines.
    pub quiet: bool,
    /// `verbose`: log what is done.
    pub verbose: bool,
    /// `show`: which results the text records list.
    pub show: Show,
    /// `color`: whether text is coloured.
    pub color: Color,
    /// `log`: a file that gets the log.
    pub log: Option<PathBuf>,
    /// `dry-run`: report the planned fetches, and fetch nothing.
    pub dry_run: bool,
    /// `[hosts."NAME"]`: what holds for some hosts only; of two tables for a host the one that says
    /// more comes first, and counts.
    pub hosts: Vec<HostTable>,
    /// The settings of a crawl.
    pub crawl: CrawlConfig,
    /// The file of the URLs that a crawl does not follow, each with its reason.
    pub skipped: Option<PathBuf>,
    /// The settings of an archive.
    pub archive: ArchiveConfig,
    /// The settings of the text of pages.
    pub text: TextConfig,
    /// The settings of a worker of a fleet.
    pub fleet: FleetConfig,
}

impl Config {
    /// The defaults of the command `crawl`.
    pub fn of_crawl() -> Self {
        Self { per_host: NonZeroU32::new(4), crawl: CrawlConfig::following(), ..Self::default() }
    }

    /// The defaults of the command `mirror`: a crawl whose files can be read offline, and which the next run updates.
    pub fn of_mirror() -> Self {
        let crawl = CrawlConfig::mirroring();
        Self { crawl, dir: Some(PathBuf::from(".")), refresh: true, ..Self::of_crawl() }
    }

    /// Whether a setting gives credentials, for all hosts or for some.
    pub fn gives_credentials(&self) -> bool {
        let secret = |fields: Vec<(HeaderName, Option<HeaderValue>)>| fields.iter().any(|(name, _)| is_secret(name));
        self.user.is_some()
            || self.netrc
            || self.netrc_file.is_some()
            || secret(headers(self))
            || self.hosts.iter().any(|table| table.user.is_some() || secret(table.own_fields()))
    }

    /// Whether files get the time of Last-Modified. A run that refreshes sets it, for the next one to
    /// ask by.
    pub fn sets_file_times(&self) -> bool {
        self.remote_time || self.refresh
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            input_format: InputFormat::Auto,
            base: None,
            input_encoding: None,
            url_column: None,
            duplicates: Duplicates::Skip,
            concurrency: Concurrency::Fixed(const { NonZeroU32::MIN.saturating_add(9) }),
            backend: BackendKind::Async,
            per_host: None,
            delay: Duration::ZERO,
            random_wait: false,
            rate: None,
            limit_rate: None,
            grace: Duration::from_secs(5),
            order: Order::Completed,
            until: Until::All,
            max_failures: None,
            max_duration: None,
            quota: None,
            fail_on: FailOn::Any,
            header: Vec::new(),
            user_agent: concat!("fetchall/", env!("CARGO_PKG_VERSION"), " (+", env!("CARGO_PKG_REPOSITORY"), ")")
                .to_owned(),
            user: None,
            anyauth: false,
            netrc: false,
            netrc_file: None,
            cookie: None,
            load_cookies: None,
            save_cookies: None,
            proxy: None,
            noproxy: None,
            head: false,
            http1: false,
            max_redirects: 10,
            resolve: Vec::new(),
            ip_version: IpVersion::Any,
            private_addresses: PrivateAddresses::Guard,
            cacert: None,
            cert: None,
            key: None,
            insecure: false,
            compression: Compression::Auto,
            connect_timeout: Duration::from_secs(10),
            read_timeout: Duration::from_secs(30),
            timeout: None,
            low_speed: Some(LowSpeed { bytes_per_second: 100, over: Duration::from_secs(30) }),
            retry: 3,
            retry_on: RetryOn::default(),
            retry_max_wait: Duration::from_secs(60),
            dir: None,
            name: "{host}/{path}".to_owned(),
            content_disposition: false,
            skip_existing: false,
            fresh: false,
            refresh: false,
            remote_time: false,
            sync: false,
            state: None,
            changes: None,
            digest: Digest::None,
            max_size: None,
            format: Format::Text,
            output: PathBuf::from("-"),
            summary: None,
            metrics: None,
            report: None,
            progress: ProgressMode::Auto,
            quiet: false,
            verbose: false,
            show: Show::Auto,
            color: Color::Auto,
            log: None,
            dry_run: false,
            hosts: Vec::new(),
            crawl: CrawlConfig::default(),
            skipped: None,
            archive: ArchiveConfig::default(),
            text: TextConfig::default(),
            fleet: FleetConfig::default(),
        }
    }
}
