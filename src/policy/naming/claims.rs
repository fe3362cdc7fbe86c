//! Names given away, each once.

use std::borrow::Cow;

use url::Url;
use xxhash_rust::xxh3::xxh3_64;

use super::portable::{MAX_COMPONENT, cut, tagged, tagged_within};
use super::{MAX_NAME, Template, collapse, endings, fold, name_for_out};
use crate::model::{Claimed, FetchError};
use crate::policy::text::fingerprint::FingerprintSet;

/// How far folders that had to be renamed may lengthen a name beyond [`MAX_NAME`] before the rest
/// of them is collapsed.
const SLACK: usize = 64;

/// The names that were given away in this run, in list order.
///
/// During a run, a name is either a file or a folder, and each file belongs to one claim. Names compare as
/// `fold` does, which also suits file systems that ignore case or normalise. The claims store names as
/// fingerprints. A false match costs only a needless tag, because every question here is "is this taken?".
#[derive(Debug, Clone, Default)]
pub struct Claims {
    files: FingerprintSet,
    /// The names of earlier runs that no other line can take up.
    taken_up: FingerprintSet,
    folders: FingerprintSet,
    template: Template,
    /// Whether a file may get an ending after its name was claimed.
    adjusts: bool,
}

impl Claims {
    /// Nothing given away yet; URLs have the names of the default template.
    pub fn new() -> Self {
        Self::default()
    }

    /// Nothing given away yet; URLs have the names of this template.
    pub fn named_by(template: Template) -> Self {
        Self { template, ..Self::default() }
    }

    /// Claims each name with all endings that its file may get, see [`endings`].
    pub fn adjusting(self) -> Self {
        Self { adjusts: true, ..self }
    }

    /// Gives away the name of a URL that is the `number`th of the input, counted from 1; `out` is
    /// what the list calls it instead.
    ///
    /// # Errors
    /// When `out` is no name below the output folder.
    pub fn claim_for(&mut self, url: &Url, number: u64, out: Option<&str>) -> Result<Claimed, FetchError> {
        let name = match out {
            Some(out) => name_for_out(out)?,
            None => self.template.name(url, number),
        };
        Ok(self.claim(&name, url.as_str()))
    }

    /// Gives away `name`, or the nearest to it that is free.
    ///
    /// `name` comes from [`name_for_url`](super::name_for_url) or [`name_for_out`](super::name_for_out).
    /// `identity` is the URL; it distinguishes claims of the same name. The name tries these tags before its
    /// extension, in this order:
    ///
    /// - no tag,
    /// - 8 hex digits of the hash of `identity`,
    /// - 16 of them,
    /// - 16 of them with a number, for repeated claims.
    pub fn claim(&mut self, name: &str, identity: &str) -> Claimed {
        let (folders, file) = name.rsplit_once('/').unwrap_or(("", name));
        let most = self.longest_file();
        let file = if file.len() > most { tagged_within(file, &cut(file), most).into() } else { Cow::Borrowed(file) };
        let folder = self.enter(folders, file.len());
        let path = self.free(&folder, &file, identity);
        self.insert_file(&path);
        Claimed(path.into())
    }

    /// The most bytes of the name of a file, which must have room for its ending.
    fn longest_file(&self) -> usize {
        let ending = endings().map(str::len).max().filter(|_| self.adjusts);
        MAX_COMPONENT - ending.unwrap_or(0)
    }

    /// Notes a name that was given away in an earlier run; its URL keeps it.
    pub fn reserve(&mut self, name: &str) {
        for (at, _) in name.match_indices('/') {
            self.folders.insert(&fold(&name[..at]));
        }
        self.insert_file(name);
    }

    /// Gives a name away to a file.
    fn insert_file(&mut self, name: &str) {
        self.files.insert(&fold(name));
        if self.adjusts {
            for ending in endings() {
                self.files.insert(&fold(&format!("{name}{ending}")));
            }
        }
    }

