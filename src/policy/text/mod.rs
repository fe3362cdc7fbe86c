//! Text of others: shown without control characters and secrets, and remembered in few bytes.

pub mod fingerprint;
pub mod fit;
pub mod glob;
pub mod printable;
pub mod redact;
pub mod sketch;
pub mod url_text;
