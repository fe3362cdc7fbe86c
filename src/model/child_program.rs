//! The program that a run starts as a child process.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::Command;

/// A program and its environment.
#[derive(Debug, Clone, Default)]
pub struct ChildProgram {
    /// The file.
    pub path: PathBuf,
    /// The whole environment of the child. With `None`, the child inherits that of its parent, which
    /// may hold passwords.
    pub environment: Option<Vec<(OsString, OsString)>>,
}

impl ChildProgram {
    /// The command that starts it, without arguments.
    pub fn command(&self) -> Command {
        let mut command = Command::new(&self.path);
        if let Some(variables) = &self.environment {
            command.env_clear().envs(variables.iter().map(|(name, value)| (name, value)));
        }
        command
    }
}

impl From<PathBuf> for ChildProgram {
    /// A program that inherits the environment.
    fn from(path: PathBuf) -> Self {
        Self { path, environment: None }
    }
}

impl From<&str> for ChildProgram {
    /// A program that inherits the environment.
    fn from(path: &str) -> Self {
        PathBuf::from(path).into()
    }
}
