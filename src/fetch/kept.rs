//! Bodies that were cut off, kept until their rest comes: the bytes as they came, and a note beside
//! them that says of which answer they are the beginning.
//!
//! A kept body belongs to whoever holds the lock on its file, and nobody else writes, renames or
//! removes it: a child whose parent was killed may be at work for another moment when the next
//! run begins. The note is written before the first byte, so bytes without one are of no use.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File, TryLockError};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use http::header::{self, HeaderMap, HeaderValue};
use serde::{Deserialize, Serialize};
use url::Url;

use super::place::Place;
use crate::output_folder::{OpenFolder, OutputFolder};
use crate::policy::digest_fields::{CONTENT_DIGEST, REPR_DIGEST};
use crate::policy::partial::{Beginning, codings, strong_validator};

/// The version of notes.
const VERSION: u32 = 1;

/// The longest note that is read.
const MAX_NOTE: u64 = 256 * 1024;

/// How long to wait for another process that is about to end.
const PATIENCE: Duration = Duration::from_secs(2);

/// With `--sync` a kept body is on the disk whenever so many more bytes of it are written.
pub(super) const SYNCED: u64 = 16 * 1024 * 1024;

/// Of which answer a kept body is the beginning.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Note {
    v: u32,
    /// The URL of the list.
    pub(super) url: String,
    /// The one at the end of all redirects, which gave the answer.
    pub(super) asked: String,
    /// The Accept-Encoding it was asked with.
    pub(super) accept_encoding: Option<Octets>,
    /// A strong one, see [`crate::policy::partial`].
    pub(super) validator: Octets,
    /// The length of the whole, as it comes.
    pub(super) total: Option<u64>,
    /// Content-Encoding.
    pub(super) coding: Option<String>,
    pub(super) content_type: Option<Octets>,
    pub(super) content_disposition: Option<Octets>,
    pub(super) etag: Option<Octets>,
    pub(super) last_modified: Option<Octets>,
    pub(super) repr_digest: Option<Octets>,
    pub(super) content_digest: Option<Octets>,
    /// Since which start of the machine it is kept, where that can be told.
    boot: String,
    /// Whether its bytes are brought to the disk, see [`SYNCED`].
    sync: bool,
}

/// The octets of a field, written as ISO-8859-1 text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub(super) struct Octets(Vec<u8>);

impl Octets {
    fn of(value: &HeaderValue) -> Self {
        Self(value.as_bytes().to_owned())
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl From<Octets> for String {
    fn from(octets: Octets) -> Self {
        octets.0.into_iter().map(char::from).collect()
    }
}

impl TryFrom<String> for Octets {
    type Error = std::char::TryFromCharError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.chars().map(u8::try_from).collect::<Result<_, _>>().map(Self)
    }
}

/// An answer whose body can go on should it be cut off, as it came: most bodies are not cut off,
/// and cost no note.
pub(super) struct Answered {
    /// The URL of the list.
    pub(super) url: Url,
    /// The one that gave the answer.
    pub(super) asked: Url,
    pub(super) accept_encoding: Option<HeaderValue>,
    pub(super) fields: HeaderMap,
    pub(super) total: Option<u64>,
}

impl Answered {
    pub(super) fn note(&self, sync: bool, run: u64) -> Note {
        let octets = |name| self.fields.get(name).map(Octets::of);
        Note {
            v: VERSION,
            url: self.url.to_string(),
            asked: self.asked.to_string(),
            accept_encoding: self.accept_encoding.as_ref().map(Octets::of),
            validator: Octets(strong_validator(&self.fields).unwrap_or_default().to_owned()),
            total: self.total,
            coding: codings(&self.fields),
            content_type: octets(header::CONTENT_TYPE),
            content_disposition: octets(header::CONTENT_DISPOSITION),
            etag: octets(header::ETAG),
            last_modified: octets(header::LAST_MODIFIED),
            repr_digest: octets(REPR_DIGEST),
            content_digest: octets(CONTENT_DIGEST),
            boot: boot(run),
            sync,
        }
    }
}

/// What becomes of a body that is cut off.
pub(super) enum Keep {
    /// It would be kept, by this id; nothing is written yet.
    Would(u64, Box<Answered>),
    /// It is being written where it is kept.
    Does(KeptAt),
}

impl Keep {
    /// The file, with its note, to be written to.
    pub(super) fn create(self, place: &Place) -> io::Result<(File, KeptAt)> {
        match self {
            Keep::Would(id, answered) => {
                let at = place.kept_at(id);
                Ok((at.create(&answered.note(place.sync, place.run), place)?, at))
            }
            Keep::Does(at) => Err(io::Error::other(format!("{} is open already", at.spelled().display()))),
        }
    }
}

impl Note {
    /// The beginning that it describes, of so many bytes.
    pub(super) fn beginning(&self, from: u64) -> Beginning<'_> {
        Beginning { validator: &self.validator.0, from, total: self.total, coding: self.coding.as_deref() }
    }

