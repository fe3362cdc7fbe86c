//! Which file a path names: links, `.` and `..` resolved, and what is there.

use std::collections::{HashSet, VecDeque};
use std::ffi::OsString;
use std::fs::{self, File, Metadata};
use std::io;
use std::path::{Component, Path, PathBuf};

use crate::output_folder::OutputFolder;
use crate::policy::naming::fold;

/// The most symbolic links that are followed, as on Linux.
const MAX_LINKS: usize = 40;

/// Which file a path names.
#[derive(Debug, Clone)]
pub(super) struct Location {
    /// The path without links, `.` and `..`.
    pub(super) path: PathBuf,
    /// The paths of the symbolic links on the way.
    pub(super) links: Vec<PathBuf>,
    pub(super) target: FileKind,
    /// Device and inode of a file that has other names (hard links).
    pub(super) shared: Option<(u64, u64)>,
}

/// The kind of file at the end of a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FileKind {
    /// A regular file.
    File(Id),
    /// A pipe or a FIFO.
    Pipe(Id),
    /// A terminal, a socket or another device.
    Device(Id),
    /// A device that keeps nothing, such as /dev/null, or a folder.
    Ignored,
    /// Nothing yet.
    Missing,
}

impl Location {
    /// The folder of a file that the user named so, links resolved, and the name in it.
    pub(super) fn place(&self, given: &Path) -> io::Result<(OutputFolder, OsString)> {
        let parts = self.path.parent().zip(self.path.file_name());
        let Some((folder, name)) = parts.filter(|_| !given.as_os_str().as_encoded_bytes().ends_with(b"/")) else {
            return Err(io::Error::new(io::ErrorKind::IsADirectory, "it names a folder; name a file in it"));
        };
        Ok((OutputFolder::resolved(folder.to_owned(), folder.to_owned()), name.to_owned()))
    }

    pub(super) fn of(path: &Path) -> Self {
        let (walked, links) = walk(path);
        // The target belongs to the walked path: a link of the given one may be another link by now. A pipe behind a
        // link of /proc has no walked path.
        let (target, shared) = match fs::metadata(&walked).or_else(|_| fs::metadata(path)) {
            Ok(found) => (target(&walked, &found), shared(&found)),
            Err(_) => (FileKind::Missing, None),
        };
        Self { path: walked, links, target, shared }
    }

    /// Whether an opened file is what was here when the path was resolved.
    pub(super) fn is(&self, file: &File) -> io::Result<bool> {
        Ok(target(&self.path, &file.metadata()?) == self.target)
    }

    /// The file with this suffix beside the file itself.
    pub(super) fn with_suffix(&self, suffix: &str) -> PathBuf {
        let mut name = self.path.as_os_str().to_owned();
        name.push(suffix);
        name.into()
    }

    /// Whether both are one regular file, or would be once they are created. Names of missing files
    /// that differ in case or Unicode form count as one: some file systems take them for one.
    pub(super) fn is_same_file(&self, other: &Self) -> bool {
        match (self.target, other.target) {
            (FileKind::File(one), FileKind::File(other)) => one == other,
            (FileKind::Missing, FileKind::Missing) => {
                fold(&self.path.to_string_lossy()) == fold(&other.path.to_string_lossy())
            }
            _ => false,
        }
    }

    /// Whether bytes written to both end up in one stream.
    pub(super) fn is_same_stream(&self, other: &Self) -> bool {
        matches!(self.target, FileKind::Pipe(_) | FileKind::Device(_)) && self.target == other.target
    }
}

/// A folder in which files are looked for.
pub(super) struct Folder<'a> {
    path: &'a Path,
    id: Option<Id>,
    /// Folders that neither are it nor lie in it. A run may read hundreds of certificates in one of them.
    others: HashSet<PathBuf>,
}

