//! A body on its way: its decoding, its observers, and the limits of its bytes.

pub(super) mod declared;
pub mod decode;
pub(super) mod digest;
pub(super) mod links;
pub(super) mod meter;
pub(super) mod observer;
pub(super) mod robots;
pub(super) mod saved;
pub(super) mod stream;
pub(super) mod text;
pub(super) mod throttle;
pub(super) mod time_limit;
pub(super) mod transfer;
