//! The report of a run: from the outcomes of this one, or from the records of earlier ones.

use std::path::Path;

use super::{CheckedFiles, SetupError};
use crate::model::shown_path;
use crate::policy::text::redact::redact_line;
use crate::sink::{RunNotes, RunReport, RunTotals, Sink, render_report};
use crate::source::{Input, Inputs, NoRecord, RecordLines};

/// The most messages about lines that are no records.
const MESSAGES: usize = 5;

/// A report that was made from records.
#[derive(Debug)]
pub struct RecordsReport {
    /// The page.
    pub html: String,
    /// The number of lines that were no records.
    pub no_records: u64,
    /// Messages about the first of them.
    pub problems: Vec<String>,
}

/// Makes the report of the runs that wrote these records.
///
/// # Errors
/// When an input cannot be read, or holds no records.
pub fn report_of_records(inputs: Vec<Input>) -> Result<RecordsReport, SetupError> {
    let about = about(&inputs);
    let (mut totals, mut no_records, mut problems) = (RunTotals::default(), 0, Vec::new());
    for input in inputs {
        let lines = RecordLines::open(input)?;
        let name = lines.name().to_owned();
        let count = |other: NoRecord| {
            no_records += 1;
            if problems.len() < MESSAGES {
                problems.push(format!("{name}:{}: {}; not counted", other.line, other.why));
            }
        };
        lines.each(|record| totals.add(record), count)?;
    }
    let html = render_report(&totals, &RunNotes { about: &about, summary: None, no_records });
    Ok(RecordsReport { html, no_records, problems })
}

/// Replaces a file by a page.
///
/// # Errors
/// Returns the error of the file system. The file then stays as it was.
pub fn write_report(html: &str, path: &Path, files: &CheckedFiles) -> Result<(), SetupError> {
    let unusable = |source| SetupError::Path { path: path.to_owned(), purpose: "the report", source };
    let mut file = files.whole_file(path, false).map_err(unusable)?;
    file.write(html.as_bytes()).and_then(|()| file.finish()).map_err(|error| unusable(error.source))
}

/// Begins the report of a run over these inputs.
pub(super) fn sink(path: &Path, inputs: &Inputs, files: &CheckedFiles) -> Result<Box<dyn Sink>, SetupError> {
    let unusable = |source| SetupError::Path { path: path.to_owned(), purpose: "the report", source };
    let file = files.whole_file(path, false).map_err(unusable)?;
    Ok(Box::new(RunReport::new(file, about(&inputs.lists))))
}

/// Names the inputs, without what may be a secret.
fn about(inputs: &[Input]) -> String {
    let name = |input: &Input| match input {
        Input::File(path) => shown_path(path),
        Input::Url(url, _) | Input::Remote(url) => redact_line(url).into_owned(),
        Input::Stdin => "standard input".to_owned(),
        Input::Reader(name, _) => name.clone(),
    };
    match inputs {
        [] => "an earlier run, tried again".to_owned(),
        [one] => name(one),
        [first, rest @ ..] => format!("{} and {} more", name(first), rest.len()),
    }
}
