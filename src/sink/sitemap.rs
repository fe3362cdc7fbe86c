//! A sitemap of the pages that a crawl got (sitemaps.org).

use std::ffi::OsString;
use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, BufWriter, Read as _, Seek as _, Write as _};
use std::ops::ControlFlow;

use jiff::Timestamp;
use url::{Position, Url};

use super::whole_file::WholeFile;
use super::{Sink, SinkError};
use crate::model::{Facts, Kind, Needs, Outcome, SkipReason, StopCause, Summary, Verdict};
use crate::policy::canonical::CanonicalRules;
use crate::policy::message::date;
use crate::policy::scope::is_html;
use crate::policy::text::fingerprint::FingerprintSet;

/// The most URLs of a sitemap.
const MOST_URLS: usize = 50_000;
/// The most bytes of a sitemap, without its last line.
const MOST_BYTES: u64 = 52_428_800 - 64;

const HEAD: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n";
const NAMESPACE: &str = "xmlns=\"http://www.sitemaps.org/schemas/sitemap/0.9\"";

/// Writes the URLs of HTML pages. It keeps a fingerprint of each, and their text in a temporary file.
pub struct SitemapFile {
    file: WholeFile,
    canonical: CanonicalRules,
    seen: FingerprintSet,
    entries: SitemapEntries,
    most_urls: usize,
    /// The names of the sitemaps that are full.
    parts: Vec<OsString>,
    /// The origin of the first page, at whose root the sitemaps are expected.
    origin: String,
}

/// The entries of the sitemap that is being written.
#[derive(Default)]
struct SitemapEntries {
    /// `None` before the first one.
    file: Option<BufWriter<File>>,
    urls: usize,
    bytes: u64,
}

impl SitemapEntries {
    fn push(&mut self, entry: &str) -> io::Result<()> {
        let file = match &mut self.file {
            Some(file) => file,
            None => self.file.insert(BufWriter::new(tempfile::tempfile()?)),
        };
        (self.urls, self.bytes) = (self.urls + 1, self.bytes + entry.len() as u64);
        file.write_all(entry.as_bytes())
    }

    /// Writes the sitemap of these entries.
    fn write_to(self, to: &mut WholeFile) -> Result<(), SinkError> {
        to.write(format!("{HEAD}<urlset {NAMESPACE}>\n").as_bytes())?;
        if let Some(file) = self.file {
            let mut file = file.into_inner().map_err(|e| to.error(e.into_error()))?;
            file.rewind().map_err(|e| to.error(e))?;
            let mut piece = vec![0; 64 * 1024];
            loop {
                match file.read(&mut piece) {
                    Ok(0) => break,
                    Ok(read) => to.write(&piece[..read])?,
                    Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                    Err(e) => return Err(to.error(e)),
                }
            }
        }
        to.write(b"</urlset>\n")
    }
}

impl SitemapFile {
    /// Creates a sink that replaces this file at the end.
    pub fn new(file: WholeFile, canonical: CanonicalRules) -> Self {
        Self {
            file,
            canonical,
            seen: FingerprintSet::new(),
            entries: SitemapEntries::default(),
            most_urls: MOST_URLS,
            parts: Vec::new(),
            origin: String::new(),
        }
    }

    /// Writes a numbered sitemap beside the file, which becomes their index.
    fn write_part(&mut self) -> Result<(), SinkError> {
        let path = self.file.target();
        let mut name = path.file_stem().unwrap_or_default().to_owned();
        name.push(format!("-{}", self.parts.len() + 1));
        if let Some(extension) = path.extension() {
            name.push(".");
            name.push(extension);
        }
        let mut part = self.file.sibling(&name)?;
        std::mem::take(&mut self.entries).write_to(&mut part)?;
        part.finish()?;
        self.parts.push(name);
        Ok(())
    }

    /// Writes the index of the numbered sitemaps.
    fn write_index(&mut self) -> Result<(), SinkError> {
        self.file.write(format!("{HEAD}<sitemapindex {NAMESPACE}>\n").as_bytes())?;
        for name in &self.parts {
            let mut loc = Url::parse(&self.origin).map_err(|e| self.file.error(io::Error::other(e)))?;
            loc.set_path(&name.to_string_lossy());
            let mut line = String::from("<sitemap><loc>");
            push_escaped(&mut line, loc.as_str());
            line.push_str("</loc></sitemap>\n");
            self.file.write(line.as_bytes())?;
        }
        self.file.write(b"</sitemapindex>\n")
    }
}

impl Sink for SitemapFile {
    fn needs(&self) -> Needs {
        Needs::VALIDATORS | Needs::LINKS
    }