    /// How many of the bytes that are there can be trusted. What a machine had in memory when it
    /// lost its power may be missing, whatever the length of the file says.
    fn trusted(&self, len: u64, boot: &str) -> u64 {
        let there = match (self.boot == boot, self.sync) {
            (true, _) => len,
            (false, true) => (len / SYNCED).saturating_sub(1) * SYNCED,
            (false, false) => 0,
        };
        match self.total {
            // More than there can be is not ours.
            Some(total) if len > total => 0,
            // At least one byte is asked for: a range without any cannot be answered.
            Some(total) => there.min(total.saturating_sub(1)),
            None => there,
        }
    }
}

/// Tells one start of the machine from another; where that cannot be told, one run from another.
fn boot(run: u64) -> String {
    let id = fs::read_to_string("/proc/sys/kernel/random/boot_id");
    id.map_or_else(|_| format!("run {run:016x}"), |id| id.trim().to_owned())
}

/// The digits that stand for a name; nobody can make two names that have the same.
pub(super) fn key_of(name: &str) -> String {
    let mut digits = blake3::hash(name.as_bytes()).to_hex().to_string();
    digits.truncate(KEY);
    digits
}

/// How many digits those are.
const KEY: usize = 32;

/// Where a body is kept.
#[derive(Debug, Clone)]
pub(super) struct KeptAt {
    folder: OutputFolder,
    /// Below that folder.
    path: PathBuf,
}

impl KeptAt {
    /// What the names of kept bodies end in.
    const SUFFIX: &'static str = ".cut";

    /// In the folder of parts, for the body that claimed this name; `id` tells what runs with one
    /// state keep from what others do that save into the same folder.
    pub(super) fn claimed(folder: &OutputFolder, parts: &Path, name: &str, id: u64) -> Self {
        Self::keyed(folder, parts, &key_of(name), id)
    }

    /// As [`KeptAt::claimed`], beside the part file of that body, whose name begins alike.
    pub(super) fn like(folder: &OutputFolder, part: &Path, id: u64) -> Option<Self> {
        let key = part.file_name()?.to_str()?.get(..KEY)?;
        Some(Self::keyed(folder, part.parent()?, key, id))
    }

    fn keyed(folder: &OutputFolder, parts: &Path, key: &str, id: u64) -> Self {
        Self { folder: folder.clone(), path: parts.join(format!("{key}-{id:016x}{}", Self::SUFFIX)) }
    }

    /// Beside the file that the user named.
    pub(super) fn beside(folder: &OutputFolder, target: &Path, id: u64) -> Self {
        let name = target.file_name().map(|n| n.to_string_lossy()).unwrap_or_default();
        let path = target.with_file_name(format!(".{}-{id:016x}{}", key_of(&name), Self::SUFFIX));
        Self { folder: folder.clone(), path }
    }

    /// At this path below the folder.
    pub(super) fn at(folder: &OutputFolder, path: &Path) -> Self {
        Self { folder: folder.clone(), path: path.to_owned() }
    }

    /// The path below the folder.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// The path as the user spelled that of the folder.
    pub(super) fn spelled(&self) -> PathBuf {
        self.folder.path().join(&self.path)
    }

    fn note(&self) -> PathBuf {
        let mut name = self.path.as_os_str().to_owned();
        name.push(".json");
        name.into()
    }

    /// Begins to keep a body: what was kept here before is gone.
    pub(super) fn create(&self, note: &Note, place: &Place) -> io::Result<File> {
        self.folder.make_parent(&self.path, place.sync)?;
        let file = self.open(true, PATIENCE)?.ok_or(io::ErrorKind::NotFound)?;
        // Before the note: the old bytes are not the beginning of the new answer.
        file.set_len(0)?;
        self.write_note(note)?;
        Ok(file)
    }

