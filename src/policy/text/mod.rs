//! Texts of strangers: shown safely, without secrets, and remembered in few bytes.

pub mod fingerprint;
pub mod printable;
pub mod redact;
pub mod url_text;