impl<'a> Folder<'a> {
    pub(super) fn new(path: &'a Path) -> Self {
        Self { path, id: fs::metadata(path).ok().map(|found| id(path, &found)), others: HashSet::new() }
    }

    /// The part of the path below this folder; `None` where it lies elsewhere.
    pub(super) fn below(&mut self, path: &Path) -> Option<PathBuf> {
        let parent = path.parent()?;
        if self.others.contains(parent) {
            return None;
        }
        let has_id =
            |path: &Path| self.id.is_some() && fs::metadata(path).ok().map(|found| id(path, &found)) == self.id;
        let Some(folder) = parent.ancestors().find(|above| *above == self.path || has_id(above)) else {
            self.others.insert(parent.to_owned());
            return None;
        };
        path.strip_prefix(folder).ok().map(Path::to_owned)
    }
}

/// Resolves links, `.` and `..`, also where the end of the path does not exist.
fn walk(path: &Path) -> (PathBuf, Vec<PathBuf>) {
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let mut rest: VecDeque<OsString> = absolute.components().map(|part| part.as_os_str().to_owned()).collect();
    let (mut walked, mut links) = (PathBuf::new(), Vec::new());
    while let Some(part) = rest.pop_front() {
        match Path::new(&part).components().next() {
            Some(Component::ParentDir) => {
                walked.pop();
            }
            Some(Component::CurDir) | None => {}
            // A root replaces what was walked.
            Some(Component::Prefix(_) | Component::RootDir) => walked.push(part),
            Some(Component::Normal(_)) => {
                walked.push(part);
                if links.len() < MAX_LINKS
                    && let Ok(target) = fs::read_link(&walked)
                {
                    links.push(walked.clone());
                    walked.pop();
                    for part in target.components().rev() {
                        rest.push_front(part.as_os_str().to_owned());
                    }
                }
            }
        }
    }
    (walked, links)
}

/// One of the standard streams of this process, by its descriptor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standard {
    Input = 0,
    Output = 1,
    Error = 2,
}

#[cfg(unix)]
mod system {
    use std::io::IsTerminal as _;
    use std::os::fd::{AsFd as _, BorrowedFd};
    use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};

    use super::{File, FileKind, Location, Metadata, Path, PathBuf, Standard, fs, io};

    /// Device and inode; of a device its number.
    pub(in super::super) type Id = (u64, u64);

    pub(super) fn id(_: &Path, found: &Metadata) -> Id {
        (found.dev(), found.ino())
    }

    pub(super) fn shared(found: &Metadata) -> Option<(u64, u64)> {
        (found.is_file() && found.nlink() > 1).then(|| (found.dev(), found.ino()))
    }

    pub(super) fn target(path: &Path, found: &Metadata) -> FileKind {
        let kind = found.file_type();
        if kind.is_file() {
            FileKind::File(id(path, found))
        } else if kind.is_fifo() {
            FileKind::Pipe(id(path, found))
        } else if kind.is_socket() {
            FileKind::Device(id(path, found))
        } else if kind.is_char_device() {
            device(path, found.rdev())
        } else {
            FileKind::Ignored
        }
    }

    /// A character device. /dev/tty is another name of the terminal of this process.
    fn device(path: &Path, number: u64) -> FileKind {
        let keeps_nothing = |path: &&str| fs::metadata(path).is_ok_and(|found| found.rdev() == number);
        if ["/dev/null", "/dev/zero", "/dev/full"].iter().any(keeps_nothing) {
            return FileKind::Ignored;
        }
        let streams = [Standard::Output, Standard::Error, Standard::Input];
        let terminal = || streams.into_iter().find_map(terminal_number);
        let number = if path == Path::new("/dev/tty") { terminal().unwrap_or(number) } else { number };
        FileKind::Device((0, number))
    }

    fn terminal_number(standard: Standard) -> Option<u64> {
        let file = descriptor(standard).ok()?;
        file.is_terminal().then(|| file.metadata().ok()).flatten().map(|found| found.rdev())
    }

    fn descriptor(standard: Standard) -> io::Result<File> {
        let owned = |fd: BorrowedFd<'_>| fd.try_clone_to_owned().map(File::from);
        match standard {
            Standard::Input => owned(io::stdin().as_fd()),
            Standard::Output => owned(io::stdout().as_fd()),
            Standard::Error => owned(io::stderr().as_fd()),
        }
    }

    impl Location {
        /// Returns the location behind a standard stream.
        pub(in super::super) fn standard(standard: Standard) -> Self {
            let found = descriptor(standard).and_then(|file| file.metadata()).ok();
            let target = found.as_ref().map_or(FileKind::Ignored, |found| target(Path::new(""), found));
            let shared = found.as_ref().and_then(shared);
            // Some systems show the name of an open file here.
            let number = standard as u8;
            let named = fs::canonicalize(format!("/dev/fd/{number}")).map(|path| Self::of(&path));
            let named = named.ok().filter(|named| matches!(target, FileKind::File(_)) && named.target == target);
            named.unwrap_or(Self { path: PathBuf::new(), links: Vec::new(), target, shared })
        }
    }
}

