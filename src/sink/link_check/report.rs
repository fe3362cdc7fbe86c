//! The report of a link check for people: each page with its broken links.

use std::fmt::Write as _;

use super::super::{Output, SinkError, TextStyle};
use super::targets::BrokenLink;
use crate::policy::text::fit::UrlLine;
use crate::policy::text::printable::printable;

/// The bytes after which lines are written.
const WRITTEN: usize = 64 * 1024;

/// The width of the words before URLs, with the blanks around them.
const WORD: usize = 13;

/// Writes the lines of the report.
pub(super) struct CheckReport<'a> {
    /// `None` without such an output, or once its reader is gone.
    output: Option<&'a mut Output>,
    style: TextStyle,
    lines: String,
    /// The page of the last line.
    page: String,
    pages: u64,
}

impl<'a> CheckReport<'a> {
    pub fn new(output: Option<&'a mut Output>, style: TextStyle) -> Self {
        Self { output, style, lines: String::new(), page: String::new(), pages: 0 }
    }

    /// Writes a broken link of a page. The links of one page come one after the other.
    ///
    /// # Errors
    /// Returns the error of the output.
    pub fn line(&mut self, page: &str, broken: &BrokenLink) -> Result<(), SinkError> {
        if self.page != page {
            page.clone_into(&mut self.page);
            self.pages += 1;
            // Writing to a String cannot fail.
            let _ = writeln!(self.lines, "{}", printable(page));
        }
        let BrokenLink { word, url, final_url, note, .. } = broken;
        let (on, off) = if self.style.color { ("\x1b[31m", "\x1b[0m") } else { ("", "") };
        let room = self.style.columns.and_then(|columns| columns());
        let shown = UrlLine { url: printable(url), final_url: printable(final_url), note: printable(note) };
        let shown = shown.render(room.map(|room| room.saturating_sub(WORD + 2).max(20)));
        let _ = writeln!(self.lines, "  {on}{word:<11}{off}  {shown}");
        if self.lines.len() >= WRITTEN { self.end() } else { Ok(()) }
    }

    /// How many pages have lines.
    pub fn pages(&self) -> u64 {
        self.pages
    }

    /// Writes the lines that wait.
    ///
    /// # Errors
    /// Returns the error of the output.
    pub fn end(&mut self) -> Result<(), SinkError> {
        if let Some(output) = self.output.as_mut().filter(|_| !self.lines.is_empty())
            && output.write(self.lines.as_bytes())?.is_break()
        {
            self.output = None;
        }
        self.lines.clear();
        Ok(())
    }
}
