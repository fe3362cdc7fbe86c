//! The outputs and their content, and that none of it can act on a terminal.

mod files;
mod formats;
mod people;
mod terminal;
