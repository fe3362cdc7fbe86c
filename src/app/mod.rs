//! The composition root: a configuration becomes a plan. The only file that knows all concrete types.

mod memory;

use std::collections::hash_map::RandomState;
use std::fs::File;
use std::hash::{BuildHasher, Hasher};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use http::header::{HeaderName, HeaderValue, USER_AGENT};

use crate::backend::{BACKENDS, BackendEntry};
use crate::config::{Backend, Config, Duplicates, headers, pins};
use crate::engine::{Ends, Plan, Stop};
use crate::fetch::{AddressSpec, BodyStream, FetchSpec, HttpSpec, Keeping, Saving, TlsSpec};
use crate::frontier::FRONTIERS;
use crate::policy::address::AddressClasses;
use crate::policy::naming::Claims;
use crate::report::Reporter;
use crate::sink::{FORMATS, Output, Sink, SummaryFile};
use crate::source::{Input, ListSource, Source, SourceError};
use crate::state::StateError;
use memory::{Recalling, Remembering};

/// A run could not be set up; nothing was fetched.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// A list cannot be opened.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// A file or folder cannot be used.
    #[error("cannot use {path} for {purpose}: {source}", path = path.display())]
    Path {
        /// The path, as given.
        path: PathBuf,
        /// What it was to be used for.
        purpose: &'static str,
        /// Why not.
        source: io::Error,
    },
    /// What earlier runs know cannot be used.
    #[error(transparent)]
    State(#[from] StateError),
    /// A setting cannot be used.
    #[error("{0}")]
    Setting(String),
}

/// Where the body of a run of one URL goes, instead of to a folder.
#[derive(Clone)]
pub enum Document {
    /// To no file of its own.
    None,
    /// To this file.
    File(PathBuf),
    /// To this writer.
    Stream(crate::fetch::SharedWriter),
}

/// What the caller brings along: its own outputs and eyes.
pub struct Surroundings {
    /// Gets the records when the configuration says `output = "-"`; `None`: nobody wants them.
    pub records: Option<Box<dyn Write + Send>>,
    /// Whether text records are coloured.
    pub color: bool,
    /// More sinks.
    pub sinks: Vec<Box<dyn Sink>>,
    /// The `fetchall` program, for a backend that starts processes.
    pub worker_program: PathBuf,
    /// Who watches.
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
    inputs: Vec<Input>,
    document: Document,
    surroundings: Surroundings,
    stop: Stop,
) -> Result<Plan, SetupError> {
    let mut source: Box<dyn Source> = Box::new(ListSource::new(inputs, config.input_format)?);
    let saving = saving(config, document)?;
    let mut names = matches!(saving, Saving::Dir(_)).then(Claims::new);
    let mut sinks: Vec<Box<dyn Sink>> = Vec::new();
    let mut keeping = Keeping::ForNow;
    if let Some((recall, ledger)) = memory::open(config, &saving, names.as_mut())? {
        source = Box::new(Recalling::new(source, recall));
        // The first of all: what was told is known.
        sinks.push(Box::new(Remembering(ledger)));
        keeping = Keeping::For(memory::id(config));
    }
    let addresses = addresses(config, surroundings.address_classes);
    let spec = FetchSpec::Http(Arc::new(http_spec(config, addresses, saving, keeping)?));
    sinks.extend(surroundings.sinks);
    sinks.extend(record_sink(config, surroundings.records, surroundings.color)?);
    if let Some(path) = &config.summary {
        sinks.push(Box::new(SummaryFile::new(create(path, "the summary")?)));
    }
    let [frontier, ..] = FRONTIERS else { return Err(SetupError::Setting("no frontier".to_owned())) };
    let backend = backend(config.backend)?;
    Ok(Plan {
        source,
        frontier: (frontier.make)(config.duplicates == Duplicates::Skip),
        backend: (backend.make)(),
        spec,
        names,
        sinks,
        reporters: surroundings.reporters,
        order: config.order,
        ends: Ends { until: config.until, max_failures: config.max_failures, max_duration: config.max_duration },
        concurrency: config.concurrency.get(),
        worker_program: surroundings.worker_program,
        grace: config.grace,
        stop,
    })
}

/// The entry of a word of the settings: the same words in the same order, as a test demands.
fn backend(wanted: Backend) -> Result<&'static BackendEntry, SetupError> {
    BACKENDS.get(wanted as usize).ok_or_else(|| SetupError::Setting("no backend".to_owned()))
}

fn record_sink(
    config: &Config,
    stdout: Option<Box<dyn Write + Send>>,
    color: bool,
) -> Result<Option<Box<dyn Sink>>, SetupError> {
    let (output, color) = if config.output == Path::new("-") {
        let Some(stdout) = stdout else { return Ok(None) };
        (Output::new("standard output", stdout), color)
    } else {
        (create(&config.output, "the records")?, false)
    };
    let entry = FORMATS.iter().find(|entry| entry.format == config.format);
    Ok(entry.map(|entry| (entry.make)(output, color)))
}

