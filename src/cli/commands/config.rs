//! `fetchall config`: the effective configuration as TOML that reads back as itself.

use fetchall::config::{Config, HostTable, KEYS, Proxies, without_secret};
use fetchall::model::without_password;
use toml::Value;

use fetchall::policy::network::no_proxy;

use crate::cli::exit::Exit;
use crate::cli::resolve::Resolved;
use crate::cli::to_stdout;

/// Comments stand in one column, unless a value is longer than this.
const WIDEST: usize = 72;

/// Writes the configuration to standard output. With `show_origin`, names the source of each value.
pub fn show(resolved: &Resolved, show_origin: bool) -> anyhow::Result<Exit> {
    let config = without_secrets(resolved.config.clone());
    let lines: Vec<String> =
        KEYS.iter().map(|key| format!("{} = {}", key.name, shown(key.name, key.get(&config)))).collect();
    let width = lines.iter().map(|line| line.chars().count()).filter(|width| *width <= WIDEST).max().unwrap_or(0);
    let mut text = String::new();
    for (line, key) in lines.iter().zip(KEYS) {
        match resolved.origins.get(key.name).filter(|_| show_origin) {
            // A file's name may hold anything; a line break in it would end the comment.
            Some(origin) => text.push_str(&format!("{line:width$}  # {}\n", origin.to_string().escape_debug())),
            None => text.push_str(&format!("{line}\n")),
        }
    }
    text.extend(config.hosts.iter().map(HostTable::show));
    to_stdout(text.as_bytes())
}

/// Settings that are paths. A URL that was meant for another flag is a path too.
const PATHS: [&str; 12] = [
    "netrc-file",
    "load-cookies",
    "save-cookies",
    "cacert",
    "cert",
    "key",
    "dir",
    "state",
    "changes",
    "output",
    "summary",
    "log",
];

/// A value as it may be shown.
fn shown(name: &str, value: Value) -> Value {
    match value {
        Value::String(text) if PATHS.contains(&name) => Value::String(without_password(&text).into_owned()),
        other => other,
    }
}

fn without_secrets(mut config: Config) -> Config {
    for text in &mut config.header {
        *text = without_secret(text);
    }
    if let Some(user) = &mut config.user {
        *user = "(hidden)".to_owned();
    }
    if let Some(cookie) = config.cookie.as_mut().filter(|cookie| cookie.contains('=')) {
        *cookie = "(hidden)=(hidden)".to_owned();
    }
    if let Some(proxy) = &mut config.proxy {
        *proxy = Proxies::without_passwords(proxy);
    }
    if let Some(hosts) = &mut config.noproxy {
        *hosts = no_proxy::without_passwords(hosts).to_owned();
    }
    config
}
