//! Under a final name there is the whole body or nothing: bodies are written beside, then renamed.

use std::collections::HashSet;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use xxhash_rust::xxh3::xxh3_64;

use super::place::{Fate, Place};
use super::whole::Whole;
use super::{Saving, SharedWriter};
use crate::model::{ErrorKind, FetchError, Job};

/// A body up to this size stays in memory until it is whole and is then written at once, see
/// [`Whole`]. A larger one is written in pieces of this size on the threads that may block.
const SMALL: usize = 256 * 1024;

/// Makes parts.
pub(super) struct Saver {
    saving: Saving,
    /// Tells the parts of this run from those of another one that saves into the same folder.
    run: u64,
    /// Folders that are there and were seen to be folders, not links.
    folders: Arc<Mutex<HashSet<PathBuf>>>,
    whole: Arc<Whole>,
}

impl Saver {
    pub(super) fn new(saving: Saving, run: u64, under_way: Arc<AtomicUsize>) -> Self {
        Self { saving, run, folders: Arc::default(), whole: Arc::new(Whole::new(under_way)) }
    }

    /// Whether bodies become files.
    pub(super) fn makes_files(&self) -> bool {
        matches!(self.saving, Saving::Dir(_) | Saving::File(_))
    }

    /// Where the body of this job goes; `proposed` is the name in a folder of its own that the
    /// server gives it.
    pub(super) fn begin(
        &self,
        job: &Job,
        fate: Option<&Arc<Fate>>,
        modified: Option<SystemTime>,
        proposed: Option<&str>,
    ) -> Part {
        if let Saving::Stream(writer) = &self.saving {
            return Part::Stream(writer.clone());
        }
        let part = Self::part_of(&self.saving, self.run, job);
        let (Some(part), Some(target)) = (part, self.target(job, proposed)) else { return Part::Discard };
        let root = match &self.saving {
            Saving::Dir(root) => Some((root.clone(), self.folders.clone())),
            _ => None,
        };
        self.file(fate.cloned().unwrap_or_default(), Place { root, part, target, modified })
    }

    /// The final name of a job's body, where it has one.
    pub(super) fn target(&self, job: &Job, proposed: Option<&str>) -> Option<PathBuf> {
        match (&self.saving, &job.save_as) {
            (Saving::Dir(root), Some(name)) => {
                let mut target = root.join(&*name.0);
                target.extend(proposed);
                Some(target)
            }
            (Saving::File(target), _) => Some(target.clone()),
            (Saving::Stream(_) | Saving::Discard | Saving::Dir(_), _) => None,
        }
    }

    /// What is there under the final name already, and how long it is where it is a file. A folder
    /// is no body; below the output folder a link is not followed, as a body would replace it.
    pub(super) fn existing(&self, job: &Job, proposed: Option<&str>) -> Option<(PathBuf, Option<u64>)> {
        let target = self.target(job, proposed)?;
        let there = match self.saving {
            Saving::Dir(_) => fs::symlink_metadata(&target).ok().filter(|there| !there.is_dir()),
            // What is no file, such as a device, is written to and loses nothing.
            _ => fs::metadata(&target).ok().filter(fs::Metadata::is_file),
        }?;
        Some((target, there.is_file().then_some(there.len())))
    }

    /// Where the part file of a job is, if the run saves by name.
    pub(super) fn part_of(saving: &Saving, run: u64, job: &Job) -> Option<PathBuf> {
        match (saving, &job.save_as) {
            (Saving::Dir(root), Some(name)) => {
                let key = format!("{:016x}-{run:016x}", xxh3_64(name.0.as_bytes()));
                Some(root.join(".fetchall").join("part").join(key))
            }
            (Saving::File(target), _) => {
                let name = target.file_name().map(|n| n.to_string_lossy()).unwrap_or_default();
                Some(target.with_file_name(format!(".{name}.{run:016x}.part")))
            }
            (Saving::Stream(_) | Saving::Discard | Saving::Dir(_), _) => None,
        }
    }

