//! What the `fetchall.toml` of the working folder may not say: the folder may be a stranger's.
//!
//! It shapes how URLs are fetched. It names no output, no file that is read, and no proxy; it holds
//! no credentials; and it does not weaken how servers are authenticated, because the credentials of
//! the user's own file would go to whoever answers.

use super::{Config, Key, Raw, header};
use crate::model::is_secret;

/// Settings that stay at their defaults there. `dir` depends on where it leads: the caller checks it.
const USER_ONLY: &[&str] = &[
    "user",
    "netrc",
    "netrc-file",
    "cookie",
    "load-cookies",
    "save-cookies",
    "proxy",
    "noproxy",
    "resolve",
    "cacert",
    "cert",
    "key",
    "insecure",
    "state",
    "changes",
    "output",
    "summary",
    "log",
];

/// What to do about a setting that is refused there.
const ADVICE: &str = "the fetchall.toml of the working folder may not set this, as it may be a stranger's; \
    if it is yours, add --config ./fetchall.toml";

/// Why this value may not come from the file of the working folder, if so.
pub(super) fn refusal(key: &Key, raw: Raw<'_>) -> Option<&'static str> {
    let (defaults, mut config) = (Config::default(), Config::default());
    // A wrong value is told as such.
    key.set(&mut config, raw).ok()?;
    let forbidden = match key.name {
        "header" => has_secret(&config.header),
        name => USER_ONLY.contains(&name) && key.get(&config) != key.get(&defaults),
    };
    forbidden.then_some(ADVICE)
}

/// As [`refusal`], in a table of a host.
pub(super) fn refusal_of_host(key: &str, raw: Raw<'_>) -> Option<&'static str> {
    if key == "user" {
        return Some(ADVICE);
    }
    refusal(Key::named(key)?, raw)
}

fn has_secret(fields: &[String]) -> bool {
    fields.iter().filter_map(|text| header::parse_header(text).ok()).any(|(name, _)| is_secret(&name))
}

#[cfg(test)]
mod tests {
    use super::super::Layers;
    use super::*;

    fn problems(text: &str) -> Vec<String> {
        let mut layers = Layers::new();
        layers.folder_file("fetchall.toml", text);
        layers.finish().err().into_iter().flatten().map(|problem| problem.to_string()).collect()
    }

    #[test]
    fn credentials_proxies_and_outputs_are_refused() {
        for text in [
            "user = 'a:b'",
            "netrc = true",
            "netrc-file = 'n'",
            "cookie = 'a=b'",
            "load-cookies = 'c'",
            "save-cookies = 'c'",
            "proxy = 'http://p.test:1'",
            "noproxy = '*'",
            "resolve = ['a.test:443:192.0.2.1']",
            "cacert = 'c'",
            "cert = 'c'",
            "key = 'c'",
            "insecure = true",
            "state = 's'",
            "changes = 'c'",
            "output = 'o'",
            "summary = 's'",
            "log = 'l'",
            "header = ['X-A: b', 'Authorization: hunter2']",
        ] {
            let found = problems(&format!("quiet = true\n{text}\n"));
            assert_eq!(found.len(), 1, "{text}: {found:?}");
            assert!(
                found[0].starts_with("fetchall.toml:2: ") && found[0].contains("--config ./fetchall.toml"),
                "{found:?}"
            );
            assert!(!found[0].contains("hunter2"));
        }
        for text in ["user = 'a:b'", "header = ['Cookie: hunter2']"] {
            let found = problems(&format!("[hosts.'a.test']\n{text}\n"));
            assert!(found.len() == 1 && found[0].starts_with("fetchall.toml:2: "), "{found:?}");
        }
    }

    #[test]
    fn settings_that_shape_the_run_and_defaults_are_taken() {
        let defaults: String =
            super::super::KEYS.iter().map(|key| format!("{} = {}\n", key.name, key.get(&Config::default()))).collect();
        assert_eq!(problems(&defaults), [""; 0]);
        let text = "concurrency = 3\ndir = 'out'\nheader = ['X-A: b']\n[hosts.'a.test']\ndelay = 1\n";
        assert_eq!(problems(text), [""; 0]);
    }

    #[test]
    fn what_the_user_set_before_is_not_blamed_on_the_folder() {
        let mut layers = Layers::new();
        layers.file("config.toml", "user = 'a:b'\noutput = 'o'\n[hosts.'a.test']\nuser = 'c:d'\n");
        layers.folder_file("fetchall.toml", "quiet = true\n[hosts.'a.test']\ndelay = 1\n");
        assert_eq!(layers.finish().unwrap().0.user.as_deref(), Some("a:b"));
    }
}
