//! `fetchall man`.

use clap::{Command, CommandFactory};
use clap_mangen::Man;
use clap_mangen::roff::{Roff, bold, roman};

use crate::cli::args::Cli;
use crate::cli::exit::Exit;
use crate::cli::manual::{CONFIGURATION, EXAMPLES, EXIT_STATUS, FILES, LISTS};
use crate::cli::to_stdout;

/// Writes the manual page of the program, or of one of its commands, to standard output, as roff.
pub fn write(command: Option<&str>) -> anyhow::Result<Exit> {
    let mut program = Cli::command().disable_help_subcommand(true);
    program.build();
    let program = with_long_help(program);
    let Some(command) = command.and_then(|name| program.find_subcommand(name)) else { return of_program(program) };
    let man = Man::new(command.clone()).source(concat!("fetchall ", env!("CARGO_PKG_VERSION")));
    let mut page = Vec::new();
    if command.has_subcommands() {
        man.render_title(&mut page)?;
        man.render_name_section(&mut page)?;
        man.render_synopsis_section(&mut page)?;
        man.render_description_section(&mut page)?;
        of_subcommands(command).to_writer(&mut page)?;
        man.render_extra_section(&mut page)?;
    } else {
        man.render(&mut page)?;
    }
    to_stdout(&page)
}

/// A section of the commands of a command. They have no pages of their own, so their options are here.
fn of_subcommands(command: &Command) -> Roff {
    let mut section = Roff::default();
    section.control("SH", ["COMMANDS"]);
    for subcommand in command.get_subcommands() {
        let usage = subcommand.clone().render_usage().to_string();
        let usage = usage.trim_start_matches("Usage: ").to_owned();
        let about = subcommand.get_about().map(ToString::to_string).unwrap_or_default();
        section.control("SS", [usage.as_str()]).text([roman(about)]);
        for argument in subcommand.get_arguments().filter(|argument| argument.get_id() != "help") {
            let help = argument.get_help().map(ToString::to_string).unwrap_or_default();
            section.control("TP", []).text([bold(argument.to_string())]).text([roman(help)]);
        }
    }
    section
}

/// Gives each option its text as the long help. The page has no other text for an option that `-h` leaves out.
fn with_long_help(command: Command) -> Command {
    let command = command.mut_args(|option| match option.get_help().cloned() {
        Some(help) if option.get_long_help().is_none() => option.long_help(help),
        _ => option,
    });
    command.mut_subcommands(with_long_help)
}

fn of_program(program: Command) -> anyhow::Result<Exit> {
    let (man, mut page) = (Man::new(program), Vec::new());
    man.render_title(&mut page)?;
    man.render_name_section(&mut page)?;
    man.render_synopsis_section(&mut page)?;
    man.render_description_section(&mut page)?;
    man.render_options_section(&mut page)?;
    man.render_subcommands_section(&mut page)?;
    let mut own = Roff::default();
    terms(&mut own, "EXAMPLES", EXAMPLES);
    paragraphs(&mut own, "LISTS", LISTS);
    paragraphs(&mut own, "CONFIGURATION", CONFIGURATION);
    terms(&mut own, "FILES", FILES);
    terms(&mut own, "EXIT STATUS", EXIT_STATUS);
    own.to_writer(&mut page)?;
    man.render_version_section(&mut page)?;
    to_stdout(&page)
}

/// A section of terms and their meanings.
fn terms(page: &mut Roff, section: &str, terms: &[(&str, &str)]) {
    page.control("SH", [section]);
    for (term, meaning) in terms {
        page.control("TP", []).text([bold(*term)]).text([roman(*meaning)]);
    }
}

/// A section of lines. One that ends in a full stop ends its paragraph.
fn paragraphs(page: &mut Roff, section: &str, lines: &str) {
    page.control("SH", [section]);
    for line in lines.lines() {
        page.text([roman(line)]);
        if line.ends_with('.') {
            page.control("PP", []);
        }
    }
}
