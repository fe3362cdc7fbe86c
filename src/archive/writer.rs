//! The archive of a run: its files, to which finished records are appended.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::{fmt, io};

use jiff::Timestamp;

use super::deflate::Deflaters;
use super::digest::RecordHasher;
use super::files::ArchiveFiles;
use super::group::{RecordGroup, RecordPart};
use super::open_file::OpenFile;
use super::payloads::{EarlierPayloads, Payloads};
use super::record::{RECORD_END, RecordHeader, RecordType, record_id, warc_date};
use super::recover::recover;
use crate::model::{ArchiveDigest, ArchivePosition, ArchiveProgress, ArchivedPayload, RecordEncoding};

/// The most bytes of held records in memory. Beyond that they wait in temporary files.
const MOST_HELD: usize = 8 * 1024 * 1024;

/// The settings of an archive.
#[derive(Debug, Clone)]
pub struct ArchiveSettings {
    /// The names of its files.
    pub files: ArchiveFiles,
    /// The digest of blocks and payloads.
    pub digest: ArchiveDigest,
    /// The length beyond which another file begins.
    pub max_size: Option<u64>,
    /// The fields of the warcinfo record.
    pub info: Vec<(String, String)>,
    /// Whether records are synced to the disk before they count as written.
    pub sync: bool,
}

/// An archive that a run writes. Its methods may block, but for a short time.
pub struct Archive {
    settings: ArchiveSettings,
    file: Mutex<OpenFile>,
    held: Mutex<HeldGroups>,
    payloads: Mutex<Payloads>,
    /// Whether a state knows how far the archive is written.
    has_state: bool,
    /// Those that are not in use.
    deflaters: Mutex<Vec<Deflaters>>,
}

/// Records that wait for the outcome of their page.
#[derive(Default)]
struct HeldGroups {
    last: u64,
    groups: HashMap<u64, RecordGroup>,
    memory: usize,
}

/// The facts of an archive in the state of earlier runs.
pub struct ArchiveMemory {
    /// How far the archive is known.
    pub position: Option<ArchivePosition>,
    /// Its payloads.
    pub payloads: Box<dyn EarlierPayloads>,
}

impl Archive {
    /// Opens the next file of an archive, or the one that a killed run has left open.
    ///
    /// # Errors
    /// Returns the error of the file system, or that another run writes the archive.
    pub fn open(settings: ArchiveSettings, memory: Option<ArchiveMemory>) -> io::Result<Self> {
        std::fs::create_dir_all(settings.files.folder())?;
        let has_state = memory.is_some();
        let (position, earlier) = memory.map_or((None, None), |memory| (memory.position, Some(memory.payloads)));
        let file = recover(&settings.files, settings.sync, position)?;
        let archive = Self {
            settings,
            file: Mutex::new(file),
            held: Mutex::default(),
            payloads: Mutex::new(Payloads::new(earlier)),
            has_state,
            deflaters: Mutex::default(),
        };
        let mut file = locked(&archive.file);
        if !file.is_open() {
            let next = file.number();
            archive.begin_file(&mut file, next)?;
        }
        drop(file);
        Ok(archive)
    }

    /// The settings.
    pub(super) fn settings(&self) -> &ArchiveSettings {
        &self.settings
    }

    /// The digest of blocks and payloads.
    pub(super) fn digest(&self) -> ArchiveDigest {
        self.settings.digest
    }

    /// The form of the records.
    pub(super) fn encoding(&self) -> RecordEncoding {
        self.settings.files.encoding()
    }

    /// Lends deflaters to some work.
    pub(super) fn with_deflaters<T>(&self, work: impl FnOnce(&mut Deflaters) -> T) -> T {
        let free = locked(&self.deflaters).pop();
        let mut deflaters = free.unwrap_or_else(Deflaters::new);
        let done = work(&mut deflaters);
        locked(&self.deflaters).push(deflaters);
        done
    }

    /// Returns the response in the archive that has this payload.
    pub(super) fn find_payload(&self, digest: &str) -> Option<ArchivedPayload> {
        locked(&self.payloads).find(digest)
    }

