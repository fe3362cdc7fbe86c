//! The settings of the text of pages.

use std::path::PathBuf;

use crate::model::TextFormat;

/// The settings of the text of pages.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TextConfig {
    /// `text`: the file that gets the text of each page, or a folder with a file for each host.
    pub file: Option<PathBuf>,
    /// `text-format`: the form of the text.
    pub format: TextFormat,
    /// `changes-by`: what is compared for `changes`.
    pub changes_by: ChangesBy,
}

/// The part of a page that `--changes` compares.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum ChangesBy {
    /// The bodies.
    #[default]
    Bytes,
    /// The text of pages, and the bodies of everything else.
    Text,
}