    fn file(&self, fate: Arc<Fate>, place: Place) -> Part {
        Part::File(FilePart { place, whole: self.whole.clone(), buffer: Vec::new(), file: None, begun: false, fate })
    }
}

/// A body that is not whole yet.
pub(super) enum Part {
    /// Nobody asked for it.
    Discard,
    /// It goes to a writer as it comes.
    Stream(SharedWriter),
    /// It becomes a file.
    File(FilePart),
}

impl Part {
    /// Takes the next bytes.
    pub(super) async fn write(&mut self, data: &[u8]) -> Result<(), FetchError> {
        match self {
            Part::Discard => Ok(()),
            Part::File(file) => file.write(data).await,
            Part::Stream(writer) => {
                let (writer, data) = (writer.clone(), data.to_vec());
                blocking(move || writer.lock().unwrap_or_else(PoisonError::into_inner).write_all(&data))
                    .await
                    .map_err(|e| FetchError::new(ErrorKind::Io, format!("cannot write the body: {e}")))
            }
        }
    }

    /// The body is whole and right: gives it its final name and returns that.
    pub(super) async fn commit(self) -> Result<Option<String>, FetchError> {
        match self {
            Part::Discard => Ok(None),
            Part::File(file) => file.commit().await.map(Some),
            Part::Stream(writer) => blocking(move || writer.lock().unwrap_or_else(PoisonError::into_inner).flush())
                .await
                .map(|()| None)
                .map_err(|e| FetchError::new(ErrorKind::Io, format!("cannot write the body: {e}"))),
        }
    }
}

/// A body that becomes a file. Dropped before it is whole, it leaves nothing.
pub(super) struct FilePart {
    place: Place,
    whole: Arc<Whole>,
    buffer: Vec<u8>,
    /// Open once the body has outgrown the buffer.
    file: Option<File>,
    /// Whether the part file may exist.
    begun: bool,
    fate: Arc<Fate>,
}

impl FilePart {
    async fn write(&mut self, data: &[u8]) -> Result<(), FetchError> {
        if self.buffer.len() + data.len() > SMALL {
            self.spill().await?;
        }
        self.buffer.extend_from_slice(data);
        Ok(())
    }

    /// Moves the buffer to the part file, on a thread that may block.
    async fn spill(&mut self) -> Result<(), FetchError> {
        self.begun = true;
        let (file, buffer) = (self.file.take(), std::mem::take(&mut self.buffer));
        let (place, fate) = (self.place.clone(), self.fate.clone());
        let (file, buffer) = blocking(move || {
            let mut file = match file {
                Some(file) => file,
                None => place.create()?,
            };
            place.unless_given_up(&fate)?;
            file.write_all(&buffer)?;
            Ok((file, buffer))
        })
        .await
        .map_err(|e| self.place.error(&e))?;
        self.file = Some(file);
        self.buffer = buffer;
        self.buffer.clear();
        Ok(())
    }

    async fn commit(mut self) -> Result<String, FetchError> {
        self.begun = true;
        let (file, buffer) = (self.file.take(), std::mem::take(&mut self.buffer));
        let written = match file {
            None => self.whole.write(self.place.clone(), buffer, self.fate.clone()).await,
            Some(mut file) => {
                let (place, fate) = (self.place.clone(), self.fate.clone());
                blocking(move || {
                    file.write_all(&buffer)?;
                    place.finish(file, &fate)
                })
                .await
            }
        };
        written.map_err(|e| self.place.error(&e))?;
        self.begun = false;
        Ok(self.place.target.to_string_lossy().into_owned())
    }
}

impl Drop for FilePart {
    fn drop(&mut self) {
        if self.begun {
            // First, so that whoever creates the file after its removal sees it. False: it is
            // whole and has its name.
            let _ = self.fate.give_up();
            // It may not exist; if it cannot be removed, the next run truncates it.
            let _ = fs::remove_file(&self.place.part);
        }
    }
}

/// Runs what may block on a thread that may.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> io::Result<T> + Send + 'static) -> io::Result<T> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(e) => Err(io::Error::other(e)),
    }
}
