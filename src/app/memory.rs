//! The state of earlier runs, between the source and the sink.

use std::io;
use std::num::NonZeroU64;
use std::ops::ControlFlow;
use std::sync::Arc;

use xxhash_rust::xxh3::xxh3_64;

use super::folder::{clear_parts, lock_folder};
use super::{CheckedFiles, SetupError, crawl};
use crate::archive::Archive;
use crate::config::{Compression, Config, Duplicates};
use crate::fetch::{self, Saving};
use crate::mirror::{Relinker, START_PAGE, check_start_page};
use crate::model::{
    ArchiveProgress, Batch, Entry, ErrorKind, Needs, Outcome, RunInfo, SourcePos, StoredRobots, Summary, shown_path,
};
use crate::policy::credentials::origin::basic_user;
use crate::policy::naming::{Claims, Template};
use crate::policy::rerun::selection::{RecordedOutcome, Selection};
use crate::sink::{Past, Sink, SinkError, Was, WrittenTexts};
use crate::source::{Interrupt, Source, SourceError};
use crate::state::{Bodies, KnownArchive, Ledger, Lock, PastRow, Recall, Shape, State, StateError, StatePath};

/// The state of a run, by what is done with it.
pub(super) struct Memory {
    pub(super) recall: Recall,
    /// The same, for the links of a crawl; `None` if the state is empty.
    pub(super) links: Option<Recall>,
    /// A dry run has none.
    pub(super) ledger: Option<Remembering>,
    /// The prior bodies, if the run compares.
    pub(super) past: Option<PriorDownloads>,
    /// The facts that are known of the archive of the run.
    pub(super) archive: Option<KnownArchive>,
    /// By what runs with this state know the bodies that they keep.
    pub(super) id: u64,
}

impl Memory {
    /// Fetches each page again whose text is not among these.
    pub(super) fn wants_texts(&mut self, written: &WrittenTexts) {
        for recall in std::iter::once(&mut self.recall).chain(&mut self.links) {
            recall.wants_texts(written.urls());
        }
    }
}

/// Opens the state of a run, if it has one: where bodies are saved, or a file is named for it. With `compares` the
/// run reports or counts changes.
pub(super) fn open(
    config: &Config,
    saving: &Saving,
    files: &CheckedFiles,
    names: Option<&mut Claims>,
    compares: bool,
    selects: bool,
) -> Result<Option<Memory>, SetupError> {
    let bodies = match saving {
        Saving::Dir(folder) => Bodies::Below(folder.clone()),
        Saving::File(folder, file) => Bodies::File(folder.path().join(file)),
        Saving::Stream => Bodies::HandedOn,
        Saving::Discard => Bodies::Nowhere,
    };
    let own = if let Saving::Dir(folder) = saving { Some(StatePath::own(folder)) } else { None };
    let named = config.state.as_deref().map(|path| files.state(path)).transpose()?;
    if selects && named.as_ref().or(own.as_ref()).is_none_or(StatePath::is_missing) {
        let problem = "--only: no run has left its results here yet; run the whole list";
        return Err(SetupError::Setting(problem.to_owned()));
    }
    // First of all: a run that is refused has changed nothing.
    let lock = match (&own, &named) {
        (Some(own), Some(named)) if !config.dry_run => lock_folder(own, named)?,
        _ => None,
    };
    let id = named.as_ref().map_or(0, id);
    let Some(path) = named.or(own) else { return Ok(None) };
    let state = match (config.dry_run, config.fresh) {
        (true, true) => None,
        (true, false) => State::look_at(&path)?,
        (false, fresh) => Some(State::open(&path, fresh, config.sync)?),
    };
    let Some(mut state) = state else { return Ok(None) };
    if let (Saving::Dir(folder), true, false) = (saving, config.crawl.adjust_extension, config.dry_run) {
        // Before the names are read, which change.
        let adopted = state.adopt(shape_with(config, saving, false), shape(config, saving), folder)?;
        tracing::debug!(adopted, "took the files of a crawl without --adjust-extension");
    }
    if let Some(names) = names {
        state.names(|name| names.reserve(name))?;
        if config.crawl.mirror_index {
            names.exclude(START_PAGE);
        }
    }
    let past = (compares && !config.dry_run).then(|| state.past(&bodies)).transpose()?.map(PriorDownloads);
    let shape = shape(config, saving);
    let (mut links, mut archive) = (None, None);
    let (mut recall, ledger) = if config.dry_run {
        (state.recall(shape, bodies), None)
    } else {
        clear_parts(saving, config.fresh.then_some(id));
        if reads_links(config) {
            links = state.links(shape.clone(), bodies.clone())?;
        }
        archive = archive_name(config).map(|name| state.archive(&name)).transpose()?;
        let (recall, mut ledger) = state.split(shape, bodies)?;
        if let Some(archive) = &archive {
            ledger.writes_archive(archive.payloads.archive());
        }
        if reads_links(config) {
            ledger.writes_links();
        }
        let (archive, reads_links) = (None, reads_links(config));
        let relinker = relinker(config, saving)?;
        (recall, Some(Remembering { ledger, archive, reads_links, relinker, _folder: lock }))
    };
    for recall in std::iter::once(&mut recall).chain(&mut links) {
        tell(recall, config, past.is_some());
    }
    Ok(Some(Memory { recall, links, ledger, past, archive, id }))
}

