//! Settings from a TOML file: each value with its line, unknown keys refused.
//!
//! The reader uses TOML's own tree rather than a derived structure. Only the tree still has the
//! line of a value that turns out to be wrong.

use toml::Spanned;
use toml::de::{DeArray, DeTable, DeValue};

use super::hosts::HOST_KEYS;
use super::merge::{nearest, nearest_key};
use super::traps::{TRAP_LIMITS, TrapLimit};
use super::{Key, Layers, Raw, SettingSource, folder_file};
use crate::model::{HostPattern, plain_word};

/// The length of the longest host name (RFC 1035, section 2.3.4).
const LONGEST_HOST: usize = 255;

impl Layers {
    /// Lays a file over what there is; `name` is how messages call it.
    pub fn file(&mut self, name: &str, text: &str) {
        lay(self, name, text);
    }

    /// Lays the file of the working folder over what there is. It may be a stranger's, and only
    /// some keys may stand there.
    pub fn folder_file(&mut self, name: &str, text: &str) {
        self.of_folder = true;
        lay(self, name, text);
        self.of_folder = false;
    }
}

fn lay(layers: &mut Layers, name: &str, text: &str) {
    let line_ends: Vec<usize> = memchr::memchr_iter(b'\n', text.as_bytes()).collect();
    let line = |offset| 1 + line_ends.partition_point(|end| *end < offset);
    let origin = |offset: usize| SettingSource::File { name: name.to_owned(), line: line(offset) };
    let (table, errors) = DeTable::parse_recoverable(text);
    if !errors.is_empty() {
        for error in errors {
            if layers.has_too_many_problems() {
                break;
            }
            let offset = error.span().map_or(0, |span| span.start);
            layers.problem(origin(offset), format!("not valid TOML: {}", error.message()));
        }
        // Values recovered around a syntax error are guesses; reporting on them would mislead.
        return;
    }
    let mut entries: Vec<_> = table.get_ref().iter().collect();
    entries.sort_by_key(|(key, _)| key.span().start);
    for (key, value) in entries {
        if layers.has_too_many_problems() {
            return;
        }
        let here = origin(key.span().start);
        let written: &str = key.get_ref();
        if written == "hosts" {
            lay_hosts(layers, &origin, here, value);
            continue;
        }
        if let ("traps", DeValue::Table(limits)) = (written, value.get_ref()) {
            lay_traps(layers, &origin, here, limits);
            continue;
        }
        match Key::named(written) {
            Some(key) => lay_value(layers, key, here, value),
            None => {
                let near = nearest_key(written).map(|key| key.name);
                let near = near.or_else(|| nearest(written, ["hosts"].into_iter()));
                let advice = near.map_or_else(
                    || "remove it, or see `fetchall config` for the keys there are".to_owned(),
                    |near| format!("did you mean `{near}`?"),
                );
                layers.problem(here, format!("{}; {advice}", unknown(written)));
            }
        }
    }
}

/// The tables of hosts.
fn lay_hosts(
    layers: &mut Layers,
    origin: &dyn Fn(usize) -> SettingSource,
    here: SettingSource,
    value: &Spanned<DeValue<'_>>,
) {
    let DeValue::Table(hosts) = value.get_ref() else {
        return layers.problem(here, "hosts: is no table; write [hosts.\"example.com\"]".to_owned());
    };
    for (name, table) in hosts {
        if layers.has_too_many_problems() {
            return;
        }
        let here = origin(name.span().start);
        let pattern = match HostPattern::parse(name.get_ref()) {
            Ok(pattern) => pattern,
            Err(why) => {
                layers.problem(here, format!("hosts: {why}"));
                continue;
            }
        };
        let DeValue::Table(settings) = table.get_ref() else {
            let message = "hosts: is no table of hosts; write [hosts.\"example.com\"] and settings below it";
            layers.problem(here, message.to_owned());
            continue;
        };
        for (key, value) in settings {
            let (written, here): (&str, _) = (key.get_ref(), origin(key.span().start));
            let list;
            let raw = match value.get_ref() {
                DeValue::Table(rest) if !HOST_KEYS.contains(&written) => {
                    let host = plain_word(&dotted(name.get_ref(), written, rest)).map(str::to_owned);
                    let host = host.unwrap_or_else(|| "example.com".to_owned());
                    Err(format!("hosts: a name with dots stands in quotes; write [hosts.\"{host}\"]"))
                }
                _ if !HOST_KEYS.contains(&written) => {
                    Err(format!("{} of a host; there are {}", unknown(written), HOST_KEYS.join(", ")))
                }
                DeValue::String(text) => Ok(Raw::String(text)),
                DeValue::Boolean(truth) => Ok(Raw::Bool(*truth)),
                DeValue::Integer(number) if number.radix() == 10 => Ok(Raw::Number(number.as_str())),
                DeValue::Float(number) => Ok(Raw::Number(number.as_str())),
                DeValue::Array(items) => {
                    list = strings(items);
                    list.as_deref().map(Raw::List).ok_or_else(|| format!("{written}: is a list of mixed values"))
                }
                other => Err(format!("{written}: is a {}; write a value in quotes", describe(other))),
            };
            match raw {
                Ok(raw) => layers.set_of_host(&pattern, written, here, raw),
                Err(why) => layers.problem(here, why),
            }
        }
    }
}

