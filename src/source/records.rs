//! The records of earlier runs, read line by line for a report.

use std::sync::Arc;

use super::decompress::Unpacked;
use super::encoding::Decoded;
use super::lines::{InputLines, LONGEST, LineEnding, LinePiece};
use super::open::Wake;
use super::warc_urls::WarcUrls;
use super::{Input, NotAList, SourceError};
use crate::wire::ReportedUrl;

/// A line that is no record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoRecord {
    /// Its number.
    pub line: u64,
    /// Why it is none.
    pub why: String,
}

/// The records of one file or of standard input, also compressed.
pub struct RecordLines {
    name: String,
    lines: InputLines,
}

impl RecordLines {
    /// Opens the records.
    ///
    /// # Errors
    /// When they cannot be opened.
    pub fn open(input: Input) -> Result<Self, SourceError> {
        let wake = Wake::new().map_err(|source| SourceError { list: "the records".to_owned(), source })?;
        let (name, feed) = input.open(&Arc::new(wake));
        match feed {
            Ok(feed) => Ok(Self {
                lines: InputLines::new(Decoded::new(WarcUrls::none_in(Unpacked::new(feed, &name)), None)),
                name,
            }),
            Err(source) => Err(SourceError { list: name, source }),
        }
    }

    /// The name of the input.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Reads to the end. Calls `record` with each record and `other` with each line that is none.
    ///
    /// # Errors
    /// When the input cannot be read on, or its first line is no record.
    pub fn each(
        mut self,
        mut record: impl FnMut(&ReportedUrl<'_>),
        mut other: impl FnMut(NoRecord),
    ) -> Result<(), SourceError> {
        let mut is_first = true;
        loop {
            let line = self.lines.number();
            let why = match self.lines.next(LineEnding::Newline) {
                LinePiece::Line(bytes, _) if bytes.trim_ascii().is_empty() => continue,
                LinePiece::Line(bytes, _) => match ReportedUrl::parse(&String::from_utf8_lossy(bytes)) {
                    Ok(parsed) => {
                        record(&parsed);
                        is_first = false;
                        continue;
                    }
                    Err(why) => why,
                },
                LinePiece::TooLong(..) | LinePiece::Unclosed(..) => {
                    format!("longer than {LONGEST} bytes; a line holds one record")
                }
                LinePiece::End => return Ok(()),
                LinePiece::Starved => {
                    self.lines.fill().map_err(|source| SourceError { list: self.name.clone(), source })?;
                    continue;
                }
            };
            if std::mem::take(&mut is_first) {
                let source = NotAList { line: Some(line), why }.into();
                return Err(SourceError { list: self.name, source });
            }
            other(NoRecord { line, why });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &'static str) -> Result<(Vec<String>, Vec<NoRecord>), String> {
        let input = Input::Reader("r".to_owned(), Box::new(text.as_bytes()));
        let (mut urls, mut others) = (Vec::new(), Vec::new());
        let lines = RecordLines::open(input).unwrap();
        lines
            .each(|record| urls.push(record.url.to_string()), |other| others.push(other))
            .map_err(|e| e.to_string())?;
        Ok((urls, others))
    }

    #[test]
    fn a_torn_line_is_named_and_others_count() {
        let (urls, others) =
            read("{\"url\":\"a\",\"outcome\":\"ok\"}\n\n{\"url\":\"b\",\"outcome\":\"ok\"}\n{\"url").unwrap();
        assert_eq!((urls, others.len(), others[0].line), (vec!["a".to_owned(), "b".to_owned()], 1, 4));
        assert!(others[0].why.contains("killed"), "{others:?}");
        assert_eq!(read("").unwrap(), (Vec::new(), Vec::new()));
    }

    #[test]
    fn a_list_is_refused_by_its_first_line() {
        let told = read("\nhttp://a.test/\n").unwrap_err();
        assert!(told.starts_with("r:2: not a record of JSON; name the records"), "{told}");
    }
}