#[cfg(not(unix))]
mod system {
    use super::{FileKind, Location, Metadata, Path, PathBuf, Standard, fs};

    pub(in super::super) type Id = u64;

    /// Other systems show no number of a file without opening it: its path stands for it.
    pub(super) fn id(path: &Path, _: &Metadata) -> Id {
        let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        xxhash_rust::xxh3::xxh3_64(path.as_os_str().as_encoded_bytes())
    }

    /// Nor whether a file has other names.
    pub(super) fn shared(_: &Metadata) -> Option<(u64, u64)> {
        None
    }

    pub(super) fn target(path: &Path, found: &Metadata) -> FileKind {
        if found.is_file() { FileKind::File(id(path, found)) } else { FileKind::Ignored }
    }

    impl Location {
        pub(in super::super) fn standard(_: Standard) -> Self {
            Self { path: PathBuf::new(), links: Vec::new(), target: FileKind::Ignored, shared: None }
        }
    }
}

pub(super) use system::Id;
use system::{id, shared, target};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_of_a_missing_file_are_one() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("sub")).unwrap();
        let of = |name: &str| Location::of(&folder.path().join(name));
        for other in ["./new", "sub/../new", "NEW", "sub/./../New"] {
            assert!(of("new").is_same_file(&of(other)), "{other}");
        }
        assert!(!of("new").is_same_file(&of("sub/new")));
    }

    #[cfg(unix)]
    #[test]
    fn links_resolve_to_their_file_and_are_reported() {
        use std::os::unix::fs::symlink;
        let folder = tempfile::tempdir().unwrap();
        let root = fs::canonicalize(folder.path()).unwrap();
        let of = |name: &str| Location::of(&root.join(name));
        fs::write(root.join("list"), "x").unwrap();
        fs::hard_link(root.join("list"), root.join("hard")).unwrap();
        symlink("list", root.join("soft")).unwrap();
        symlink(".", root.join("here")).unwrap();
        symlink("gone/later", root.join("dangling")).unwrap();
        symlink("loop", root.join("loop")).unwrap();
        for name in ["hard", "soft", "here/soft", "here/../list"] {
            assert_eq!(of("list").is_same_file(&of(name)), name != "here/../list", "{name}");
        }
        assert_eq!(of("here/soft").links, [root.join("here"), root.join("soft")]);
        assert!(of("dangling").is_same_file(&of("gone/later")));
        assert_eq!(of("loop").links.len(), MAX_LINKS);
        let mut folder = Folder::new(&root);
        for _ in 0..2 {
            assert_eq!(folder.below(&of("here/list").path), Some("list".into()));
            assert_eq!(folder.below(&root), None);
            assert_eq!(folder.below(Path::new("/elsewhere/list")), None);
        }
    }
}
