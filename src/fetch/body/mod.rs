//! A body on its way: its decoding, its checks, and the limits of its bytes.

pub(super) mod declared;
pub mod decode;
pub(super) mod meter;
pub(super) mod throttle;
pub(super) mod transfer;
