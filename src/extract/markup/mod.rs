//! The syntax that HTML and XML share: tags, text and character references.

pub(super) mod references;
mod states;
pub(super) mod token;
pub(super) mod tokenizer;
