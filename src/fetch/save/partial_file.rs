//! Partial bodies, kept to be resumed: the bytes as received, and a note beside them that identifies their response.
//!
//! A kept body belongs to the process that holds the lock on its file. No other process writes, renames or removes
//! it: a child of a killed parent may still write when the next run begins. The note is written before the first
//! byte, so bytes without one are of no use. The note has a digest of the bytes and is updated after each piece.
//! Bytes with another digest are not resumed.

mod note;

use std::ffi::{OsStr, OsString};
use std::fs::{File, TryLockError};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use xxhash_rust::xxh3::Xxh3;

pub(crate) use note::{Note, Octets, ResumableResponse};

use crate::model::shown_path;
use crate::output_folder::{OpenFolder, OutputFolder};
use note::Checkpoint;

/// The longest note that is read.
const MAX_NOTE: u64 = 256 * 1024;

/// The longest wait for the lock of another process that is about to end.
const PATIENCE: Duration = Duration::from_secs(2);

/// With `--sync` the note is updated after each so many new bytes.
const SYNCED: u64 = 16 * 1024 * 1024;

/// The bytes of one read for a digest, and those that one call checks before other fetches get their turn.
const PIECE: usize = 256 * 1024;
const TURN: u64 = 16 * 1024 * 1024;

/// How a body is kept when it is cut off.
pub(crate) enum PartialCopy {
    /// It can be kept by this id; no byte is written yet.
    Planned(u64, Box<ResumableResponse>),
    /// It is written to its kept file.
    Open(Box<PartialWriter>),
}

impl PartialCopy {
    /// Creates the kept file for writing, at the path for its id.
    pub(crate) fn create(self, path: impl FnOnce(u64) -> PartialPath, sync: bool) -> io::Result<Box<PartialWriter>> {
        match self {
            PartialCopy::Planned(id, answered) => path(id).create(answered.note(), sync).map(Box::new),
            PartialCopy::Open(body) => Err(io::Error::other(format!("{} is open already", body.at.shown()))),
        }
    }
}

/// A body that is being written to its kept file.
pub(crate) struct PartialWriter {
    pub(crate) at: PartialPath,
    /// Locked, behind its last byte.
    file: File,
    note: Note,
    note_file: File,
    bytes: u64,
    digest: Xxh3,
    sync: bool,
}

impl PartialWriter {
    /// The file of the bytes.
    pub(crate) fn file(&self) -> &File {
        &self.file
    }

    /// Writes more bytes. [`PartialWriter::record`] adds them to the note.
    pub(crate) fn write(&mut self, data: &[u8]) -> io::Result<()> {
        self.file.write_all(data)?;
        self.bytes += data.len() as u64;
        self.digest.update(data);
        Ok(())
    }

    /// Updates the note with the digest of the written bytes. With `--sync`, waits until that is worth a sync.
    pub(crate) fn record(&mut self) -> io::Result<()> {
        let is_due = !self.sync || self.bytes - self.note.checkpoint.bytes >= SYNCED;
        if is_due { self.record_all() } else { Ok(()) }
    }

    /// Updates the note with the digest of all written bytes.
    pub(crate) fn record_all(&mut self) -> io::Result<()> {
        if self.bytes == self.note.checkpoint.bytes {
            return Ok(());
        }
        if self.sync {
            // First the bytes: a note that is ahead of them would make all of them unusable.
            self.file.sync_data()?;
        }
        self.note.checkpoint = Checkpoint { bytes: self.bytes, digest: self.digest.digest128() };
        self.note.write(&mut self.note_file)?;
        if self.sync { self.note_file.sync_data() } else { Ok(()) }
    }
}

/// Returns the digits that stand for a name: the start of its BLAKE3 hash, so that a collision is infeasible.
pub(crate) fn key_of(name: &str) -> String {
    let mut digits = blake3::hash(name.as_bytes()).to_hex().to_string();
    digits.truncate(KEY);
    digits
}

/// How many digits those are.
const KEY: usize = 32;

/// The path of a kept body.
#[derive(Debug, Clone)]
pub(crate) struct PartialPath {
    folder: OutputFolder,
    /// Below that folder.
    path: PathBuf,
}

impl PartialPath {
    /// The suffix of the names of kept bodies.
    const SUFFIX: &'static str = ".cut";

    /// A path in the folder of parts, for the body that claimed this name. `id` separates the kept bodies of runs
    /// with different states in one folder.
    pub(crate) fn claimed(folder: &OutputFolder, parts: &Path, name: &str, id: u64) -> Self {
        Self::keyed(folder, parts, &key_of(name), id)
    }

    /// As [`PartialPath::claimed`], from the part file of that body, whose name has the same beginning.
    pub(crate) fn like(folder: &OutputFolder, part: &Path, id: u64) -> Option<Self> {
        let key = part.file_name()?.to_str()?.get(..KEY)?;
        Some(Self::keyed(folder, part.parent()?, key, id))
    }

