//! Bounds for texts of servers.

use std::borrow::Cow;

/// The mark at the end of a cut text.
pub(super) const CUT: char = '…';

/// Cuts a text that a server chose to this many bytes. A cut text ends in `…`.
pub fn cut(text: &str, most: usize) -> Cow<'_, str> {
    match text.len() {
        len if len <= most => Cow::Borrowed(text),
        _ => Cow::Owned(format!("{}{CUT}", &text[..text.floor_char_boundary(most)])),
    }
}
