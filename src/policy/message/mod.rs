//! HTTP messages (RFC 9110, RFC 9112): heads, framing, and the fields that decide.

pub mod charset;
pub mod chunk_lines;
pub mod date;
pub mod digest_fields;
pub mod location;
pub mod partial;
pub mod response_head;
pub mod transfer_coding;
