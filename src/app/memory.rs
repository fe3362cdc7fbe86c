//! What earlier runs know, between the source that is asked and the sink that is told.

use std::fs;
use std::io;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use xxhash_rust::xxh3::xxh3_64;

use super::SetupError;
use crate::config::{Compression, Config};
use crate::fetch::{self, Saving};
use crate::model::{Batch, Entry, Origin, Outcome};
use crate::policy::naming::{Claims, Template};
use crate::sink::{Past, Sink, SinkError, Was};
use crate::source::{Interrupt, Source, SourceError};
use crate::state::{Ledger, PastRow, Recall, Shape, State, StateError};

/// The state of a run, by what is done with it.
pub(super) struct Memory {
    pub(super) recall: Recall,
    /// A dry run tells nothing.
    pub(super) ledger: Option<Ledger>,
    /// Where a run tells what has changed.
    pub(super) past: Option<Known>,
}

/// Opens the state of a run, if it has one: where bodies are saved, or a file is named for it.
pub(super) fn open(config: &Config, saving: &Saving, names: Option<&mut Claims>) -> Result<Option<Memory>, SetupError> {
    let folder = match saving {
        Saving::Dir(folder) => Some(folder.clone()),
        _ => None,
    };
    let in_folder = || folder.as_deref().map(|folder| folder.join(".fetchall").join("state.db"));
    let Some(path): Option<PathBuf> = config.state.clone().or_else(in_folder) else { return Ok(None) };
    if let Some(folder) = folder.as_ref().filter(|_| config.state.is_none()) {
        refuse_links(folder)?;
    }
    let state = match (config.dry_run, config.fresh) {
        (true, true) => None,
        (true, false) => State::look_at(&path)?,
        (false, fresh) => Some(State::open(&path, fresh, config.sync)?),
    };
    let Some(state) = state else { return Ok(None) };
    if let Some(names) = names {
        state.names(|name| names.reserve(name))?;
    }
    let past = config.changes.as_ref().filter(|_| !config.dry_run);
    let past = past.map(|_| state.past(folder.clone())).transpose()?.map(Known);
    let (mut recall, ledger) = if config.dry_run {
        (state.recall(shape(config), folder), None)
    } else {
        // A state elsewhere locks that and not the folder.
        if let Some(folder) = folder.as_ref().filter(|_| config.state.is_none()) {
            clear_parts(&folder.join(".fetchall").join("part"), config.fresh);
        }
        let (recall, ledger) = state.split(shape(config), folder)?;
        (recall, Some(ledger))
    };
    recall.wants(config.digest);
    if config.refresh {
        recall.refreshes();
    }
    if past.is_some() {
        recall.compares();
    }
    Ok(Some(Memory { recall, ledger, past }))
}

/// What is kept in the output folder is never reached through a link: it might lead out of it.
fn refuse_links(folder: &Path) -> Result<(), SetupError> {
    let names = ["", "/state.db", "/state.db-wal", "/state.db-shm", "/state.db.lock"];
    for path in names.map(|name| folder.join(format!(".fetchall{name}"))) {
        if fs::symlink_metadata(&path).is_ok_and(|entry| entry.is_symlink()) {
            let source = io::Error::other("it is a symbolic link; remove it, or name a place with --state");
            return Err(SetupError::Path { path, purpose: "what the run remembers", source });
        }
    }
    Ok(())
}

/// Removes what a run that was killed left half done, but for what the next one can go on with. The
/// state is locked, so nobody is at work here; what is no file, or cannot be removed, is in
/// nobody's way.
fn clear_parts(parts: &Path, all: bool) {
    if !fs::symlink_metadata(parts).is_ok_and(|entry| entry.is_dir()) {
        return;
    }
    for entry in fs::read_dir(parts).into_iter().flatten().flatten() {
        let goes = all || !fetch::is_kept(&entry.file_name());
        if goes && entry.file_type().is_ok_and(|kind| kind.is_file()) {
            let _ = fs::remove_file(entry.path());
        }
    }
}

