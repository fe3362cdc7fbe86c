//! Long inputs that short ones describe.

use super::each::{READERS, Reader};

/// Makes a long input out of a short one. Its first byte names the reader, and the next two cut the rest into three
/// pieces. The piece in the middle is repeated until it has this length.
pub fn long_input(bytes: &[u8], length: usize) -> Option<(Reader, Vec<u8>)> {
    let [reader, first, second, rest @ ..] = bytes else { return None };
    let cut = |at: u8| usize::from(at) * rest.len() / 256;
    let (first, second) = (cut(*first.min(second)), cut(*first.max(second)));
    let (begin, part, end) = (&rest[..first], &rest[first..second], &rest[second..]);
    let times = length.checked_div(part.len())? + 1;
    Some((READERS[usize::from(*reader) % READERS.len()], [begin, &part.repeat(times), end].concat()))
}
