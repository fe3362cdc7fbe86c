//! The sections of the manual page and of `--help` beside the options.

use std::fmt::Write as _;

/// Commands, each with its effect.
pub const EXAMPLES: &[(&str, &str)] = &[
    ("fetchall sites.txt", "print one line per URL"),
    ("fetchall -d out sites.txt", "save each body below out/, or go on with it"),
    ("fetchall -d out --only 5xx,timeout sites.txt", "try these failures again"),
    ("fetchall -d out --refresh sites.txt", "fetch again what has changed"),
    ("fetchall --json sites.txt > records.ndjson", "write one JSON record per URL"),
    ("grep -o 'https://[^ ]*' notes | fetchall", "read the list from a pipe"),
    ("fetchall -O page.html https://example.com/", "save one URL as one file"),
    ("fetchall crawl -d out https://example.com/", "follow the links of a site"),
    ("fetchall demo", "try it without a network"),
    ("fetchall compare -c 5,20,80 sites.txt", "find the best backend and concurrency"),
];

/// The formats of lists and the columns of tables.
pub const LISTS: &str = "\
Without --input-format the extension or the first bytes show the format of a list: text with one URL
per line, CSV or TSV, JSON lines, a JSON array, a sitemap, or a WARC, CDXJ or WACZ file. A list may
be compressed with gzip or zstd. `-i URL` fetches a list.
The first line of a table names its columns, in any order: url, out (file name below --dir), sha256
and blake3 (the digest of the body), priority, headers. Without url, the only column with URLs is
taken. Other columns are ignored with a warning. A name that may mean one of these, such as hash or
path, ends the program with code 2.
Write ./config for a list whose name is that of a command.";

/// The sources of settings.
pub const CONFIGURATION: &str = "\
Settings come from $XDG_CONFIG_HOME/fetchall/config.toml (or ~/.config), ./fetchall.toml,
--config FILE (or FETCHALL_CONFIG), FETCHALL_* variables and flags. Later sources win, and a list
such as --header replaces an earlier one. `fetchall config --show-origin` prints the result.
--no-NAME switches off what --NAME switches on, such as --no-refresh.
./fetchall.toml may come from a stranger: without --config it sets only what docs/reference/settings.md lists.
Times: 500ms 10s 2m 1h 1m30s, a bare number counts seconds.
Sizes: 64KiB 10M 1GiB, 5MB is 5000000 bytes, a bare number counts bytes.";

/// The files of the program.
pub const FILES: &[(&str, &str)] = &[
    ("~/.config/fetchall/config.toml", "settings of the user; $XDG_CONFIG_HOME replaces ~/.config"),
    ("./fetchall.toml", "settings of the working folder"),
    ("DIR/.fetchall/", "the state of runs with --dir DIR, and bodies that were cut off"),
    ("~/.netrc", "passwords by host, with --netrc"),
];

/// The exit codes.
pub const EXIT_STATUS: &[(&str, &str)] = &[
    ("0", "no failure"),
    ("1", "some URLs failed"),
    ("2", "usage or configuration error"),
    ("3", "the run broke"),
    ("4", "a limit was reached"),
    ("75", "another run has the folder or the state"),
    ("130", "interrupted"),
];

/// The end of `--help`.
pub fn after_help() -> String {
    let mut text = "Examples:\n".to_owned();
    for (command, what) in EXAMPLES {
        let _ = writeln!(text, "  {command:<44} {what}");
    }
    let codes: Vec<_> = EXIT_STATUS.iter().map(|(code, what)| format!("{code} {what}")).collect();
    let _ = write!(
        text,
        "\nLists:\n{LISTS}\n\nConfiguration:\n{CONFIGURATION}\n\nExit codes: {}.\n\n\
         Manual: `fetchall man`. Documentation: docs/guide and docs/reference of the source.",
        codes.join(", ")
    );
    text
}
