//! Makes an index beside each file of an archive and a package of all files, at the end of a run.

use std::fs::File;
use std::io::{self, BufReader, BufWriter, Write as _};
use std::path::{Path, PathBuf};

use crate::archive::Archive;
use crate::config::Config;
use crate::model::{ArchiveSummary, shown_path};
use crate::sink::ArchiveEnd;
use crate::wacz::pack;
use crate::warc::{self, NewFile, SortedLines};

/// Returns the work on the archive of a run that came to its end; `None` if there is none.
pub(super) fn at_end(config: &Config) -> Option<ArchiveEnd> {
    let package = config.archive.wacz.clone();
    if !config.archive.cdx && package.is_none() {
        return None;
    }
    Some(Box::new(move |archive: &Archive, made: &mut ArchiveSummary| {
        let files = archive.closed_files()?;
        for file in &files {
            made.indexes.extend(index(file)?.as_deref().map(shown_path));
        }
        if let Some(package) = package {
            pack(&files, &package).map_err(io::Error::other)?;
            made.package = Some(shown_path(&package));
        }
        Ok(())
    }))
}

/// Writes the index of a file beside it, and returns its path; `None` if it is there. A closed file does not change.
fn index(file: &Path) -> io::Result<Option<PathBuf>> {
    let index = index_of(file);
    let modified = |path: &Path| path.metadata().and_then(|found| found.modified());
    if modified(&index).is_ok_and(|written| modified(file).is_ok_and(|closed| written >= closed)) {
        return Ok(None);
    }
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    let (mut lines, mut fault) = (SortedLines::default(), None);
    let input = BufReader::with_capacity(256 * 1024, File::open(file)?);
    warc::index(input, &name, |line| lines.add(line), |offset, found| fault = fault.take().or(Some((offset, found))))?;
    if let Some((offset, fault)) = fault {
        let why = format!("{}: the record at offset {offset} cannot be indexed: {fault}", shown_path(file));
        return Err(io::Error::new(io::ErrorKind::InvalidData, why));
    }
    let new = NewFile::create(&index)?;
    let mut writer = BufWriter::new(new.as_file());
    lines.write(&mut writer)?;
    writer.flush()?;
    drop(writer);
    new.complete()?;
    Ok(Some(index))
}

/// `a-00000.cdxj` for `a-00000.warc.gz`.
fn index_of(file: &Path) -> PathBuf {
    let name = file.with_extension("");
    if name.extension().is_some_and(|ending| ending == "warc") {
        name.with_extension("cdxj")
    } else {
        file.with_extension("cdxj")
    }
}
