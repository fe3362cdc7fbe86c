//! Settings from a TOML file: each value with its line, unknown keys refused.
//!
//! Read through TOML's own tree rather than a derived structure, because only the tree still knows
//! on which line a value stands when it turns out to be wrong.

use toml::Spanned;
use toml::de::{DeArray, DeTable, DeValue};

use super::merge::nearest_key;
use super::{Key, Layers, Origin, Raw};

/// Lays a file over what there is.
pub(super) fn lay(layers: &mut Layers, name: &str, text: &str) {
    let origin = |offset: usize| Origin::File { name: name.to_owned(), line: line_at(text, offset) };
    let (table, errors) = DeTable::parse_recoverable(text);
    if !errors.is_empty() {
        for error in errors {
            let offset = error.span().map_or(0, |span| span.start);
            layers.problem(origin(offset), format!("not valid TOML: {}", error.message()));
        }
        // What was recovered around a syntax error is a guess; reporting on it would mislead.
        return;
    }
    let mut entries: Vec<_> = table.get_ref().iter().collect();
    entries.sort_by_key(|(key, _)| key.span().start);
    for (key, value) in entries {
        let here = origin(key.span().start);
        let written: &str = key.get_ref();
        match Key::named(written) {
            Some(key) => lay_value(layers, key, here, value),
            None => {
                let advice = nearest_key(written).map_or_else(
                    || "remove it, or see `fetchall config` for the keys there are".to_owned(),
                    |key| format!("did you mean `{}`?", key.name),
                );
                layers.problem(here, format!("unknown key `{}`; {advice}", written.escape_debug()));
            }
        }
    }
}

fn lay_value(layers: &mut Layers, key: &Key, origin: Origin, value: &Spanned<DeValue<'_>>) {
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

fn describe(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::Integer(_) => "number in another base than ten",
        DeValue::Datetime(_) => "date",
        _ => "table",
    }
}

fn strings(items: &DeArray<'_>) -> Option<Vec<String>> {
    items.iter().map(|item| item.get_ref().as_str().map(str::to_owned)).collect()
}

/// The line of a byte, counted from 1.
fn line_at(text: &str, offset: usize) -> usize {
    let before = text.as_bytes().get(..offset).unwrap_or(text.as_bytes());
    1 + before.iter().filter(|byte| **byte == b'\n').count()
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
        let text = "# a comment\n\nconcurency = 5\ntimeout = \"soon\"\nheader = [1]\n[hosts]\n";
        assert_eq!(
            problems(text),
            [
                "fetchall.toml:3: unknown key `concurency`; did you mean `concurrency`?",
                "fetchall.toml:4: timeout: `soon` is not a time; write 500ms, 10s, 2m, 1h or 1m30s",
                "fetchall.toml:5: header: is a list of mixed values; write strings in quotes",
                "fetchall.toml:6: unknown key `hosts`; remove it, or see `fetchall config` for the keys there are",
            ]
        );
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
