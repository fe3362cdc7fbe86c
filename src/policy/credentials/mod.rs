//! Who is told which user name, password or other secret.

pub mod authentication;
pub mod netrc;
pub mod origin;
