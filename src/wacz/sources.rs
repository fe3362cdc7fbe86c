//! Finds WARC files and their indexes.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::WaczError;
use crate::model::shown_path;

/// A WARC file.
pub(super) struct WarcFile {
    pub(super) path: PathBuf,
    pub(super) name: String,
}

/// The files of an archive.
pub(super) struct Sources {
    /// By name.
    pub(super) warcs: BTreeMap<String, WarcFile>,
    pub(super) indexes: Vec<PathBuf>,
}

/// The folders below a folder in which other programs keep files of an archive.
const FOLDERS: [&str; 3] = ["", "archive", "indexes"];

impl Sources {
    /// Looks at each path: a WARC file, or a folder of such files.
    pub(super) fn find(paths: &[PathBuf], output: &Path) -> Result<Self, WaczError> {
        let mut sources = Self { warcs: BTreeMap::new(), indexes: Vec::new() };
        for path in paths {
            let missing = |e| WaczError::Archive(format!("cannot read {}: {e}", shown_path(path)));
            let about = std::fs::metadata(path).map_err(missing)?;
            if !about.is_dir() {
                sources.add_file(path)?;
                continue;
            }
            let before = sources.warcs.len();
            for folder in FOLDERS.iter().map(|folder| path.join(folder)).filter(|folder| folder.is_dir()) {
                sources.add_folder(&folder)?;
            }
            if sources.warcs.len() == before {
                let problem = "the folder has no WARC files, whose names end in .warc or .warc.gz";
                return Err(WaczError::Archive(format!("{}: {problem}", shown_path(path))));
            }
        }
        sources.indexes.sort();
        sources.indexes.dedup();
        let inputs = sources.warcs.values().map(|warc| &warc.path).chain(&sources.indexes);
        if let Some(path) = inputs.into_iter().find(|path| is_same(path, output)) {
            let path = shown_path(path);
            return Err(WaczError::Archive(format!("{path}: a file of the archive cannot be the package too")));
        }
        Ok(sources)
    }

    /// The size of all indexes.
    pub(super) fn index_bytes(&self) -> Result<u64, WaczError> {
        let size =
            |path: &PathBuf| std::fs::metadata(path).map(|about| about.len()).map_err(WaczError::io("read", path));
        self.indexes.iter().map(size).sum()
    }

    fn add_folder(&mut self, folder: &Path) -> Result<(), WaczError> {
        let unreadable = || WaczError::io("read", folder);
        for entry in std::fs::read_dir(folder).map_err(unreadable())? {
            let path = entry.map_err(unreadable())?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            if name.ends_with(".warc.open") || name.ends_with(".warc.gz.open") {
                let problem = "the file is still being written; end the run, or run it again if it was killed";
                return Err(WaczError::Archive(format!("{}: {problem}", shown_path(&path))));
            }
            if is_warc(&name) {
                self.add_warc(&path)?;
            } else if name.ends_with(".cdxj") {
                self.indexes.push(path);
            }
        }
        Ok(())
    }

    /// Adds a WARC file, and its own index beside it.
    fn add_file(&mut self, path: &Path) -> Result<(), WaczError> {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if !is_warc(&name) {
            let problem = "neither a folder nor a WARC file, whose name ends in .warc or .warc.gz";
            return Err(WaczError::Archive(format!("{}: {problem}", shown_path(path))));
        }
        let index = indexes_of(path).into_iter().find(|index| index.is_file());
        self.indexes.push(index.ok_or_else(|| no_index(path))?);
        self.add_warc(path)
    }

    fn add_warc(&mut self, path: &Path) -> Result<(), WaczError> {
        let Some(name) = path.file_name().and_then(|name| name.to_str()) else {
            return Err(WaczError::Archive(format!("{}: the name is not UTF-8; rename the file", shown_path(path))));
        };
        let warc = WarcFile { path: path.to_owned(), name: name.to_owned() };
        if let Some(other) = self.warcs.insert(name.to_owned(), warc).filter(|other| !is_same(&other.path, path)) {
            let problem = format!("{} has the same name; rename one and its lines", shown_path(&other.path));
            return Err(WaczError::Archive(format!("{}: {problem}", shown_path(path))));
        }
        Ok(())
    }
}

fn is_warc(name: &str) -> bool {
    name.ends_with(".warc") || name.ends_with(".warc.gz")
}

/// The names that an index of a WARC file may have: `a.warc.gz.cdxj` or `a.cdxj`.
fn indexes_of(warc: &Path) -> [PathBuf; 2] {
    let name = warc.file_name().unwrap_or_default().to_string_lossy();
    let stem = name.strip_suffix(".gz").unwrap_or(&name);
    let stem = stem.strip_suffix(".warc").unwrap_or(stem);
    [format!("{name}.cdxj"), format!("{stem}.cdxj")].map(|name| warc.with_file_name(name))
}

/// A WARC file that no index names.
pub(super) fn no_index(warc: &Path) -> WaczError {
    let [_, index] = indexes_of(warc);
    let (warc, index) = (shown_path(warc), shown_path(&index));
    WaczError::Archive(format!("{warc}: no index has a line of it; write one: fetchall warc index {warc} > {index}"))
}

/// Whether two paths lead to the same file.
fn is_same(a: &Path, b: &Path) -> bool {
    matches!((a.canonicalize(), b.canonicalize()), (Ok(a), Ok(b)) if a == b)
}
