//! The readers of all fuzz targets, and the bounds on their time and memory.

mod cost;
#[path = "../../tests/it/readers/each.rs"]
mod each;
#[path = "../../tests/it/readers/repeated.rs"]
mod repeated;
#[path = "../../tests/it/readers/state.rs"]
mod state;

/// The length of the part that is repeated, together.
const REPEATED: usize = 256 * 1024;

/// Reads the bytes with the reader of this name, within the bounds.
pub fn read(name: &str, bytes: &[u8]) {
    let reader = each::READERS.iter().find(|(known, _)| *known == name).expect("a reader");
    cost::watch(*reader, bytes);
}

/// Reads a long input that a short one describes.
pub fn read_repeated(bytes: &[u8]) {
    if let Some((reader, long)) = repeated::long_input(bytes, REPEATED) {
        cost::watch(reader, &long);
    }
}