/// The pass over the links at the end of a run, if it converts links.
fn relinker(config: &Config, saving: &Saving) -> Result<Option<Relinker>, SetupError> {
    let Saving::Dir(folder) = saving else { return Ok(None) };
    if !config.crawl.convert_links {
        return Ok(None);
    }
    let (canonical, start_page) = (crawl::canonical_rules(&config.crawl)?, config.crawl.mirror_index);
    if start_page {
        let unusable = |source| {
            let path = folder.path().join(START_PAGE);
            SetupError::Path { path, purpose: "the start page", source }
        };
        check_start_page(folder).map_err(unusable)?;
    }
    let (folder, parts) = (folder.clone(), fetch::PARTS.into());
    Ok(Some(Relinker { folder, parts, canonical, sync: config.sync, start_page }))
}

/// Requests the prior data that a run needs.
fn tell(recall: &mut Recall, config: &Config, compares: bool) {
    recall.wants(config.digest);
    if config.refresh {
        recall.refreshes();
    }
    if compares {
        recall.compares();
    }
    if reads_links(config) {
        recall.wants_links();
    }
    if config.sets_file_times() && !config.dry_run {
        recall.sets_times();
    }
    if config.duplicates == Duplicates::Fetch {
        recall.counts();
    }
}

/// The name by which a state knows the archive of a run, wherever the run is started.
fn archive_name(config: &Config) -> Option<String> {
    let path = config.archive.file.as_deref()?;
    Some(std::path::absolute(path).unwrap_or_else(|_| path.to_owned()).to_string_lossy().into_owned())
}

/// Whether the links of pages are read.
pub(super) fn reads_links(config: &Config) -> bool {
    config.crawl.follow || config.crawl.requisites || config.crawl.links_out.is_some()
}

/// By what runs with this state know the bodies that they keep: another state may save into the
/// same folder.
fn id(named: &StatePath) -> u64 {
    xxh3_64(named.resolved().as_os_str().as_encoded_bytes())
}

/// The settings that shape a body, or say where it is saved. Settings of the place are left out at
/// their default, as in states older than these settings.
pub(super) fn shape(config: &Config, saving: &Saving) -> Shape {
    shape_with(config, saving, config.crawl.adjust_extension)
}

