//! The surroundings of the process.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;

/// The inputs of the process besides its arguments.
#[derive(Debug, Clone)]
pub struct Env {
    /// The environment; HOME and XDG_CONFIG_HOME are looked up here too.
    pub vars: BTreeMap<OsString, OsString>,
    /// The folder that relative paths start from.
    pub cwd: PathBuf,
    /// Whether standard input is a terminal, so that no list is piped into it.
    pub stdin_is_terminal: bool,
    /// Whether standard input is a device, such as a terminal or /dev/null. No list is piped into it either.
    pub stdin_is_device: bool,
}
