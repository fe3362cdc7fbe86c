//! The composition root: a configuration becomes a plan. The only file that names all concrete types.

mod archive;
mod archive_end;
mod bounded_read;
mod cookies;
mod crawl;
mod credentials;
mod descriptors;
mod explain;
mod fetch_config;
mod file_times;
mod files;
mod fleet;
mod folder;
mod host_tables;
mod list_fetcher;
mod memory;
mod needs;
mod outputs;
mod prior_results;
mod report;
mod saving;
mod text;

use std::io::{self, Write};
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use fastrand::Rng;

use crate::backend::{BACKENDS, BackendEntry};
use crate::config::{
    BackendKind, Concurrency, Config, Duplicates, Format, HostTable, Order, Origins, Proxies, Rate, Task,
};
use crate::engine::{OnLink, Plan, Stop, StopConditions};
use crate::fetch::{BodyStream, ByteLimit, FetchServices, FetchSpec, Keeping, Saving, Throttle};
use crate::model::{ChildProgram, Needs};
use crate::policy::limits::pacer::{AllHostLimits, HostLimits, Pacer, SharedPacer};
use crate::policy::naming::{Claims, Template};
use crate::policy::network::address::AddressClasses;
use crate::policy::network::no_proxy::Unusable;
use crate::policy::retry::Limits;
use crate::report::Reporter;
use crate::schedule::Rules;
pub use crate::sink::TextStyle;
use crate::sink::{ArchiveSink, Output, Sink};
use crate::source::{Inputs, ListOpener, ListOptions, ListSource, ReportSource, Retry, Source, SourceError};
use crate::state::StateError;
pub use crate::state::sqlite_version;
pub use bounded_read::{SETTINGS as LARGEST_SETTINGS, read as read_bounded, read_unnamed, shown_unusable};
use credentials::{netrc, told_to_all};
pub use explain::{Explained, explain};
use fetch_config::fetch_config;
pub use files::{CheckedFiles, Files, is_within};
use list_fetcher::ListFetcher;
use memory::Recalling;
use outputs::Outputs;
pub use prior_results::state_in;
pub use report::{RecordsReport, report_of_records, write_report};
pub use saving::open_pipe;
use saving::saving;
use text::TextOutput;

/// See [`Rules::first_moments`]: the first thousands of lines are read in less.
const FIRST_MOMENTS: Duration = Duration::from_millis(10);

/// A run could not be set up; nothing was fetched.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// A list cannot be opened.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// A file or folder cannot be used.
    #[error("cannot use {path} for {purpose}: {source}", path = shown_unusable(path, source))]
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

