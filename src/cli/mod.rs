//! The program around the library: arguments, environment, files of settings, exit codes.
//!
//! Only here are the environment read, `clap` and `anyhow` used and the process ended.

mod after_run;
mod args;
mod child;
mod commands;
mod compare_args;
mod crawl_args;
mod env;
mod exit;
mod explain_args;
mod inputs;
mod job_args;
mod log;
mod manual;
mod queue_args;
mod report_args;
mod resolve;
mod run_log;
mod screen;
mod setting_flags;
mod signals;
mod terminal;
mod tips;
mod version;
mod warc_args;

use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;

use anyhow::Context;
use fetchall::config::{Color, Config};

use args::{Cli, Command};
use env::Env;
use exit::{Exit, UsageError};
use terminal::Terminal;

/// Parses the command line, runs the command, and reports its errors.
pub fn main() -> ExitCode {
    std::panic::set_hook(Box::new(screen::say_panic));
    screen::spare_files(std::env::args_os().skip(1));
    let exit = match args::parse(std::env::args_os()) {
        Ok(cli) => dispatch(cli).unwrap_or_else(|error| report(&error)),
        // Help and version are errors to clap; only they go to standard output.
        Err(mut message) if message.use_stderr() => {
            tips::correct(&mut message);
            let colored = env().is_ok_and(|env| {
                let terminal = Terminal::of(&env.vars);
                terminal.color(Color::Auto, terminal.stderr)
            });
            screen::say_styled(&tips::harmless(message, colored));
            Exit::Usage
        }
        Err(message) => message.print().map_or_else(|error| report(&error.into()), |()| Exit::Ok),
    };
    screen::finish();
    exit.into()
}

fn dispatch(cli: Cli) -> anyhow::Result<Exit> {
    match cli.command {
        None => {
            let env = env()?;
            commands::run::list(resolve::job(&cli.job, &env)?, &env.vars)
        }
        Some(Command::Crawl(args)) => {
            let env = env()?;
            commands::run::list(crawl_args::resolve(*args, &env)?, &env.vars)
        }
        Some(Command::Map(args)) => {
            let env = env()?;
            commands::run::list(crawl_args::resolve_map(*args, &env)?, &env.vars)
        }
        Some(Command::Mirror(args)) => {
            let env = env()?;
            commands::run::list(crawl_args::resolve_mirror(*args, &env)?, &env.vars)
        }
        Some(Command::Report(args)) => commands::report::write(&report_args::resolve(args, &env()?)?),
        Some(Command::Explain(args)) => commands::explain::tell(&explain_args::resolve(&args, &env()?)?),
        Some(Command::Wacz { paths, output }) => commands::wacz::run(&paths, &output),
        Some(Command::Warc { command }) => commands::warc::run(&command),
        Some(Command::Queue { command }) => commands::queue::run(&command, &env()?),
        Some(Command::Demo { crawl, mirror, settings }) => {
            let env = env()?;
            let defaults = match (crawl, &mirror) {
                (_, Some(_)) => Config::of_mirror(),
                (true, None) => Config::of_crawl(),
                (false, None) => Config::default(),
            };
            let mut resolved = resolve::settings_over(defaults, &settings, &env)?;
            if let Some(folder) = mirror {
                resolved.config.dir = Some(folder);
                resolved.config.crawl.mirror_index = true;
            }
            crawl_args::fit_check(&mut resolved)?;
            commands::run::demo(resolved, &env.vars)
        }
        Some(Command::Compare(args)) => {
            let env = env()?;
            commands::compare::run(compare_args::resolve(*args, &env)?, &env)
        }
        Some(Command::Config { show_origin, settings }) => {
            commands::config::show(&resolve::settings(&settings, &env()?)?, show_origin)
        }
        Some(Command::Completions { shell }) => commands::completions::write(shell),
        Some(Command::Man { command }) => commands::man::write(command.as_deref()),
        Some(Command::Worker) => commands::worker::serve(),
        Some(Command::CompareChild { words }) => {
            let env = env()?;
            commands::run::list(resolve::job(&commands::compare_child::job(words)?, &env)?, &env.vars)
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "the one place that reads the environment")]
fn env() -> Result<Env, UsageError> {
    let cwd = std::env::current_dir()
        .map_err(|error| UsageError::one(format!("cannot tell the current folder: {error}; change into another")))?;
    Ok(Env {
        vars: std::env::vars_os().collect(),
        cwd,
        stdin_is_terminal: io::stdin().is_terminal(),
        stdin_is_device: stdin_is_device(),
    })
}

fn report(error: &anyhow::Error) -> Exit {
    let exit = Exit::of(error);
    if exit != Exit::Ok {
        screen::say(&format!("error: {error:#}"));
    }
    exit
}

/// Writes a whole text to standard output.
fn to_stdout(text: &[u8]) -> anyhow::Result<Exit> {
    let mut out = io::stdout().lock();
    out.write_all(text).and_then(|()| out.flush()).context("cannot write to standard output")?;
    Ok(Exit::Ok)
}

#[cfg(unix)]
fn stdin_is_device() -> bool {
    let stat = rustix::fs::fstat(io::stdin());
    stat.is_ok_and(|stat| rustix::fs::FileType::from_raw_mode(stat.st_mode).is_char_device())
}

#[cfg(not(unix))]
fn stdin_is_device() -> bool {
    io::stdin().is_terminal()
}
