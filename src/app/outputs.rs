//! The files that a run writes about itself. All are opened before any is emptied: a run that cannot
//! be set up leaves what was there.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;

use super::crawl::canonical_rules;
use super::memory::PriorDownloads;
use super::{CheckedFiles, SetupError};
use crate::config::{ChangesBy, Config, Format};
use crate::model::shown_path;
use crate::sink::{
    Changes, FORMATS, LinkCheck, LinkGraph, Output, PageUrls, PagesOnly, Sink, SitemapFile, SkippedUrls, SummaryFile,
    TextStyle,
};

/// Opens outputs, and keeps those that are still to be emptied.
pub(super) struct Outputs<'a> {
    files: &'a CheckedFiles,
    opened: Vec<File>,
}

impl<'a> Outputs<'a> {
    /// Opens nothing yet.
    pub(super) fn new(files: &'a CheckedFiles) -> Self {
        Self { files, opened: Vec::new() }
    }

    /// Opens the output of the records, if any.
    pub(super) fn records(
        &mut self,
        config: &Config,
        stdout: Option<Box<dyn Write + Send>>,
        style: TextStyle,
    ) -> Result<Option<Box<dyn Sink>>, SetupError> {
        let (output, style) = if config.output == Path::new("-") {
            let Some(stdout) = stdout else { return Ok(None) };
            (Output::new("standard output", stdout), style)
        } else {
            (self.open(&config.output, "the records")?, TextStyle { show: config.show, ..TextStyle::default() })
        };
        if config.crawl.check && config.format == Format::Text {
            return Self::link_check(Some(output), config, style).map(Some);
        }
        if config.crawl.maps && config.format == Format::Text {
            return Ok(Some(Box::new(PagesOnly(Box::new(PageUrls::new(output))))));
        }
        let entry = FORMATS.iter().find(|entry| entry.format == config.format);
        let sink = entry.map(|entry| (entry.make)(output, style));
        Ok(if config.crawl.maps { sink.map(|sink| Box::new(PagesOnly(sink)) as Box<dyn Sink>) } else { sink })
    }

    /// Begins a link check. Its report goes to `output`, if there is one.
    pub(super) fn link_check(
        output: Option<Output>,
        config: &Config,
        style: TextStyle,
    ) -> Result<Box<dyn Sink>, SetupError> {
        let canonical = canonical_rules(&config.crawl)?;
        Ok(Box::new(LinkCheck::new(output, style, canonical, config.crawl.check_fragments)))
    }

    /// Opens the output of the summary.
    pub(super) fn summary(&mut self, path: &Path) -> Result<Box<dyn Sink>, SetupError> {
        Ok(Box::new(SummaryFile::new(self.open(path, "the summary")?)))
    }

    /// Opens the output of the URLs that a crawl does not fetch.
    pub(super) fn skipped(&mut self, path: &Path) -> Result<Box<dyn Sink>, SetupError> {
        Ok(Box::new(SkippedUrls::new(self.open(path, "the skipped URLs")?)))
    }

    /// Opens the output of the links of all documents.
    pub(super) fn links(&mut self, path: &Path) -> Result<Box<dyn Sink>, SetupError> {
        Ok(Box::new(LinkGraph::new(self.open(path, "the links")?)))
    }

    /// Empties what was opened: everything else is set up.
    pub(super) fn begin(self) -> Result<(), SetupError> {
        for file in self.opened {
            file.set_len(0).map_err(|e| SetupError::Setting(format!("cannot empty an output: {e}")))?;
        }
        Ok(())
    }

    /// Opens a file that is replaced, not appended to.
    fn open(&mut self, path: &Path, purpose: &'static str) -> Result<Output, SetupError> {
        let mut open = || -> io::Result<Output> {
            let file = self.files.open(path)?;
            if file.metadata()?.is_file() {
                self.opened.push(file.try_clone()?);
            }
            Output::file(shown_path(path), file)
        };
        open().map_err(|source| SetupError::Path { path: path.to_owned(), purpose, source })
    }

    /// Begins the sitemap of a crawl.
    pub(super) fn sitemap(&self, path: &Path, config: &Config) -> Result<Box<dyn Sink>, SetupError> {
        let unusable = |source| SetupError::Path { path: path.to_owned(), purpose: "the sitemap", source };
        let file = self.files.whole_file(path, false).map_err(unusable)?;
        Ok(Box::new(SitemapFile::new(file, canonical_rules(&config.crawl)?)))
    }

    /// Begins to count changes, and their report if there is a path. The sink needs the state of earlier runs.
    pub(super) fn changes(&self, config: &Config, past: PriorDownloads) -> Result<Box<dyn Sink>, SetupError> {
        let begin = |path: &Path| {
            let unusable = |source| SetupError::Path { path: path.to_owned(), purpose: "the changes", source };
            self.files.whole_file(path, false).map_err(unusable)
        };
        let file = config.changes.as_deref().map(begin).transpose()?;
        let changes = Changes::new(file, Box::new(past), config.text.changes_by == ChangesBy::Text);
        let is_shared = config.fleet.queue.is_some();
        Ok(Box::new(if is_shared { changes.of_one_worker() } else { changes }))
    }
}
