//! Pure decisions: values in, decision out. No clock, no file, no socket.

pub mod address;
pub mod digest_fields;
pub mod fingerprint;
pub mod naming;
pub mod origin;
pub mod partial;
pub mod printable;
pub mod redact;
