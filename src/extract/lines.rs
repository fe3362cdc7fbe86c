//! The URLs of documents in plain text: sitemaps with a URL in each line, and `llms.txt`.

use memchr::memchr;
use url::Url;

use super::collector::LinkCollector;
use super::limits::LONGEST_URL;
use crate::model::LinkKind;

/// The sort of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TextForm {
    /// One URL in each line (sitemaps.org).
    Sitemap,
    /// Markdown with links.
    Markdown,
}

/// A text that is read line by line.
#[derive(Debug)]
pub(super) struct LineReader {
    form: TextForm,
    line: Vec<u8>,
}

impl LineReader {
    /// At the beginning of a text.
    pub fn new(form: TextForm) -> Self {
        Self { form, line: Vec::new() }
    }

    /// The memory of the buffers, in bytes.
    pub fn memory_bytes(&self) -> usize {
        self.line.capacity()
    }

    /// Reads the next piece.
    pub fn piece(&mut self, mut bytes: &[u8], links: &mut LinkCollector) {
        while let Some(length) = memchr(b'\n', bytes) {
            self.keep(&bytes[..length]);
            self.end(links);
            bytes = &bytes[length + 1..];
        }
        self.keep(bytes);
    }

    /// A longer line has a URL that is too long, or text that is cut.
    fn keep(&mut self, bytes: &[u8]) {
        let room = (2 * LONGEST_URL).saturating_sub(self.line.len());
        self.line.extend_from_slice(&bytes[..bytes.len().min(room)]);
    }

    /// Ends a line.
    pub fn end(&mut self, links: &mut LinkCollector) {
        let line = String::from_utf8_lossy(&self.line);
        match self.form {
            TextForm::Sitemap => {
                // A relative URL has no place in a list. It is no more than text.
                let line = line.trim();
                if Url::parse(line).is_ok() {
                    links.link(line, LinkKind::Page, false);
                }
            }
            TextForm::Markdown => {
                for part in line.split("](").skip(1) {
                    let end = part.find(|character: char| character == ')' || character.is_whitespace());
                    links.link(&part[..end.unwrap_or(part.len())], LinkKind::Hint, false);
                }
            }
        }
        self.line.clear();
    }
}