impl SetupError {
    /// Whether another run has the folder or the state, so that the same command works later.
    pub fn is_in_use(&self) -> bool {
        match self {
            Self::State(StateError::InUse { .. }) => true,
            Self::Path { source, .. } => source.kind() == io::ErrorKind::ResourceBusy,
            _ => false,
        }
    }
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

impl Document {
    /// The path as `--output-document` names it.
    fn path(&self) -> Option<&Path> {
        match self {
            Document::None => None,
            Document::File(path) => Some(path),
            Document::Stream(_) => Some(Path::new("-")),
        }
    }
}

/// The caller's own outputs and reporters.
pub struct RunIo {
    /// Gets the records when the configuration says `output = "-"`; `None` discards them.
    pub records: Option<Box<dyn Write + Send>>,
    /// Gets the report of a link check if `records` gets other records; `None` discards it.
    pub check_report: Option<Box<dyn Write + Send>>,
    /// The style of text records in `records`.
    pub style: TextStyle,
    /// The files of the run.
    pub files: CheckedFiles,
    /// More sinks.
    pub sinks: Vec<Box<dyn Sink>>,
    /// The `fetchall` program, for a backend that starts processes.
    pub worker_program: ChildProgram,
    /// The reporters of the run.
    pub reporters: Vec<Box<dyn Reporter>>,
    /// Which addresses are public: the default is as registered, everything else is for tests.
    pub address_classes: AddressClasses,
    /// Decides about the links of a crawl, after its rules.
    pub on_link: Option<OnLink>,
}

/// Picks and opens every part of a run.
///
/// # Errors
/// When a list, file or folder cannot be opened: at once, not in the middle of the run.
pub fn plan(
    config: &Config,
    inputs: impl Into<Inputs>,
    document: Document,
    surroundings: RunIo,
    stop: Stop,
) -> Result<Plan, SetupError> {
    let template = Template::parse(&config.name).map_err(|why| SetupError::Setting(format!("--name: {why}")))?;
    let inputs = inputs.into();
    let task = Task { retries: inputs.retry.is_some(), selects: inputs.only.is_some(), document: document.path() };
    let (only, retries) = (inputs.only.clone(), inputs.retry.is_some());
    config.validate(task, &Origins::new()).map_err(|problems| SetupError::Setting(problems.join("\n")))?;
    let (jar, mut warnings) = cookies::jar(config)?;
    let mut fetch = fetch_config(config, surroundings.address_classes)?;
    if fetch.proxies != Proxies::default() {
        warnings.extend(fetch.no_proxy.unusable().iter().map(Unusable::to_string));
    }
    let (netrc, odd_netrc) = netrc(config)?;
    fetch.netrc = netrc;
    warnings.extend(odd_netrc);
    let seed = fastrand::u64(..);
    let host_limits = host_limits(config);
    let chance = config.random_wait.then(|| Rng::with_seed(seed));
    let gap = config.rate.map(Rate::gap);
    let pacer = if crawl::is_needed(config) {
        Some(Pacer::of_crawl(host_limits.clone(), gap.unwrap_or_default(), chance))
    } else {
        Pacer::new(host_limits.clone(), gap, chance)
    };
    let pacer = pacer.map(SharedPacer::from);
    // A dry run has no requests to overlap, and keeps the order of the list.
    let wanted = if config.dry_run { BackendKind::Sequential } else { config.backend };
    let backend = backend(wanted)?;
    let (most, auto) = match config.concurrency {
        Concurrency::Fixed(most) => (most.get(), false),
        Concurrency::Auto => (backend.most_auto, true),
    };
    let bodies = if wanted == BackendKind::Sequential { 1 } else { most };
    let bytes = config.limit_rate.map(|a_second| ByteLimit::shared(a_second, bodies));
    let throttle = Throttle::new(pacer.clone(), bytes);
    let mut services = FetchServices { throttle, cookies: jar.clone(), ..FetchServices::new(config.ip_version) };
    let fetcher = ListFetcher::new(config, &fetch, &services, host_limits.clone(), pacer.clone());
    // Another try of some URLs is no run to compare.
    let compares = config.changes.is_some() || (config.refresh && inputs.retry.is_none());
    // A dry run fetches lists alone, and its URLs wait for nothing.
    let (host_limits, pacer) = if config.dry_run { (AllHostLimits::default(), None) } else { (host_limits, pacer) };
    let report = config.report.as_deref().map(|path| report::sink(path, &inputs, &surroundings.files)).transpose()?;
    let digest = config.fleet.queue.as_ref().map(|_| fleet::digest(&inputs.lists)).transpose()?.flatten();
    let mut source = source(inputs, config, fetcher)?;
    let mut fleet = None;
    if let Some(address) = &config.fleet.queue {
        let (joined, told) = fleet::join(config, address, digest.map(|digest| (digest, source)), most)?;
        warnings.extend(told);
        source = Box::new(joined.source);
        fleet = Some((joined.sink, joined.link));
    }
    let (saving, stream) = saving(config, document, &surroundings.files)?;
    services.stream = stream.map(BodyStream::new);
    let streams = services.stream.is_some();
    let adjusts = config.crawl.adjust_extension;
    let names = matches!(saving, Saving::Dir(_)).then(|| Claims::named_by(template));
    let mut names = names.map(|names| if adjusts { names.adjusting() } else { names });
    let mut sinks: Vec<Box<dyn Sink>> = Vec::new();
    let mut keeping = Keeping::ForNow;
    let (mut past, mut links) = (None, None);
    let memory = memory::open(config, &saving, &surroundings.files, names.as_mut(), compares, only.is_some())?;
    let (mut state_sink, mut known_archive) = (None, None);
    let texts = TextOutput::open(config, &surroundings.files, !config.fresh && (memory.is_some() || retries))?;
    if let Some(mut memory) = memory {
        if let Some(texts) = &texts {
            memory.wants_texts(texts.written());
        }
        source = Box::new(Recalling::new(source, memory.recall, only));
        links = memory.links;
        // The ledger is the first sink: the state knows every reported outcome.
        (state_sink, known_archive) = (memory.ledger, memory.archive);
        past = memory.past;
        keeping = Keeping::For(memory.id);
    }
    services.archive = archive::open(config, known_archive)?;
    if let (Some(archive), Some(state)) = (&services.archive, &mut state_sink) {
        state.archives(archive.clone());
    }
    let state_sink = state_sink.map(|state| Box::new(state) as Box<dyn Sink>);
    sinks.extend(match &services.archive {
        Some(archive) => {
            Some(Box::new(ArchiveSink::new(archive.clone(), state_sink, archive_end::at_end(config))) as Box<dyn Sink>)
        }
        None => state_sink,
    });
    if let (Some(names), Saving::Dir(dir)) = (&mut names, &saving) {
        surroundings.files.exclude_from(dir.resolved_path(), names)?;
    }
    let saves = saving.folder().is_some();
    (fetch.saving, fetch.keeping) = (saving, keeping);
    if let (Some(path), Some(jar), false) = (&config.save_cookies, &jar, config.dry_run) {
        sinks.push(Box::new(cookies::CookieFile::create(path, &surroundings.files, jar.clone())?));
    }
    sinks.extend(surroundings.sinks);
    let mut outputs = Outputs::new(&surroundings.files);
    let records = outputs.records(config, surroundings.records, surroundings.style)?;
    let has_report = config.format == Format::Text && records.is_some();
    sinks.extend(records);
    if config.crawl.check && !has_report {
        let output = surroundings.check_report.map(|writer| Output::new("the report of broken links", writer));
        sinks.push(Outputs::link_check(output, config, TextStyle::default())?);
    }
    // The summary has the changes, so it comes after them.
    if let Some(past) = past {
        sinks.push(outputs.changes(config, past)?);
    }
    sinks.extend(texts.map(|texts| Box::new(texts.sink(config)) as Box<dyn Sink>));
    if let Some(path) = &config.skipped {
        sinks.push(outputs.skipped(path)?);
    }
    if let Some(path) = &config.crawl.links_out {
        sinks.push(outputs.links(path)?);
    }
    if let Some(path) = &config.crawl.sitemap_out {
        sinks.push(outputs.sitemap(path, config)?);
    }
    if let Some(path) = &config.summary {
        sinks.push(outputs.summary(path)?);
    }
    sinks.extend(report);
    // The last one: what the queue knows as done, all other sinks have.
    let fleet = fleet.map(|(sink, link)| {
        sinks.push(Box::new(sink));
        link
    });
    let checks_times = config.sets_file_times() && saves;
    fetch.needs = needs::of_run(config.digest, streams, checks_times, &sinks);
    if memory::reads_links(config) || (config.archive.outlinks && config.archive.file.is_some()) {
        fetch.needs |= Needs::LINKS;
    }
    let share = descriptors::share(wanted, backend, most, saves);
    fetch.idle_connections = share.idle;
    outputs.begin()?;
    // With `auto`, do not warn about a lowered limit.
    warnings.extend(share.warning.filter(|_| !auto));
    let mut reporters = host_tables::watched(surroundings.reporters, &config.hosts);
    if checks_times {
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
        crawl: crawl::plan(config, links, surroundings.on_link)?,
        fleet,
        backend: (backend.make)(),
        backend_limit: bodies.min(share.concurrency),
        spec: FetchSpec::Http { config: Arc::new(fetch), services },
        names,
        sinks,
        reporters,
        // What links lead to has no order of the input.
        order: if config.crawl.follow || config.crawl.requisites { Order::Completed } else { config.order },
        ends: StopConditions {
            until: config.until,
            max_failures: config.max_failures,
            max_duration: config.max_duration,
            quota: config.quota,
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
    let Inputs { lists, retry, tables_only, .. } = inputs;
    let opener: Arc<dyn ListOpener> = Arc::new(fetcher);
    let options = ListOptions { opener: Some(opener), tables_only, ..config.into() };
    let Some(retry) = retry else { return Ok(Box::new(ListSource::new(lists, options)?)) };
    let lists = (!lists.is_empty()).then(|| ListSource::new(lists, options)).transpose()?;
    let retry = Retry { report: prior_results::records(retry.report)?, ..retry };
    Ok(Box::new(ReportSource::new(retry, lists)?))
}

/// The entry of a word of the settings: the same words in the same order, as a test demands.
fn backend(wanted: BackendKind) -> Result<&'static BackendEntry, SetupError> {
    BACKENDS.get(wanted as usize).ok_or_else(|| SetupError::Setting("no backend".to_owned()))
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
        assert_eq!(key.words().collect::<Vec<_>>(), names);
        let mut config = Config::default();
        assert_eq!(backend(config.backend).unwrap().name, names[0]);
        for name in names {
            key.set(&mut config, Raw::String(name)).unwrap();
            assert_eq!(backend(config.backend).unwrap().name, name);
        }
    }
}
