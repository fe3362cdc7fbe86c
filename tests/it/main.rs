//! The integration tests: one binary, modules by subject.

mod formats;
mod support;
mod support_self;
