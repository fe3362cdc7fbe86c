//! Saved bodies: whole or absent, under safe names, decoded as the user expects.

mod coding;
mod compressed_names;
mod document;
mod existing;
#[cfg(unix)]
mod links;
mod names;
mod reserved;
mod template;
mod times;
mod unknown;
