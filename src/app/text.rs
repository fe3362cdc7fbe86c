//! The file of the texts of pages, made from the settings.

use std::io;
use std::path::Path;

use super::{CheckedFiles, SetupError, is_within};
use crate::config::Config;
use crate::model::shown_path;
use crate::policy::naming::Template;
use crate::sink::{Output, PageTexts, TextDestination, WrittenTexts, read_written};

/// The names of the files in a folder, without their extension.
const NAME: &str = "{host}";

/// The output of the texts, opened.
pub(super) struct TextOutput {
    destination: TextDestination,
    written: WrittenTexts,
}

impl TextOutput {
    /// Opens the output; `None` for a run without one. With `goes_on` the lines of earlier runs stay, and the run knows
    /// them.
    pub(super) fn open(config: &Config, files: &CheckedFiles, goes_on: bool) -> Result<Option<Self>, SetupError> {
        let Some(path) = config.text.file.as_deref().filter(|_| !config.dry_run) else { return Ok(None) };
        let unusable = |source| SetupError::Path { path: path.to_owned(), purpose: "the texts of pages", source };
        let opened = if names_folder(path) {
            if let Some(dir) = config.dir.as_deref().filter(|dir| is_within(path, dir)) {
                let (path, dir) = (shown_path(path), shown_path(dir));
                let why =
                    format!("--text: the folder {path} lies in --dir {dir}, whose files are bodies; name another");
                return Err(SetupError::Setting(why));
            }
            Self::folder(path, goes_on)
        } else {
            Self::file(path, files, goes_on)
        };
        opened.map(Some).map_err(unusable)
    }

    fn file(path: &Path, files: &CheckedFiles, goes_on: bool) -> io::Result<Self> {
        let file = files.open_to_append(path)?;
        let (target, mut written) = (shown_path(path), WrittenTexts::default());
        let destination = if !file.metadata()?.is_file() {
            TextDestination::stream(Output::file(target.clone(), file)?, target)
        } else {
            let whole = if goes_on { read_written(&file, &mut written)? } else { 0 };
            TextDestination::file(target, file, whole)
        };
        Ok(Self { destination, written })
    }

    fn folder(path: &Path, goes_on: bool) -> io::Result<Self> {
        let folder = crate::output_folder::OutputFolder::new(path.to_owned());
        folder.make_all(false)?;
        let (folder, mut written) = (folder.open(Path::new(""))?, WrittenTexts::default());
        if goes_on {
            for name in
                folder.names()?.iter().filter(|name| Path::new(name).extension().is_some_and(|end| end == "ndjson"))
            {
                read_written(&folder.open_to_read(name)?, &mut written)?;
            }
        }
        let template = Template::parse(NAME).map_err(io::Error::other)?;
        let destination = TextDestination::folder(shown_path(path), folder, template, goes_on);
        Ok(Self { destination, written })
    }

    /// The texts of earlier runs.
    pub(super) fn written(&self) -> &WrittenTexts {
        &self.written
    }

    /// The sink that writes the texts.
    pub(super) fn sink(self, config: &Config) -> PageTexts {
        PageTexts::new(self.destination, self.written, config.text.format)
    }
}

/// Whether a path names a folder: one that is there, or one that ends in a slash.
fn names_folder(path: &Path) -> bool {
    path.is_dir() || path.as_os_str().as_encoded_bytes().ends_with(b"/")
}
