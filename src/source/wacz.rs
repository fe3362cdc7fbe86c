//! The indexes in a WACZ package, as one list in CDXJ.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek as _, SeekFrom};
use std::path::Path;

use flate2::read::{DeflateDecoder, MultiGzDecoder};
use zip::{CompressionMethod, ZipArchive};

use super::NotAList;

/// Whether the name of a file is that of a package.
pub(super) fn is_package(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("wacz"))
}

/// An index, and where its bytes are in the package.
struct PackedIndex {
    name: String,
    offset: u64,
    length: u64,
    is_deflated: bool,
}

/// Opens the indexes of a package, in the order of their names.
///
/// # Errors
/// When the file cannot be read, or has no index.
pub(super) fn open(path: &Path) -> io::Result<Box<dyn Read + Send>> {
    let file = File::open(path)?;
    let mut package = ZipArchive::new(BufReader::new(file)).map_err(|error| refused(&error.to_string()))?;
    let mut indexes = Vec::new();
    for number in 0..package.len() {
        indexes.extend(index(&mut package, number)?);
    }
    if indexes.is_empty() {
        return Err(refused("it has no index; pack it again: fetchall wacz"));
    }
    indexes.sort_by(|a, b| a.name.cmp(&b.name));
    let mut all: Box<dyn Read + Send> = Box::new(io::empty());
    for index in indexes {
        let mut file = File::open(path)?;
        file.seek(SeekFrom::Start(index.offset))?;
        let mut bytes: Box<dyn Read + Send> = Box::new(BufReader::new(file.take(index.length)));
        if index.is_deflated {
            bytes = Box::new(DeflateDecoder::new(bytes));
        }
        if index.name.ends_with(".gz") {
            bytes = Box::new(MultiGzDecoder::new(bytes));
        }
        all = Box::new(all.chain(bytes));
    }
    Ok(all)
}

/// The file with this number, if it is an index.
fn index(package: &mut ZipArchive<BufReader<File>>, number: usize) -> io::Result<Option<PackedIndex>> {
    let entry = package.by_index_raw(number).map_err(|error| refused(&error.to_string()))?;
    let name = entry.name().map_err(|error| refused(&error.to_string()))?.into_owned();
    let stem = name.strip_suffix(".gz").unwrap_or(&name);
    if !name.starts_with("indexes/") || ![".cdx", ".cdxj"].iter().any(|end| stem.ends_with(end)) {
        return Ok(None);
    }
    let is_deflated = match entry.compression() {
        CompressionMethod::STORE => false,
        CompressionMethod::DEFLATE => true,
        other => return Err(refused(&format!("`{name}` is compressed as {other}; unpack it and name it as a list"))),
    };
    let offset = entry.data_start().ok_or_else(|| refused(&format!("`{name}` is not in it")))?;
    Ok(Some(PackedIndex { name, offset, length: entry.compressed_size(), is_deflated }))
}

fn refused(why: &str) -> io::Error {
    NotAList::from(format!("no WACZ package: {why}")).into()
}
