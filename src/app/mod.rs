//! The composition root: a configuration becomes a plan. The only file that names all concrete types.

mod bounded_read;
mod cookies;
mod descriptors;
mod file_times;
mod files;
mod folder;
mod list_fetcher;
mod memory;
mod outputs;
mod unmatched;

use std::fs::File;
use std::io::{self, Write};
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use fastrand::Rng;
use http::header::{COOKIE, HeaderName, HeaderValue, USER_AGENT};

use crate::backend::{BACKENDS, BackendEntry};
use crate::config::{Backend, Concurrency, Config, Digest, Duplicates, HostTable, Proxies, Rate, headers, pins, user};
use crate::engine::{Plan, Stop, StopConditions};
use crate::fetch::{
    AddressSpec, BodyStream, ByteLimit, DecoderMemory, FetchSpec, HostFields, HttpSpec, Keeping, Saving, Throttle,
    TlsSpec,
};
use crate::model::{is_secret, shown_path};
use crate::output_folder::OutputFolder;
use crate::policy::credentials::netrc::{Netrc, Unread};
use crate::policy::limits::pacer::{AllHostLimits, HostLimits, Pacer, SharedPacer};
use crate::policy::naming::{Claims, Template};
use crate::policy::network::address::AddressClasses;
use crate::policy::network::no_proxy::{NoProxy, Unusable};
use crate::policy::retry::Limits;
use crate::report::Reporter;
use crate::schedule::Rules;
use crate::sink::Sink;
use crate::source::{Inputs, ListOpener, ListOptions, ListSource, ReportSource, Source, SourceError};
use crate::state::StateError;
use bounded_read::{LARGE, read_for as read};
pub use bounded_read::{SETTINGS as LARGEST_SETTINGS, read as read_bounded, read_unnamed};
pub use files::{CheckedFiles, Files, is_within};
use list_fetcher::ListFetcher;
use memory::Recalling;
use outputs::Outputs;

/// See [`Rules::first_moments`]: the first thousands of lines are read in less.
const FIRST_MOMENTS: Duration = Duration::from_millis(10);

/// A run could not be set up; nothing was fetched.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// A list cannot be opened.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// A file or folder cannot be used.
    #[error("cannot use {path} for {purpose}: {source}", path = shown_path(path))]
    Path {
        /// The path, as given.
        path: PathBuf,
        /// The intended use.
        purpose: &'static str,
        /// Why not.
        source: io::Error,
    },
    /// The state of earlier runs cannot be used.
    #[error(transparent)]
    State(#[from] StateError),
    /// A setting cannot be used.
    #[error("{0}")]
    Setting(String),
}

/// The destination of the body in a run of one URL, instead of a folder.
#[derive(Clone)]
pub enum Document {
    /// No file of its own.
    None,
    /// This file.
    File(PathBuf),
    /// This writer.
    Stream(crate::fetch::SharedWriter),
}

/// The caller's own outputs and reporters.
pub struct Surroundings {
    /// Gets the records when the configuration says `output = "-"`; `None` discards them.
    pub records: Option<Box<dyn Write + Send>>,
    /// Whether text records are coloured.
    pub color: bool,
    /// The files of the run.
    pub files: CheckedFiles,
    /// More sinks.
    pub sinks: Vec<Box<dyn Sink>>,
    /// The `fetchall` program, for a backend that starts processes.
    pub worker_program: PathBuf,
    /// The reporters of the run.
    pub reporters: Vec<Box<dyn Reporter>>,
    /// Which addresses are public: the default is as registered, everything else is for tests.
    pub address_classes: AddressClasses,
}

