//! The files that get the texts of pages.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Seek as _, SeekFrom};
use std::ops::ControlFlow;

use url::Url;

use crate::output_folder::OpenFolder;
use crate::policy::naming::Template;
use crate::sink::{Output, SinkError};

/// The most files of hosts that are open at once.
const MOST_OPEN: usize = 16;

/// The files that get the texts of pages.
pub struct TextDestination {
    /// Its name in messages.
    target: String,
    files: TextFiles,
}

enum TextFiles {
    /// A regular file, and its length up to the last complete line, before the run begins.
    Closed(File, u64),
    One(Output),
    PerHost(HostFiles),
}

/// A folder with a file for each host. The files that were used last are open.
struct HostFiles {
    folder: OpenFolder,
    template: Template,
    /// Whether the files of earlier runs go on.
    goes_on: bool,
    open: Vec<(OsString, Output)>,
    /// The names of the files that this run has begun.
    begun: std::collections::HashSet<OsString>,
}

impl TextDestination {
    /// Writes to a regular file behind its first `whole` bytes.
    pub fn file(target: String, file: File, whole: u64) -> Self {
        Self { target, files: TextFiles::Closed(file, whole) }
    }

    /// Writes to a pipe or a device.
    pub fn stream(output: Output, target: String) -> Self {
        Self { target, files: TextFiles::One(output) }
    }

    /// Writes to a file for each host in this folder. `template` names them without their extension.
    pub fn folder(target: String, folder: OpenFolder, template: Template, goes_on: bool) -> Self {
        let host_files = HostFiles { folder, template, goes_on, open: Vec::new(), begun: Default::default() };
        Self { target, files: TextFiles::PerHost(host_files) }
    }

    /// Cuts off what is behind the last complete line.
    pub(super) fn begin(&mut self) -> Result<(), SinkError> {
        if let TextFiles::Closed(file, whole) = &self.files {
            let opened = file.try_clone().and_then(|file| appending(self.target.clone(), file, *whole));
            self.files = TextFiles::One(opened.map_err(|e| self.error(e))?);
        }
        Ok(())
    }

    /// Writes the line of a page at this URL.
    pub(super) fn write(&mut self, url: &Url, line: &[u8]) -> Result<ControlFlow<()>, SinkError> {
        match &mut self.files {
            TextFiles::One(output) => output.write(line),
            TextFiles::PerHost(files) => files
                .output(url, &self.target)
                .map_err(|source| SinkError { target: self.target.clone(), source })?
                .write(line),
            TextFiles::Closed(..) => Err(self.error(io::ErrorKind::NotConnected.into())),
        }
    }

    pub(super) fn error(&self, source: io::Error) -> SinkError {
        SinkError { target: self.target.clone(), source }
    }
}

impl HostFiles {
    /// Returns the file of the host of this URL.
    fn output(&mut self, url: &Url, target: &str) -> io::Result<&mut Output> {
        let name = OsString::from(format!("{}.ndjson", self.template.name(url, 0)));
        if let Some(at) = self.open.iter().position(|(known, _)| *known == name) {
            // The last one is the one used last.
            self.open[at..].rotate_left(1);
        } else {
            if self.open.len() >= MOST_OPEN {
                self.open.remove(0);
            }
            let is_new = self.begun.insert(name.clone());
            let file = self.folder.open_to_write(&name, true)?;
            let whole = match is_new {
                true if !self.goes_on => 0,
                true => super::written::whole_lines(&file)?,
                false => file.metadata()?.len(),
            };
            let target = format!("{target}/{}", name.to_string_lossy());
            self.open.push((name, appending(target, file, whole)?));
        }
        self.open.last_mut().map(|(_, output)| output).ok_or_else(|| io::ErrorKind::NotFound.into())
    }
}

/// Opens a file to append to, behind its first `whole` bytes.
fn appending(target: String, mut file: File, whole: u64) -> io::Result<Output> {
    file.set_len(whole)?;
    file.seek(SeekFrom::Start(whole))?;
    Output::appending(target, file, whole)
}
