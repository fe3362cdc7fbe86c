//! The archive of a run: its files, to which finished records are appended.

use std::collections::HashMap;
use std::fmt;
use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;

use super::deflate::Deflater;
use super::digest::RecordHasher;
use super::files::ArchiveFiles;
use super::group::{RecordGroup, RecordPart};
use super::record::{RECORD_END, RecordHeader, RecordType, record_id, warc_date};
use crate::model::{DigestKind, RecordEncoding};

/// The most bytes of held records in memory. Beyond that they wait in temporary files.
const MOST_HELD: usize = 8 * 1024 * 1024;

/// The settings of an archive.
#[derive(Debug, Clone)]
pub struct ArchiveSettings {
    /// The names of its files.
    pub files: ArchiveFiles,
    /// The digest of blocks and payloads.
    pub digest: DigestKind,
    /// The length beyond which another file begins.
    pub max_size: Option<u64>,
    /// The fields of the warcinfo record.
    pub info: Vec<(String, String)>,
    /// Whether records are synced to the disk before they count as written.
    pub sync: bool,
}

/// The place of a response in the archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordLocation {
    /// The name that its file has once it is closed.
    pub file: String,
    /// The first byte of the record.
    pub offset: u64,
    /// Its length in the file.
    pub length: u64,
}

/// An archive that a run writes. Its methods may block, but for a short time.
pub struct Archive {
    settings: ArchiveSettings,
    file: Mutex<OpenFile>,
    held: Mutex<HeldGroups>,
    /// Those that are not in use.
    deflaters: Mutex<Vec<Deflater>>,
}

/// The file that grows.
struct OpenFile {
    number: u32,
    /// `None` once the archive is closed.
    file: Option<File>,
    /// The length up to the last whole record.
    length: u64,
    /// Whether it has records besides the warcinfo.
    has_records: bool,
    /// The error that ended the archive.
    failure: Option<String>,
}

/// Records that wait for the outcome of their page.
#[derive(Default)]
struct HeldGroups {
    last: u64,
    groups: HashMap<u64, RecordGroup>,
    memory: usize,
}

impl Archive {
    /// Begins the next file of an archive.
    ///
    /// # Errors
    /// Returns the error of the file system.
    pub fn create(settings: ArchiveSettings) -> io::Result<Self> {
        std::fs::create_dir_all(settings.files.folder())?;
        let number = settings.files.existing()?.last().map_or(0, |(number, _)| number + 1);
        let file = OpenFile { number, file: None, length: 0, has_records: false, failure: None };
        let archive = Self { settings, file: Mutex::new(file), held: Mutex::default(), deflaters: Mutex::default() };
        archive.begin_file(&mut locked(&archive.file), number)?;
        Ok(archive)
    }

    /// The settings.
    pub(super) fn settings(&self) -> &ArchiveSettings {
        &self.settings
    }

    /// The digest of blocks and payloads.
    pub(super) fn digest(&self) -> DigestKind {
        self.settings.digest
    }

    /// The form of the records.
    pub(super) fn encoding(&self) -> RecordEncoding {
        self.settings.files.encoding()
    }

    /// Lends a deflater to some work.
    pub(super) fn with_deflater<T>(&self, work: impl FnOnce(&mut Deflater) -> T) -> T {
        let free = locked(&self.deflaters).pop();
        let mut deflater = free.unwrap_or_else(Deflater::new);
        let done = work(&mut deflater);
        locked(&self.deflaters).push(deflater);
        done
    }

    /// Appends records. An error ends the archive, whose file then ends with its last whole record.
    ///
    /// # Errors
    /// Returns the error of the file system, of this or an earlier record.
    pub fn append(&self, group: &RecordGroup) -> io::Result<Option<RecordLocation>> {
        let mut open = locked(&self.file);
        let is_full = |most: u64| open.has_records && open.length + group.len() > most;
        if self.settings.max_size.is_some_and(is_full) {
            let next = open.number + 1;
            self.close_file(&mut open)?;
            self.begin_file(&mut open, next)?;
        }
        let offset = open.length;
        open.write(group, self.settings.sync)?;
        open.has_records = true;
        let place = group.position(RecordType::Response);
        Ok(place.map(|(within, length)| RecordLocation {
            file: self.settings.files.file_name(open.number),
            offset: offset + within,
            length,
        }))
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

    /// Appends held records; `None` if there are none of this number.
    ///
    /// # Errors
    /// As [`Archive::append`].
    pub fn commit(&self, number: u64) -> io::Result<Option<RecordLocation>> {
        let mut held = locked(&self.held);
        let Some(group) = held.groups.remove(&number) else { return Ok(None) };
        held.memory -= group.memory();
        drop(held);
        self.append(&group)
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
        self.close_file(&mut locked(&self.file))
    }

    /// The path of the archive, for messages.
    pub fn path(&self) -> std::path::PathBuf {
        self.settings.files.closed(locked(&self.file).number)
    }

    /// Begins a file with its warcinfo record.
    fn begin_file(&self, open: &mut OpenFile, number: u32) -> io::Result<()> {
        let path = self.settings.files.open(number);
        open.file = Some(File::options().append(true).create_new(true).open(&path).map_err(|e| of_path(&path, e))?);
        (open.number, open.length, open.has_records) = (number, 0, false);
        open.write(&self.warcinfo(number)?, self.settings.sync)
    }

    fn close_file(&self, open: &mut OpenFile) -> io::Result<()> {
        let Some(file) = open.file.take() else { return Ok(()) };
        if self.settings.sync {
            file.sync_all()?;
        }
        let path = self.settings.files.open(open.number);
        std::fs::rename(&path, self.settings.files.closed(open.number)).map_err(|e| of_path(&path, e))
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
            RecordEncoding::Gzip => self.with_deflater(|deflater| deflater.member(&pieces))?,
            RecordEncoding::None => pieces.concat(),
        };
        let mut group = RecordGroup::default();
        group.push(RecordType::Warcinfo, [RecordPart::Memory(record)]);
        Ok(group)
    }
}

impl fmt::Debug for Archive {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Archive").field("settings", &self.settings).finish_non_exhaustive()
    }
}

impl OpenFile {
    /// Appends records, or leaves the file as it was.
    fn write(&mut self, group: &RecordGroup, sync: bool) -> io::Result<()> {
        if let Some(failure) = &self.failure {
            return Err(io::Error::other(failure.clone()));
        }
        let Some(file) = &mut self.file else { return Err(io::Error::other("the archive is closed")) };
        let written = group.write_to(file).and_then(|()| if sync { file.sync_data() } else { Ok(()) });
        match written {
            Ok(()) => {
                self.length += group.len();
                Ok(())
            }
            Err(error) => {
                // Err: a part of a record stays, which the error below reports.
                let _ = file.set_len(self.length);
                self.failure = Some(error.to_string());
                Err(error)
            }
        }
    }
}

/// Adds the path to an error.
fn of_path(path: &Path, error: io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