/// The table of the limits for traps.
fn lay_traps(layers: &mut Layers, origin: &dyn Fn(usize) -> SettingSource, here: SettingSource, limits: &DeTable<'_>) {
    if let Some(why) = folder_file::refusal("traps").filter(|_| layers.of_folder) {
        return layers.problem(here, format!("traps: {why}"));
    }
    let mut entries: Vec<_> = limits.iter().collect();
    entries.sort_by_key(|(key, _)| key.span().start);
    for (key, value) in entries {
        let (written, here): (&str, _) = (key.get_ref(), origin(key.span().start));
        let raw = match value.get_ref() {
            DeValue::String(text) => Raw::String(text),
            DeValue::Integer(number) if number.radix() == 10 => Raw::Number(number.as_str()),
            other => {
                layers.problem(
                    here,
                    format!("{}: is a {}; write a number", plain_word(written).unwrap_or("a limit"), describe(other)),
                );
                continue;
            }
        };
        match TrapLimit::named(written) {
            Some(limit) => layers.set_trap_limit(limit, here, raw),
            None => {
                let names = || TRAP_LIMITS.iter().map(|limit| limit.name);
                let advice = nearest(&written.replace('_', "-"), names()).map_or_else(
                    || format!("there are {}", names().collect::<Vec<_>>().join(", ")),
                    |near| format!("did you mean `{near}`?"),
                );
                layers.problem(here, format!("{} of [traps]; {advice}", unknown(written)));
            }
        }
    }
}

fn lay_value(layers: &mut Layers, key: &Key, origin: SettingSource, value: &Spanned<DeValue<'_>>) {
    match value.get_ref() {
        DeValue::String(text) => layers.set(key, origin, Raw::String(text)),
        DeValue::Boolean(truth) => layers.set(key, origin, Raw::Bool(*truth)),
        // Written in another base, a number is passed as its digits and refused like any odd text.
        DeValue::Integer(number) if number.radix() == 10 => layers.set(key, origin, Raw::Number(number.as_str())),
        DeValue::Float(number) => layers.set(key, origin, Raw::Number(number.as_str())),
        DeValue::Array(items) => match strings(items) {
            Some(texts) => layers.set(key, origin, Raw::List(&texts)),
            None => layers.problem(origin, format!("{}: is a list of mixed values; write strings in quotes", key.name)),
        },
        other => {
            let message = format!("{}: is a {}; write a value in quotes", key.name, describe(other));
            layers.problem(origin, message);
        }
    }
}

/// Returns the name of a host whose dots were taken for levels of tables, or the beginning of a long one.
fn dotted(first: &str, second: &str, table: &DeTable<'_>) -> String {
    let mut name = format!("{first}.{second}");
    let mut levels = table.iter();
    while let Some((key, value)) = levels.next().filter(|_| name.len() < LONGEST_HOST) {
        let DeValue::Table(below) = value.get_ref() else { continue };
        name = format!("{name}.{}", key.get_ref());
        levels = below.iter();
    }
    name
}

fn unknown(key: &str) -> String {
    plain_word(key).map_or_else(|| "unknown key".to_owned(), |key| format!("unknown key `{key}`"))
}

fn describe(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::Boolean(_) => "truth value",
        DeValue::Float(_) => "fraction",
        DeValue::Array(_) => "list",
        DeValue::Integer(_) => "number in another base than ten",
        DeValue::Datetime(_) => "date",
        _ => "table",
    }
}

