//! User names, passwords and other secrets, and the origins that receive them.

pub mod authentication;
pub mod netrc;
pub mod origin;
