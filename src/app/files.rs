//! Which files a run touches, and what for. No output replaces what the run reads, another output,
//! or what the run keeps; no URL is saved under the name of one of them.

mod location;
mod role;
#[cfg(test)]
mod tests;

use std::borrow::Borrow;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use super::{Document, SetupError, cookies, prior_results};
use crate::config::Config;
use crate::fetch;
use crate::model::shown_path;
use crate::output_folder::OutputFolder;
use crate::policy::naming::Claims;
use crate::sink::{self, WholeFile};
use crate::source::{Input, Inputs};
use crate::state::{self, StateError, StatePath};
use location::{FileKind, Folder, Location, Standard};
use role::Role;

/// Whether a path, links resolved, is this folder or lies in it.
pub fn is_within(path: &Path, folder: &Path) -> bool {
    let (path, folder) = (Location::of(path).path, Location::of(folder).path);
    path == folder || Folder::new(&folder).below(&path).is_some()
}

/// One file and what it is for.
#[derive(Debug, Clone)]
struct FileUse {
    /// The name of the use: a flag, or a noun for messages.
    label: String,
    role: Role,
    /// The path as the user wrote it; empty for a standard stream.
    given: PathBuf,
    /// The path for messages.
    shown: String,
    location: Location,
    /// The files that are made and removed beside it.
    companions: Vec<Location>,
}

impl FileUse {
    fn new(label: &str, role: Role, path: &Path) -> Self {
        Self::at(label, role, path, path)
    }

    /// The file at a path of the user, in the place that the run found for it.
    fn at(label: &str, role: Role, path: &Path, place: &Path) -> Self {
        let mut location = Location::of(place);
        if place != path {
            let named = Location::of(path);
            match (location.target, named.target) {
                // A pipe behind a link of /proc has no other path.
                (FileKind::Missing, FileKind::Pipe(_) | FileKind::Device(_) | FileKind::Ignored) => location = named,
                _ => location.links.extend(named.links),
            }
        }
        let beside: Vec<PathBuf> = match role {
            // A device is written in place.
            _ if !matches!(location.target, FileKind::File(_) | FileKind::Missing) => Vec::new(),
            Role::State => state::COMPANIONS.iter().map(|suffix| location.with_suffix(suffix)).collect(),
            Role::Replaced | Role::SaveCookies => sink::part_of(&location.path).into_iter().collect(),
            _ => Vec::new(),
        };
        let companions = beside.iter().map(|path| Location::of(path)).collect();
        let (label, given, shown) = (label.to_owned(), path.to_owned(), shown_path(path));
        Self { label, role, given, shown, location, companions }
    }

    /// Whether a file is one that is made or removed beside this one.
    fn keeps(&self, file: &Location) -> bool {
        let is_part = |target: &PathBuf| fetch::is_part_beside(target, &file.path);
        self.companions.iter().any(|companion| companion.is_same_file(file))
            || (self.role == Role::Body && self.location.links.iter().chain([&self.location.path]).any(is_part))
    }

    /// The file itself and its companions.
    fn locations(&self) -> impl Iterator<Item = &Location> {
        std::iter::once(&self.location).chain(&self.companions)
    }
}

/// The files of a run, collected.
#[derive(Debug, Default)]
pub struct Files {
    uses: Vec<FileUse>,
    places: Places,
}

/// The places that the run opens after its lists, as the check has found them. A link that comes later is not followed.
#[derive(Debug, Default)]
struct Places {
    /// The output folder.
    dir: Option<OutputFolder>,
    state: Option<StatePath>,
    /// The folder of `-O` and the name in it.
    document: Option<(OutputFolder, PathBuf)>,
}

/// The files of a run, none of which replaces another.
#[derive(Debug, Default)]
pub struct CheckedFiles {
    uses: Vec<FileUse>,
    places: Places,
}