/// Picks and opens every part of a run.
///
/// # Errors
/// When a list, file or folder cannot be opened: at once, not in the middle of the run.
pub fn plan(
    config: &Config,
    inputs: impl Into<Inputs>,
    document: Document,
    surroundings: Surroundings,
    stop: Stop,
) -> Result<Plan, SetupError> {
    let template = template(config)?;
    let inputs = inputs.into();
    if inputs.retry.is_some() && config.changes.is_some() {
        let why = "--changes and --retry-from: another try of some URLs is no run to compare; leave one of them out";
        return Err(SetupError::Setting(why.to_owned()));
    }
    let addresses = addresses(config, surroundings.address_classes);
    let (jar, mut warnings) = cookies::jar(config)?;
    let mut spec = http_spec(config, addresses)?;
    if spec.proxies != Proxies::default() {
        warnings.extend(spec.no_proxy.unusable().iter().map(Unusable::to_string));
    }
    let (netrc, odd_netrc) = netrc(config)?;
    spec.netrc = netrc;
    warnings.extend(odd_netrc);
    spec.cookies = jar.clone();
    let seed = fastrand::u64(..);
    let host_limits = host_limits(config);
    let chance = config.random_wait.then(|| Rng::with_seed(seed));
    let pacer = Pacer::new(host_limits.clone(), config.rate.map(Rate::gap), chance).map(SharedPacer::from);
    // A dry run has no requests to overlap, and keeps the order of the list.
    let wanted = if config.dry_run { Backend::Sequential } else { config.backend };
    let backend = backend(wanted)?;
    let (most, auto) = match config.concurrency {
        Concurrency::Fixed(most) => (most.get(), false),
        Concurrency::Auto => (backend.most_auto, true),
    };
    let bodies = if wanted == Backend::Sequential { 1 } else { most };
    let bytes = config.limit_rate.map(|a_second| ByteLimit::shared(a_second, bodies));
    spec.throttle = Throttle::new(pacer.clone(), bytes);
    let fetcher = ListFetcher::new(config, &spec, host_limits.clone(), pacer.clone());
    let mut source = source(inputs, config, fetcher)?;
    let saving = saving(config, document)?;
    let streams = matches!(saving, Saving::Stream(_));
    let mut names = matches!(saving, Saving::Dir(_)).then(|| Claims::named_by(template));
    let mut sinks: Vec<Box<dyn Sink>> = Vec::new();
    let mut keeping = Keeping::ForNow;
    let mut past = None;
    if let Some(memory) = memory::open(config, &saving, names.as_mut())? {
        source = Box::new(Recalling::new(source, memory.recall));
        // The ledger is the first sink: the state knows every reported outcome.
        sinks.extend(memory.ledger.map(|ledger| Box::new(ledger) as Box<dyn Sink>));
        past = memory.past;
        keeping = Keeping::For(memory::id(config));
    }
    if let (Some(names), Saving::Dir(dir)) = (&mut names, &saving) {
        surroundings.files.exclude_from(dir.path(), names)?;
    }
    let saves = saving.folder().is_some();
    spec.keeps_validators = config.sets_file_times() || matches!(keeping, Keeping::For(_)) || streams;
    (spec.saving, spec.keeping) = (saving, keeping);
    if let (Some(path), Some(jar), false) = (&config.save_cookies, &jar, config.dry_run) {
        sinks.push(Box::new(cookies::CookieFile::create(path, jar.clone())?));
    }
    sinks.extend(surroundings.sinks);
    let mut outputs = Outputs::default();
    sinks.extend(outputs.records(config, surroundings.records, surroundings.color)?);
    if let Some(path) = &config.summary {
        sinks.push(outputs.summary(path)?);
    }
    if let Some(path) = &config.changes {
        sinks.push(outputs::changes(path, past)?);
    }
    let share = descriptors::share(wanted, backend, most, saves);
    spec.idle_connections = share.idle;
    outputs.begin()?;
    // With `auto`, do not warn about a lowered limit.
    warnings.extend(share.warning.filter(|_| !auto));
    let mut reporters = unmatched::watched(surroundings.reporters, &config.hosts);
    if config.sets_file_times() && saves {
        reporters = file_times::watched(reporters);
    }
    let schedule = Rules {
        concurrency: share.concurrency,
        first_moments: FIRST_MOMENTS,
        host_limits,
        pacer,
        retry: Limits { retries: config.retry, on: config.retry_on.clone(), max_wait: config.retry_max_wait, streams },
        jitter: seed,
    };
    Ok(Plan {
        source,
        schedule,
        skip_duplicates: config.duplicates == Duplicates::Skip,
        backend: (backend.make)(),
        spec: FetchSpec::Http(Arc::new(spec)),
        names,
        sinks,
        reporters,
        order: config.order,
        ends: StopConditions {
            until: config.until,
            max_failures: config.max_failures,
            max_duration: config.max_duration,
        },
        auto,
        warnings,
        beyond_one_origin: told_to_all(config),
        worker_program: surroundings.worker_program,
        grace: config.grace,
        stop,
    })
}

