//! Which addresses may be connected to, and where names lead.

mod guard;
mod names;