impl Files {
    /// Of a run with these settings over these inputs.
    pub fn of(config: &Config, inputs: &Inputs, document: &Document) -> Self {
        let mut files = Self::read_by(config);
        files.places.dir = config.dir.clone().map(OutputFolder::new);
        // Err: it names no file, as the run says when it opens it.
        files.places.state = config.state.as_deref().and_then(|path| StatePath::named(path).ok());
        files.inputs(&inputs.lists);
        match inputs.retry.as_ref().map(|retry| &retry.report) {
            Some(Input::File(path)) if prior_results::is_state(path) => {
                files.uses.push(FileUse::new("the input", Role::ReadState, path));
            }
            report => files.inputs(report),
        }
        let outputs = [
            ("--output", Role::Records, Some(&config.output).filter(|path| *path != Path::new("-"))),
            ("--summary", Role::Output, config.summary.as_ref()),
            ("--log", Role::Output, config.log.as_ref()),
            ("--changes", Role::Replaced, config.changes.as_ref()),
            ("--report", Role::Replaced, config.report.as_ref()),
            ("--skipped", Role::Output, config.skipped.as_ref()),
            ("--text", Role::Output, config.text.file.as_ref()),
            ("--links-out", Role::Output, config.crawl.links_out.as_ref()),
            ("--sitemap-out", Role::Replaced, config.crawl.sitemap_out.as_ref()),
            ("--wacz", Role::Replaced, config.archive.wacz.as_ref()),
            ("--save-cookies", Role::SaveCookies, config.save_cookies.as_ref()),
        ];
        for (flag, role, path) in outputs {
            files.uses.extend(path.map(|path| FileUse::new(flag, role, path)));
        }
        if let Some(path) = &config.state {
            let place = files.places.state.as_ref().map_or_else(|| path.clone(), StatePath::resolved);
            files.uses.push(FileUse::at("--state", Role::State, path, &place));
        }
        if let Document::File(path) = document {
            let parts = path.parent().zip(path.file_name());
            files.places.document = parts.map(|(folder, name)| (OutputFolder::new(folder.to_owned()), name.into()));
            let place = files.places.document.as_ref().map(|(folder, name)| folder.resolved_path().join(name));
            files.uses.push(FileUse::at("--output-document", Role::Body, path, place.as_deref().unwrap_or(path)));
        }
        files
    }

    /// Lists the files that any command with these settings reads.
    pub fn read_by(config: &Config) -> Self {
        let mut files = Self::default();
        let settings = [
            ("--netrc-file", config.netrc_file.as_ref()),
            ("--cacert", config.cacert.as_ref()),
            ("--cert", config.cert.as_ref()),
            ("--key", config.key.as_ref()),
        ];
        for (flag, path) in settings {
            files.uses.extend(path.map(|path| FileUse::new(flag, Role::Read, path)));
        }
        let cookies =
            [("--cookie", cookies::named_by_cookie(config)), ("--load-cookies", config.load_cookies.as_deref())];
        for (flag, path) in cookies {
            files.uses.extend(path.map(|path| FileUse::new(flag, Role::ReadCookies, path)));
        }
        files
    }

    /// More inputs.
    pub fn inputs(&mut self, inputs: impl IntoIterator<Item = impl Borrow<Input>>) {
        for input in inputs {
            match input.borrow() {
                Input::File(path) => self.read("the input", path),
                Input::Stdin => self.standard("the input", Role::Read, Standard::Input, "on standard input"),
                Input::Url(..) | Input::Remote(_) | Input::Reader(..) => {}
            }
        }
    }

    /// One more file that is read; `what` is a noun for messages.
    pub fn read(&mut self, what: &str, path: &Path) {
        self.uses.push(FileUse::new(what, Role::Read, path));
    }

    /// One more output.
    pub fn output(&mut self, flag: &str, path: &Path) {
        self.uses.push(FileUse::new(flag, Role::Output, path));
    }

    /// One more output, which is replaced when its content is complete.
    pub fn replaced(&mut self, flag: &str, path: &Path) {
        self.uses.push(FileUse::new(flag, Role::Replaced, path));
    }

    /// The standard streams of this process; `records` is whether standard output gets records or a body.
    pub fn standard_streams(&mut self, records: bool) {
        let stdout = if records { Role::StreamOfData } else { Role::Stream };
        self.standard("standard output", stdout, Standard::Output, "");
        self.standard("standard error", Role::Stream, Standard::Error, "");
    }

    fn standard(&mut self, label: &str, role: Role, stream: Standard, shown: &str) {
        let (label, given, shown) = (label.to_owned(), PathBuf::new(), shown.to_owned());
        let (location, companions) = (Location::standard(stream), Vec::new());
        self.uses.push(FileUse { label, role, given, shown, location, companions });
    }

    /// Checks every pair of files, before any is opened.
    ///
    /// # Errors
    /// Which two are the same file, or what lies where the run keeps what it knows.
    pub fn check(self) -> Result<CheckedFiles, SetupError> {
        let problem = self.stdout_problem().or_else(|| self.pair_problem()).or_else(|| self.dir_problem());
        problem.map_or(Ok(CheckedFiles { uses: self.uses, places: self.places }), |why| Err(SetupError::Setting(why)))
    }

    /// Why an output cannot be `-`.
    fn stdout_problem(&self) -> Option<String> {
        let may_not = |file: &&FileUse| file.shown == "-" && !file.role.reads() && !file.role.is_data();
        let flag = &self.uses.iter().find(may_not)?.label;
        Some(format!("{flag}: cannot go to standard output, which carries records and nothing else; name a file"))
    }

