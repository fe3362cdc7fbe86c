//! The uses of a file, and which of them may share one.

/// The use of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// The run reads it.
    Read,
    /// Cookies are read from it.
    ReadCookies,
    /// The results of earlier runs are read from it before the run opens its state, which it may be.
    ReadState,
    /// It gets the records.
    Records,
    /// It gets the body of `-O`.
    Body,
    /// It gets anything else, in place.
    Output,
    /// The run replaces it at the end.
    Replaced,
    /// The run replaces it by the cookies at the end.
    SaveCookies,
    /// It keeps what the run remembers.
    State,
    /// A standard stream, which may be a file or a pipe as the shell redirects it.
    Stream,
    /// Standard output with the records or a body.
    StreamOfData,
}

impl Role {
    pub(super) fn is_stream(self) -> bool {
        matches!(self, Self::Stream | Self::StreamOfData)
    }

    pub(super) fn reads(self) -> bool {
        matches!(self, Self::Read | Self::ReadCookies | Self::ReadState)
    }

    /// Whether the run replaces what the file held.
    pub(super) fn writes_afresh(self) -> bool {
        !self.reads() && self != Self::State && !self.is_stream()
    }

    /// Whether it carries data that nothing else may be mixed with.
    pub(super) fn is_data(self) -> bool {
        matches!(self, Self::Records | Self::Body | Self::StreamOfData)
    }

    /// Whether one file may have both roles; files that are only read may be one anyway.
    pub(super) fn may_share_file(self, other: Self) -> bool {
        let keeps = |one, other| {
            matches!((one, other), (Self::ReadCookies, Self::SaveCookies) | (Self::ReadState, Self::State))
        };
        (self.is_stream() && other.is_stream()) || keeps(self, other) || keeps(other, self)
    }

    /// Whether one pipe or terminal may have both roles, of which one writes: nothing is mixed with records, and no run
    /// reads what it writes.
    pub(super) fn may_share_stream(self, other: Self, is_pipe: bool) -> bool {
        match (self.reads(), other.reads()) {
            (false, false) if self.is_stream() && other.is_stream() => true,
            // Standard error has messages, which a user may send anywhere.
            (false, false) => !(self.is_data() || other.is_data()) || self == Self::Stream || other == Self::Stream,
            _ => !is_pipe,
        }
    }
}
