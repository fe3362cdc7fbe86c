//! Looks up new lines of the list in the state.

use std::cell::OnceCell;
use std::collections::HashSet;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rusqlite::{OptionalExtension as _, Row};

use super::key::Keys;
use super::occurrences::Occurrences;
use super::row::{self, RowContent};
use super::schema::Database;
use super::{Bodies, Presence, StateError, failed};
use crate::config::Digest;
use crate::model::{Claimed, Condition, Kind, PriorBody, PriorRun, Revision, Seed, Validators};
use crate::policy::message::date;
use crate::policy::naming::fold;
use crate::policy::rerun::selection::Selection;
use crate::policy::scope::is_html;
use crate::policy::text::fingerprint::FingerprintSet;

/// Looks URLs up. It belongs to the thread of the source, which may block on a disk.
pub struct Recall {
    pub(super) path: PathBuf,
    pub(super) connection: Database,
    pub(super) keys: Keys,
    pub(super) bodies: Bodies,
    /// Files of more than one row, folded.
    shared: HashSet<String>,
    /// Device and inode of files that several rows name through hard links. Computed on first use.
    linked: OnceCell<HashSet<(u64, u64)>>,
    /// The wanted digest of every body. A row without it is not done.
    digest: Digest,
    /// Whether finished URLs are requested again with their validators.
    refresh: bool,
    /// Whether earlier bodies are compared with the new ones.
    compare: bool,
    /// Whether files get the server's modification time.
    remote_time: bool,
    /// Whether the links of pages are read. A row without them is not done.
    links: bool,
    /// The URLs of pages whose text is written, if the run wants the text of each. A page that is not among them is not
    /// done.
    texts: Option<Arc<FingerprintSet>>,
    /// Counts equal lines if each of them is fetched.
    occurrences: Option<Occurrences>,
}

impl Recall {
    pub(super) fn new(
        path: PathBuf,
        connection: Database,
        keys: Keys,
        bodies: Bodies,
        shared: HashSet<String>,
    ) -> Self {
        Self {
            path,
            connection,
            keys,
            bodies,
            shared,
            linked: OnceCell::new(),
            digest: Digest::None,
            refresh: false,
            compare: false,
            remote_time: false,
            links: false,
            texts: None,
            occurrences: None,
        }
    }

    /// Requires this digest of finished URLs.
    pub fn wants(&mut self, digest: Digest) {
        self.digest = digest;
    }

    /// Requests finished URLs again with their validators.
    pub fn refreshes(&mut self) {
        self.refresh = true;
    }

    /// Compares earlier bodies with the new ones.
    pub fn compares(&mut self) {
        self.compare = true;
    }

    /// Gives saved files the modification time of their responses.
    pub fn sets_times(&mut self) {
        self.remote_time = true;
    }

    /// Reads the links of each URL. One that no crawl has fetched is not done.
    pub fn wants_links(&mut self) {
        self.links = true;
    }

    /// Fetches each HTML page again that is not among these URLs, because the run needs its text.
    pub fn wants_texts(&mut self, urls: Arc<FingerprintSet>) {
        self.texts = Some(urls);
    }

    /// Calls `each` for every URL to which the redirect of a crawled page has led.
    ///
    /// # Errors
    /// An error of SQLite.
    pub fn targets(&self, mut each: impl FnMut(&str)) -> Result<(), StateError> {
        let mut read = || -> rusqlite::Result<()> {
            let mut statement = self.connection.prepare(row::SELECT_TARGETS)?;
            let mut rows = statement.query([])?;
            while let Some(row) = rows.next()? {
                // A value that is no text is no URL.
                if let Ok(url) = row.get_ref(0)?.as_str() {
                    each(url);
                }
            }
            Ok(())
        };
        read().map_err(|e| failed(&self.path, e))
    }

    /// Fetches each of several equal lines, and keeps a row for each.
    pub fn counts(&mut self) {
        self.occurrences = Some(Occurrences::default());
    }

