//! The specification of fetchers, on its way to a child.

use std::collections::HashMap;
use std::ffi::OsString;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use http::{HeaderName, HeaderValue};
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;
use url::Url;

use super::addresses::Addresses;
use super::{FrameError, job};
use crate::config::{Compression, Digest, LowSpeed, Proxies};
use crate::fetch::{
    BodyStream, ByteLimit, DecoderMemory, FetchSpec, HostFields, HttpSpec, Keeping, PendingQuota, Saving, Script, Step,
    Throttle, TlsSpec,
};
use crate::model::{Credentials, ErrorKind, HostPattern};
use crate::output_folder::OutputFolder;
use crate::policy::credentials::netrc::{Machine, Netrc};
use crate::policy::network::no_proxy::NoProxy;

/// Codings and digests in the order of their numbers on the wire.
const COMPRESSIONS: [Compression; 3] = [Compression::Auto, Compression::Off, Compression::Raw];
const DIGESTS: [Digest; 3] = [Digest::None, Digest::Sha256, Digest::Blake3];

/// A request field.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Field {
    name: String,
    value: Option<Vec<u8>>,
    /// Not to be shown, nor to be indexed by HTTP/2.
    sensitive: bool,
}

impl Field {
    pub(super) fn new(name: &HeaderName, value: Option<&HeaderValue>) -> Self {
        Self {
            name: name.as_str().to_owned(),
            value: value.map(|value| value.as_bytes().to_vec()),
            sensitive: value.is_some_and(HeaderValue::is_sensitive),
        }
    }

    pub(super) fn parse(self) -> Result<(HeaderName, Option<HeaderValue>), FrameError> {
        let name = HeaderName::from_bytes(self.name.as_bytes()).map_err(|_| FrameError::Garbage)?;
        let value = self.value.map(HeaderValue::try_from).transpose().map_err(|_| FrameError::Garbage)?;
        let value = value.map(|mut value| {
            value.set_sensitive(self.sensitive);
            value
        });
        Ok((name, value))
    }
}

/// The specification of a fetcher.
#[derive(Debug, Serialize, Deserialize)]
pub(in crate::backend) enum SpecFrame {
    Http(Box<Http>),
    Scripted(Vec<(String, Played)>, Played),
}

/// Over the network.
#[derive(Debug, Serialize, Deserialize)]
pub(in crate::backend) struct Http {
    headers: Vec<Field>,
    user: Option<(String, String)>,
    /// Host, user name and password.
    netrc: Vec<MachineFrame>,
    anyauth: bool,
    /// Whether the run keeps cookies; other frames carry them.
    cookies: bool,
    /// The proxies for http and for https.
    proxies: [Option<String>; 2],
    no_proxy: String,
    head: bool,
    /// Patterns, their fields, their users.
    hosts: Vec<Host>,
    max_redirects: u32,
    addresses: Addresses,
    ca_pem: Option<Vec<u8>>,
    identity: Option<(Vec<u8>, Vec<u8>)>,
    insecure: bool,
    http1: bool,
    compression: u8,
    connect_timeout: Duration,
    read_timeout: Duration,
    timeout: Option<Duration>,
    low_speed: Option<(u64, Duration)>,
    paced: bool,
    /// Bytes a second, and what one body takes of them at once.
    byte_limit: Option<(u64, u64)>,
    saving: Place,
    keeps_validators: bool,
    refresh: bool,
    remote_time: bool,
    keeping: Kept,
    sync: bool,
    content_disposition: bool,
    skip_existing: bool,
    dry_run: bool,
    run: u64,
    digest: u8,
    max_size: Option<u64>,
    idle_connections: u64,
}

#[derive(Debug, Serialize, Deserialize)]
enum Kept {
    ForNow,
    For(u64),
}

/// The path of an output folder as the user spelled it, and without links.
type Folder = (Vec<u8>, Vec<u8>);

#[derive(Debug, Serialize, Deserialize)]
enum Place {
    Discard,
    Dir(Folder),
    File(Folder, Vec<u8>),
    Stream,
}

/// The delay and the step of one path.
type Played = (Duration, Act);

/// A step of a script.
#[derive(Debug, Serialize, Deserialize)]
pub(in crate::backend) enum Act {
    Ok(u64),
    Status(u16),
    Fail(u8),
    Busy(u32, u16, Option<Duration>),
    Panic,
    Hang,
}

impl SpecFrame {
    pub(in crate::backend) fn new(spec: &FetchSpec) -> Result<Self, FrameError> {
        Ok(match spec {
            FetchSpec::Http(spec) => SpecFrame::Http(Box::new(http(spec)?)),
            FetchSpec::Scripted(script) => {
                let paths = script.paths.iter().map(|(path, step)| Ok((path.clone(), played(*step)?)));
                SpecFrame::Scripted(paths.collect::<Result<_, FrameError>>()?, played(script.otherwise)?)
            }
        })
    }