/// Opens a file that is replaced, not appended to.
fn create(path: &Path, purpose: &'static str) -> Result<Output, SetupError> {
    File::create(path)
        .and_then(|file| Output::file(path.display().to_string(), file))
        .map_err(|source| SetupError::Path { path: path.to_owned(), purpose, source })
}

fn saving(config: &Config, document: Document) -> Result<Saving, SetupError> {
    Ok(match (document, &config.dir) {
        (Document::File(path), _) => {
            let unusable = |source| SetupError::Path { path: path.clone(), purpose: "the body", source };
            if path.is_dir() || path.file_name().is_none() {
                return Err(unusable(io::Error::new(
                    io::ErrorKind::IsADirectory,
                    "it is a folder (--dir saves into one)",
                )));
            }
            let parent = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
            std::fs::metadata(parent).map_err(unusable)?;
            Saving::File(path)
        }
        (Document::Stream(writer), _) => Saving::Stream(BodyStream::new(writer)),
        (Document::None, None) => Saving::Discard,
        (Document::None, Some(dir)) => {
            let path = dir.clone();
            std::fs::create_dir_all(dir).map_err(|source| SetupError::Path {
                path,
                purpose: "saved bodies",
                source,
            })?;
            Saving::Dir(dir.clone())
        }
    })
}

fn addresses(config: &Config, classes: AddressClasses) -> AddressSpec {
    AddressSpec::new(config.private_addresses, classes, pins(config), config.ip_version)
}

fn http_spec(
    config: &Config,
    addresses: AddressSpec,
    saving: Saving,
    keeping: Keeping,
) -> Result<HttpSpec, SetupError> {
    let ca_pem = match &config.cacert {
        None => None,
        Some(path) => Some(std::fs::read(path).map_err(|source| SetupError::Path {
            path: path.clone(),
            purpose: "certificate authorities",
            source,
        })?),
    };
    let tls = TlsSpec { ca_pem, insecure: config.insecure };
    tls.check().map_err(|e| {
        let path = config.cacert.as_deref().unwrap_or(Path::new("")).display();
        SetupError::Setting(format!("cannot use {path}: {}", e.0))
    })?;
    Ok(HttpSpec {
        headers: request_fields(config)?,
        max_redirects: config.max_redirects,
        addresses: Arc::new(addresses),
        tls,
        compression: config.compression,
        connect_timeout: config.connect_timeout,
        read_timeout: config.read_timeout,
        timeout: config.timeout,
        low_speed: config.low_speed,
        saving,
        keeps_validators: matches!(keeping, Keeping::For(_)),
        remote_time: config.remote_time,
        keeping,
        sync: config.sync,
        run: RandomState::new().build_hasher().finish(),
        digest: config.digest,
        max_size: config.max_size,
        idle_connections: idle_connections(config.backend, config.concurrency.get()),
    })
}

/// User-Agent and the fields of the configuration; `None` where one of ours is not sent.
fn request_fields(config: &Config) -> Result<Vec<(HeaderName, Option<HeaderValue>)>, SetupError> {
    let agent = HeaderValue::from_bytes(config.user_agent.as_bytes())
        .map_err(|_| SetupError::Setting("user-agent: has a control character; remove it".to_owned()))?;
    let mut fields = headers(config);
    // A field that the user wrote out is the one that is sent, as curl does it.
    if fields.iter().all(|(name, _)| *name != USER_AGENT) {
        fields.insert(0, (USER_AGENT, Some(agent).filter(|agent| !agent.is_empty())));
    }
    Ok(fields)
}

/// How many idle connections a client may hold: a part of what the limit of file descriptors
/// leaves over, for two generations of clients overlap and what redirects lead to has one of its
/// own, and no more than are worth their memory.
/// Clients of one fetch at a time are many and hold few: another connection is rarely wanted.
fn idle_connections(backend: Backend, concurrency: u32) -> usize {
    let spare = raise_descriptor_limit().saturating_sub(64 + u64::from(concurrency));
    let (clients, least, most) = match backend {
        Backend::Async => (std::thread::available_parallelism().map_or(1, usize::from) as u64, 8, 128),
        // A runtime takes some descriptors too.
        Backend::Threads => (4 * u64::from(concurrency), 1, 16),
        // Each child has a limit of its own.
        Backend::Processes => (1, 8, 16),
        Backend::Sequential => (1, 8, 128),
    };
    usize::try_from((spare / (3 * clients)).clamp(least, most)).unwrap_or(8)
}

/// Raises the soft limit of open files to the hard one and returns it.
#[cfg(unix)]
fn raise_descriptor_limit() -> u64 {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    /// Enough for any run, and less than what makes some systems slow.
    const ENOUGH: u64 = 1 << 20;
    let limit = getrlimit(Resource::Nofile);
    let wanted = limit.maximum.unwrap_or(ENOUGH).min(ENOUGH);
    let current = limit.current.unwrap_or(ENOUGH);
    if current >= wanted {
        return current;
    }
    match setrlimit(Resource::Nofile, Rlimit { current: Some(wanted), maximum: limit.maximum }) {
        Ok(()) => wanted,
        Err(_) => current,
    }
}

#[cfg(not(unix))]
fn raise_descriptor_limit() -> u64 {
    8192
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Key, Raw};

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
