//! No output may be an input, another output or what the run itself keeps: opening it would empty it.

use std::ffi::OsString;
use std::fs::{self, Metadata};
use std::io;
use std::path::{Component, Path, PathBuf};

use super::exit::UsageError;
use super::resolve::{InputArg, Resolved};

/// Checks the outputs of a run, before any is opened.
///
/// # Errors
/// Which two are the same file, or what lies where the run keeps what it knows.
pub fn check(resolved: &Resolved) -> Result<(), UsageError> {
    let config = &resolved.config;
    let reads: Vec<_> = resolved.inputs.iter().chain(resolved.retry.as_ref().map(|retry| &retry.report)).collect();
    let outputs = [
        ("--output", Some(config.output.as_path())),
        ("--summary", config.summary.as_deref()),
        ("--log", config.log.as_deref()),
        ("--output-document", resolved.output_document.as_deref()),
        ("--state", config.state.as_deref()),
        ("--changes", config.changes.as_deref()),
    ];
    for (flag, path) in outputs {
        if path == Some(Path::new("-")) && !["--output", "--output-document"].contains(&flag) {
            return Err(UsageError::one(format!(
                "{flag}: cannot go to standard output, which carries records and nothing else; name a file"
            )));
        }
    }
    distinct(&reads, &outputs)?;
    let Some(own) = config.dir.as_ref().map(|dir| resolve(&dir.join(".fetchall"))) else { return Ok(()) };
    for (flag, path) in outputs {
        let Some(path) = path.filter(|_| flag != "--state") else { continue };
        if resolve(path).starts_with(&own) {
            let (path, own) = (path.display(), own.display());
            return Err(UsageError::one(format!(
                "{flag}: {path} lies in {own}, where the run keeps what it knows; name another place"
            )));
        }
    }
    Ok(())
}

/// Checks that these outputs, each with the flag that names it, are no input and differ.
///
/// # Errors
/// Which are the same file.
pub fn distinct(inputs: &[&InputArg], outputs: &[(&str, Option<&Path>)]) -> Result<(), UsageError> {
    let stdout = Path::new("-");
    let inputs: Vec<_> = inputs.iter().filter_map(|input| input_file(input)).collect();
    let mut seen: Vec<(&str, &Path, Place)> = Vec::new();
    let mut writes_stdout = false;
    for (flag, path) in outputs {
        let Some(path) = *path else { continue };
        if path == stdout {
            writes_stdout = true;
            continue;
        }
        let place = Place::of(path);
        if let Some((list, _)) = inputs.iter().find(|(_, input)| *input == place) {
            return Err(UsageError::one(format!("{flag}: would overwrite the input {list}; name another file")));
        }
        if let Some((other, ..)) = seen.iter().find(|(.., other)| *other == place) {
            let path = path.display();
            return Err(UsageError::one(format!("{other} and {flag}: both name {path}; name two files")));
        }
        seen.push((flag, path, place));
    }
    let Some(place) = stdout_file().filter(|_| writes_stdout) else { return Ok(()) };
    if let Some((list, _)) = inputs.iter().find(|(_, input)| *input == place) {
        return Err(UsageError::one(format!(
            "standard output is the input {list}, which would grow while it is read; write to another file"
        )));
    }
    if let Some((flag, path, _)) = seen.iter().find(|(.., other)| *other == place) {
        let path = path.display();
        return Err(UsageError::one(format!("{flag}: {path} is standard output too; name two files")));
    }
    Ok(())
}

/// What an input is called, and which file it is.
fn input_file(input: &InputArg) -> Option<(String, Place)> {
    match input {
        InputArg::File(list) => Some((list.display().to_string(), Place::of(list))),
        InputArg::Stdin => stdin_file().map(|place| ("on standard input".to_owned(), place)),
        InputArg::Url(..) | InputArg::Remote(_) => None,
    }
}

/// Where a path leads. Two are equal where they are one file, whatever links lead there.
#[derive(Debug)]
enum Place {
    /// A file that is there.
    File(Id),
    /// A device, a pipe or a folder: it may be named twice.
    Other,
    /// Nothing yet.
    New(PathBuf),
}

impl PartialEq for Place {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::File(one), Self::File(other)) => one == other,
            (Self::New(one), Self::New(other)) => one == other,
            _ => false,
        }
    }
}

impl Place {
    fn of(path: &Path) -> Self {
        match fs::metadata(path) {
            Ok(found) if found.is_file() => Self::File(id(path, &found)),
            Ok(_) => Self::Other,
            Err(_) => Self::New(resolve(path)),
        }
    }
}

/// A path without links, `.` and `..`, also where its end is not there yet.
fn resolve(path: &Path) -> PathBuf {
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let mut rest: Vec<OsString> = Vec::new();
    let mut there = absolute.as_path();
    loop {
        if let Ok(mut found) = fs::canonicalize(there) {
            for part in rest.iter().rev() {
                if Path::new(part).components().next() == Some(Component::ParentDir) {
                    found.pop();
                } else {
                    found.push(part);
                }
            }
            return found;
        }
        let (Some(last), Some(parent)) = (there.components().next_back(), there.parent()) else { return absolute };
        rest.push(last.as_os_str().to_owned());
        there = parent;
    }
}

#[cfg(unix)]
type Id = (u64, u64);

#[cfg(unix)]
fn id(_: &Path, found: &Metadata) -> Id {
    use std::os::unix::fs::MetadataExt as _;
    (found.dev(), found.ino())
}

#[cfg(unix)]
fn open_file(descriptor: std::os::fd::BorrowedFd<'_>) -> Option<Place> {
    let found = fs::File::from(descriptor.try_clone_to_owned().ok()?).metadata().ok()?;
    found.is_file().then(|| Place::File(id(Path::new(""), &found)))
}

/// The file that standard input comes from, if it does.
#[cfg(unix)]
fn stdin_file() -> Option<Place> {
    open_file(std::os::fd::AsFd::as_fd(&io::stdin()))
}

/// The file that standard output goes to, if it does.
#[cfg(unix)]
fn stdout_file() -> Option<Place> {
    open_file(std::os::fd::AsFd::as_fd(&io::stdout()))
}

#[cfg(not(unix))]
type Id = PathBuf;

#[cfg(not(unix))]
fn id(path: &Path, _: &Metadata) -> Id {
    resolve(path)
}

#[cfg(not(unix))]
fn stdin_file() -> Option<Place> {
    None
}

#[cfg(not(unix))]
fn stdout_file() -> Option<Place> {
    None
}
