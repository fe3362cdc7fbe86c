//! Every setting has its flag, its row in the reference and its lines in the example.

use std::path::Path;

use fetchall::config::{Config, KEYS, Key, ValueForm};

use crate::support::cli::Fetchall;

const PAGE: &str = include_str!("../../../docs/reference/settings.md");

/// The widest line of the example, in characters.
const WIDEST: usize = 100;

#[test]
fn every_setting_has_a_flag_a_row_and_an_example() {
    let help = |words: &[&str]| Fetchall::new().args(words).run().expect_code(0).stdout;
    let help = help(&["--help"]) + &help(&["crawl", "--help"]);
    let help: Vec<_> = help.split_whitespace().map(|word| word.trim_end_matches(',')).collect();
    let example = std::fs::read_to_string(example()).unwrap();
    for key in KEYS {
        assert!(help.contains(&key.flag), "{} has no flag", key.name);
        assert!(PAGE.contains(&format!("| `{}`", key.flag)), "{} has no row in the reference", key.name);
        let has_line = ["\n", "\n# "].iter().any(|start| example.contains(&format!("{start}{} = ", key.name)));
        assert!(has_line, "{} has no line in the example", key.name);
    }
}

fn example() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("config.example.toml")
}

/// The comment and the line of a setting.
fn lines(key: &Key, config: &Config) -> String {
    let mut comment = format!("{}.", key.help.replace("--", ""));
    if let ValueForm::Words(_) = key.form {
        comment += &format!(" Values: {}.", key.words().collect::<Vec<_>>().join(", "));
    }
    if !key.note.is_empty() {
        comment += &format!(" {}", key.note);
    }
    let of_crawl = key.default_of_crawl();
    if let Some(value) = &of_crawl {
        comment += &format!(" The default of crawl is {value}.");
    }
    let mut text = String::from("#");
    let mut width = 1;
    for word in comment.split(' ') {
        let length = word.chars().count();
        if width + 1 + length > WIDEST {
            text += "\n#";
            width = 1;
        }
        text += &format!(" {word}");
        width += 1 + length;
    }
    // Without its mark the line would change the default of crawl.
    let mark = if of_crawl.is_some() { "# " } else { "" };
    text + &format!("\n{mark}{} = {}\n", key.name, key.get(config))
}

#[test]
fn example_explains_every_setting() {
    let config = Config::default();
    let written = std::fs::read_to_string(example()).unwrap();
    let (head, rest) = written.split_once("\n\n").unwrap();
    let tail = &rest[rest.find("# Settings of single hosts").unwrap()..];
    let mut expected = format!("{head}\n");
    let mut group = "";
    for key in KEYS {
        if key.group != group {
            expected += "\n";
            group = key.group;
        }
        expected += &lines(key, &config);
    }
    expected += &format!("\n{tail}");
    let update = std::env::var("INSTA_UPDATE").is_ok_and(|how| how == "always");
    if update && written != expected {
        std::fs::write(example(), &expected).unwrap();
        return;
    }
    for (line, wanted) in written.lines().zip(expected.lines()) {
        assert_eq!(line, wanted, "config.example.toml; INSTA_UPDATE=always cargo test --test it docs rewrites it");
    }
    assert_eq!(written.len(), expected.len());
}
