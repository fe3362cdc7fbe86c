//! The exit codes, and the mapping from errors to them.

use std::fmt;
use std::io;
use std::process::ExitCode;

/// How the program ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// Nothing failed.
    Ok = 0,
    /// The run is complete, some URLs failed.
    SomeFailed = 1,
    /// The command line or the configuration is wrong; nothing was done.
    Usage = 2,
    /// The run stopped early because a part of it broke.
    Broken = 3,
    /// A limit was reached.
    Limit = 4,
    /// Another run has the folder or the state (EX_TEMPFAIL of sysexits.h); nothing was done.
    InUse = 75,
    /// Interrupted by a signal.
    Interrupted = 130,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        ExitCode::from(exit as u8)
    }
}

impl Exit {
    /// The code for an error that ended the program.
    pub fn of(error: &anyhow::Error) -> Self {
        if error.is::<UsageError>() {
            return Exit::Usage;
        }
        if error.is::<InUseError>() {
            return Exit::InUse;
        }
        // The reader of standard output has seen enough, as in `fetchall config | head -1`.
        let closed = |cause: &&(dyn std::error::Error + 'static)| {
            cause.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
        };
        if error.chain().find(closed).is_some() { Exit::Ok } else { Exit::Broken }
    }
}

/// All errors of the command line or the configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UsageError(pub Vec<String>);

impl UsageError {
    /// A single error.
    pub fn one(problem: impl Into<String>) -> Self {
        Self(vec![problem.into()])
    }
}

impl fmt::Display for UsageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join("\nerror: "))
    }
}

impl std::error::Error for UsageError {}

/// Another run has the folder or the state. The same command works later.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct InUseError(pub String);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_end_in_their_codes() {
        assert_eq!(Exit::of(&UsageError::one("x").into()), Exit::Usage);
        assert_eq!(Exit::of(&InUseError("x".to_owned()).into()), Exit::InUse);
        assert_eq!(Exit::of(&io::Error::from(io::ErrorKind::BrokenPipe).into()), Exit::Ok);
        assert_eq!(Exit::of(&io::Error::from(io::ErrorKind::StorageFull).into()), Exit::Broken);
    }
}
