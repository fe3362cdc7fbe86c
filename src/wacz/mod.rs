//! Packs WARC files and their CDXJ indexes into one WACZ file (version 1.1.1).
//!
//! Each line of an index is read back from its WARC file first, so a package never has an index that does not fit. The
//! memory does not grow with the archive: indexes are merged line by line, and files are copied in pieces.

mod index;
mod package;
mod read_back;
mod sources;
mod title;

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufReader, Read, Seek, Write};
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::GzEncoder;
use jiff::Timestamp;
use serde::Serialize;
use sha2::{Digest as _, Sha256};

use crate::model::{Hex, shown_path};
use crate::warc::NewFile;
use index::{IndexLine, MergedIndex};
use package::PackageWriter;
use sources::Sources;

/// Above so many bytes an index is compressed in blocks, and `index.idx` finds them.
const LARGE_INDEX: u64 = 50_000;

/// The lines of one block.
const BLOCK_LINES: usize = 256;

/// Nothing was packed.
#[derive(Debug, thiserror::Error)]
pub enum WaczError {
    /// A file of the archive is missing or wrong, or the package cannot be created. The text names the file.
    #[error("{0}")]
    Archive(String),
    /// A file cannot be read or written.
    #[error("cannot {what} {path}: {source}")]
    Io {
        /// The operation: `read` or `write`.
        what: &'static str,
        /// The file, as messages show it.
        path: String,
        /// The error of the file system.
        source: io::Error,
    },
}

impl WaczError {
    fn io(what: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = shown_path(path);
        move |source| Self::Io { what, path, source }
    }
}

/// The counts of a package.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PackedArchive {
    /// WARC files.
    pub files: usize,
    /// Lines of the index.
    pub captures: u64,
    /// Pages among them.
    pub pages: u64,
}

/// Packs the WARC files of these folders, and these WARC files, with their indexes. The package gets its name only
/// when it is complete.
///
/// # Errors
/// When a WARC file has no index, when a line of an index does not fit, or when a file cannot be read or written.
pub fn pack(paths: &[PathBuf], output: &Path) -> Result<PackedArchive, WaczError> {
    let sources = Sources::find(paths, output)?;
    let failed = || WaczError::io("write", output);
    let cannot_begin = |e| WaczError::Archive(format!("cannot write {}: {e}", shown_path(output)));
    let file = NewFile::create(output).map_err(cannot_begin)?;
    let mut package = PackageWriter::new(file.as_file());
    let mut packed = PackedArchive { files: sources.warcs.len(), ..PackedArchive::default() };
    let mut pages = tempfile::tempfile().map_err(failed())?;
    packed.captures = write_index(&sources, &mut package, &mut pages, &mut packed.pages, output)?;
    pages.rewind().and_then(|()| package.store("pages/pages.jsonl", &mut pages)).map_err(failed())?;
    for warc in sources.warcs.values() {
        let mut from = File::open(&warc.path).map_err(WaczError::io("read", &warc.path))?;
        package.store(&format!("archive/{}", warc.name), &mut from).map_err(failed())?;
    }
    package.finish(Timestamp::now()).map_err(failed())?;
    file.as_file().sync_data().map_err(failed())?;
    file.complete().map_err(failed())?;
    Ok(packed)
}

/// The first line of `pages.jsonl`.
const PAGES_HEAD: &str = r#"{"format":"json-pages-1.0","id":"pages","title":"All Pages","hasText":false}"#;

#[derive(Serialize)]
struct PageLine<'a> {
    id: String,
    url: &'a str,
    ts: String,
    title: &'a str,
}

