//! The archive of a run: its files, to which finished records are appended.

use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::{fmt, io};

use jiff::Timestamp;

use super::deflate::Deflater;
use super::digest::RecordHasher;
use super::files::ArchiveFiles;
use super::group::{RecordGroup, RecordPart};
use super::held::HeldGroups;
use super::open_file::OpenFile;
use super::payloads::{EarlierPayloads, Payloads};
use super::record::{RECORD_END, RecordHeader, RecordType, record_id, warc_date};
use super::recover::recover;
use crate::model::{
    ArchiveDigest, ArchivePosition, ArchiveProgress, ArchivedPayload, ArchivedRecords, RecordEncoding, RecordLocation,
    shown_path,
};

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
    /// Whether the metadata of a page has its links.
    pub outlinks: bool,
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
    deflaters: Mutex<Vec<Deflater>>,
    /// The number of the first file of this run.
    first: u32,
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
            first: file.number(),
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

    /// Whether the metadata of a page has its links.
    pub fn wants_outlinks(&self) -> bool {
        self.settings.outlinks
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

    /// Lends a deflater to some work.
    pub(super) fn with_deflater<T>(&self, work: impl FnOnce(&mut Deflater) -> T) -> T {
        let free = locked(&self.deflaters).pop();
        let mut deflater = free.unwrap_or_else(Deflater::new);
        let done = work(&mut deflater);
        locked(&self.deflaters).push(deflater);
        done
    }

    /// Returns the response in the archive that has this payload.
    pub(super) fn find_payload(&self, digest: &str) -> Option<ArchivedPayload> {
        locked(&self.payloads).find(digest)
    }

    /// Appends records, and returns the place of the response among them. An error ends the archive, whose file then
    /// ends with its last whole record.
    ///
    /// # Errors
    /// Returns the error of the file system, of this or an earlier record.
    pub fn append(&self, group: RecordGroup) -> io::Result<RecordLocation> {
        let mut file = locked(&self.file);
        let location = self.write(&mut file, &group)?;
        file.flush()?;
        drop(file);
        self.add_payloads(group.into_payload());
        Ok(location)
    }

    /// Writes records, which are not flushed yet.
    fn write(&self, file: &mut OpenFile, group: &RecordGroup) -> io::Result<RecordLocation> {
        let is_full = |most: u64| file.has_records && file.length() + group.len() > most;
        if self.settings.max_size.is_some_and(is_full) {
            let next = file.number() + 1;
            self.begin_file(file, next)?;
            if !self.has_state {
                file.close_full()?;
            }
        }
        let (start, response) = (file.length(), group.response());
        file.write(group)?;
        file.has_records = true;
        let length = response.end - response.start;
        Ok(RecordLocation { file: file.shown_name(), offset: start + response.start, length })
    }

    /// Lets later records refer to responses that are written.
    fn add_payloads(&self, written: impl IntoIterator<Item = ArchivedPayload>) {
        let mut payloads = locked(&self.payloads);
        written.into_iter().for_each(|payload| payloads.add(payload));
    }

    /// Holds records until [`Archive::commit`]. Returns the number by which they are known.
    ///
    /// # Errors
    /// Returns the error of a temporary file.
    pub fn hold(&self, mut group: RecordGroup) -> io::Result<u64> {
        let has_room = locked(&self.held).has_room(group.memory());
        if !has_room {
            group.spill(&self.settings.files)?;
        }
        Ok(locked(&self.held).add(group))
    }

    /// Appends held records of these numbers, and puts the place of each response into its slot. All are written at
    /// once.
    ///
    /// # Errors
    /// As [`Archive::append`].
    pub fn commit<'a>(&self, slots: impl Iterator<Item = &'a mut ArchivedRecords>) -> io::Result<()> {
        let mut held = locked(&self.held);
        let take = |slot: &'a mut ArchivedRecords| match slot {
            ArchivedRecords::Held(number) => held.take(*number).map(|group| (group, slot)),
            ArchivedRecords::Written(_) => None,
        };
        let groups: Vec<_> = slots.filter_map(take).collect();
        drop(held);
        if groups.is_empty() {
            return Ok(());
        }
        let mut file = locked(&self.file);
        let mut written = Vec::with_capacity(groups.len());
        for (group, slot) in groups {
            let location = self.write(&mut file, &group)?;
            written.push((group, location, slot));
        }
        file.flush()?;
        drop(file);
        self.add_payloads(written.into_iter().filter_map(|(group, location, slot)| {
            *slot = ArchivedRecords::Written(location);
            group.into_payload()
        }));
        Ok(())
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

    /// Returns the closed files that this run has written to, in order.
    ///
    /// # Errors
    /// Returns the error of the file system.
    pub fn own_files(&self) -> io::Result<Vec<String>> {
        let existing = self.settings.files.existing()?;
        let own = existing.iter().filter(|(number, is_closed)| *is_closed && *number >= self.first);
        Ok(own.map(|(number, _)| shown_path(&self.settings.files.closed(*number))).collect())
    }

    /// The path of the last file, for messages.
    pub fn path(&self) -> PathBuf {
        self.settings.files.closed(locked(&self.file).number())
    }

    /// Begins a file with its warcinfo record.
    fn begin_file(&self, file: &mut OpenFile, number: u32) -> io::Result<()> {
        let info = self.warcinfo(number)?;
        file.begin(number)?;
        file.write(&info)?;
        file.flush()
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
            RecordEncoding::Gzip => self.with_deflater(|deflater| deflater.short_member(&pieces))?,
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