/// The same with or without adjusted extensions.
fn shape_with(config: &Config, saving: &Saving, adjusts: bool) -> Shape {
    let coded = match config.compression {
        Compression::Auto | Compression::Off => "decoded",
        Compression::Raw => "raw",
    };
    // No request field looks like these.
    let name = (config.name != Template::DEFAULT).then(|| format!("name\0{}", config.name));
    let adjusted = adjusts.then(|| "adjust-extension\0".to_owned());
    let disposition = config.content_disposition.then(|| "content-disposition\0".to_owned());
    let document = match saving {
        Saving::File(folder, file) => {
            let path = folder.path().join(file);
            let path = std::path::absolute(&path).unwrap_or(path);
            Some(format!("document\0{}", path.display()))
        }
        _ => None,
    };
    let header = config.header.iter().map(|text| without_password(text));
    let user = config.user.as_ref().map(|user| format!("user\0{}", user.split(':').next().unwrap_or_default()));
    let cookie = super::cookies::field(config).map(|text| format!("Cookie: {text}"));
    let head = config.head.then(|| "head\0".to_owned());
    Shape::new(
        std::iter::once(coded.to_owned())
            .chain(header)
            .chain(name)
            .chain(disposition)
            .chain(adjusted)
            .chain(user)
            .chain(cookie)
            .chain(head)
            .chain(document),
    )
}

/// A request field without the password that it may hold, which could be guessed from its hash.
fn without_password(text: &str) -> String {
    let basic = text.split_once(':').and_then(|(name, value)| Some((name, basic_user(value.trim().as_bytes())?)));
    // No request field looks like this.
    basic.map_or_else(|| text.to_owned(), |(name, user)| format!("{name}\0{}", String::from_utf8_lossy(&user)))
}

/// A source that adds the prior facts to its seeds, and selects lines by their prior results.
pub(super) struct Recalling {
    source: Box<dyn Source>,
    recall: Recall,
    only: Option<Selection>,
    /// How many lines were read.
    passed: u64,
}

impl Recalling {
    pub(super) fn new(source: Box<dyn Source>, recall: Recall, only: Option<Selection>) -> Self {
        Self { source, recall, only, passed: 0 }
    }

    /// Adds the prior facts to the seeds of a batch.
    fn look_up(&mut self, batch: &mut Batch) -> Result<(), StateError> {
        let seeds = batch.entries.iter_mut().filter_map(|entry| match entry {
            Entry::Seed(seed) | Entry::LeftOut { seed, .. } => Some(seed),
            Entry::Bad(_) => None,
        });
        self.recall.look_up(seeds)?;
        let Some(only) = self.only.take() else { return Ok(()) };
        let entries = std::mem::take(&mut batch.entries);
        let selected: Result<_, _> =
            entries.into_iter().filter_map(|entry| self.selected(entry, &only).transpose()).collect();
        self.only = Some(only);
        batch.entries = selected?;
        Ok(())
    }

    /// Leaves out a line whose prior result is not selected. A line without one counts as cancelled: no run has
    /// come to its end.
    fn selected(&mut self, entry: Entry, only: &Selection) -> Result<Option<Entry>, StateError> {
        self.passed += 1;
        let takes =
            |outcome, kind: ErrorKind| only.takes(RecordedOutcome { outcome, kind: Some(kind.as_str()), status: None });
        Ok(match entry {
            Entry::Seed(mut seed) => {
                seed.place = NonZeroU64::new(self.passed);
                let result = self.recall.selects(&seed, only)?;
                if !result.unwrap_or_else(|| takes("cancelled", ErrorKind::Cancelled)) {
                    return Ok(Some(Entry::LeftOut { seed, reported: result.is_some() }));
                }
                // Its last result is a failure, although an earlier body is there.
                if let Some(known) = &mut seed.known {
                    known.done = None;
                }
                Some(Entry::Seed(seed))
            }
            Entry::Bad(bad) => takes("failed", bad.error.kind).then_some(Entry::Bad(bad)),
            left_out @ Entry::LeftOut { .. } => Some(left_out),
        })
    }
}

impl Source for Recalling {
    fn next_batch(&mut self) -> Result<Option<Batch>, SourceError> {
        loop {
            let Some(mut batch) = self.source.next_batch()? else { return Ok(None) };
            let list = batch.next.list.to_string();
            self.look_up(&mut batch).map_err(|e| SourceError { list, source: io::Error::other(e) })?;
            if !batch.entries.is_empty() || !batch.notes.is_empty() || batch.leased.is_some() {
                return Ok(Some(batch));
            }
        }
    }

    fn position(&self) -> SourcePos {
        self.source.position()
    }

    fn expected(&self) -> Option<u64> {
        self.source.expected()
    }

    fn interrupt(&self) -> Interrupt {
        self.source.interrupt()
    }
}