    /// The spec again; bodies for a writer of the parent go to `bodies`, and `asks` asks it for leave.
    pub(in crate::backend) fn into_spec(
        self,
        bodies: BodyWriter,
        asks: mpsc::Sender<PendingQuota>,
    ) -> Result<FetchSpec, FrameError> {
        Ok(match self {
            SpecFrame::Http(http) => FetchSpec::Http(Arc::new(http.into_spec(bodies, asks)?)),
            SpecFrame::Scripted(paths, otherwise) => {
                let paths = paths.into_iter().map(|(path, step)| Ok((path, step_of(step)?)));
                let paths = paths.collect::<Result<HashMap<_, _>, FrameError>>()?;
                FetchSpec::Scripted(Arc::new(Script { paths, otherwise: step_of(otherwise)? }))
            }
        })
    }
}

fn http(spec: &HttpSpec) -> Result<Http, FrameError> {
    Ok(Http {
        headers: spec.headers.iter().map(|(name, value)| Field::new(name, value.as_ref())).collect(),
        user: spec.user.as_ref().map(|user| (user.username.clone(), user.password.clone())),
        netrc: spec.netrc.machines.iter().map(machine_frame).collect(),
        anyauth: spec.anyauth,
        cookies: spec.cookies.is_some(),
        proxies: [&spec.proxies.http, &spec.proxies.https].map(|url| url.as_ref().map(|url| url.as_str().to_owned())),
        no_proxy: spec.no_proxy.as_str().to_owned(),
        head: spec.head,
        hosts: spec.hosts.iter().map(host).collect(),
        max_redirects: spec.max_redirects,
        addresses: Addresses::new(&spec.addresses)?,
        ca_pem: spec.tls.ca_pem.clone(),
        identity: spec.tls.identity.clone(),
        insecure: spec.tls.insecure,
        http1: spec.tls.http1,
        compression: number(&COMPRESSIONS, spec.compression)?,
        connect_timeout: spec.connect_timeout,
        read_timeout: spec.read_timeout,
        timeout: spec.timeout,
        low_speed: spec.low_speed.map(|low| (low.bytes_per_second, low.over)),
        paced: spec.throttle.is_paced(),
        byte_limit: spec.throttle.bytes().map(|limit| (limit.a_second, limit.at_once)),
        saving: match &spec.saving {
            Saving::Discard => Place::Discard,
            Saving::Dir(folder) => Place::Dir(folder_frame(folder)?),
            Saving::File(folder, file) => Place::File(folder_frame(folder)?, path_bytes(file)?),
            Saving::Stream(_) => Place::Stream,
        },
        keeps_validators: spec.keeps_validators,
        refresh: spec.refresh,
        remote_time: spec.remote_time,
        keeping: match spec.keeping {
            Keeping::ForNow => Kept::ForNow,
            Keeping::For(id) => Kept::For(id),
        },
        sync: spec.sync,
        content_disposition: spec.content_disposition,
        skip_existing: spec.skip_existing,
        dry_run: spec.dry_run,
        run: spec.run,
        digest: number(&DIGESTS, spec.digest)?,
        max_size: spec.max_size,
        idle_connections: spec.idle_connections as u64,
    })
}

fn folder_frame(folder: &OutputFolder) -> Result<Folder, FrameError> {
    Ok((path_bytes(folder.path())?, path_bytes(folder.resolved_path())?))
}

fn folder_of((path, resolved): Folder) -> Result<OutputFolder, FrameError> {
    Ok(OutputFolder::resolved(path_of(path)?, path_of(resolved)?))
}

type Host = (String, Vec<Field>, Option<(String, String)>);

fn host(host: &HostFields) -> Host {
    let fields = host.fields.iter().map(|(name, value)| Field::new(name, value.as_ref())).collect();
    let user = host.credentials.as_ref().map(|user| (user.username.clone(), user.password.clone()));
    (host.pattern.as_str().to_owned(), fields, user)
}

fn host_of((pattern, fields, user): Host) -> Result<HostFields, FrameError> {
    Ok(HostFields {
        pattern: HostPattern::parse(&pattern).map_err(|_| FrameError::Garbage)?,
        fields: fields.into_iter().map(Field::parse).collect::<Result<_, _>>()?,
        credentials: user.map(|(username, password)| Credentials { username, password }),
    })
}

