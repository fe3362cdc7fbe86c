//! Pages and style sheets whose links are made absolute before their file gets its final name.
//!
//! A final name never has a page with a link to a file that is not there, however a run ends. A pass at the end of the
//! run makes links local whose files are there by then.

use std::fs::File;
use std::io::{self, BufWriter};
use std::path::{Path, PathBuf};

use url::Url;

use crate::extract::{NoTargets, RewriteHead};
use crate::output_folder::OutputFolder;
use crate::rewrite::{rewrite, rewrite_bytes};

/// The facts of a body that its links depend on.
#[derive(Debug)]
pub(crate) struct Conversion {
    url: Url,
    content_type: Option<Box<str>>,
}

/// The file of a body with its links rewritten.
pub(crate) struct ConvertedFile {
    /// Its path below the output folder.
    pub(crate) path: PathBuf,
    pub(crate) file: File,
    pub(crate) bytes: u64,
}

impl Conversion {
    /// The conversion of a document at this URL; `None` for other bodies.
    pub(crate) fn of(url: &Url, content_type: Option<&str>) -> Option<Self> {
        let conversion = Self { url: url.clone(), content_type: content_type.map(Box::from) };
        conversion.head().is_rewritable().then_some(conversion)
    }

    fn head(&self) -> RewriteHead<'_> {
        let content_type = self.content_type.as_deref().map(str::as_bytes);
        RewriteHead { url: &self.url, content_type, is_rewritten: false }
    }

    /// Rewrites a body in memory; `None` if nothing changes.
    pub(crate) fn bytes(&self, body: &[u8]) -> Option<Vec<u8>> {
        rewrite_bytes(&self.head(), &NoTargets, body)
    }

    /// Rewrites the body in this file into a file beside the part file; `None` if nothing changes.
    pub(crate) fn file(&self, folder: &OutputFolder, body: &Path, part: &Path) -> io::Result<Option<ConvertedFile>> {
        let path = converted_name(part);
        let open = || {
            let (folder, name) = folder.open_parent(body)?;
            folder.open_to_read(name)
        };
        let create = || {
            let (folder, name) = folder.make_parent(&path, false)?;
            Ok(BufWriter::new(folder.create(name)?))
        };
        let copied = rewrite(&self.head(), &NoTargets, open, create);
        let copied = copied.and_then(|copy| {
            let Some((writer, bytes)) = copy else { return Ok(None) };
            let file = writer.into_inner().map_err(io::IntoInnerError::into_error)?;
            Ok(Some(ConvertedFile { path: path.clone(), file, bytes }))
        });
        // Err: nothing was written yet.
        copied.inspect_err(|_| drop(folder.remove(&path)))
    }
}

/// The path of the rewritten body beside its part file.
pub(crate) fn converted_name(part: &Path) -> PathBuf {
    part.with_extension("converted")
}