/// By what runs with this state know the bodies that they keep: another state may save into the
/// same folder at the same time.
pub(super) fn id(config: &Config) -> u64 {
    config.state.as_deref().map_or(0, |path| {
        let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        xxh3_64(path.as_os_str().as_encoded_bytes())
    })
}

/// The settings that shape a body, or say where it is saved. Those at their default that say where
/// are left out, as in states that were written before there were such settings.
fn shape(config: &Config) -> Shape {
    let coded = match config.compression {
        Compression::Auto | Compression::Off => "decoded",
        Compression::Raw => "raw",
    };
    // No request field looks like these.
    let name = (config.name != Template::DEFAULT).then(|| format!("name\0{}", config.name));
    let disposition = config.content_disposition.then(|| "content-disposition\0".to_owned());
    let header = config.header.iter().cloned();
    let user = config.user.as_ref().map(|user| format!("user\0{user}"));
    let cookie = super::cookies::field(config).map(|text| format!("Cookie: {text}"));
    let head = config.head.then(|| "head\0".to_owned());
    Shape::new(
        std::iter::once(coded.to_owned())
            .chain(header)
            .chain(name)
            .chain(disposition)
            .chain(user)
            .chain(cookie)
            .chain(head),
    )
}

/// A source whose seeds know what is known of them.
pub(super) struct Recalling {
    source: Box<dyn Source>,
    recall: Recall,
}

impl Recalling {
    pub(super) fn new(source: Box<dyn Source>, recall: Recall) -> Self {
        Self { source, recall }
    }
}

impl Source for Recalling {
    fn next_batch(&mut self) -> Result<Option<Batch>, SourceError> {
        let Some(mut batch) = self.source.next_batch()? else { return Ok(None) };
        let seeds = batch.entries.iter_mut().filter_map(|entry| match entry {
            Entry::Seed(seed) | Entry::LeftOut { seed, .. } => Some(seed),
            Entry::Bad(_) => None,
        });
        let list = batch.next.list.to_string();
        self.recall.look_up(seeds).map_err(|e| SourceError { list, source: io::Error::other(e) })?;
        Ok(Some(batch))
    }

    fn position(&self) -> Origin {
        self.source.position()
    }

    fn expected(&self) -> Option<u64> {
        self.source.expected()
    }

    fn interrupt(&self) -> Interrupt {
        self.source.interrupt()
    }
}

/// Writes outcomes down before anybody is told of them.
pub(super) struct Remembering(pub(super) Ledger);

impl Sink for Remembering {
    fn outcome(&mut self, outcome: &Outcome) -> Result<ControlFlow<()>, SinkError> {
        self.outcomes(std::slice::from_ref(outcome))
    }

    fn outcomes(&mut self, outcomes: &[Outcome]) -> Result<ControlFlow<()>, SinkError> {
        match self.0.write(outcomes) {
            Ok(()) => Ok(ControlFlow::Continue(())),
            // The error names the file.
            Err(e) => Err(SinkError { target: "what the run remembers".to_owned(), source: io::Error::other(e) }),
        }
    }
}

/// What earlier runs know to be ok.
pub(super) struct Known(crate::state::Past);

/// Why reading it ended.
enum Ended {
    State(StateError),
    Output(io::Error),
}

impl From<StateError> for Ended {
    fn from(error: StateError) -> Self {
        Self::State(error)
    }
}

impl Past for Known {
    fn each_ok(
        &self,
        wanted: &mut dyn FnMut(&str) -> bool,
        each: &mut dyn FnMut(Was<'_>) -> io::Result<()>,
    ) -> io::Result<()> {
        let told = self.0.each_ok(wanted, |url, PastRow { path, revision }| {
            each(Was { url, path: path.as_deref(), body: &revision }).map_err(Ended::Output)
        });
        told.map_err(|ended| match ended {
            Ended::State(error) => io::Error::other(error),
            Ended::Output(error) => error,
        })
    }
}