    /// Whether a file may have this name, with any ending that it may get.
    fn is_free(&self, name: &str) -> bool {
        let is_taken_with = |ending: &str| self.is_taken(&format!("{name}{ending}"));
        !self.is_taken(name) && (!self.adjusts || !endings().any(is_taken_with))
    }

    /// Keeps a name from every URL, also from one that had it in an earlier run.
    pub fn exclude(&mut self, name: &str) {
        self.reserve(name);
        self.taken_up.insert(&fold(name));
    }

    /// Whether a name was given away, to a file or a folder.
    pub fn is_taken(&self, name: &str) -> bool {
        let key = fold(name);
        self.files.contains(&key) || self.folders.contains(&key)
    }

    /// Takes up a name of an earlier run for its URL. Returns false in three cases:
    ///
    /// - Another line of this run already took it up.
    /// - The name is excluded.
    /// - Another name is a folder of this one or lies below it.
    ///
    /// No run writes a state in which two URLs have one file.
    pub fn take_up(&mut self, name: &Claimed) -> bool {
        let key = fold(&name.0);
        let is_below_file = || key.match_indices('/').any(|(at, _)| self.files.contains(&key[..at]));
        !self.folders.contains(&key) && !is_below_file() && self.taken_up.insert(&key)
    }

    /// How many names were given away, each with the endings that its file may get.
    pub fn len(&self) -> usize {
        self.files.len()
    }

    /// Whether no name was given away yet.
    pub fn is_empty(&self) -> bool {
        self.files.is_empty()
    }

    /// The bytes that this takes up.
    pub fn memory_bytes(&self) -> usize {
        self.files.memory_bytes() + self.folders.memory_bytes() + self.taken_up.memory_bytes()
    }

    /// Registers all these folders and returns their path with a final `/`. A folder whose name is already a
    /// file gets a tag. Later names get the same tag: it depends on the folder alone, and a folder never
    /// becomes a file.
    fn enter(&mut self, folders: &str, file_len: usize) -> String {
        let mut path = String::with_capacity(folders.len() + file_len + 32);
        let mut rest = folders;
        while !rest.is_empty() {
            let too_long = path.len() + rest.len() + 1 + file_len > MAX_NAME + SLACK;
            let collapsed = too_long.then(|| collapse(&fold(rest)));
            let (part, below) = match &collapsed {
                Some(collapsed) => (collapsed.as_str(), ""),
                None => rest.split_once('/').unwrap_or((rest, "")),
            };
            let parent = path.len();
            path.push_str(part);
            let own = fold(&path);
            let mut key = own.clone();
            let mut tries = 0;
            while self.files.contains(&key) {
                tries += 1;
                path.truncate(parent);
                path.push_str(&tagged(part, &tag(xxh3_64(own.as_bytes()), tries)));
                key = fold(&path);
            }
            self.folders.insert(&key);
            path.push('/');
            rest = below;
        }
        path
    }

    /// The first of the names for `file` in `folder` that is neither a file nor a folder.
    fn free(&self, folder: &str, file: &str, identity: &str) -> String {
        let (hash, most) = (xxh3_64(identity.as_bytes()), self.longest_file());
        let nth = |n: u64| match n {
            0 => format!("{folder}{file}"),
            n => format!("{folder}{}", tagged_within(file, &tag(hash, n), most)),
        };
        // Claims of one identity take the numbers one after another. To find the end of a long row
        // without walking along it: double until a free one, then halve the gap.
        let (mut low, mut high) = (0, 0);
        let mut found = nth(0);
        while !self.is_free(&found) {
            low = high;
            high = (high * 2).max(high + 1);
            found = nth(high);
        }
        while high - low > 1 {
            let middle = low + (high - low) / 2;
            let path = nth(middle);
            if !self.is_free(&path) {
                low = middle;
            } else {
                high = middle;
                found = path;
            }
        }
        found
    }
}

/// The `n`th tag made of a hash, counted from 1.
fn tag(hash: u64, n: u64) -> String {
    match n {
        0 | 1 => format!("{:08x}", hash >> 32),
        2 => format!("{hash:016x}"),
        n => format!("{hash:016x}-{}", n - 1),
    }
}
