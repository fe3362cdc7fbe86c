//! The page of settings and the program agree.

use fetchall::config::{Config, KEYS};

use crate::support::cli::Fetchall;

const PAGE: &str = include_str!("../../../docs/reference/settings.md");

/// The cells of the row of a flag.
fn row(flag: &str) -> Vec<&'static str> {
    let is_row =
        |line: &&str| line.split('|').nth(1).is_some_and(|cell| cell.split([' ', ',']).any(|word| word == flag));
    let row = PAGE.lines().find(is_row).unwrap_or_else(|| panic!("{flag} has no row"));
    row.trim_matches('|').split(" | ").map(str::trim).collect()
}

#[test]
fn every_setting_has_a_row_with_its_default() {
    let config = Config::default();
    for key in KEYS {
        let cells = row(&format!("`--{}`", key.name));
        let default = key.get(&config);
        let default = default.as_str().map_or_else(|| default.to_string(), str::to_owned);
        let shown =
            if key.name == "user-agent" { "`fetchall/VERSION (+REPOSITORY)`" } else { &*format!("`{default}`") };
        assert_eq!(cells[1], shown, "--{}", key.name);
        for alias in key.aliases {
            assert!(cells[0].contains(&format!("`--{alias}`")), "--{} has the alias --{alias}", key.name);
        }
    }
}

#[test]
fn every_flag_is_explained_as_in_the_help() {
    let help = Fetchall::new().arg("--help").run().expect_code(0).stdout;
    let help = help.split("Examples:").next().unwrap_or_default();
    let help = help.split_whitespace().collect::<Vec<_>>().join(" ");
    let flags: std::collections::BTreeSet<_> = help
        .split(|c: char| !(c.is_ascii_alphanumeric() || c == '-'))
        .filter(|word| word.starts_with("--") && word.len() > 3)
        .collect();
    assert!(flags.len() > 60, "{flags:?}");
    for flag in flags {
        let cells = row(&format!("`{flag}`"));
        let meaning = cells[2].replace("\\|", "|").replace('`', "");
        assert!(help.replace('`', "").contains(&meaning), "{flag}: the help does not say: {meaning}");
    }
}
