//! A final name has the complete body or no file: bodies are written to a part file, then renamed.

use std::collections::HashSet;
use std::ffi::{OsStr, OsString};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::time::SystemTime;

use super::converted::{Conversion, converted_name};
use super::destination::{CommitState, Destination};
use super::part::{FilePart, blocking};
use super::partial_file::{self, PartialCopy, PartialFile, PartialPath, ResumableResponse, key_of};
use super::small_file_writer::SmallFileWriter;
use crate::fetch::config::{FetchConfig, Keeping, Saving};
use crate::model::Job;
use crate::policy::naming::endings;
use crate::policy::text::printable::printable;

/// The id of bodies kept between the tries of one run. It is the same for all runs, so that the next run removes the
/// leftovers of a killed one.
const FOR_NOW: u64 = u64::MAX;

/// The part of a file name that depends on the response.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct FileNaming<'a> {
    /// The name in a folder of its own.
    pub(crate) proposed: Option<&'a str>,
    /// The ending that the name lacks.
    pub(crate) ending: &'static str,
}

/// Makes the files of bodies.
pub(crate) struct Saver {
    config: Arc<FetchConfig>,
    small_files: Arc<SmallFileWriter>,
    /// The names of the bodies that earlier runs have kept.
    left: HashSet<OsString>,
}

impl Saver {
    pub(crate) fn new(config: &Arc<FetchConfig>, under_way: Arc<AtomicUsize>) -> Self {
        let left = match (&config.saving, config.keeping) {
            (Saving::Dir(folder), Keeping::For(_)) => partial_file::names_in(folder, Path::new(PARTS)).collect(),
            _ => HashSet::new(),
        };
        Self { config: config.clone(), small_files: Arc::new(SmallFileWriter::new(under_way)), left }
    }

    /// Whether bodies become files.
    pub(crate) fn makes_files(&self) -> bool {
        matches!(self.config.saving, Saving::Dir(_) | Saving::File(..))
    }

    /// Returns the file for the body of this job, if it is saved to one. With `answered`, a body that is cut off is kept.
    pub(crate) fn begin(
        &self,
        job: &Job,
        commit_state: Option<&Arc<CommitState>>,
        modified: Option<SystemTime>,
        naming: FileNaming<'_>,
        answered: Option<Box<ResumableResponse>>,
        conversion: Option<Arc<Conversion>>,
    ) -> Option<FilePart> {
        let destination = Destination { conversion, ..self.destination(job, modified, naming)? };
        let keep = answered.map(|answered| PartialCopy::Planned(self.keep_id(), answered));
        Some(FilePart::new(destination, self.small_files.clone(), commit_state, keep))
    }

    /// Returns the file for the coded form of a body, which serves resuming only. It has a commit state of its own,
    /// as the body is complete without it.
    pub(crate) fn begin_coded(&self, job: &Job, answered: Option<Box<ResumableResponse>>) -> Option<FilePart> {
        let mut destination = self.destination(job, None, FileNaming::default())?;
        // The decoded form has the plain name.
        destination.part.set_extension("coded");
        let keep = answered.map(|answered| PartialCopy::Planned(self.keep_id(), answered));
        Some(FilePart::new(destination, self.small_files.clone(), None, keep))
    }

    /// The id by which runs know their kept bodies.
    fn keep_id(&self) -> u64 {
        match self.config.keeping {
            Keeping::ForNow => FOR_NOW,
            Keeping::For(id) => id,
        }
    }

    fn destination(&self, job: &Job, modified: Option<SystemTime>, naming: FileNaming<'_>) -> Option<Destination> {
        let folder = self.config.saving.folder()?.clone();
        let (part, target) = (part_name(&self.config, job)?, self.file(job, naming)?);
        let claimed = !self.single();
        let FetchConfig { sync, names, .. } = *self.config;
        Some(Destination { folder, part, target, claimed, modified, sync, names, conversion: None })
    }

    /// Returns the final name of a job's body below its folder, if it has one.
    pub(crate) fn file(&self, job: &Job, naming: FileNaming<'_>) -> Option<PathBuf> {
        match (&self.config.saving, &job.save_as) {
            (Saving::Dir(_), Some(name)) => {
                let mut file = PathBuf::from(&*name.0);
                file.extend(naming.proposed);
                file.as_mut_os_string().push(naming.ending);
                Some(file)
            }
            (Saving::File(_, file), _) => Some(file.clone()),
            (Saving::Stream | Saving::Discard | Saving::Dir(_), _) => None,
        }
    }

    /// Returns the final path of a job's body, as the user spelled its folder.
    pub(crate) fn target(&self, job: &Job, naming: FileNaming<'_>) -> Option<PathBuf> {
        Some(self.config.saving.folder()?.path().join(self.file(job, naming)?))
    }

