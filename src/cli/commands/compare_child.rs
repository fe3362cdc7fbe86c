//! `fetchall compare-child`: the child process of a comparison. Its settings and URLs may hold
//! passwords, so they come through standard input: every user of a machine can read arguments.

use std::ffi::OsString;
use std::io::{self, IsTerminal as _, Read as _};

use anyhow::Context;

use crate::cli::args;
use crate::cli::exit::UsageError;
use crate::cli::job_args::JobArgs;

/// The job of these words and those of standard input.
///
/// # Errors
/// When a person started it, or the words are no job.
pub fn job(words: Vec<OsString>) -> anyhow::Result<JobArgs> {
    if io::stdin().is_terminal() {
        let by_hand = "compare-child: is started by `fetchall compare` and not by hand; a list of that name is \
                       ./compare-child";
        return Err(UsageError::one(by_hand).into());
    }
    end_with_parent();
    let mut bytes = Vec::new();
    io::stdin().lock().read_to_end(&mut bytes).context("cannot read the arguments")?;
    let mut pieces = bytes.split(|byte| *byte == 0);
    if !is_child_of(pieces.next().unwrap_or_default()) {
        return Err(UsageError::one("compare-child: the comparison that started it has ended").into());
    }
    let secret = pieces.map(word);
    let words = std::iter::once("fetchall".into()).chain(words).chain(secret);
    // The parser's message would repeat an argument, and this child's words are recorded.
    let cli = args::parse(words).map_err(|_| UsageError::one("compare-child: wrong arguments"))?;
    match cli.command {
        None => Ok(cli.job),
        Some(_) => Err(UsageError::one("compare-child: takes no command").into()),
    }
}

/// Has the system end this child with the program that started it, however that ends. Elsewhere a child
/// goes on to the end of its list.
fn end_with_parent() {
    #[cfg(target_os = "linux")]
    {
        use rustix::process::{Signal, set_parent_process_death_signal};
        // Err: a system without it.
        let _ = set_parent_process_death_signal(Some(Signal::KILL));
    }
}

/// Whether the process of this number is still the parent.
#[cfg(target_os = "linux")]
fn is_child_of(number: &[u8]) -> bool {
    let parent = rustix::process::getppid().map(|parent| parent.as_raw_nonzero().to_string());
    parent.is_some_and(|parent| parent.as_bytes() == number)
}

#[cfg(not(target_os = "linux"))]
fn is_child_of(_: &[u8]) -> bool {
    true
}

#[cfg(unix)]
fn word(bytes: &[u8]) -> OsString {
    use std::os::unix::ffi::OsStrExt as _;
    std::ffi::OsStr::from_bytes(bytes).to_owned()
}

#[cfg(not(unix))]
fn word(bytes: &[u8]) -> OsString {
    String::from_utf8_lossy(bytes).into_owned().into()
}