    fn write_note(&self, note: &Note) -> io::Result<()> {
        let path = self.note();
        let (folder, name) = self.folder.open_parent(&path)?;
        let mut beside = folder.create(name)?;
        beside.write_all(&serde_json::to_vec(note)?)?;
        if note.sync { beside.sync_all() } else { Ok(()) }
    }

    /// What is kept of this URL's body; nothing where it is of no use, and then it is removed. What
    /// comes behind it is brought to the disk, or not, as `sync` says.
    pub(super) fn find(&self, url: &str, sync: bool, run: u64) -> io::Result<Option<Kept>> {
        let Some(file) = self.open(false, PATIENCE)? else { return Ok(None) };
        let note = self.read_note().filter(|note| note.v == VERSION && note.url == url);
        let len = file.metadata()?.len();
        let boot = boot(run);
        match note.map(|note| (note.trusted(len, &boot), note)) {
            Some((from, mut note)) if from > 0 => {
                file.set_len(from)?;
                if sync && !note.sync {
                    // From here on the note says that this much is on the disk.
                    file.sync_data()?;
                }
                if note.sync != sync || note.boot != boot {
                    // What is added is not what the note says of the bytes.
                    (note.sync, note.boot) = (sync, boot);
                    self.write_note(&note)?;
                }
                Ok(Some(Kept { at: self.clone(), file, from, note }))
            }
            _ => {
                self.remove();
                Ok(None)
            }
        }
    }

    fn read_note(&self) -> Option<Note> {
        let mut text = Vec::new();
        let path = self.note();
        let (folder, name) = self.folder.open_parent(&path).ok()?;
        let file = folder.open_to_read(name).ok().filter(is_file)?;
        file.take(MAX_NOTE).read_to_end(&mut text).ok()?;
        serde_json::from_slice(&text).ok()
    }

    /// The file, locked; `None` where there is none and none is to be made.
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
                let what = format!("{} is in the way: it is no file", self.spelled().display());
                return Err(io::Error::new(io::ErrorKind::AlreadyExists, what));
            }
            if has_other_names(&file) {
                // Whoever has it under the other name keeps it as it is.
                folder.remove(name)?;
                continue;
            }
            match file.try_lock() {
                Ok(()) if is_at(&file, &folder, name) => return Ok(Some(file)),
                // Whoever had the lock has renamed or removed it.
                Ok(()) => {}
                Err(TryLockError::WouldBlock) if Instant::now() < patient_until => {
                    #[expect(clippy::disallowed_methods, reason = "on a thread that may block")]
                    std::thread::sleep(Duration::from_millis(10));
                }
                Err(TryLockError::WouldBlock) => {
                    return Err(io::Error::other(format!("another process is writing {}", self.spelled().display())));
                }
                Err(TryLockError::Error(e)) => return Err(e),
            }
        }
    }

    /// Removes the note of a body that has got its name.
    pub(super) fn forget(&self) {
        // Err: it is in nobody's way.
        let _ = self.folder.remove(&self.note());
    }

    /// Removes it, unless somebody is at it.
    pub(super) fn clear(&self) {
        if let Ok(Some(_locked)) = self.open(false, Duration::ZERO) {
            self.remove();
        }
    }

    /// Removes it. Only for whoever holds the lock.
    pub(super) fn remove(&self) {
        self.forget();
        // Err: the next one who keeps something here replaces it.
        let _ = self.folder.remove(&self.path);
    }
}

/// A kept body that can go on.
pub(super) struct Kept {
    pub(super) at: KeptAt,
    /// Locked, at its first byte.
    pub(super) file: File,
    /// How many bytes there are.
    pub(super) from: u64,
    pub(super) note: Note,
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

/// Removes what is kept of the body for this file by runs of this id.
pub fn forget_beside(folder: &OutputFolder, target: &Path, id: u64) {
    KeptAt::beside(folder, target, id).clear();
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
    name.strip_suffix(".json").unwrap_or(&name).ends_with(KeptAt::SUFFIX)
}

/// The names of what is kept in this folder.
pub(super) fn names_in(folder: &OutputFolder, parts: &Path) -> impl Iterator<Item = OsString> {
    // Err: then there is nothing to go on with.
    let names = folder.open(parts).and_then(|parts| parts.names()).unwrap_or_default();
    names.into_iter().filter(|name| name.as_encoded_bytes().ends_with(KeptAt::SUFFIX.as_bytes()))
}
