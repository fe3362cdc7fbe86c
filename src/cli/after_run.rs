//! Tells the summary where the bodies of a run go and how the run is continued.

use std::path::{Path, PathBuf};

use fetchall::config::{Format, SettingSource};
use fetchall::model::shown_path;
use fetchall::report::{NextCommand, SavedBodies};

use super::resolve::{InputArg, Resolved};

/// Returns where the bodies of a run go.
pub fn saved_bodies(resolved: &Resolved) -> SavedBodies {
    let config = &resolved.config;
    match (&resolved.output_document, &config.dir) {
        _ if config.head => SavedBodies::NoFiles,
        (Some(file), _) if file == Path::new("-") => SavedBodies::NoFiles,
        (Some(file), _) => SavedBodies::File(shown_path(file)),
        (None, None) => SavedBodies::Nowhere,
        (None, Some(dir)) => {
            let dir = shown_path(dir);
            SavedBodies::Folder(format!("{}/", dir.trim_end_matches('/')))
        }
    }
}

/// Returns a note for users of curl, whose `-o` names the file of the body: the records of one URL go into a file
/// that looks like a body.
pub fn records_note(resolved: &Resolved) -> Option<String> {
    let config = &resolved.config;
    let is_plain = matches!(resolved.inputs.as_slice(), [InputArg::Url(..)])
        && resolved.output_document.is_none()
        && config.dir.is_none()
        && !config.quiet
        && config.format == Format::Text;
    let looks_like_body = config.output.extension().is_some_and(|ending| ending != "txt" && ending != "log");
    let is_flag = matches!(resolved.origins.get("output"), Some(SettingSource::Flag(_)));
    (is_plain && looks_like_body && is_flag).then(|| {
        let file = quoted(&config.output);
        format!("note: the records go to {file}; use -O {file} for the body")
    })
}

/// Returns how the run is continued. A state is the best way, because it also knows the saved bodies.
pub fn next_command(resolved: &Resolved, stdout_file: Option<PathBuf>) -> NextCommand {
    let config = &resolved.config;
    let keeps_folder = config.dir.is_some() && resolved.output_document.is_none() && !config.head;
    let to_stdout = resolved.records_to() == Some(Path::new("-"));
    let is_report = config.format != Format::Text && resolved.records_to().is_some();
    match () {
        () if (config.state.is_some() || keeps_folder) && config.fresh => NextCommand::Without("--fresh"),
        () if config.state.is_some() || keeps_folder => NextCommand::Same,
        () if !is_report => NextCommand::FromStart,
        () if to_stdout => stdout_file.map_or(NextCommand::FromStart, |file| {
            NextCommand::With(format!("--retry-from {} > {}", quoted(&file), quoted(&other(&file))))
        }),
        () => {
            let file = &config.output;
            NextCommand::With(format!("--retry-from {} -o {}", quoted(file), quoted(&other(file))))
        }
    }
}

/// Returns a name for the next records: they cannot replace those that are read.
fn other(file: &Path) -> PathBuf {
    let name =
        if file.file_name().is_some_and(|name| name == "again.ndjson") { "again-2.ndjson" } else { "again.ndjson" };
    file.with_file_name(name)
}

/// Returns a path as a shell reads it.
fn quoted(path: &Path) -> String {
    let text = shown_path(path);
    let is_plain = |c: char| c.is_alphanumeric() || "/._-+,:@%".contains(c);
    if text.chars().all(is_plain) { text } else { format!("'{}'", text.replace('\'', r"'\''")) }
}

/// Returns the file that standard output leads into, if the system tells.
pub fn stdout_file() -> Option<PathBuf> {
    let file = std::fs::read_link("/proc/self/fd/1").ok()?;
    let is_file = std::fs::symlink_metadata(&file).is_ok_and(|found| found.is_file());
    let here = std::path::absolute(".").ok();
    let short = here.and_then(|here| file.strip_prefix(here).ok().map(Path::to_owned));
    is_file.then(|| short.unwrap_or(file))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_quoted_for_a_shell() {
        assert_eq!(quoted(Path::new("out/records.ndjson")), "out/records.ndjson");
        assert_eq!(quoted(Path::new("my records")), "'my records'");
        assert_eq!(quoted(Path::new("it's")), r"'it'\''s'");
    }

    #[test]
    fn the_next_records_are_another_file() {
        assert_eq!(other(Path::new("a/records.ndjson")), Path::new("a/again.ndjson"));
        assert_eq!(other(Path::new("again.ndjson")), Path::new("again-2.ndjson"));
    }
}
