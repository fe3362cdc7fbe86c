//! How much at once, how fast, and at which hosts.

pub mod concurrency;
pub mod descriptors;
pub mod pacer;
pub mod politeness;