    /// Appends records. An error ends the archive, whose file then ends with its last whole record.
    ///
    /// # Errors
    /// Returns the error of the file system, of this or an earlier record.
    pub fn append(&self, group: RecordGroup) -> io::Result<()> {
        let mut file = locked(&self.file);
        let is_full = |most: u64| file.has_records && file.length() + group.len() > most;
        if self.settings.max_size.is_some_and(is_full) {
            let next = file.number() + 1;
            self.begin_file(&mut file, next)?;
            if !self.has_state {
                file.close_full()?;
            }
        }
        file.write(&group)?;
        file.has_records = true;
        drop(file);
        if let Some(payload) = group.into_payload() {
            locked(&self.payloads).add(payload);
        }
        Ok(())
    }

    /// Holds records until [`Archive::commit`]. Returns the number by which they are known.
    ///
    /// # Errors
    /// Returns the error of a temporary file.
    pub fn hold(&self, mut group: RecordGroup) -> io::Result<u64> {
        let memory = group.memory();
        let is_full = locked(&self.held).memory + memory > MOST_HELD;
        if is_full {
            group.spill(&self.settings.files)?;
        }
        let mut held = locked(&self.held);
        held.memory += group.memory();
        held.last += 1;
        let number = held.last;
        held.groups.insert(number, group);
        Ok(number)
    }

    /// Appends held records, if there are any of this number.
    ///
    /// # Errors
    /// As [`Archive::append`].
    pub fn commit(&self, number: u64) -> io::Result<()> {
        let mut held = locked(&self.held);
        let Some(group) = held.groups.remove(&number) else { return Ok(()) };
        held.memory -= group.memory();
        drop(held);
        self.append(group)
    }

    /// How far the archive is written, and the payloads that the state does not know yet.
    pub fn progress(&self) -> ArchiveProgress {
        let file = locked(&self.file);
        let position = ArchivePosition { file: file.number(), length: file.length() };
        drop(file);
        ArchiveProgress { position, payloads: locked(&self.payloads).take_fresh() }
    }

    /// Closes the full files, all of whose records the state knows now.
    ///
    /// # Errors
    /// Returns the error of the file system.
    pub fn state_knows(&self, position: ArchivePosition) -> io::Result<()> {
        let mut file = locked(&self.file);
        // A file that was begun since has records that the state does not know.
        if file.number() == position.file { file.close_full() } else { Ok(()) }
    }

    /// Returns the error that ended the archive.
    pub fn failure(&self) -> Option<String> {
        locked(&self.file).failure.clone()
    }

    /// Gives the last file its final name.
    ///
    /// # Errors
    /// Returns the error of the file system.
    pub fn close(&self) -> io::Result<()> {
        locked(&self.file).close()
    }

    /// Returns the closed files, those of earlier runs too, in order.
    ///
    /// # Errors
    /// Returns the error of the file system.
    pub fn closed_files(&self) -> io::Result<Vec<PathBuf>> {
        let existing = self.settings.files.existing()?;
        Ok(existing.iter().filter(|(_, is_closed)| *is_closed).map(|(at, _)| self.settings.files.closed(*at)).collect())
    }

    /// The path of the last file, for messages.
    pub fn path(&self) -> PathBuf {
        self.settings.files.closed(locked(&self.file).number())
    }

    /// Begins a file with its warcinfo record.
    fn begin_file(&self, file: &mut OpenFile, number: u32) -> io::Result<()> {
        let info = self.warcinfo(number)?;
        file.begin(number)?;
        file.write(&info)
    }

    /// Makes the record that describes a file.
    fn warcinfo(&self, number: u32) -> io::Result<RecordGroup> {
        let block: String = self.settings.info.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        let mut header = RecordHeader::new(RecordType::Warcinfo, &record_id(), &warc_date(Timestamp::now()));
        header.field("WARC-Filename", &self.settings.files.file_name(number));
        header.field("WARC-Block-Digest", &RecordHasher::of(self.digest(), &[block.as_bytes()]));
        let header = header.end(block.len() as u64);
        let pieces = [header.as_slice(), block.as_bytes(), RECORD_END];
        let record = match self.encoding() {
            RecordEncoding::Gzip => self.with_deflaters(|deflaters| deflaters.quick.member(&pieces))?,
            RecordEncoding::None => pieces.concat(),
        };
        let mut group = RecordGroup::default();
        group.push([RecordPart::Memory(record)]);
        Ok(group)
    }
}

impl fmt::Debug for Archive {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Archive").field("settings", &self.settings).finish_non_exhaustive()
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
