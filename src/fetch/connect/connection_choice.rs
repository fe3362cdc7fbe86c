//! Which connection a request may use.

/// The connections that a request may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ConnectionChoice {
    /// An idle or shared one, or else a new one.
    Any,
    /// A new one only.
    New,
}
