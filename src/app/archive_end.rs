//! Makes an index beside each file of an archive and a package of all files, at the end of a run.

use std::fs::File;
use std::io::{self, BufReader, BufWriter, Write as _};
use std::path::{Path, PathBuf};

use crate::archive::Archive;
use crate::config::Config;
use crate::model::shown_path;
use crate::sink::ArchiveEnd;
use crate::wacz::pack;
use crate::warc::{self, SortedLines};

/// Returns the work on the archive of a run that came to its end; `None` if there is none.
pub(super) fn at_end(config: &Config) -> Option<ArchiveEnd> {
    let package = config.archive.wacz.clone();
    if !config.archive.cdx && package.is_none() {
        return None;
    }
    Some(Box::new(move |archive: &Archive| {
        let files = archive.closed_files()?;
        files.iter().try_for_each(|file| index(file))?;
        match package {
            Some(package) => pack(&files, &package).map(drop).map_err(io::Error::other),
            None => Ok(()),
        }
    }))
}

/// Writes the index of a file beside it, unless it is there. A closed file does not change.
fn index(file: &Path) -> io::Result<()> {
    let index = index_of(file);
    let modified = |path: &Path| path.metadata().and_then(|found| found.modified());
    if modified(&index).is_ok_and(|written| modified(file).is_ok_and(|closed| written >= closed)) {
        return Ok(());
    }
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    let (mut lines, mut fault) = (SortedLines::default(), None);
    let input = BufReader::with_capacity(256 * 1024, File::open(file)?);
    warc::index(input, &name, |line| lines.add(line), |offset, found| fault = fault.take().or(Some((offset, found))))?;
    if let Some((offset, fault)) = fault {
        let why = format!("{}: the record at offset {offset} cannot be indexed: {fault}", shown_path(file));
        return Err(io::Error::new(io::ErrorKind::InvalidData, why));
    }
    let folder = index.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut new = tempfile::Builder::new();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        // As of any new file: the umask says who may read it.
        new.permissions(std::fs::Permissions::from_mode(0o666));
    }
    let mut new = BufWriter::new(new.prefix(".cdxj-").suffix(".part").tempfile_in(folder)?);
    lines.write(&mut new)?;
    new.flush()?;
    let new = new.into_inner().map_err(io::IntoInnerError::into_error)?;
    new.persist(&index).map(drop).map_err(|error| error.error)
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