fn strings(items: &DeArray<'_>) -> Option<Vec<String>> {
    items.iter().map(|item| item.get_ref().as_str().map(str::to_owned)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problems(text: &str) -> Vec<String> {
        let mut layers = Layers::new();
        layers.file("fetchall.toml", text);
        layers.finish().err().into_iter().flatten().map(|problem| problem.to_string()).collect()
    }

    #[test]
    fn every_problem_names_its_line() {
        let text = "# a comment\n\nconcurency = 5\ntimeout = \"soon\"\nheader = [1]\n[host]\n";
        assert_eq!(
            problems(text),
            [
                "fetchall.toml:3: unknown key `concurency`; did you mean `concurrency`?",
                "fetchall.toml:4: timeout: `soon` is not a time; write 500ms, 10s, 2m, 1h or 1m30s",
                "fetchall.toml:5: header: is a list of mixed values; write strings in quotes",
                "fetchall.toml:6: unknown key `host`; did you mean `hosts`?",
            ]
        );
    }

    #[test]
    fn hosts_that_are_written_otherwise_are_explained() {
        for (text, expected) in [
            (
                "[hosts.\"http://127.0.0.1:24080/\"]\nper-host = 1\n",
                "1: hosts: the value has a path; write the host alone, as in http://example.com:8080, without a slash",
            ),
            (
                "[hosts.\"a.test/x\"]\n",
                "1: hosts: `a.test/x` has a path; write the host alone, as in http://example.com:8080, without a slash",
            ),
            (
                "[hosts.127.0.0.1]\nper-host = 1\n",
                "1: hosts: a name with dots stands in quotes; write [hosts.\"127.0.0.1\"]",
            ),
            (
                "[hosts.example.com]\nper-host = 1\n",
                "1: hosts: a name with dots stands in quotes; write [hosts.\"example.com\"]",
            ),
            ("[host.\"a.test\"]\nper-host = 1\n", "1: unknown key `host`; did you mean `hosts`?"),
        ] {
            assert_eq!(problems(text), [format!("fetchall.toml:{expected}")], "{text}");
        }
        let secret = problems("[hosts.\"http://ann:hunter2@a.test/\"]\n");
        assert!(secret.len() == 1 && !secret[0].contains("hunter2"), "{secret:?}");
        assert!(secret[0].ends_with("write example.com, http://example.com:8080 or *.example.com"), "{secret:?}");
    }

    #[test]
    fn tables_of_hosts_are_checked_line_by_line() {
        let text = "[hosts.\"a.test\"]\ndelay = \"soon\"\nper-host = 2\ndely = 1\nuser = \"secret\"\n[hosts.\"a/b\"]\n[hosts]\nx = 1\n";
        let found = problems(text);
        let starts = [
            "fetchall.toml:2: delay: `soon` is not a time",
            "fetchall.toml:4: unknown key `dely` of a host; there are per-host, delay, header, user, cookie",
            "fetchall.toml:5: user: is no name and password",
            "fetchall.toml:6: hosts: `a/b` has a path",
            "fetchall.toml:8: hosts: is no table of hosts",
        ];
        assert_eq!(found.len(), starts.len(), "{found:#?}");
        for start in starts {
            assert!(found.iter().any(|problem| problem.starts_with(start)), "{start}: {found:#?}");
        }
        assert!(!found.iter().any(|problem| problem.contains("secret")));
    }

    #[test]
    fn later_files_override_host_settings_and_longer_patterns_win() {
        let mut layers = Layers::new();
        layers.file("f", "[hosts.\"*.a.test\"]\ndelay = 1\n[hosts.\"x.a.test\"]\nper-host = 2\nuser = \"u:p:q\"\n");
        layers.file("g", "[hosts.\"x.a.test\"]\ndelay = \"5s\"\nheader = [\"Cookie: c\"]\n");
        let (config, _) = layers.finish().unwrap();
        let shown: String = config.hosts.iter().map(super::super::HostTable::show).collect();
        let expected = "\n[hosts.\"x.a.test\"]\ndelay = \"5s\"\nheader = [\"Cookie: (hidden)\"]\nper-host = 2\nuser = \"(hidden):(hidden)\"\n\n[hosts.\"*.a.test\"]\ndelay = \"1s\"\n";
        assert_eq!(shown, expected);
        let user = config.hosts[0].credentials().unwrap();
        assert_eq!((user.username.as_str(), user.password.as_str()), ("u", "p:q"));
    }

    #[test]
    fn long_files_parse_in_linear_time_with_at_most_100_problems() {
        let unknown: String = (0..100_000).map(|n| format!("x{n} = 1\n")).collect();
        let repeated = "x = 1\n".repeat(30_000);
        let hosts: String = (0..30_000).map(|n| format!("[hosts.\"h{n}.test\"]\ndelay = 1\n")).collect();
        let begun = std::time::Instant::now();
        for text in [unknown, repeated] {
            let told = problems(&text);
            assert_eq!(told.len(), 101);
            assert!(told[100].ends_with("more problems follow; correct these first"), "{}", told[100]);
        }
        assert_eq!(problems(&hosts), [""; 0]);
        assert!(begun.elapsed() < std::time::Duration::from_secs(20), "{:?}", begun.elapsed());
    }

    #[test]
    fn wrong_types_are_refused() {
        for bad in [
            "insecure = \"true\"",
            "insecure = 1",
            "dir = true",
            "dir = 5",
            "concurrency = true",
            "concurrency = 1.5",
            "concurrency = -1",
            "concurrency = 0x10",
            "user-agent = []",
            "header = \"A: b\"",
            "grace = 1979-05-27",
            "timeout.soon = 5",
            "format = \"xml\"",
            "user-agent = \"a\\nb\"",
        ] {
            let found = problems(bad);
            assert!(found.len() == 1 && found[0].starts_with("fetchall.toml:1: "), "{bad}: {found:?}");
        }
    }

    #[test]
    fn broken_toml_and_repeated_keys_are_refused() {
        assert!(
            problems("quiet = true\ngrace = \"5s").iter().any(|p| p.starts_with("fetchall.toml:2: not valid TOML"))
        );
        assert!(problems("grace = 1\ngrace = 2\n")[0].starts_with("fetchall.toml:2: "));
    }
}