/// Writes outcomes to the state before other sinks report them.
pub(super) struct Remembering {
    ledger: Ledger,
    /// The archive of the run: the state knows how far it is written.
    archive: Option<Arc<Archive>>,
    /// Whether the state keeps the links of pages.
    reads_links: bool,
    /// Makes the links of saved pages local at the end of the run.
    relinker: Option<Relinker>,
    /// Held for as long as the run lasts.
    _folder: Option<Lock>,
}

impl Remembering {
    /// Writes down the progress of this archive with the outcomes.
    pub(super) fn archives(&mut self, archive: Arc<Archive>) {
        self.archive = Some(archive);
    }

    /// Writes outcomes and the progress of the archive, whose full files need not be cut any more then.
    fn write(&mut self, outcomes: &[Outcome]) -> Result<(), SinkError> {
        let archived = self.archive.as_ref().map(|archive| archive.progress());
        self.ledger.write_archived(outcomes, archived.as_ref()).map_err(not_kept)?;
        match (&self.archive, archived) {
            (Some(archive), Some(ArchiveProgress { position, .. })) => archive
                .state_knows(position)
                .map_err(|source| SinkError { target: format!("the archive {}", shown_path(&archive.path())), source }),
            _ => Ok(()),
        }
    }
}

impl Sink for Remembering {
    /// A run that is killed before its first outcome has begun its file already.
    fn begin(&mut self, _info: &RunInfo) -> Result<(), SinkError> {
        if self.archive.is_some() { self.write(&[]) } else { Ok(()) }
    }

    fn must_keep(&self) -> bool {
        true
    }

    /// A later run makes its requests conditional, and follows the links of a page that has not changed.
    fn needs(&self) -> Needs {
        if self.reads_links { Needs::VALIDATORS | Needs::LINKS } else { Needs::VALIDATORS }
    }

    fn outcome(&mut self, outcome: &Outcome) -> Result<ControlFlow<()>, SinkError> {
        self.outcomes(std::slice::from_ref(outcome))
    }

    fn outcomes(&mut self, outcomes: &[Outcome]) -> Result<ControlFlow<()>, SinkError> {
        self.write(outcomes).map(ControlFlow::Continue)
    }

    fn robots(&mut self, origin: &str, robots: &StoredRobots) -> Result<(), SinkError> {
        self.ledger.write_robots(origin, robots).map_err(not_kept)?;
        // The record of a robots.txt that is not asked for again must not be cut off.
        if self.archive.is_some() { self.write(&[]) } else { Ok(()) }
    }

    /// A run whose state was taken away goes on, for its bodies are good. Its end is none that was asked for.
    fn finish(&mut self, _summary: &Summary) -> Result<(), SinkError> {
        self.ledger.check_place().map_err(not_kept)?;
        let Some(relinker) = &self.relinker else { return Ok(()) };
        relinker.relink(&mut self.ledger).map_err(|error| SinkError {
            target: "the links of the saved pages".to_owned(),
            source: io::Error::other(error),
        })
    }
}

/// The error names the file.
fn not_kept(error: StateError) -> SinkError {
    SinkError { target: "what the run remembers".to_owned(), source: io::Error::other(error) }
}

/// The URLs that earlier runs completed as ok.
pub(super) struct PriorDownloads(crate::state::PastRows);

/// Why reading it ended.
enum ReadFailure {
    State(StateError),
    Output(io::Error),
}

impl From<StateError> for ReadFailure {
    fn from(error: StateError) -> Self {
        Self::State(error)
    }
}

impl Past for PriorDownloads {
    fn each_ok(
        &self,
        wanted: &mut dyn FnMut(&str) -> bool,
        each: &mut dyn FnMut(Was<'_>) -> io::Result<()>,
    ) -> io::Result<()> {
        let told = self.0.each_ok(wanted, |url, PastRow { path, revision }| {
            each(Was { url, path: path.as_deref(), body: &revision }).map_err(ReadFailure::Output)
        });
        told.map_err(|ended| match ended {
            ReadFailure::State(error) => io::Error::other(error),
            ReadFailure::Output(error) => error,
        })
    }
}
