//! `fetchall config`: the effective configuration as TOML that reads back as itself, without its secrets.

use fetchall::config::{HostTable, KEYS, Key, SettingSource};

use crate::cli::exit::Exit;
use crate::cli::resolve::Resolved;
use crate::cli::to_stdout;

/// Comments stand in one column, unless a value is longer than this.
const WIDEST: usize = 72;

/// Writes the configuration to standard output. With `show_origin`, names the source of each value.
pub fn show(resolved: &Resolved, show_origin: bool) -> anyhow::Result<Exit> {
    let lines: Vec<String> = KEYS.iter().map(|key| line(key, resolved)).collect();
    let width = lines.iter().map(|line| line.chars().count()).filter(|width| *width <= WIDEST).max().unwrap_or(0);
    let mut text = String::new();
    for (line, key) in lines.iter().zip(KEYS) {
        match resolved.origins.get(key.name).filter(|_| show_origin) {
            // A file's name may hold anything; a line break in it would end the comment.
            Some(origin) => text.push_str(&format!("{line:width$}  # {}\n", origin.to_string().escape_debug())),
            None => text.push_str(&format!("{line}\n")),
        }
    }
    text.extend(resolved.config.hosts.iter().map(HostTable::show));
    to_stdout(text.as_bytes())
}

/// The line of a setting. A default that a crawl does not have is a comment: read back, it would change crawls.
fn line(key: &Key, resolved: &Resolved) -> String {
    let line = format!("{} = {}", key.name, key.show(&resolved.config));
    let is_default = matches!(resolved.origins.get(key.name), None | Some(SettingSource::Default));
    match key.default_of_crawl().filter(|_| is_default) {
        Some(of_crawl) => format!("# {line}, for crawl {of_crawl}"),
        None => line,
    }
}
