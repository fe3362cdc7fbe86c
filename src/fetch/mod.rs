//! One job to its result.

pub mod decode;
