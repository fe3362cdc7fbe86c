//! Tests of the command line as it is declared, and the page that lists it.

use clap::{Arg, Command as Declared, CommandFactory};
use fetchall::config::{KEYS, Key, TRAP_LIMITS, TrapLimit};
use fetchall::model::TrapLimits;

use super::*;
use crate::cli::setting_flags::FlagValue;

/// The page of all flags. The text before its first table is written by hand.
const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/reference/settings.md");

#[test]
fn the_command_line_is_consistent() {
    Cli::command().debug_assert();
}

/// The row of a flag: names, default, meaning, value.
fn row(flag: &Arg) -> String {
    let long = |name: &str| format!("`--{name}`");
    let mut names: Vec<String> = flag.get_long().map(long).into_iter().collect();
    names.extend(flag.get_short().map(|letter| format!("`-{letter}`")));
    names.extend(flag.get_all_aliases().unwrap_or_default().into_iter().map(long));
    names.extend(flag.get_all_short_aliases().unwrap_or_default().into_iter().map(|letter| format!("`-{letter}`")));
    let help = flag.get_help().unwrap().to_string();
    let (meaning, default) = match help.strip_suffix(']').and_then(|help| help.split_once(" [default: ")) {
        Some((meaning, default)) => (meaning, format!("`{default}`{}", of_crawl(flag))),
        None if flag.get_long().is_some_and(|name| Key::named(name).is_some()) => (&*help, "`[]`".to_owned()),
        None => (&*help, "-".to_owned()),
    };
    let takes_value = flag.get_action().takes_values();
    let words = flag.get_possible_values();
    let value: Vec<String> = match flag.get_value_names() {
        _ if !takes_value => Vec::new(),
        _ if !words.is_empty() => words.iter().map(|word| format!("`{}`", word.get_name())).collect(),
        names => names.unwrap_or_default().iter().map(|name| format!("`{name}`")).collect(),
    };
    let cells = [names.join(", "), default, meaning.to_owned(), value.join(" ")];
    format!("| {} |\n", cells.map(|cell| cell.replace('|', "\\|")).join(" | "))
}

/// The default of a crawl beside that of a list.
fn of_crawl(flag: &Arg) -> String {
    let key = Key::named(flag.get_id().as_str()).filter(|key| !key.is_of_crawl());
    let value = key.and_then(Key::default_of_crawl);
    value.map_or_else(String::new, |value| format!(", crawl `{}`", value.to_string().trim_matches('"')))
}

/// The table of the limits in `[traps]`.
fn limits() -> String {
    let usual = TrapLimits::default();
    let row = |limit: &TrapLimit| format!("| `{}` | `{}` | {} |\n", limit.name, limit.get(&usual), limit.help);
    let rows: String = TRAP_LIMITS.iter().map(row).collect();
    format!("## Limits of `[traps]`\n\n| key | default | meaning |\n| --- | --- | --- |\n{rows}\n")
}

/// The tables of the page, one for each group of flags, and the settings of `./fetchall.toml`.
fn tables(command: &Declared) -> String {
    let of_crawl = |flag: &&Arg| Key::named(flag.get_id().as_str()).is_some_and(Key::is_of_crawl);
    let crawl = command.find_subcommand("crawl").unwrap().get_arguments().filter(of_crawl);
    let shown = command.get_arguments().filter(|flag| !flag.is_hide_set() && !flag.is_positional());
    let mut flags: Vec<&Arg> = shown.chain(crawl).collect();
    flags.sort_by_key(|flag| flag.get_display_order());
    let mut page = String::new();
    for group in [None].into_iter().chain(groups().into_iter().map(Some)) {
        page += &format!("## {}\n\n| flag | default | meaning | value |\n", group.unwrap_or("Options"));
        page += "| --- | --- | --- | --- |\n";
        page.extend(flags.iter().filter(|flag| flag.get_help_heading() == group).map(|flag| row(flag)));
        page += "\n";
    }
    page + &limits()
        + "## Settings of `./fetchall.toml`\n\nUnless `--config` names this file, it sets only these:\n\n"
        + &of_folder()
}

/// The groups of settings in their order.
fn groups() -> Vec<&'static str> {
    let mut groups: Vec<_> = KEYS.iter().map(|key| key.group).collect();
    groups.dedup();
    groups
}

/// The settings that a file of the working folder may set, one group a line.
fn of_folder() -> String {
    let names = |group| {
        let keys = KEYS.iter().filter(move |key| key.group == group && key.anywhere);
        keys.map(|key| format!("`{}`", key.name)).collect::<Vec<_>>().join(", ")
    };
    let lines = groups().into_iter().map(|group| (group, names(group))).filter(|(_, names)| !names.is_empty());
    lines.map(|(group, names)| format!("- {group}: {names}\n")).collect()
}

#[test]
fn reference_page_lists_every_flag() {
    let mut command = Cli::command();
    command.build();
    let page = std::fs::read_to_string(PAGE).unwrap();
    let prose = &page[..page.find("## Options\n").unwrap()];
    let expected = prose.to_owned() + &tables(&command);
    #[expect(clippy::disallowed_methods, reason = "as snapshots are updated")]
    let update = std::env::var("INSTA_UPDATE").is_ok_and(|how| how == "always");
    if update && page != expected {
        std::fs::write(PAGE, &expected).unwrap();
        return;
    }
    for (line, wanted) in page.lines().zip(expected.lines()) {
        assert_eq!(
            line, wanted,
            "docs/reference/settings.md; INSTA_UPDATE=always cargo test reference_page rewrites it"
        );
    }
    assert_eq!(page.len(), expected.len());
}

#[test]
fn switch_takes_a_truth_value_too() {
    let given = |words: &[&str]| {
        let words = ["fetchall"].iter().chain(words).map(OsString::from);
        let given = parse(words).unwrap().job.settings.given();
        given.into_iter().map(|given| (given.flag, given.value)).collect::<Vec<_>>()
    };
    for (word, flag) in [
        ("--refresh=true", "--refresh"),
        ("--refresh=false", "--no-refresh"),
        ("--timestamping=false", "--no-refresh"),
        ("--no-refresh", "--no-refresh"),
    ] {
        let found = given(&[word, "http://a/"]);
        assert!(matches!(&found[..], [(found, FlagValue::Text(_))] if *found == flag), "{word}: {found:?}");
    }
    assert_eq!(given(&["--", "--refresh=false"]).len(), 0, "it is an input");
    let words = ["fetchall", "--refresh=perhaps"].map(OsString::from);
    assert!(parse(words).unwrap_err().to_string().contains("unexpected value 'perhaps' for '--refresh'"));
}
