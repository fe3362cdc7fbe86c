//! The composition root: a configuration becomes a plan. The only file that knows all concrete types.

mod descriptors;
mod memory;

use std::collections::hash_map::RandomState;
use std::fs::File;
use std::hash::{BuildHasher, Hasher};
use std::io::{self, Write};
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use http::header::{HeaderName, HeaderValue, USER_AGENT};

use crate::backend::{BACKENDS, BackendEntry};
use crate::config::{Backend, Config, Duplicates, HostTable, Rate, headers};
use crate::engine::{Ends, Plan, Stop};
use crate::fetch::{BodyStream, FetchSpec, HostFields, HttpSpec, Keeping, Saving, Throttle, TlsSpec};
use crate::frontier::{FRONTIERS, Rules};
use crate::policy::naming::{Claims, Template};
use crate::policy::pacer::{AllManners, Manners, Pacer, SharedPacer};
use crate::policy::retry::{Jitter, Limits};
use crate::report::Reporter;
use crate::sink::{Changes, FORMATS, Output, Sink, SummaryFile, WholeFile};
use crate::source::{Inputs, ListSource, ReportSource, Source, SourceError};
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
        let why = "changes: another try of some URLs is no run to compare; leave it out";
        return Err(SetupError::Setting(why.to_owned()));
    }
    let mut source = source(inputs, config)?;
    let saving = saving(config, document)?;
    let streams = matches!(saving, Saving::Stream(_));
    let mut names = matches!(saving, Saving::Dir(_)).then(|| Claims::named_by(template));
    let mut sinks: Vec<Box<dyn Sink>> = Vec::new();
    let mut keeping = Keeping::ForNow;
    let mut past = None;
    if let Some(memory) = memory::open(config, &saving, names.as_mut())? {
        source = Box::new(Recalling::new(source, memory.recall));
        // The first of all: what was told is known.
        sinks.extend(memory.ledger.map(|ledger| Box::new(Remembering(ledger)) as Box<dyn Sink>));
        past = memory.past;
        keeping = Keeping::For(memory::id(config));
    }
    let mut spec = http_spec(config, saving, keeping)?;
    sinks.extend(surroundings.sinks);
    sinks.extend(record_sink(config, surroundings.records, surroundings.color)?);
    if let Some(path) = &config.summary {
        sinks.push(Box::new(SummaryFile::new(create(path, "the summary")?)));
    }
    if let Some(path) = &config.changes {
        sinks.push(changes_sink(path, past)?);
    }
    let [frontier, ..] = FRONTIERS else { return Err(SetupError::Setting("no frontier".to_owned())) };
    // Where nothing is asked there is nothing to do at once, and the order of the list is kept.
    let wanted = if config.dry_run { Backend::Sequential } else { config.backend };
    let backend = backend(wanted)?;
    let share = descriptors::share(wanted, backend, config.concurrency.get());
    spec.idle_connections = share.idle;
    let seed = RandomState::new().build_hasher().finish();
    let manners = manners(config);
    let chance = config.random_wait.then(|| Jitter::new(seed));
    let pacer = Pacer::new(manners.clone(), config.rate.map(Rate::gap), chance).map(SharedPacer::from);
    spec.throttle = Throttle::new(pacer.clone(), config.limit_rate);
    let dedup = config.duplicates == Duplicates::Skip;
    let rules = Rules { dedup, concurrency: share.concurrency, manners, pacer };
    Ok(Plan {
        source,
        frontier: (frontier.make)(rules),
        backend: (backend.make)(),
        spec: FetchSpec::Http(Arc::new(spec)),
        names,
        sinks,
        reporters: surroundings.reporters,
        order: config.order,
        ends: Ends { until: config.until, max_failures: config.max_failures, max_duration: config.max_duration },
        concurrency: share.concurrency,
        warnings: share.warning.into_iter().collect(),
        retry: Limits { retries: config.retry, on: config.retry_on.clone(), max_wait: config.retry_max_wait, streams },
        seed,
        worker_program: surroundings.worker_program,
        grace: config.grace,
        stop,
    })
}

/// The lists, or what of them and of an earlier run is tried again.
fn source(inputs: Inputs, config: &Config) -> Result<Box<dyn Source>, SetupError> {
    let Inputs { lists, retry } = inputs;
    let Some(retry) = retry else { return Ok(Box::new(ListSource::new(lists, config.input_format)?)) };
    let lists = (!lists.is_empty()).then(|| ListSource::new(lists, config.input_format)).transpose()?;
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

/// The report of changes. It needs to know what there was before.
fn changes_sink(path: &Path, past: Option<memory::Known>) -> Result<Box<dyn Sink>, SetupError> {
    let Some(past) = past else {
        let why = "changes: this run remembers nothing to compare with; save with --dir, or name a --state";
        return Err(SetupError::Setting(why.to_owned()));
    };
    let unusable = |source| SetupError::Path { path: path.to_owned(), purpose: "the changes", source };
    let file = WholeFile::create(path).map_err(unusable)?;
    Ok(Box::new(Changes::new(file, Box::new(past))))
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
            Saving::Dir(dir.clone())
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

fn http_spec(config: &Config, saving: Saving, keeping: Keeping) -> Result<HttpSpec, SetupError> {
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
        hosts: host_fields(config),
        max_redirects: config.max_redirects,
        tls,
        compression: config.compression,
        connect_timeout: config.connect_timeout,
        read_timeout: config.read_timeout,
        timeout: config.timeout,
        low_speed: config.low_speed,
        keeps_validators: matches!(keeping, Keeping::For(_)) || matches!(saving, Saving::Stream(_)),
        // Made with the rest of the run.
        throttle: Throttle::default(),
        saving,
        remote_time: config.remote_time,
        keeping,
        sync: config.sync,
        content_disposition: config.content_disposition,
        skip_existing: config.skip_existing,
        dry_run: config.dry_run,
        run: RandomState::new().build_hasher().finish(),
        digest: config.digest,
        max_size: config.max_size,
        // Shared out when everything else is open.
        idle_connections: 1,
    })
}

/// What hosts are granted.
fn manners(config: &Config) -> AllManners {
    let manners = |per_host: Option<NonZeroU32>, delay| Manners { per_host: per_host.map(NonZeroU32::get), delay };
    let own = |table: &HostTable| {
        let (per_host, delay) = (table.per_host.unwrap_or(config.per_host), table.delay.unwrap_or(config.delay));
        (table.pattern.clone(), manners(per_host, delay))
    };
    AllManners { otherwise: manners(config.per_host, config.delay), hosts: config.hosts.iter().map(own).collect() }
}

/// What some hosts alone are told.
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