    fn pair_problem(&self) -> Option<String> {
        self.uses
            .iter()
            .enumerate()
            .find_map(|(at, one)| self.uses[at + 1..].iter().find_map(|other| conflict(one, other)))
    }

    /// Why a file cannot be where the output folder is, or lie in it.
    fn dir_problem(&self) -> Option<String> {
        let dir = self.places.dir.as_ref()?.resolved_path();
        let state = FileUse::new("the state of --dir", Role::State, &dir.join(state::OWN));
        let dir = Location::of(dir).path;
        let kept = dir.join(".fetchall");
        let parts = kept.join("part");
        let (mut in_kept, mut in_parts) = (Folder::new(&kept), Folder::new(&parts));
        self.uses.iter().find_map(|file| {
            let (label, shown, path) = (&file.label, &file.shown, &file.location.path);
            let (forbidden, folder) =
                if file.role.writes_afresh() { (&kept, &mut in_kept) } else { (&parts, &mut in_parts) };
            if path == forbidden || folder.below(path).is_some() {
                let kept = shown_path(forbidden);
                return Some(format!(
                    "{label}: {shown} lies in {kept}, where the run keeps what it knows; name another place"
                ));
            }
            if file.role.writes_afresh() && file.location.target == FileKind::Missing && dir.starts_with(path) {
                return Some(format!("{label} and --dir: {shown} cannot be a file and a folder; name another file"));
            }
            // Another spelling of the same state is the same state.
            let is_state = file.role == Role::State && file.location.is_same_file(&state.location);
            conflict(file, &state).filter(|_| !is_state)
        })
    }
}

/// Why two files cannot be what they are for.
fn conflict(one: &FileUse, other: &FileUse) -> Option<String> {
    if one.role.reads() && other.role.reads() {
        return None;
    }
    if !one.role.may_share_file(other.role) && one.location.is_same_file(&other.location) {
        return Some(same_file(one, other));
    }
    let is_pipe = matches!(one.location.target, FileKind::Pipe(_));
    if one.location.is_same_stream(&other.location) && !one.role.may_share_stream(other.role, is_pipe) {
        return Some(same_stream(one, other));
    }
    for (owner, neighbour) in [(one, other), (other, one)] {
        if neighbour.locations().any(|file| owner.keeps(file)) {
            let (flag, owner) = (&neighbour.label, &owner.label);
            let shown = &neighbour.shown;
            return Some(format!(
                "{flag} and {owner}: {shown} has the name of a file that {owner} keeps beside its own; name another file"
            ));
        }
    }
    None
}

fn same_file(one: &FileUse, other: &FileUse) -> String {
    match (one.role, other.role) {
        (stream, _) if stream.is_stream() => same_file(other, one),
        (role, stream) if role.reads() && stream.is_stream() => {
            let (stream, what, shown) = (&other.label, &one.label, &one.shown);
            format!("{stream} is {what} {shown}, which would grow while it is read; write to another file")
        }
        (_, stream) if stream.is_stream() => {
            let (flag, shown, stream) = (&one.label, &one.shown, &other.label);
            format!("{flag}: {shown} is {stream} too; name two files")
        }
        (role, _) if !role.reads() && other.role.reads() => same_file(other, one),
        (role, _) if role.reads() && !other.role.reads() => {
            let (flag, what, shown) = (&other.label, &one.label, &one.shown);
            format!("{flag}: would overwrite {what} {shown}; name another file")
        }
        _ => format!("{} and {}: both name {}; name two files", one.label, other.label, other.shown),
    }
}

fn same_stream(one: &FileUse, other: &FileUse) -> String {
    if one.role.reads() != other.role.reads() {
        return same_file(one, other);
    }
    let (records, other) = if one.role.is_data() { (one, other) } else { (other, one) };
    let (flag, shown, to) = (&other.label, &other.shown, &records.label);
    format!("{flag}: {shown} would mix with the records, which go to {to}; name a file")
}

fn replaced() -> io::Error {
    io::Error::other("it was replaced meanwhile, and nothing is written to it; run the same command again")
}

impl CheckedFiles {
    /// Opens an output to write to. It is not emptied. Only a file that was missing is created, and no link is
    /// followed that came since the check: another file than the checked one stays as it is.
    ///
    /// # Errors
    /// Returns the error of the file system, or that another file is there now.
    pub fn open(&self, path: &Path) -> io::Result<File> {
        let location = self.location(path);
        if location.target == FileKind::Missing {
            let (folder, name) = location.place(path)?;
            return folder.open(Path::new(""))?.create_new(&name);
        }
        let file = File::options().write(true).open(path)?;
        match location.is(&file)? {
            true => Ok(file),
            false => Err(replaced()),
        }
    }