/// Reads every line of the indexes back, writes them as one index, and lists the pages among them.
fn write_index(
    sources: &Sources,
    package: &mut PackageWriter<'_>,
    pages: &mut File,
    count: &mut u64,
    output: &Path,
) -> Result<u64, WaczError> {
    let failed = || WaczError::io("write", output);
    let mut index = IndexWriter::begin(sources.index_bytes()? > LARGE_INDEX, package).map_err(failed())?;
    let mut pages = io::BufWriter::new(pages);
    writeln!(pages, "{PAGES_HEAD}").map_err(failed())?;
    let mut without_line: BTreeMap<&str, _> = sources.warcs.iter().map(|(name, warc)| (&**name, warc)).collect();
    let mut lines = MergedIndex::open(&sources.indexes)?;
    let mut captures = 0;
    while let Some(line) = lines.next()? {
        let wrong = |why: &str| WaczError::Archive(format!("{}: {why}", line.place()));
        let name = line.capture.filename.as_str();
        let Some(warc) = sources.warcs.get(name) else {
            return Err(wrong(&format!("it names `{name}`, which is not among the WARC files")));
        };
        without_line.remove(name);
        read_back::check(warc, &line).map_err(|why| wrong(&why))?;
        captures += 1;
        index.add(&line, package).map_err(failed())?;
        if let Some(ts) = line.page_time() {
            *count += 1;
            let title = title::page_title(warc, &line);
            let title = title.as_deref().unwrap_or(&line.capture.url);
            let page = PageLine { id: count.to_string(), url: &line.capture.url, ts, title };
            serde_json::to_writer(&mut pages, &page).map_err(io::Error::from).map_err(failed())?;
            pages.write_all(b"\n").map_err(failed())?;
        }
    }
    if let Some(warc) = without_line.into_values().next() {
        return Err(sources::no_index(&warc.path));
    }
    index.finish(package).and_then(|()| pages.flush()).map_err(failed())?;
    Ok(captures)
}

/// Writes the index of a package: as text, or in compressed blocks with an index of their own.
enum IndexWriter {
    Text,
    Blocks(Box<Blocks>),
}

struct Blocks {
    gzip: GzEncoder<Vec<u8>>,
    lines: usize,
    /// The key and the time of the first line of the block.
    first: String,
    offset: u64,
    /// The lines of `index.idx`.
    idx: io::BufWriter<File>,
}

impl IndexWriter {
    fn begin(is_large: bool, package: &mut PackageWriter<'_>) -> io::Result<Self> {
        if !is_large {
            package.begin("indexes/index.cdx")?;
            return Ok(Self::Text);
        }
        package.begin("indexes/index.cdx.gz")?;
        let mut idx = io::BufWriter::new(tempfile::tempfile()?);
        writeln!(idx, r#"!meta 0 {{"format":"cdxj-gzip-1.0","filename":"index.cdx.gz"}}"#)?;
        let gzip = GzEncoder::new(Vec::new(), Compression::default());
        Ok(Self::Blocks(Box::new(Blocks { gzip, lines: 0, first: String::new(), offset: 0, idx })))
    }

    fn add(&mut self, line: &IndexLine, package: &mut PackageWriter<'_>) -> io::Result<()> {
        match self {
            Self::Text => package.write_all(line.text.as_bytes()).and_then(|()| package.write_all(b"\n")),
            Self::Blocks(blocks) => {
                if blocks.lines == 0 {
                    line.key_and_time().clone_into(&mut blocks.first);
                }
                blocks.gzip.write_all(line.text.as_bytes())?;
                blocks.gzip.write_all(b"\n")?;
                blocks.lines += 1;
                if blocks.lines == BLOCK_LINES { blocks.end(package) } else { Ok(()) }
            }
        }
    }

    fn finish(self, package: &mut PackageWriter<'_>) -> io::Result<()> {
        let Self::Blocks(mut blocks) = self else { return package.end() };
        if blocks.lines > 0 {
            blocks.end(package)?;
        }
        package.end()?;
        let mut idx = blocks.idx.into_inner()?;
        idx.rewind()?;
        package.store("indexes/index.idx", &mut idx)
    }
}

impl Blocks {
    fn end(&mut self, package: &mut PackageWriter<'_>) -> io::Result<()> {
        let next = GzEncoder::new(Vec::new(), Compression::default());
        let block = std::mem::replace(&mut self.gzip, next).finish()?;
        let digest: [u8; 32] = Sha256::digest(&block).into();
        package.write_all(&block)?;
        let (first, offset, length) = (&self.first, self.offset, block.len());
        let digest = Hex(&digest);
        writeln!(
            self.idx,
            r#"{first} {{"offset":{offset},"length":{length},"digest":"sha256:{digest}","filename":"index.cdx.gz"}}"#
        )?;
        (self.lines, self.offset) = (0, offset + length as u64);
        Ok(())
    }
}

/// Copies everything. Returns the number of bytes.
fn copy(from: &mut impl Read, to: &mut impl Write) -> io::Result<u64> {
    io::copy(&mut BufReader::with_capacity(256 * 1024, from), to)
}