/// The lists, or what of them and of an earlier run is tried again.
fn source(inputs: Inputs, config: &Config, fetcher: ListFetcher) -> Result<Box<dyn Source>, SetupError> {
    let Inputs { lists, retry, tables_only } = inputs;
    let opener: Arc<dyn ListOpener> = Arc::new(fetcher);
    let options = ListOptions { opener: Some(opener), tables_only, ..config.into() };
    let Some(retry) = retry else { return Ok(Box::new(ListSource::new(lists, options)?)) };
    let lists = (!lists.is_empty()).then(|| ListSource::new(lists, options)).transpose()?;
    Ok(Box::new(ReportSource::new(retry, lists)?))
}

/// How files are called, and that the settings which say what is saved make sense together.
fn template(config: &Config) -> Result<Template, SetupError> {
    if config.refresh && config.skip_existing {
        let what = "--refresh and --skip-existing: contradict each other; leave one of them out";
        return Err(SetupError::Setting(what.to_owned()));
    }
    if config.dry_run && config.changes.is_some() {
        let what = "--dry-run and --changes: nothing is fetched that could have changed; leave one of them out";
        return Err(SetupError::Setting(what.to_owned()));
    }
    Template::parse(&config.name).map_err(|why| SetupError::Setting(format!("--name: {why}")))
}

/// The entry of a word of the settings: the same words in the same order, as a test demands.
fn backend(wanted: Backend) -> Result<&'static BackendEntry, SetupError> {
    BACKENDS.get(wanted as usize).ok_or_else(|| SetupError::Setting("no backend".to_owned()))
}

fn saving(config: &Config, document: Document) -> Result<Saving, SetupError> {
    if config.head {
        return match document {
            Document::None => Ok(Saving::Discard),
            Document::File(_) | Document::Stream(_) => {
                let what = "--head and --output-document: a head has no body to save; leave one of them out";
                Err(SetupError::Setting(what.to_owned()))
            }
        };
    }
    Ok(match (document, &config.dir) {
        (Document::File(path), _) => {
            let unusable = |source| SetupError::Path { path: path.clone(), purpose: "the body", source };
            let Some((parent, name)) = path.parent().zip(path.file_name()).filter(|_| !path.is_dir()) else {
                let what = "it is a folder (--dir saves into one)";
                return Err(unusable(io::Error::new(io::ErrorKind::IsADirectory, what)));
            };
            if std::fs::metadata(&path).is_ok_and(|there| !there.is_file()) {
                // A device or a pipe: a rename would replace it.
                let path = path.clone();
                return Ok(Saving::Stream(BodyStream::new(Arc::new(Mutex::new(Late { path, file: None })))));
            }
            let there = if parent.as_os_str().is_empty() { Path::new(".") } else { parent };
            std::fs::metadata(there).map_err(unusable)?;
            Saving::File(OutputFolder::new(parent.to_owned()), name.into())
        }
        (Document::Stream(writer), _) => Saving::Stream(BodyStream::new(writer)),
        (Document::None, None) => Saving::Discard,
        (Document::None, Some(dir)) => {
            let made = if config.dry_run { could_be_made(dir) } else { std::fs::create_dir_all(dir) };
            let path = dir.clone();
            made.map_err(|e| {
                let source = match e.kind() {
                    io::ErrorKind::AlreadyExists | io::ErrorKind::NotADirectory => {
                        io::Error::new(e.kind(), "it is no folder; name another")
                    }
                    _ => e,
                };
                SetupError::Path { path, purpose: "saved bodies", source }
            })?;
            Saving::Dir(OutputFolder::new(dir.clone()))
        }
    })
}

/// Whether a folder is there, or nothing is.
fn could_be_made(folder: &Path) -> io::Result<()> {
    match std::fs::metadata(folder) {
        Ok(there) if there.is_dir() => Ok(()),
        Ok(_) => Err(io::ErrorKind::NotADirectory.into()),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(e) => Err(e),
    }
}

/// A device or a pipe, opened when the first byte comes: to open a pipe is to wait for its reader.
struct Late {
    path: PathBuf,
    file: Option<File>,
}