    /// Stores in each seed the facts of its row.
    ///
    /// # Errors
    /// An error of SQLite.
    pub fn look_up<'a>(&mut self, seeds: impl Iterator<Item = &'a mut Seed>) -> Result<(), StateError> {
        let mut occurrences = self.occurrences.take();
        let look_up = || -> rusqlite::Result<()> {
            let mut statement =
                self.connection.prepare_cached(if self.links { row::SELECT_CRAWLED } else { row::SELECT })?;
            for seed in seeds {
                let mut key = self.keys.of(seed, 0);
                let occurrence = occurrences.as_mut().map_or(0, |occurrences| occurrences.next(key));
                if occurrence > 0 {
                    key = self.keys.of(seed, occurrence);
                }
                let found = statement.query_row([key], |row| self.found(row)).optional()?.flatten();
                seed.known = match found {
                    Some(found) => Some(Box::new(PriorRun { occurrence, ..self.known(seed, found)? })),
                    None if occurrence > 0 => Some(Box::new(PriorRun { occurrence, ..PriorRun::default() })),
                    None => None,
                };
            }
            Ok(())
        };
        let looked_up = look_up().map_err(|e| failed(&self.path, e));
        self.occurrences = occurrences;
        looked_up
    }

    /// Reads a row, and its links if the run wants them.
    fn found(&self, row: &Row<'_>) -> rusqlite::Result<Option<RowContent>> {
        let mut found = row::found(row, &self.bodies)?;
        if let Some(found) = found.as_mut().filter(|found| self.links && found.ok) {
            found.facts.found.links = row::links(row)?;
        }
        Ok(found)
    }

    /// Whether the last result of a seed is in this selection; `None` without a result. The seed was looked up.
    ///
    /// # Errors
    /// An error of SQLite.
    pub fn selects(&self, seed: &Seed, only: &Selection) -> Result<Option<bool>, StateError> {
        let select = || -> rusqlite::Result<Option<bool>> {
            let mut statement = self.connection.prepare_cached(row::SELECT_RESULT)?;
            let key = self.keys.of(seed, row::occurrence(seed));
            statement.query_row([key], |row| Ok(only.takes(row::last_result(row)?))).optional()
        };
        select().map_err(|e| failed(&self.path, e))
    }

    fn known(&self, seed: &Seed, found: RowContent) -> rusqlite::Result<PriorRun> {
        if let (true, false, Some(reason)) = (self.links, self.refresh, found.not_followed) {
            return Ok(PriorRun {
                done: Some(Box::new(found.facts)),
                not_followed: Some(reason),
                ..PriorRun::default()
            });
        }
        // A crawl does not save each page that it follows.
        let is_saved = found.file.is_some() || !self.links;
        let there = match self.bodies.find(&found) {
            Presence::Absent => !is_saved && matches!(self.bodies, Bodies::Below(_)),
            Presence::There => !self.is_shared(&found),
            Presence::Linked(id) => !self.is_shared(&found) && !self.is_linked(id)?,
        };
        let has_links = !self.links || found.facts.found.links.is_some();
        let done = found.ok && there && has_links && self.has_text(seed, &found) && self.has_digests(seed, &found);
        if done && self.remote_time {
            // Err: the file system cannot say it; the body is whole all the same.
            let _ = self.bodies.open(&found).and_then(|file| set_time(&file, &found.validators));
        }
        let RowContent { name, mut facts, validators, ok, .. } = found;
        let (name, was_saved) = (name.map(Claimed), ok);
        if done && !self.refresh {
            facts.validators = (validators != Validators::default()).then(|| Box::new(validators));
            return Ok(PriorRun { name, done: Some(Box::new(facts)), ..PriorRun::default() });
        }
        let before = (self.compare && ok).then(|| {
            let path = facts.path.clone().filter(|_| there);
            Box::new(PriorBody { body: Revision::of(&facts, validators.clone()), path })
        });
        let links = facts.found.links.take();
        if !done {
            return Ok(PriorRun { name, was_saved, before, links, ..PriorRun::default() });
        }
        let url = facts.final_url.clone().unwrap_or_else(|| seed.url.clone());
        let condition = (validators != Validators::default()).then(|| Box::new(Condition { url, validators, facts }));
        Ok(PriorRun { name, was_saved, condition, before, links, ..PriorRun::default() })
    }

    /// Whether another row has the same file.
    fn is_shared(&self, found: &RowContent) -> bool {
        let (Bodies::Below(_), Some(file), false) = (&self.bodies, &found.file, self.shared.is_empty()) else {
            return false;
        };
        self.shared.contains(&fold(&file.to_string_lossy()))
    }

    /// Whether the files of two rows are this one. All rows are looked at once, when the first file with
    /// several names comes.
    fn is_linked(&self, id: (u64, u64)) -> rusqlite::Result<bool> {
        let (Bodies::Below(folder), None) = (&self.bodies, self.linked.get()) else {
            return Ok(self.linked.get().is_some_and(|linked| linked.contains(&id)));
        };
        let (mut seen, mut linked) = (HashSet::new(), HashSet::new());
        let mut files = self.connection.prepare(row::SELECT_NAMES)?;
        let mut rows = files.query([])?;
        while let Some(row) = rows.next()? {
            let Some(file) = row.get_ref(1)?.as_str().ok().filter(|file| row::is_name(file)) else { continue };
            let Some(there) = folder.info(Path::new(file)).ok().filter(|there| there.links > 1) else { continue };
            linked.extend(there.id.filter(|id| !seen.insert(*id)));
        }
        Ok(self.linked.get_or_init(|| linked).contains(&id))
    }

    /// Whether the text of a page is written, if the run wants it.
    fn has_text(&self, seed: &Seed, found: &RowContent) -> bool {
        let Some(urls) = self.texts.as_ref().filter(|_| seed.kind == Kind::Page) else { return true };
        !is_html(found.facts.content_type.as_deref()) || urls.contains(seed.url.as_str())
    }

    /// Whether everything that is wanted of the body is known of it, and as the list declares it.
    fn has_digests(&self, seed: &Seed, found: &RowContent) -> bool {
        let wants = seed.overrides.as_deref();
        let agrees = |declared: Option<[u8; 32]>, known: Option<[u8; 32]>| declared.is_none() || declared == known;
        let computed = match self.digest {
            Digest::None => true,
            Digest::Sha256 => found.facts.found.sha256.is_some(),
            Digest::Blake3 => found.facts.found.blake3.is_some(),
        };
        computed
            && agrees(wants.and_then(|w| w.sha256), found.facts.found.sha256)
            && agrees(wants.and_then(|w| w.blake3), found.facts.found.blake3)
    }
}

/// Gives a file the time that the server said, where it has another.
fn set_time(file: &File, validators: &Validators) -> io::Result<()> {
    let said = validators.last_modified.as_deref().and_then(date::system_time);
    match said {
        Some(said) if file.metadata()?.modified()? != said => file.set_modified(said),
        _ => Ok(()),
    }
}
