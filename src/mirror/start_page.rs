//! The start page of a mirror: `index.html` in the output folder, with a link to the first page of each host.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fmt::Write as _;
use std::io::{self, Read as _, Write as _};
use std::path::Path;

use url::{Position, Url};

use super::index::reference;
use crate::output_folder::OutputFolder;
use crate::state::SavedRow;

/// The name of the start page, below the output folder.
pub const START_PAGE: &str = "index.html";

/// The first bytes of each start page. A file that begins otherwise is not one.
const BEGINNING: &str = "<!doctype html>\n<meta name=\"generator\" content=\"fetchall --mirror-index\">\n";
/// The most hosts of a start page.
const MOST_HOSTS: usize = 10_000;

/// The page of a host that the start page links to.
struct FirstPage {
    url: Url,
    file: String,
    title: Option<String>,
}

impl FirstPage {
    /// The page of a host with the shortest path counts; of equal ones the first in order.
    fn rank(url: &Url) -> (usize, usize, &str) {
        (url.path().split('/').filter(|segment| !segment.is_empty()).count(), url.as_str().len(), url.as_str())
    }
}

/// Collects the first page of each host.
#[derive(Default)]
pub(super) struct StartPage {
    hosts: BTreeMap<String, FirstPage>,
}

impl StartPage {
    /// Looks at a saved file.
    pub fn add(&mut self, row: &SavedRow) {
        let Some(file) = row.file.as_ref().filter(|_| row.is_of_run && is_page(row)) else { return };
        let host = &row.url[Position::BeforeHost..Position::AfterPort];
        let is_first = match self.hosts.get(host) {
            Some(known) => FirstPage::rank(&row.url) < FirstPage::rank(&known.url),
            None => self.hosts.len() < MOST_HOSTS,
        };
        if is_first {
            let page = FirstPage { url: row.url.clone(), file: file.clone(), title: row.title.clone() };
            self.hosts.insert(host.to_owned(), page);
        }
    }

    /// The text of the page.
    fn html(&self) -> String {
        let mut html = format!("{BEGINNING}<meta charset=\"utf-8\">\n<title>Saved sites</title>\n<ul>\n");
        for page in self.hosts.values() {
            let title = page.title.as_deref().map(str::trim).filter(|title| !title.is_empty());
            // Writing to a String cannot fail.
            let _ = writeln!(
                html,
                "<li><a href=\"{}\">{}</a> {}</li>",
                reference(START_PAGE, &page.file),
                escaped(title.unwrap_or(page.url.as_str())),
                escaped(page.url.as_str()),
            );
        }
        html.push_str("</ul>\n");
        html
    }

    /// Writes the page by a rename, unless it is there with this text.
    ///
    /// # Errors
    /// The file cannot be written, or is one of another origin.
    pub fn write(&self, folder: &OutputFolder, part: &Path, sync: bool) -> io::Result<()> {
        let html = self.html();
        if existing(folder, html.len())?.is_some_and(|known| known == html.as_bytes()) {
            return Ok(());
        }
        let (parts, part) = folder.make_parent(part, sync)?;
        let mut file = parts.create(part)?;
        file.write_all(html.as_bytes())?;
        if sync {
            file.sync_all()?;
        }
        let (files, name) = folder.make_parent(Path::new(START_PAGE), sync)?;
        folder.refuse_reserved(&files, name)?;
        parts.rename(part, &files, OsStr::new(START_PAGE))?;
        if sync { files.sync() } else { Ok(()) }
    }
}

/// Checks that a start page may be written into this folder.
///
/// # Errors
/// There is a file of its name that no run wrote as a start page, or that cannot be read.
pub fn check_start_page(folder: &OutputFolder) -> io::Result<()> {
    existing(folder, 0).map(drop)
}

/// Reads the start page that is there, and one byte more than this length.
fn existing(folder: &OutputFolder, length: usize) -> io::Result<Option<Vec<u8>>> {
    let opened = folder.open_parent(Path::new(START_PAGE)).and_then(|(files, name)| files.open_to_read(name));
    let file = match opened {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let mut known = Vec::new();
    file.take(length.max(BEGINNING.len()) as u64 + 1).read_to_end(&mut known)?;
    if known.starts_with(BEGINNING.as_bytes()) {
        return Ok(Some(known));
    }
    let problem = "it is not a start page that fetchall has written; move it away, or leave out --mirror-index";
    Err(io::Error::new(io::ErrorKind::AlreadyExists, problem))
}

/// Whether a file is a page.
fn is_page(row: &SavedRow) -> bool {
    let content_type = row.content_type.as_deref().and_then(|field| field.split(';').next()).unwrap_or_default();
    ["text/html", "application/xhtml+xml"].iter().any(|page| page.eq_ignore_ascii_case(content_type.trim()))
}

/// Writes a text as text of a page.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
