//! Writes the ZIP file of a package, and describes each of its files.

use std::fs::File;
use std::io::{self, BufWriter, Read, Write};

use jiff::Timestamp;
use serde::Serialize;
use sha2::{Digest as _, Sha256};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use super::copy;
use crate::model::Hex;

/// The files of a package, written one after another. None is compressed again: replay reads records where they are.
pub(super) struct PackageWriter<'a> {
    zip: ZipWriter<BufWriter<&'a File>>,
    resources: Vec<PackagedFile>,
    /// The path, the hash and the size of the file that is being written.
    file: (String, Sha256, u64),
}

/// A file as `datapackage.json` describes it.
#[derive(Serialize)]
struct PackagedFile {
    name: String,
    path: String,
    hash: String,
    bytes: u64,
}

#[derive(Serialize)]
struct DataPackage<'a> {
    profile: &'a str,
    wacz_version: &'a str,
    software: &'a str,
    created: String,
    resources: &'a [PackagedFile],
}

#[derive(Serialize)]
struct DataPackageDigest<'a> {
    path: &'a str,
    hash: String,
}

impl<'a> PackageWriter<'a> {
    pub(super) fn new(file: &'a File) -> Self {
        let zip = ZipWriter::new(BufWriter::with_capacity(256 * 1024, file));
        Self { zip, resources: Vec::new(), file: (String::new(), Sha256::new(), 0) }
    }

    /// Begins a file.
    pub(super) fn begin(&mut self, path: &str) -> io::Result<()> {
        self.file = (path.to_owned(), Sha256::new(), 0);
        // The size is not known before the end, and may be beyond 4 GiB.
        let options = SimpleFileOptions::default().compression_method(CompressionMethod::Stored).large_file(true);
        Ok(self.zip.start_file(path, options)?)
    }

    /// Ends the file.
    pub(super) fn end(&mut self) -> io::Result<()> {
        let (path, hash, bytes) = std::mem::take(&mut self.file);
        let hash = sha256(hash);
        self.resources.push(PackagedFile { name: resource_name(&path), path, hash, bytes });
        Ok(())
    }

    /// Copies a whole file.
    pub(super) fn store(&mut self, path: &str, from: &mut impl Read) -> io::Result<()> {
        self.begin(path)?;
        copy(from, self)?;
        self.end()
    }

    /// Writes the description of all files, and the directory of the ZIP file.
    pub(super) fn finish(mut self, created: Timestamp) -> io::Result<()> {
        let description = DataPackage {
            profile: "data-package",
            wacz_version: "1.1.1",
            software: concat!("fetchall ", env!("CARGO_PKG_VERSION")),
            created: created.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
            resources: &self.resources,
        };
        let description = serde_json::to_vec_pretty(&description)?;
        let hash = sha256(Sha256::new_with_prefix(&description));
        let digest = serde_json::to_vec_pretty(&DataPackageDigest { path: "datapackage.json", hash })?;
        self.store("datapackage.json", &mut &description[..])?;
        self.store("datapackage-digest.json", &mut &digest[..])?;
        self.zip.finish()?.flush()
    }
}

impl Write for PackageWriter<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.zip.write(bytes)?;
        self.file.1.update(&bytes[..written]);
        self.file.2 += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.zip.flush()
    }
}

fn sha256(hash: Sha256) -> String {
    let digest: [u8; 32] = hash.finalize().into();
    format!("sha256:{}", Hex(&digest))
}

/// The name of a file among the resources: only lower-case letters, digits and `. _ -` are permitted.
fn resource_name(path: &str) -> String {
    let name = path.rsplit('/').next().unwrap_or(path).to_ascii_lowercase();
    name.chars().map(|c| if c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-') { c } else { '-' }).collect()
}
