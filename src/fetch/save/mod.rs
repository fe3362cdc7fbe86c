//! Files of bodies: part file, final name, and the partial file that a later try resumes.

pub(super) mod converted;
pub(super) mod destination;
pub(super) mod local_file;
pub(super) mod part;
pub(super) mod partial_file;
pub(super) mod saver;
pub(super) mod small_file_writer;