impl Http {
    fn into_spec(self, bodies: BodyWriter, asks: mpsc::Sender<PendingQuota>) -> Result<HttpSpec, FrameError> {
        let [http_proxy, https_proxy] = self.proxies;
        Ok(HttpSpec {
            headers: self.headers.into_iter().map(Field::parse).collect::<Result<_, _>>()?,
            user: self.user.map(|(username, password)| Credentials { username, password }),
            netrc: Netrc { machines: self.netrc.into_iter().map(machine_of).collect() },
            anyauth: self.anyauth,
            challenges: Arc::default(),
            decoder_memory: DecoderMemory::asking(asks.clone()),
            cookies: self.cookies.then(Arc::default),
            proxies: Proxies { http: url_of(http_proxy)?, https: url_of(https_proxy)? },
            no_proxy: NoProxy::parse(&self.no_proxy),
            head: self.head,
            hosts: self.hosts.into_iter().map(host_of).collect::<Result<_, _>>()?,
            max_redirects: self.max_redirects,
            addresses: self.addresses.into_spec()?,
            tls: TlsSpec { ca_pem: self.ca_pem, identity: self.identity, insecure: self.insecure, http1: self.http1 },
            compression: job::entry(&COMPRESSIONS, self.compression)?,
            connect_timeout: self.connect_timeout,
            read_timeout: self.read_timeout,
            timeout: self.timeout,
            low_speed: self.low_speed.map(|(bytes_per_second, over)| LowSpeed { bytes_per_second, over }),
            throttle: {
                let bytes = self.byte_limit.map(|(a_second, at_once)| ByteLimit { a_second, at_once });
                Throttle::asking(asks, self.paced, bytes)
            },
            saving: match self.saving {
                Place::Discard => Saving::Discard,
                Place::Dir(folder) => Saving::Dir(folder_of(folder)?),
                Place::File(folder, file) => Saving::File(folder_of(folder)?, path_of(file)?),
                Place::Stream => Saving::Stream(BodyStream::new(Arc::new(Mutex::new(bodies)))),
            },
            keeps_validators: self.keeps_validators,
            refresh: self.refresh,
            remote_time: self.remote_time,
            keeping: match self.keeping {
                Kept::ForNow => Keeping::ForNow,
                Kept::For(id) => Keeping::For(id),
            },
            // The parent gives them.
            names: false,
            sync: self.sync,
            content_disposition: self.content_disposition,
            skip_existing: self.skip_existing,
            dry_run: self.dry_run,
            run: self.run,
            digest: job::entry(&DIGESTS, self.digest)?,
            max_size: self.max_size,
            idle_connections: usize::try_from(self.idle_connections).map_err(|_| FrameError::Garbage)?,
        })
    }
}

type MachineFrame = (Option<String>, String, String);

fn machine_frame(machine: &Machine) -> MachineFrame {
    let Credentials { username, password } = &machine.credentials;
    (machine.host.clone(), username.clone(), password.clone())
}

fn machine_of((host, username, password): MachineFrame) -> Machine {
    Machine { host, credentials: Credentials { username, password } }
}

fn url_of(text: Option<String>) -> Result<Option<Url>, FrameError> {
    text.map(|text| Url::parse(&text)).transpose().map_err(|_| FrameError::Garbage)
}

/// Sends a body on instead of writing it. It is written to on a thread that may block.
pub(in crate::backend) struct BodyWriter(pub(in crate::backend) mpsc::Sender<Vec<u8>>);

impl Write for BodyWriter {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        self.0.blocking_send(data.to_vec()).map_err(|_| io::Error::from(io::ErrorKind::BrokenPipe))?;
        Ok(data.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn number<T: PartialEq + Copy>(all: &[T], one: T) -> Result<u8, FrameError> {
    job::position(all, one).ok_or(FrameError::Garbage)
}

fn played((delay, step): (Duration, Step)) -> Result<Played, FrameError> {
    let act = match step {
        Step::Ok(bytes) => Act::Ok(bytes),
        Step::Status(status) => Act::Status(status),
        Step::Fail(kind) => Act::Fail(number(ErrorKind::ALL, kind)?),
        Step::Busy { tries, status, wait } => Act::Busy(tries, status, wait),
        Step::Panic => Act::Panic,
        Step::Hang => Act::Hang,
    };
    Ok((delay, act))
}

fn step_of((delay, act): Played) -> Result<(Duration, Step), FrameError> {
    let step = match act {
        Act::Ok(bytes) => Step::Ok(bytes),
        Act::Status(status) => Step::Status(status),
        Act::Fail(kind) => Step::Fail(job::entry(ErrorKind::ALL, kind)?),
        Act::Busy(tries, status, wait) => Step::Busy { tries, status, wait },
        Act::Panic => Step::Panic,
        Act::Hang => Step::Hang,
    };
    Ok((delay, step))
}

/// A path need not be UTF-8 where it is bytes.
#[cfg(unix)]
pub(super) fn path_bytes(path: &Path) -> Result<Vec<u8>, FrameError> {
    use std::os::unix::ffi::OsStrExt;
    Ok(path.as_os_str().as_bytes().to_vec())
}

#[cfg(unix)]
pub(super) fn path_of(bytes: Vec<u8>) -> Result<PathBuf, FrameError> {
    use std::os::unix::ffi::OsStringExt;
    Ok(OsString::from_vec(bytes).into())
}

#[cfg(not(unix))]
pub(super) fn path_bytes(path: &Path) -> Result<Vec<u8>, FrameError> {
    path.to_str().map(|text| text.as_bytes().to_vec()).ok_or(FrameError::Garbage)
}

#[cfg(not(unix))]
pub(super) fn path_of(bytes: Vec<u8>) -> Result<PathBuf, FrameError> {
    String::from_utf8(bytes).map(|text| OsString::from(text).into()).map_err(|_| FrameError::Garbage)
}
