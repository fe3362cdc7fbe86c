//! Pure decisions: values in, decision out. No clock, no file, no socket.

pub mod address;
pub mod authentication;
pub mod change;
pub mod chunk_lines;
pub mod concurrency;
pub mod cookies;
pub mod date;
pub mod descriptors;
pub mod digest_fields;
pub mod fingerprint;
pub mod location;
pub mod naming;
pub mod netrc;
pub mod no_proxy;
pub mod origin;
pub mod pacer;
pub mod partial;
pub mod politeness;
pub mod printable;
pub mod redact;
pub mod response_head;
pub mod retry;
pub mod retry_after;
pub mod selection;
pub mod transfer_coding;
pub mod url_text;
