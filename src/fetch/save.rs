//! Under a final name there is the whole body or nothing: bodies are written beside, then renamed.

use std::collections::HashSet;
use std::ffi::{OsStr, OsString};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::time::SystemTime;

use super::kept::{self, Answered, Keep, Kept, KeptAt, key_of};
use super::part::{FilePart, Part, blocking};
use super::place::{Fate, Place};
use super::whole::Whole;
use super::{HttpSpec, Keeping, Saving};
use crate::model::Job;

/// In the name of what is kept between the tries of one run: the same for all, so that the next one
/// clears away what a killed one has left.
const FOR_NOW: u64 = u64::MAX;

/// Makes parts.
pub(super) struct Saver {
    spec: Arc<HttpSpec>,
    whole: Arc<Whole>,
    /// What earlier runs have left to go on with.
    left: HashSet<OsString>,
}

impl Saver {
    pub(super) fn new(spec: &Arc<HttpSpec>, under_way: Arc<AtomicUsize>) -> Self {
        let left = match (&spec.saving, spec.keeping) {
            (Saving::Dir(folder), Keeping::For(_)) => kept::names_in(folder, Path::new(PARTS)).collect(),
            _ => HashSet::new(),
        };
        Self { spec: spec.clone(), whole: Arc::new(Whole::new(under_way)), left }
    }

    /// Whether bodies become files.
    pub(super) fn makes_files(&self) -> bool {
        matches!(self.spec.saving, Saving::Dir(_) | Saving::File(..))
    }

    /// Where the body of this job goes; `proposed` is the name in a folder of its own that the
    /// server gives it. Cut off, it is kept as what was answered.
    pub(super) fn begin(
        &self,
        job: &Job,
        fate: Option<&Arc<Fate>>,
        modified: Option<SystemTime>,
        proposed: Option<&str>,
        answered: Option<Box<Answered>>,
    ) -> Part {
        match (self.place(job, modified, proposed), &self.spec.saving) {
            (Some(place), _) => {
                let keep = answered.map(|answered| Keep::Would(self.keep_id(), answered));
                Part::File(Box::new(FilePart::new(place, self.whole.clone(), fate, keep)))
            }
            (None, Saving::Stream(stream)) => Part::Stream(stream.writer.clone()),
            (None, Saving::Discard | Saving::Dir(_) | Saving::File(..)) => Part::Discard,
        }
    }

    /// Where the coded form of a body goes, which is there only to be kept: its fate is its own, for
    /// without it the body is fetched all the same.
    pub(super) fn begin_coded(&self, job: &Job, answered: Option<Box<Answered>>) -> Option<Box<FilePart>> {
        let mut place = self.place(job, None, None)?;
        // The other form of it has that name.
        place.part.set_extension("coded");
        let keep = answered.map(|answered| Keep::Would(self.keep_id(), answered));
        Some(Box::new(FilePart::new(place, self.whole.clone(), None, keep)))
    }

    /// By what runs know what they have kept.
    fn keep_id(&self) -> u64 {
        match self.spec.keeping {
            Keeping::ForNow => FOR_NOW,
            Keeping::For(id) => id,
        }
    }

    fn place(&self, job: &Job, modified: Option<SystemTime>, proposed: Option<&str>) -> Option<Place> {
        let folder = self.spec.saving.folder()?.clone();
        let (part, target) = (part_name(&self.spec, job)?, self.file(job, proposed)?);
        let claimed = !self.single();
        let HttpSpec { sync, names, .. } = *self.spec;
        Some(Place { folder, part, target, claimed, modified, sync, names })
    }

    /// The final name of a job's body below its folder, where it has one.
    pub(super) fn file(&self, job: &Job, proposed: Option<&str>) -> Option<PathBuf> {
        match (&self.spec.saving, &job.save_as) {
            (Saving::Dir(_), Some(name)) => {
                let mut file = PathBuf::from(&*name.0);
                file.extend(proposed);
                Some(file)
            }
            (Saving::File(_, file), _) => Some(file.clone()),
            (Saving::Stream(_) | Saving::Discard | Saving::Dir(_), _) => None,
        }
    }

    /// The final path of a job's body, as the user spelled its folder.
    pub(super) fn target(&self, job: &Job, proposed: Option<&str>) -> Option<PathBuf> {
        Some(self.spec.saving.folder()?.path().join(self.file(job, proposed)?))
    }