    fn keyed(folder: &OutputFolder, parts: &Path, key: &str, id: u64) -> Self {
        Self { folder: folder.clone(), path: parts.join(format!("{key}-{id:016x}{}", Self::SUFFIX)) }
    }

    /// A path beside the file that the user named.
    pub(crate) fn beside(folder: &OutputFolder, target: &Path, id: u64) -> Self {
        let name = target.file_name().map(|n| n.to_string_lossy()).unwrap_or_default();
        let path = target.with_file_name(format!(".{}-{id:016x}{}", key_of(&name), Self::SUFFIX));
        Self { folder: folder.clone(), path }
    }

    /// At this path below the folder.
    pub(crate) fn at(folder: &OutputFolder, path: &Path) -> Self {
        Self { folder: folder.clone(), path: path.to_owned() }
    }

    /// The path below the folder.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The path as messages show it.
    pub(crate) fn shown(&self) -> String {
        shown_path(&self.folder.path().join(&self.path))
    }

    fn note(&self) -> PathBuf {
        let mut name = self.path.as_os_str().to_owned();
        name.push(".json");
        name.into()
    }

    /// Begins to keep a body. Replaces an older kept body at this path.
    fn create(self, note: Note, sync: bool) -> io::Result<PartialWriter> {
        self.folder.make_parent(&self.path, sync)?;
        let file = self.open(true, PATIENCE)?.ok_or(io::ErrorKind::NotFound)?;
        // Before the note: the old bytes are not the beginning of the new answer.
        file.set_len(0)?;
        let path = self.note();
        let (folder, name) = self.folder.open_parent(&path)?;
        let mut note_file = folder.create(name)?;
        note.write(&mut note_file)?;
        if sync {
            note_file.sync_all()?;
        }
        Ok(PartialWriter { at: self, file, note, note_file, bytes: 0, digest: Xxh3::new(), sync })
    }

    /// Returns the kept body of this URL. Removes an unusable one and returns `None`.
    pub(crate) fn find(self, url: &str) -> io::Result<Option<PartialFile>> {
        let Some(file) = self.open(false, PATIENCE)? else { return Ok(None) };
        let len = file.metadata()?.len();
        match self.read_note(url).filter(|(note, _)| note.is_possible(len)) {
            Some((note, note_file)) => {
                Ok(Some(PartialFile { at: self, file, note, note_file, from: 0, digest: Xxh3::new() }))
            }
            None => {
                self.remove();
                Ok(None)
            }
        }
    }

    fn read_note(&self, url: &str) -> Option<(Note, File)> {
        let mut text = Vec::new();
        let path = self.note();
        let (folder, name) = self.folder.open_parent(&path).ok()?;
        // The note is overwritten in place: that must not change a file with another name (a hard link).
        let file = folder.open_to_write(name, false).ok().filter(|file| is_file(file) && !has_other_names(file))?;
        (&file).take(MAX_NOTE).read_to_end(&mut text).ok()?;
        Some((Note::read(&text, url)?, file))
    }

    /// Opens and locks the file. `None` if it does not exist and `create` is false.
    fn open(&self, create: bool, patience: Duration) -> io::Result<Option<File>> {
        let patient_until = Instant::now() + patience;
        loop {
            let opened = self.folder.open_parent(&self.path);
            let opened = opened.and_then(|(folder, name)| Ok((folder.open_to_write(name, create)?, folder, name)));
            let (file, folder, name) = match opened {
                Err(e) if e.kind() == io::ErrorKind::NotFound && !create => return Ok(None),
                opened => opened?,
            };
            if !is_file(&file) {
                let what = format!("{} is in the way: it is no file", self.shown());
                return Err(io::Error::new(io::ErrorKind::AlreadyExists, what));
            }
            if has_other_names(&file) {
                // The file under the other name stays as it is.
                folder.remove(name)?;
                continue;
            }
            match file.try_lock() {
                Ok(()) if is_at(&file, &folder, name) => return Ok(Some(file)),
                // Another process had the lock and has renamed or removed the file.
                Ok(()) => {}
                Err(TryLockError::WouldBlock) if Instant::now() < patient_until => {
                    #[expect(clippy::disallowed_methods, reason = "on a thread that may block")]
                    std::thread::sleep(Duration::from_millis(10));
                }
                Err(TryLockError::WouldBlock) => {
                    return Err(io::Error::other(format!("another process is writing {}", self.shown())));
                }
                Err(TryLockError::Error(e)) => return Err(e),
            }
        }
    }

    /// Removes the note of a body that has its final name.
    pub(crate) fn forget(&self) {
        // Err: a note that stays is harmless.
        let _ = self.folder.remove(&self.note());
    }

