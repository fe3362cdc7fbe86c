//! No output may be the list itself, nor two outputs one file: opening it would empty it.

use std::fs;
use std::path::Path;

use super::exit::UsageError;
use super::resolve::InputArg;

/// Checks these outputs, each with the flag that names it, before any is opened.
///
/// # Errors
/// Which are the same file.
pub fn distinct(inputs: &[&InputArg], outputs: &[(&str, Option<&Path>)]) -> Result<(), UsageError> {
    let stdout = Path::new("-");
    let files = outputs.iter().filter_map(|(flag, path)| Some((flag, path.filter(|path| *path != stdout)?)));
    let files: Vec<_> = files.collect();
    for (i, (flag, path)) in files.iter().enumerate() {
        let input = inputs.iter().find_map(|input| match input {
            InputArg::File(list) if same(list, path) => Some(list),
            _ => None,
        });
        if let Some(list) = input {
            let list = list.display();
            return Err(UsageError::one(format!("{flag}: would overwrite the input {list}; name another file")));
        }
        if let Some((other, _)) = files[..i].iter().find(|(_, other)| same(other, path)) {
            let path = path.display();
            return Err(UsageError::one(format!("{other} and {flag}: both name {path}; name two files")));
        }
    }
    Ok(())
}

/// Whether both name one file, whatever links lead there. Devices and pipes may be named twice.
fn same(a: &Path, b: &Path) -> bool {
    match (fs::metadata(a), fs::metadata(b)) {
        (Ok(one), Ok(other)) => one.is_file() && other.is_file() && is_one(a, &one, b, &other),
        _ => a == b,
    }
}

#[cfg(unix)]
fn is_one(_: &Path, one: &fs::Metadata, _: &Path, other: &fs::Metadata) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    (one.dev(), one.ino()) == (other.dev(), other.ino())
}

#[cfg(not(unix))]
fn is_one(a: &Path, _: &fs::Metadata, b: &Path, _: &fs::Metadata) -> bool {
    fs::canonicalize(a).is_ok_and(|a| fs::canonicalize(b).is_ok_and(|b| a == b))
}