    /// Returns the last part of the final name.
    pub(super) fn file_name<'a>(&'a self, job: &'a Job, proposed: Option<&'a str>) -> Option<&'a str> {
        match (&self.spec.saving, &job.save_as) {
            (Saving::Dir(_), Some(name)) => {
                Some(proposed.unwrap_or_else(|| name.0.rsplit('/').next().unwrap_or(&name.0)))
            }
            (Saving::File(_, file), _) => Some(file.to_str().unwrap_or_default()),
            (Saving::Stream(_) | Saving::Discard | Saving::Dir(_), _) => None,
        }
    }

    /// What is there under the final name already, and how long it is where it is a file. A folder
    /// is no body; below the output folder a link is not followed, as a body would replace it.
    pub(super) fn existing(&self, job: &Job, proposed: Option<&str>) -> Option<(PathBuf, Option<u64>)> {
        let target = self.target(job, proposed)?;
        if self.single() {
            // The user's own path may be a link. What is no file, such as a device, is written to and loses nothing.
            let there = std::fs::metadata(&target).ok().filter(std::fs::Metadata::is_file)?;
            return Some((target, Some(there.len())));
        }
        let there = self.spec.saving.folder()?.info(&self.file(job, proposed)?).ok().filter(|there| !there.is_dir)?;
        Some((target, there.is_file.then_some(there.len)))
    }

    /// Where the body of a job is kept when it is cut off.
    fn kept_at(&self, job: &Job) -> Option<KeptAt> {
        let id = self.keep_id();
        match (&self.spec.saving, &job.save_as) {
            (Saving::Dir(folder), Some(name)) => Some(KeptAt::claimed(folder, Path::new(PARTS), &name.0, id)),
            (Saving::File(folder, file), _) => Some(KeptAt::beside(folder, file, id)),
            _ => None,
        }
    }

    /// What is kept of this job's body.
    pub(super) async fn kept(&self, job: &Job) -> Option<Kept> {
        // Most runs have nothing to go on with: no name is computed, and no disk asked.
        let may_be = |name: &OsStr| job.attempt > 1 || self.single() || self.left.contains(name);
        if self.left.is_empty() && !may_be(OsStr::new("")) {
            return None;
        }
        let at = self.kept_at(job).filter(|at| at.path().file_name().is_some_and(may_be))?;
        if self.spec.keeping == Keeping::ForNow && job.attempt == 1 {
            // What a run that was killed has left: nobody asked to go on with it.
            at.clear();
            return None;
        }
        let path = at.spelled();
        find_kept(at, job).await.unwrap_or_else(|e| {
            // Something else is there, or somebody is at it: then it is fetched as if there were nothing.
            tracing::debug!(path = %path.display(), error = %e, "what is kept cannot be used");
            None
        })
    }

    /// Whether there is one URL only, whose kept body has a name of its own.
    fn single(&self) -> bool {
        matches!(self.spec.saving, Saving::File(..))
    }
}

impl Drop for Saver {
    fn drop(&mut self) {
        // What is kept between the tries of one run only: nobody comes back for it.
        if let (Saving::File(folder, file), Keeping::ForNow) = (&self.spec.saving, self.spec.keeping) {
            KeptAt::beside(folder, file, FOR_NOW).clear();
        }
    }
}

/// Finds what is kept here of a job's body, and checks it where it can be gone on with.
async fn find_kept(at: KeptAt, job: &Job) -> io::Result<Option<Kept>> {
    let url = job.seed.url.as_str().to_owned();
    let Some(mut kept) = blocking(move || at.find(&url)).await? else { return Ok(None) };
    // The other URLs of a chain of redirects are not asked for the rest.
    while kept.note.asked == job.url().as_str() && !kept.is_checked() {
        // In turns: the fetch may be given up meanwhile.
        kept = blocking(move || kept.check_some().inspect_err(|_| kept.at.remove()).map(|()| kept)).await?;
    }
    Ok(Some(kept))
}

/// The folder of what is not whole yet, below the output folder.
pub const PARTS: &str = ".fetchall/part";

/// The part file of a job below its folder, if the run saves by name.
pub(super) fn part_name(spec: &HttpSpec, job: &Job) -> Option<PathBuf> {
    let run = spec.run;
    match (&spec.saving, &job.save_as) {
        (Saving::Dir(_), Some(name)) => Some(Path::new(PARTS).join(format!("{}-{run:016x}", key_of(&name.0)))),
        (Saving::File(_, file), _) => Some(format!(".{}-{run:016x}.part", key_of(&file.to_string_lossy())).into()),
        (Saving::Stream(_) | Saving::Discard | Saving::Dir(_), _) => None,
    }
}
