//! `fetchall man`.

use clap::CommandFactory;
use clap_mangen::Man;
use clap_mangen::roff::{Roff, bold, roman};

use crate::cli::args::Cli;
use crate::cli::exit::Exit;
use crate::cli::manual::{CONFIGURATION, EXAMPLES, EXIT_STATUS, FILES, LISTS};
use crate::cli::to_stdout;

/// Writes the manual page to standard output, as roff.
pub fn write() -> anyhow::Result<Exit> {
    let (man, mut page) = (Man::new(Cli::command()), Vec::new());
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