    /// Opens an output as [`CheckedFiles::open`] does, also one that another run has created since the check.
    ///
    /// # Errors
    /// As [`CheckedFiles::open`].
    pub fn open_shared(&self, path: &Path) -> io::Result<File> {
        match self.open(path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                let (folder, name) = self.location(path).place(path)?;
                folder.open(Path::new(""))?.open_to_write(&name, false)
            }
            opened => opened,
        }
    }

    /// Opens an output that earlier runs may have begun, to read it and to write behind its end.
    ///
    /// # Errors
    /// As [`CheckedFiles::open`].
    pub(super) fn open_to_append(&self, path: &Path) -> io::Result<File> {
        let location = self.location(path);
        match location.target {
            FileKind::File(_) | FileKind::Missing => {
                let (folder, name) = location.place(path)?;
                let is_new = location.target == FileKind::Missing;
                let file = folder.open(Path::new(""))?.open_to_write(&name, is_new)?;
                if is_new || location.is(&file)? { Ok(file) } else { Err(replaced()) }
            }
            FileKind::Pipe(_) | FileKind::Device(_) | FileKind::Ignored => self.open(path),
        }
    }

    /// Begins a file that replaces an output at the end. With `private` only the owner may read it.
    ///
    /// # Errors
    /// Returns the error of the file system.
    pub(super) fn whole_file(&self, path: &Path, private: bool) -> io::Result<WholeFile> {
        let location = self.location(path);
        match location.target {
            FileKind::File(_) | FileKind::Missing => {
                let (folder, name) = location.place(path)?;
                WholeFile::beside(&folder, &name, private)
            }
            _ if path.is_dir() => Err(io::Error::new(io::ErrorKind::IsADirectory, "it is a folder; name a file in it")),
            _ => Ok(WholeFile::direct(path, self.open(path)?)),
        }
    }

    /// Returns the output folder. No body takes the name of a file of the run.
    pub(super) fn dir(&self, dir: &Path) -> OutputFolder {
        let found = self.places.dir.as_ref().filter(|found| found.path() == dir);
        found.cloned().unwrap_or_else(|| OutputFolder::new(dir.to_owned())).reserving(self.shared())
    }

    /// Returns the state at a path.
    ///
    /// # Errors
    /// If the path names no file.
    pub(super) fn state(&self, path: &Path) -> Result<StatePath, StateError> {
        let found = self.places.state.as_ref().filter(|found| found.path() == path);
        found.map_or_else(|| StatePath::named(path), |found| Ok(found.clone()))
    }

    /// Returns the folder of the file that gets the body of `-O`, and the name in it; `None` if the path names no file.
    pub(super) fn document(&self) -> Option<(OutputFolder, PathBuf)> {
        self.places.document.clone()
    }

    /// Returns the files that have other names (hard links), by device and inode.
    fn shared(&self) -> Vec<((u64, u64), String)> {
        let named = |file: &FileUse| {
            let name = format!("{} {}", file.label, file.shown);
            Some((file.location.shared?, name.trim_end().to_owned()))
        };
        self.uses.iter().filter_map(named).collect()
    }

    /// Returns the location of a path as it was checked.
    fn location(&self, path: &Path) -> Location {
        let known = self.uses.iter().find(|file| file.given == path && !file.role.reads());
        known.map_or_else(|| Location::of(path), |file| file.location.clone())
    }

    /// Reserves the names of these files below the output folder, so that no URL gets them. This
    /// includes their companions and the links that lead to them.
    ///
    /// # Errors
    /// Which output belongs to a URL that an earlier run saved.
    pub(super) fn exclude_from(&self, dir: &Path, names: &mut Claims) -> Result<(), SetupError> {
        let dir = Location::of(dir).path;
        let mut folder = Folder::new(&dir);
        let mut name = |path: &Path| {
            let below = folder.below(path)?;
            let parts = below.iter().map(|part| part.to_str()).collect::<Option<Vec<_>>>()?;
            Some(parts.join("/"))
        };
        for file in self.uses.iter().filter(|file| !file.role.reads()) {
            for path in file.locations().map(|location| &location.path) {
                if name(path).is_some_and(|name| names.is_taken(&name)) {
                    let (flag, path) = (&file.label, shown_path(path));
                    let why = format!("{flag}: {path} belongs to a URL that was saved there; name another file");
                    return Err(SetupError::Setting(why));
                }
            }
        }
        for file in self.uses.iter().flat_map(FileUse::locations) {
            for name in file.links.iter().chain([&file.path]).filter_map(|path| name(path)) {
                names.exclude(&name);
            }
        }
        Ok(())
    }
}
