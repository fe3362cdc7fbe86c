//! The limits of single texts of a document.

/// The longest URL that counts, in bytes.
pub(super) const LONGEST_URL: usize = 8 * 1024;

/// The longest title, in bytes of the document.
pub(super) const LONGEST_TITLE: usize = 1024;