    fn outcome(&mut self, outcome: &Outcome) -> Result<ControlFlow<()>, SinkError> {
        let Some(url) = page(outcome) else { return Ok(ControlFlow::Continue(())) };
        let key = self.canonical.key(url);
        if names_another(&outcome.facts, url, &key, &self.canonical) || !self.seen.insert(&key) {
            return Ok(ControlFlow::Continue(()));
        }
        if self.origin.is_empty() {
            self.origin = url[..Position::BeforePath].to_owned();
        }
        let mut entry = String::from("<url><loc>");
        push_escaped(&mut entry, &key);
        entry.push_str("</loc>");
        if let Some(time) = last_modified(&outcome.facts) {
            // Writing to a String cannot fail.
            let _ = write!(entry, "<lastmod>{time:.0}</lastmod>");
        }
        entry.push_str("</url>\n");
        if self.entries.urls == self.most_urls || self.entries.bytes + entry.len() as u64 > MOST_BYTES {
            self.write_part()?;
        }
        self.entries.push(&entry).map_err(|e| self.file.error(e))?;
        Ok(ControlFlow::Continue(()))
    }

    fn finish(&mut self, summary: &Summary) -> Result<(), SinkError> {
        // The sitemap of an interrupted crawl would replace a complete one.
        if matches!(summary.stopped, Some(StopCause::Interrupt | StopCause::OutputClosed | StopCause::Broken)) {
            return Ok(());
        }
        if self.parts.is_empty() {
            std::mem::take(&mut self.entries).write_to(&mut self.file)?;
        } else {
            self.write_part()?;
            self.write_index()?;
        }
        self.file.finish()
    }
}

/// The URL of an HTML page that the crawl got.
fn page(outcome: &Outcome) -> Option<&Url> {
    let seed = outcome.subject.seed().filter(|seed| seed.kind == Kind::Page)?;
    let is_there =
        matches!(outcome.verdict, Verdict::Ok | Verdict::Skipped(SkipReason::Done | SkipReason::NotModified));
    (is_there && is_html(outcome.facts.content_type.as_deref()))
        .then_some(outcome.facts.final_url.as_ref().unwrap_or(&seed.url))
}

/// Whether a page names another one of its origin as canonical. That has an entry of its own.
fn names_another(facts: &Facts, url: &Url, key: &str, rules: &CanonicalRules) -> bool {
    let canonical = facts.found.links.as_deref().and_then(|links| links.canonical.as_ref());
    canonical.is_some_and(|canonical| canonical.origin() == url.origin() && rules.key(canonical) != key)
}

fn last_modified(facts: &Facts) -> Option<Timestamp> {
    let field = facts.validators.as_deref()?.last_modified.as_deref()?;
    Timestamp::try_from(date::system_time(field)?).ok()
}

/// Appends text of XML.
fn push_escaped(xml: &mut String, text: &str) {
    for character in text.chars() {
        match character {
            '&' => xml.push_str("&amp;"),
            '<' => xml.push_str("&lt;"),
            '>' => xml.push_str("&gt;"),
            '\'' => xml.push_str("&apos;"),
            '"' => xml.push_str("&quot;"),
            other => xml.push(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::model::{Seed, SourcePos, Subject, Via};
    use crate::output_folder::OutputFolder;

    fn outcome(url: &str) -> Outcome {
        let via = Via::Start(SourcePos { list: "arguments".into(), line: 1 });
        let seed = Seed::new(Url::parse(url).unwrap(), via);
        let mut outcome = Outcome::unfetched(Subject::Seed(Box::new(seed)), Verdict::Ok);
        outcome.facts.content_type = Some("text/html; charset=utf-8".into());
        outcome
    }

    fn sitemap(folder: &Path, most_urls: usize) -> SitemapFile {
        let file = WholeFile::beside(&OutputFolder::new(folder.to_owned()), "map.xml".as_ref(), false).unwrap();
        let rules = CanonicalRules::new::<&str>(&[], &[]).unwrap();
        SitemapFile { most_urls, ..SitemapFile::new(file, rules) }
    }

    #[test]
    fn many_urls_become_numbered_sitemaps_and_an_index() {
        let folder = tempfile::tempdir().unwrap();
        let mut sink = sitemap(folder.path(), 2);
        for number in 0..5 {
            let _ = sink.outcome(&outcome(&format!("http://a.test:81/d/{number}"))).unwrap();
        }
        sink.finish(&Summary::default()).unwrap();
        let read = |name: &str| std::fs::read_to_string(folder.path().join(name)).unwrap();
        let counts = ["map-1.xml", "map-2.xml", "map-3.xml"].map(|name| read(name).matches("<url>").count());
        assert_eq!(counts, [2, 2, 1]);
        let index = read("map.xml");
        assert_eq!(index.matches("<sitemap>").count(), 3, "{index}");
        assert!(index.contains("<loc>http://a.test:81/map-3.xml</loc>"), "{index}");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 4, "no temporary file stays");
    }

    #[test]
    fn an_interrupted_run_leaves_the_sitemap_of_the_run_before() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("map.xml"), "before").unwrap();
        let mut sink = sitemap(folder.path(), 2);
        let _ = sink.outcome(&outcome("http://a.test/")).unwrap();
        sink.finish(&Summary { stopped: Some(StopCause::Interrupt), ..Summary::default() }).unwrap();
        drop(sink);
        assert_eq!(std::fs::read_to_string(folder.path().join("map.xml")).unwrap(), "before");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