    /// Removes it, unless another process holds the lock.
    pub(crate) fn clear(&self) {
        if let Ok(Some(_locked)) = self.open(false, Duration::ZERO) {
            self.remove();
        }
    }

    /// Removes it. The caller must hold the lock.
    pub(crate) fn remove(&self) {
        self.forget();
        // Err: the next kept body at this path replaces it.
        let _ = self.folder.remove(&self.path);
    }
}

/// A kept body that may be resumed.
pub(crate) struct PartialFile {
    pub(crate) at: PartialPath,
    /// Locked.
    pub(crate) file: File,
    pub(crate) note: Note,
    note_file: File,
    /// The number of bytes read again. The body resumes behind them after their digest was checked.
    from: u64,
    digest: Xxh3,
}

impl PartialFile {
    /// Returns the offset to resume at; 0 until the bytes are checked.
    pub(crate) fn from(&self) -> u64 {
        if self.is_checked() { self.from } else { 0 }
    }

    /// Whether the bytes were read again.
    pub(crate) fn is_checked(&self) -> bool {
        self.from == self.note.usable()
    }

    /// Reads more of the bytes again. Truncates those behind the resume offset at the end.
    ///
    /// # Errors
    /// When their digest differs, or they cannot be read.
    pub(crate) fn check_some(&mut self) -> io::Result<()> {
        let mut piece = vec![0; PIECE];
        let turn = self.note.usable().min(self.from + TURN);
        while self.from < turn {
            let most = piece.len().min(usize::try_from(turn - self.from).unwrap_or(PIECE));
            self.file.read_exact(&mut piece[..most])?;
            self.digest.update(&piece[..most]);
            self.from += most as u64;
        }
        if !self.is_checked() {
            return Ok(());
        }
        let mut all = self.digest.clone();
        let rest = usize::try_from(self.note.checkpoint.bytes - self.from).unwrap_or(PIECE).min(PIECE);
        self.file.read_exact(&mut piece[..rest])?;
        all.update(&piece[..rest]);
        if all.digest128() != self.note.checkpoint.digest {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "it has other bytes than those that came"));
        }
        self.file.set_len(self.from)?;
        self.file.rewind()
    }

    /// Returns the body for more writes; the file stands behind the last byte. `sync` says whether added bytes are
    /// synced to the disk.
    pub(crate) fn resume(self, sync: bool) -> PartialWriter {
        let Self { at, file, note, note_file, from, digest } = self;
        PartialWriter { at, file, note, note_file, bytes: from, digest, sync }
    }
}

fn is_file(file: &File) -> bool {
    file.metadata().is_ok_and(|found| found.is_file())
}

/// Whether this file is the one that has this name.
#[cfg(unix)]
fn is_at(file: &File, folder: &OpenFolder, name: &OsStr) -> bool {
    use std::os::unix::fs::MetadataExt;
    let own = file.metadata().ok().map(|found| (found.dev(), found.ino()));
    own.is_some() && own == folder.info(name).ok().and_then(|found| found.id)
}

#[cfg(not(unix))]
fn is_at(_: &File, folder: &OpenFolder, name: &OsStr) -> bool {
    folder.info(name).is_ok()
}

/// Whether this file has another name, such as one in a copy of the folder that was made of hard links.
#[cfg(unix)]
fn has_other_names(file: &File) -> bool {
    use std::os::unix::fs::MetadataExt;
    file.metadata().is_ok_and(|found| found.nlink() > 1)
}

#[cfg(not(unix))]
fn has_other_names(_: &File) -> bool {
    false
}

/// Removes the kept body for this file by runs of this id.
pub fn forget_beside(folder: &OutputFolder, target: &Path, id: u64) {
    PartialPath::beside(folder, target, id).clear();
}

/// Whether a file is a part or a kept beginning of the body for this target.
pub fn is_part_beside(target: &Path, file: &Path) -> bool {
    let (Some(name), Some(found)) = (target.file_name(), file.file_name()) else { return false };
    let prefix = format!(".{}-", key_of(&name.to_string_lossy()));
    target.parent() == file.parent() && found.as_encoded_bytes().starts_with(prefix.as_bytes())
}

/// Whether a file of this name holds a kept body, or the note beside one.
pub fn is_kept(name: &OsStr) -> bool {
    let name = name.to_string_lossy();
    name.strip_suffix(".json").unwrap_or(&name).ends_with(PartialPath::SUFFIX)
}

/// Returns the names of the kept bodies in this folder.
pub(crate) fn names_in(folder: &OutputFolder, parts: &Path) -> impl Iterator<Item = OsString> {
    // Err: the folder has no kept bodies.
    let names = folder.open(parts).and_then(|parts| parts.names()).unwrap_or_default();
    names.into_iter().filter(|name| name.as_encoded_bytes().ends_with(PartialPath::SUFFIX.as_bytes()))
}
