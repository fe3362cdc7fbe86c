//! Tells the summary where the bodies of a run go and how the run is continued.

use std::path::{Path, PathBuf};

use fetchall::config::{Format, SettingSource};
use fetchall::model::shown_path;
use fetchall::report::{NextCommand, SavedBodies};

use super::inputs::InputArg;
use super::resolve::Resolved;

/// Returns where the bodies of a run go.
pub fn saved_bodies(resolved: &Resolved) -> SavedBodies {
    let config = &resolved.config;
    match (&resolved.output_document, &config.dir) {
        _ if config.head || config.crawl.maps || config.crawl.check => SavedBodies::NoFiles,
        (Some(file), _) if file == Path::new("-") => SavedBodies::NoFiles,
        (Some(file), _) => SavedBodies::File(shown_path(file)),
        (None, None) if config.archive.file.is_some() => SavedBodies::Archive,
        (None, None) => SavedBodies::Nowhere,
        (None, Some(dir)) => {
            let dir = shown_path(dir);
            SavedBodies::Folder(format!("{}/", dir.trim_end_matches('/')))
        }
    }
}

/// Returns a warning for users of curl, whose `-o` names the file of the body: the records of one URL go into a file
/// that looks like a body.
pub fn warning_of_records(resolved: &Resolved) -> Option<String> {
    let config = &resolved.config;
    let is_plain = matches!(resolved.inputs.as_slice(), [InputArg::Url(..)])
        && resolved.output_document.is_none()
        && !config.crawl.follow
        && config.dir.is_none();
    let output = resolved.origins.get("output");
    let looks_like_body = config.output.extension().is_some_and(|ending| match config.format {
        Format::Text => ending != "txt" && ending != "log",
        // Its name alone made it a file of records.
        _ => ending == "json" && resolved.origins.get("format") == output,
    });
    let is_flag = matches!(output, Some(SettingSource::Flag(_)));
    (is_plain && looks_like_body && is_flag).then(|| {
        let file = quoted(&config.output);
        format!("warning: the records go to {file}; use -O {file} for the body")
    })
}

/// Returns how the run is continued. A state is the best way, because it also knows the saved bodies.
pub fn next_command(resolved: &Resolved, stdout_file: Option<PathBuf>) -> NextCommand {
    let config = &resolved.config;
    let keeps_folder = config.dir.is_some() && resolved.output_document.is_none() && !config.head;
    let to_stdout = resolved.records_to() == Some(Path::new("-"));
    let is_report = config.format != Format::Text && resolved.records_to().is_some();
    match () {
        () if config.fleet.queue.is_some() => NextCommand::Queue,
        () if (config.state.is_some() || keeps_folder) && config.fresh => NextCommand::Without("--fresh"),
        () if config.state.is_some() || keeps_folder => NextCommand::Same,
        // There is no folder to resume from.
        () if config.crawl.maps || config.crawl.check => NextCommand::Unsaid,
        // Records select lines of a list. A crawl finds its URLs itself.
        () if !is_report || config.crawl.follow => NextCommand::FromStart,
        () if to_stdout => stdout_file.map_or(NextCommand::FromStart, |file| {
            NextCommand::With(format!(
                "--retry-from {} > {}",
                quoted(&file),
                quoted(&other(&file, config.format, exists))
            ))
        }),
        () => {
            let file = &config.output;
            NextCommand::With(format!(
                "--retry-from {} -o {}",
                quoted(file),
                quoted(&other(file, config.format, exists))
            ))
        }
    }
}

/// Returns a name for the next records: a file that is not there, and not the one that is read.
fn other(file: &Path, format: Format, exists: impl Fn(&Path) -> bool) -> PathBuf {
    let ending = match format {
        Format::Csv => "csv",
        Format::Tsv => "tsv",
        Format::Ndjson | Format::Text => "ndjson",
    };
    let name =
        |n: u32| file.with_file_name(if n == 1 { format!("again.{ending}") } else { format!("again-{n}.{ending}") });
    let is_free = |path: &PathBuf| path != file && !exists(path);
    // A folder with so many needs no better name.
    (1..1000).map(name).find(is_free).unwrap_or_else(|| name(1000))
}

fn exists(path: &Path) -> bool {
    path.symlink_metadata().is_ok()
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
    fn the_next_records_are_a_new_file_of_the_same_format() {
        let next = |file, format, there: &[&str]| {
            let next = other(Path::new(file), format, |path| there.iter().any(|it| path == Path::new(it)));
            next.display().to_string()
        };
        assert_eq!(next("a/records.ndjson", Format::Ndjson, &[]), "a/again.ndjson");
        assert_eq!(next("records", Format::Csv, &["again.ndjson"]), "again.csv");
        assert_eq!(next("rec.tsv", Format::Tsv, &["again.tsv"]), "again-2.tsv");
        // The file of this run may not be there yet.
        assert_eq!(next("again.ndjson", Format::Ndjson, &[]), "again-2.ndjson");
        assert_eq!(next("again-2.ndjson", Format::Ndjson, &["again.ndjson"]), "again-3.ndjson");
    }
}
