//! The bounds of decoding.

/// The most bytes of one decoded piece.
pub const PIECE: usize = 32 * 1024;

/// The most codings of one body. More than one is rare, and a long chain only costs time.
pub const MAX_CODINGS: usize = 3;

/// The most bytes by which a coded form may exceed its decoded form, besides the share of [`allowed`].
/// Members, skippable frames, fields and padding are honest overhead, but never that long.
pub(super) const SURPLUS: u64 = 16 * 1024 * 1024;

/// Returns the longest coded form of this many bytes. Incompressible data grows by some bytes per block.
pub(crate) fn allowed(decoded: u64, surplus: u64) -> u64 {
    decoded.saturating_add(decoded / 64).saturating_add(surplus)
}

/// The most decoded bytes of a stage that needs no part of the budget.
pub(super) const SMALL: u64 = 256 * 1024;

/// The largest window that needs no part of the budget, in KiB.
pub(super) const SMALL_WINDOW: u32 = 256;

/// The most bytes that identify the start of a stream: the magic number of zstd, and the window behind it.
pub(super) const HEAD: usize = 6;
