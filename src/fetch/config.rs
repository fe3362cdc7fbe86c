//! The settings of fetches: plain data, which can cross a pipe to a child process.

use std::path::PathBuf;
use std::time::Duration;

use http::{HeaderName, HeaderValue};
use serde::{Deserialize, Serialize};

use crate::config::{Compression, IpVersion, LowSpeed, Pin, PrivateAddresses, Proxies};
use crate::model::{Credentials, HostPattern, Needs, TextFormat, http_values};
use crate::output_folder::{OutputFolder, path_octets};
use crate::policy::credentials::netrc::Netrc;
use crate::policy::network::address::AddressClasses;
use crate::policy::network::no_proxy::NoProxy;

/// A fetcher could not be built from its settings.
#[derive(Debug, thiserror::Error)]
#[error("cannot build the HTTP client: {0}")]
pub struct BuildError(pub String);

/// All settings of HTTP fetches.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct FetchConfig {
    /// Request fields of every URL, User-Agent among them. `None` removes a default field.
    #[serde(with = "http_values::optional_fields")]
    pub headers: Vec<(HeaderName, Option<HeaderValue>)>,
    /// Credentials for each listed origin that has no others.
    pub user: Option<Credentials>,
    /// Credentials of hosts, from a netrc file.
    pub netrc: Netrc,
    /// Credentials are sent only to servers that ask for them.
    pub anyauth: bool,
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
    /// The rules for allowed addresses.
    pub addresses: AddressRules,
    /// The TLS settings.
    pub tls: TlsConfig,
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
    /// The destination of bodies.
    pub saving: Saving,
    /// The facts that are computed of each response on demand.
    pub needs: Needs,
    /// The form of the text of pages.
    pub text_format: TextFormat,
    /// Media types of pages that are saved, if there are any; `*` stands for the rest of a type.
    pub page_types: Vec<String>,
    /// Whether targets of forms with the method GET are links.
    pub forms: bool,
    /// Whether requisites are only checked: requested with HEAD, unless they are style sheets.
    pub checks: bool,
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
    /// Whether files get the ending of their media type.
    pub adjust_extension: bool,
    /// Whether the links of saved pages and style sheets are made absolute, for a later pass to make them local.
    pub convert_links: bool,
    /// Whether existing files are skipped.
    pub skip_existing: bool,
    /// Sends no request and writes no file. Each outcome has the path that its body would get.
    pub dry_run: bool,
    /// In the names of part files: separates those of this run from those of other runs into the same folder. A retry
    /// uses the same part file.
    pub run: u64,
    /// The most decoded bytes of one body.
    pub max_size: Option<u64>,
    /// The most idle connections a client may hold, so that a list of many hosts cannot run out
    /// of file descriptors.
    pub idle_connections: usize,
}

#[cfg(test)]
impl FetchConfig {
    /// Settings for tests: plain requests without limits, and bodies that are dropped.
    pub(crate) fn plain() -> Self {
        let (private, version) = (PrivateAddresses::Allow, IpVersion::Any);
        Self {
            headers: Vec::new(),
            user: None,
            netrc: Netrc::default(),
            anyauth: false,
            proxies: Proxies::default(),
            no_proxy: NoProxy::default(),
            head: false,
            hosts: Vec::new(),
            max_redirects: 10,
            addresses: AddressRules { private, classes: AddressClasses::default(), pins: Vec::new(), version },
            tls: TlsConfig::default(),
            compression: Compression::Auto,
            connect_timeout: Duration::from_secs(10),
            read_timeout: Duration::from_secs(60),
            timeout: None,
            low_speed: None,
            saving: Saving::Discard,
            needs: Needs::empty(),
            text_format: TextFormat::Markdown,
            page_types: Vec::new(),
            forms: false,
            checks: false,
            refresh: false,
            remote_time: false,
            keeping: Keeping::ForNow,
            names: true,
            sync: false,
            content_disposition: false,
            adjust_extension: false,
            convert_links: false,
            skip_existing: false,
            dry_run: false,
            run: 1,
            max_size: None,
            idle_connections: 1,
        }
    }
}

/// The request fields and credentials of one `[hosts]` table.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct HostFields {
    /// The hosts that receive them.
    pub pattern: HostPattern,
    /// Request fields; `None` removes a default field.
    #[serde(with = "http_values::optional_fields")]
    pub fields: Vec<(HeaderName, Option<HeaderValue>)>,
    /// The user for Basic and Digest (RFC 7617, RFC 7616).
    pub credentials: Option<Credentials>,
}

/// The rules for allowed addresses.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AddressRules {
    /// The rule for connections to addresses that are not public.
    pub private: PrivateAddresses,
    /// The classes of addresses, public or private.
    pub classes: AddressClasses,
    /// Names that are not looked up.
    pub pins: Vec<Pin>,
    /// Which addresses of a name are used.
    pub version: IpVersion,
}

/// Trusted certificate authorities and the client certificate of TLS.
#[derive(Clone, Default, Serialize, Deserialize)]
pub struct TlsConfig {
    /// PEM text of the authorities to trust instead of the system's.
    pub ca_pem: Option<Vec<u8>>,
    /// PEM text of the certificate that servers are shown, and of its private key.
    pub identity: Option<(Vec<u8>, Vec<u8>)>,
    /// Accept any certificate.
    pub insecure: bool,
    /// Offer HTTP/1.1 alone.
    pub http1: bool,
}

impl std::fmt::Debug for TlsConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The output must not contain the private key.
        let identity = self.identity.is_some();
        write!(f, "TlsConfig(insecure: {}, http1: {}, identity: {identity})", self.insecure, self.http1)
    }
}

/// The destination of bodies.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub enum Saving {
    /// Nowhere: read to the end, checked, dropped.
    #[default]
    Discard,
    /// Below this folder, under the name that the job has claimed.
    Dir(OutputFolder),
    /// To the file of this name in this folder; for a run of one URL.
    File(OutputFolder, #[serde(with = "path_octets")] PathBuf),
    /// To the stream of [`FetchServices`](super::FetchServices); for a run of one URL.
    Stream,
}

impl Saving {
    /// The folder below which files are written.
    pub fn folder(&self) -> Option<&OutputFolder> {
        match self {
            Saving::Dir(folder) | Saving::File(folder, _) => Some(folder),
            Saving::Discard | Saving::Stream => None,
        }
    }
}

/// For how long a partial body is kept to be resumed (RFC 9110, section 14).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Keeping {
    /// For retries of this run.
    #[default]
    ForNow,
    /// For later runs too. The number separates the kept bodies of runs with different states.
    For(u64),
}