impl Write for Late {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        let named = |e: io::Error| io::Error::new(e.kind(), format!("{}: {e}", shown_path(&self.path)));
        let file = match &mut self.file {
            Some(file) => file,
            None => self.file.insert(open_pipe(&self.path).map_err(named)?),
        };
        file.write(data).map_err(named)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Opens a pipe or a device that was one when the outputs were checked.
///
/// # Errors
/// What the file system says, or that a file has taken its place since.
pub fn open_pipe(path: &Path) -> io::Result<File> {
    let file = File::options().write(true).open(path)?;
    match file.metadata()?.is_file() {
        false => Ok(file),
        true => Err(io::Error::other("a file has taken the place of the pipe; nothing is written to it")),
    }
}

fn addresses(config: &Config, classes: AddressClasses) -> AddressSpec {
    AddressSpec::new(config.private_addresses, classes, pins(config), config.ip_version)
}

/// Returns the warning for a list of several origins that all get the credentials without an
/// origin; `None` without such credentials.
fn told_to_all(config: &Config) -> Option<String> {
    let fields = headers(config);
    let mut told: Vec<_> = config.user.iter().map(|_| "--user".to_owned()).collect();
    told.extend(cookies::field(config).map(|_| "--cookie".to_owned()));
    let secret = fields.iter().filter(|(name, value)| value.is_some() && is_secret(name));
    told.extend(secret.map(|(name, _)| format!("--header {name}")));
    told.dedup();
    let told = told.join(", ");
    (!told.is_empty()).then(|| {
        format!("the list has more than one origin, and every one of them is sent {told}; credentials for one alone go into its URLs, its lines of the list, or a netrc file")
    })
}

/// Reads the passwords by host, with a warning about words that make no sense.
fn netrc(config: &Config) -> Result<(Netrc, Option<String>), SetupError> {
    let Some(path) = &config.netrc_file else {
        let why = "netrc: name the file with netrc-file";
        return if config.netrc { Err(SetupError::Setting(why.to_owned())) } else { Ok(Default::default()) };
    };
    let text = read(path, "passwords by host", LARGEST_SETTINGS)?;
    let said = |unread: &Unread| format!("{}:{}: {}", shown_path(path), unread.line, unread.why);
    let (netrc, unread) =
        Netrc::parse(&String::from_utf8_lossy(&text)).map_err(|unread| SetupError::Setting(said(&unread)))?;
    let warning = unread.split_first().map(|(first, others)| match others.len() {
        0 => format!("{}; it is left out", said(first)),
        others => format!("{}; it is left out, and so are {others} more", said(first)),
    });
    Ok((netrc, warning))
}

/// Builds the trust roots and the client certificate of TLS, and tries them out.
fn tls_spec(config: &Config) -> Result<TlsSpec, SetupError> {
    let check = |tls: &TlsSpec, path: Option<&PathBuf>| {
        let path = shown_path(path.map_or(Path::new(""), PathBuf::as_path));
        tls.check().map_err(|e| SetupError::Setting(format!("cannot use {path}: {}", e.0)))
    };
    let ca_pem = config.cacert.as_deref().map(|path| read(path, "certificate authorities", LARGE)).transpose()?;
    let mut tls = TlsSpec { ca_pem, identity: None, insecure: config.insecure, http1: config.http1 };
    check(&tls, config.cacert.as_ref())?;
    match (&config.cert, &config.key) {
        (None, None) => {}
        (None, Some(_)) => {
            return Err(SetupError::Setting("--key: is the key of no certificate; name that with --cert".to_owned()));
        }
        (Some(cert), key) => {
            let chain = read(cert, "the certificate to show", LARGE)?;
            let private = key.as_deref().map(|path| read(path, "its private key", LARGE)).transpose()?;
            let private = private.unwrap_or_else(|| chain.clone());
            tls.identity = Some((chain, private));
            check(&tls, Some(key.as_ref().unwrap_or(cert)))?;
        }
    }
    Ok(tls)
}

/// Builds the inputs of fetches; the destination of bodies is left open.
fn http_spec(config: &Config, addresses: AddressSpec) -> Result<HttpSpec, SetupError> {
    let proxies = Proxies::parse(config.proxy.as_deref().unwrap_or_default())
        .map_err(|why| SetupError::Setting(format!("proxy: {why}")))?;
    Ok(HttpSpec {
        headers: request_fields(config)?,
        user: user(config),
        netrc: Netrc::default(),
        anyauth: config.anyauth,
        challenges: Arc::default(),
        decoder_memory: DecoderMemory::default(),
        cookies: None,
        proxies,
        no_proxy: NoProxy::parse(config.noproxy.as_deref().unwrap_or_default()),
        head: config.head,
        hosts: host_fields(config),
        max_redirects: config.max_redirects,
        addresses: Arc::new(addresses),
        tls: tls_spec(config)?,
        compression: config.compression,
        connect_timeout: config.connect_timeout,
        read_timeout: config.read_timeout,
        timeout: config.timeout,
        low_speed: config.low_speed,
        // Known with the rest of the run.
        keeps_validators: false,
        // Made with the rest of the run.
        throttle: Throttle::default(),
        saving: Saving::Discard,
        // With `fresh`, the run requests every URL anew.
        refresh: config.refresh && !config.fresh,
        remote_time: config.sets_file_times(),
        keeping: Keeping::ForNow,
        names: true,
        sync: config.sync,
        content_disposition: config.content_disposition,
        skip_existing: config.skip_existing,
        dry_run: config.dry_run,
        run: fastrand::u64(..),
        digest: digest(config),
        max_size: config.max_size,
        // Shared out when everything else is open.
        idle_connections: 1,
    })
}

/// Returns the digest to compute. Without a configured digest, `--changes` selects one: if a server
/// sends neither tag nor time, only a digest reveals a change of equal length. URLs that earlier
/// runs completed without a digest stay done.
fn digest(config: &Config) -> Digest {
    match config.digest {
        Digest::None if config.changes.is_some() => Digest::Blake3,
        asked => asked,
    }
}

/// Builds the limits for hosts.
fn host_limits(config: &Config) -> AllHostLimits {
    let host_limits =
        |per_host: Option<NonZeroU32>, delay| HostLimits { per_host: per_host.map(NonZeroU32::get), delay };
    let own = |table: &HostTable| {
        let (per_host, delay) = (table.per_host.unwrap_or(config.per_host), table.delay.unwrap_or(config.delay));
        (table.pattern.clone(), host_limits(per_host, delay))
    };
    AllHostLimits {
        otherwise: host_limits(config.per_host, config.delay),
        hosts: config.hosts.iter().map(own).collect(),
    }
}

/// Builds the fields and credentials for single hosts.
fn host_fields(config: &Config) -> Vec<HostFields> {
    let told = |table: &HostTable| HostFields {
        pattern: table.pattern.clone(),
        fields: table.fields(),
        credentials: table.credentials(),
    };
    config.hosts.iter().map(told).collect()
}

/// User-Agent and the fields of the configuration; `None` where one of ours is not sent.
fn request_fields(config: &Config) -> Result<Vec<(HeaderName, Option<HeaderValue>)>, SetupError> {
    let agent = HeaderValue::from_bytes(config.user_agent.as_bytes())
        .map_err(|_| SetupError::Setting("user-agent: has a control character; remove it".to_owned()))?;
    let mut fields = headers(config);
    if let Some(text) = cookies::field(config) {
        let value = HeaderValue::from_bytes(text.as_bytes())
            .map_err(|_| SetupError::Setting("cookie: has a control character; remove it".to_owned()))?;
        fields.push((COOKIE, Some(value)));
    }
    for value in fields.iter_mut().filter(|(name, _)| is_secret(name)).filter_map(|(_, value)| value.as_mut()) {
        value.set_sensitive(true);
    }
    // A field that the user wrote out is the one that is sent, as curl does it.
    if fields.iter().all(|(name, _)| *name != USER_AGENT) {
        fields.insert(0, (USER_AGENT, Some(agent).filter(|agent| !agent.is_empty())));
    }
    Ok(fields)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Key, Raw};

    #[test]
    fn the_default_name_is_the_default_template() {
        assert_eq!(Config::default().name, Template::DEFAULT);
    }

    #[test]
    fn registry_and_words_of_the_backends_agree() {
        let key = Key::named("backend").unwrap();
        let names: Vec<_> = BACKENDS.iter().map(|entry| entry.name).collect();
        assert_eq!(key.words, names);
        let mut config = Config::default();
        assert_eq!(backend(config.backend).unwrap().name, names[0]);
        for name in names {
            key.set(&mut config, Raw::String(name)).unwrap();
            assert_eq!(backend(config.backend).unwrap().name, name);
        }
    }
}
