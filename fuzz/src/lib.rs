//! The shared parts of all fuzz targets: the readers, and limits of their time and memory.

mod cost;
#[path = "../../tests/it/readers/each.rs"]
mod each;
#[path = "../../tests/it/readers/state.rs"]
mod state;

pub use cost::watch;

/// Reads the bytes with the reader of this name, within the bounds.
pub fn read(name: &str, bytes: &[u8]) {
    let (_, reader) = each::READERS.iter().find(|(known, _)| *known == name).expect("a reader");
    watch(name, bytes, *reader);
}

/// Reads a long input that a short one describes. Its first byte names the reader. The next two cut
/// the rest into a beginning, a part that is repeated, and an end.
pub fn read_repeated(bytes: &[u8]) {
    let [reader, first, second, rest @ ..] = bytes else { return };
    let (name, reader) = each::READERS[usize::from(*reader) % each::READERS.len()];
    let cut = |at: u8| usize::from(at) * rest.len() / 256;
    let (first, second) = (cut(*first).min(cut(*second)), cut(*first).max(cut(*second)));
    let (begin, part, end) = (&rest[..first], &rest[first..second], &rest[second..]);
    if part.is_empty() {
        return;
    }
    let long = [begin, &part.repeat(REPEATED.div_ceil(part.len())), end].concat();
    watch(name, &long, reader);
}

/// The length of the part that is repeated, together.
const REPEATED: usize = 256 * 1024;