    /// Returns the last part of the final name.
    pub(crate) fn file_name<'a>(&'a self, job: &'a Job, proposed: Option<&'a str>) -> Option<&'a str> {
        match (&self.config.saving, &job.save_as) {
            (Saving::Dir(_), Some(name)) => {
                Some(proposed.unwrap_or_else(|| name.0.rsplit('/').next().unwrap_or(&name.0)))
            }
            (Saving::File(_, file), _) => Some(file.to_str().unwrap_or_default()),
            (Saving::Stream | Saving::Discard | Saving::Dir(_), _) => None,
        }
    }

    /// Returns the path of an existing entry under the final name, and its length if it is a file. A folder is no
    /// body. Below the output folder a link is not followed, as a body would replace it.
    pub(crate) fn existing(&self, job: &Job, proposed: Option<&str>) -> Option<(PathBuf, Option<u64>)> {
        // The ending depends on a response that did not come yet.
        let others = endings().filter(|_| self.config.adjust_extension);
        let mut namings = std::iter::once("").chain(others).map(|ending| FileNaming { proposed, ending });
        namings.find_map(|naming| self.existing_as(job, naming))
    }

    fn existing_as(&self, job: &Job, naming: FileNaming<'_>) -> Option<(PathBuf, Option<u64>)> {
        let target = self.target(job, naming)?;
        if self.single() {
            // The user's own path may be a link. Any other file, such as a device, can be written to and loses
            // nothing.
            let there = std::fs::metadata(&target).ok().filter(std::fs::Metadata::is_file)?;
            return Some((target, Some(there.len())));
        }
        let there = self.config.saving.folder()?.info(&self.file(job, naming)?).ok().filter(|there| !there.is_dir)?;
        Some((target, there.is_file.then_some(there.len)))
    }

    /// Returns the path at which the body of a job is kept.
    fn partial_path(&self, job: &Job) -> Option<PartialPath> {
        let id = self.keep_id();
        match (&self.config.saving, &job.save_as) {
            (Saving::Dir(folder), Some(name)) => Some(PartialPath::claimed(folder, Path::new(PARTS), &name.0, id)),
            (Saving::File(folder, file), _) => Some(PartialPath::beside(folder, file, id)),
            _ => None,
        }
    }

    /// Returns the kept body of this job.
    pub(crate) async fn kept(&self, job: &Job) -> Option<PartialFile> {
        // Most runs have no kept body: they compute no name and do not access the disk.
        let may_be = |name: &OsStr| job.attempt > 1 || self.single() || self.left.contains(name);
        if self.left.is_empty() && !may_be(OsStr::new("")) {
            return None;
        }
        let at = self.partial_path(job).filter(|at| at.path().file_name().is_some_and(may_be))?;
        if self.config.keeping == Keeping::ForNow && job.attempt == 1 {
            // A killed run has left this, and this run must not resume it.
            at.clear();
            return None;
        }
        let path = at.shown();
        find_kept(at, job).await.unwrap_or_else(|e| {
            // Another file is there, or another process holds the lock: fetch the whole body.
            tracing::debug!(path = %printable(&path), error = %printable(&e.to_string()), "what is kept cannot be used");
            None
        })
    }

    /// Whether the run has a single URL and output file, whose kept body lies beside that file.
    fn single(&self) -> bool {
        matches!(self.config.saving, Saving::File(..))
    }
}

impl Drop for Saver {
    fn drop(&mut self) {
        // A body kept only between the tries of one run has no further use.
        if let (Saving::File(folder, file), Keeping::ForNow) = (&self.config.saving, self.config.keeping) {
            PartialPath::beside(folder, file, FOR_NOW).clear();
        }
    }
}

/// Finds the kept body of a job, and checks its bytes if this URL can be asked for the rest.
async fn find_kept(at: PartialPath, job: &Job) -> io::Result<Option<PartialFile>> {
    let url = job.seed.url.as_str().to_owned();
    let Some(mut kept) = blocking(move || at.find(&url)).await? else { return Ok(None) };
    // The other URLs of a redirect chain get no request for the rest.
    while kept.note.asked == job.url().as_str() && !kept.is_checked() {
        // In turns: the fetch may be given up meanwhile.
        kept = blocking(move || kept.check_some().inspect_err(|_| kept.at.remove()).map(|()| kept)).await?;
    }
    Ok(Some(kept))
}

/// The folder of part files and kept bodies, below the output folder.
pub const PARTS: &str = ".fetchall/part";

/// Returns the part file of a job below its folder, if the run saves to files.
fn part_name(config: &FetchConfig, job: &Job) -> Option<PathBuf> {
    let run = config.run;
    match (&config.saving, &job.save_as) {
        (Saving::Dir(_), Some(name)) => Some(Path::new(PARTS).join(format!("{}-{run:016x}", key_of(&name.0)))),
        (Saving::File(_, file), _) => Some(format!(".{}-{run:016x}.part", key_of(&file.to_string_lossy())).into()),
        (Saving::Stream | Saving::Discard | Saving::Dir(_), _) => None,
    }
}

impl FetchConfig {
    /// Removes the part file of a job whose fetcher has died.
    pub fn clear_part(&self, job: &Job) {
        if let (Some(folder), Some(part)) = (self.saving.folder(), part_name(self, job)) {
            // Err: there was no such file.
            let _ = folder.remove(&converted_name(&part));
            let _ = folder.remove(&part);
        }
    }
}
