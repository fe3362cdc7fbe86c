//! The terminal and its settings: colour, a bar, signals.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::io::{self, IsTerminal};

use fetchall::config::{Color, ProgressMode};

/// The kinds of standard output and standard error.
#[derive(Debug, Clone, Copy)]
pub struct Terminal {
    /// Standard output is a terminal.
    pub stdout: bool,
    /// Standard error is a terminal.
    pub stderr: bool,
    /// Both are the same terminal.
    pub is_shared: bool,
    /// It can move the cursor: TERM is not `dumb`.
    clever: bool,
    /// NO_COLOR is set, to anything (no-color.org).
    no_color: bool,
    /// CLICOLOR_FORCE is set, to anything but 0 (bixense.com/clicolors).
    force_color: bool,
}

impl Terminal {
    /// Detects the terminal of this process.
    pub fn of(vars: &BTreeMap<OsString, OsString>) -> Self {
        let var = |name: &str| vars.get(OsStr::new(name)).filter(|value| !value.is_empty());
        Self {
            stdout: io::stdout().is_terminal(),
            stderr: io::stderr().is_terminal(),
            is_shared: io::stdout().is_terminal() && io::stderr().is_terminal() && is_one_device(),
            clever: var("TERM").is_none_or(|term| term != "dumb"),
            no_color: var("NO_COLOR").is_some(),
            force_color: var("CLICOLOR_FORCE").is_some_and(|value| value != "0"),
        }
    }

    /// Whether text that goes to a terminal, or not, is coloured.
    pub fn color(&self, wanted: Color, is_terminal: bool) -> bool {
        match wanted {
            Color::Always => true,
            Color::Never => false,
            Color::Auto if self.no_color => false,
            Color::Auto => self.force_color || (is_terminal && self.clever),
        }
    }

    /// Resolves `auto` for this terminal.
    pub fn progress(&self, wanted: ProgressMode) -> ProgressMode {
        match wanted {
            ProgressMode::Auto if self.stderr && self.clever => ProgressMode::Bar,
            ProgressMode::Auto => ProgressMode::Plain,
            given => given,
        }
    }
}

/// Whether standard output and standard error lead to the same device.
#[cfg(unix)]
fn is_one_device() -> bool {
    let device = |found: Result<rustix::fs::Stat, _>| found.map(|found| found.st_rdev).ok();
    let (stdout, stderr) = (rustix::fs::fstat(io::stdout()), rustix::fs::fstat(io::stderr()));
    device(stdout).is_some_and(|stdout| Some(stdout) == device(stderr))
}

/// A program has one console.
#[cfg(not(unix))]
fn is_one_device() -> bool {
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    const PIPE: Terminal =
        Terminal { stdout: false, stderr: false, is_shared: false, clever: true, no_color: false, force_color: false };
    const SCREEN: Terminal = Terminal { stdout: true, stderr: true, ..PIPE };

    #[test]
    fn color_follows_flag_then_environment_then_terminal() {
        assert!(SCREEN.color(Color::Auto, true));
        assert!(!PIPE.color(Color::Auto, false));
        assert!(!Terminal { no_color: true, force_color: true, ..SCREEN }.color(Color::Auto, true));
        assert!(Terminal { force_color: true, ..PIPE }.color(Color::Auto, false));
        assert!(!Terminal { clever: false, ..SCREEN }.color(Color::Auto, true));
        assert!(Terminal { no_color: true, ..PIPE }.color(Color::Always, false));
        assert!(!SCREEN.color(Color::Never, true));
    }

    #[test]
    fn a_bar_needs_a_terminal_that_can_draw_it() {
        assert_eq!(SCREEN.progress(ProgressMode::Auto), ProgressMode::Bar);
        assert_eq!(PIPE.progress(ProgressMode::Auto), ProgressMode::Plain);
        assert_eq!(Terminal { clever: false, ..SCREEN }.progress(ProgressMode::Auto), ProgressMode::Plain);
        assert_eq!(PIPE.progress(ProgressMode::Bar), ProgressMode::Bar);
    }
}
