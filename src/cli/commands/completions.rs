//! `fetchall completions SHELL`.

use clap::CommandFactory;
use clap_complete::Shell;

use crate::cli::args::Cli;
use crate::cli::exit::Exit;
use crate::cli::to_stdout;

/// Writes the completion script of a shell to standard output.
pub fn write(shell: Shell) -> anyhow::Result<Exit> {
    // Into memory first: the generator panics when its writer fails, as a closed pipe does.
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "fetchall", &mut script);
    to_stdout(&script)
}
