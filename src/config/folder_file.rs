//! The settings refused in the `fetchall.toml` of the working folder: the folder may be a stranger's.
//!
//! It shapes how fast, how long and under which names URLs are fetched. It says neither what is
//! fetched nor what is sent, weakens no check, and names no file elsewhere. The table of settings
//! has a column for it; whatever the value of a setting is, it may not replace one of the user.

use super::Key;

/// The advice for a setting that is refused there.
const ADVICE: &str = "the fetchall.toml of the working folder may not set this, as it may be a stranger's; \
    if it is yours, add --config ./fetchall.toml";

/// Why this key may not stand in the file of the working folder, if so. `dir` depends on where it
/// leads: the caller checks it.
pub(super) fn refusal(key: &str) -> Option<&'static str> {
    let anywhere = Key::named(key).is_some_and(|key| key.anywhere);
    (!anywhere).then_some(ADVICE)
}

#[cfg(test)]
mod tests {
    use super::super::{Config, KEYS, Layers};

    fn problems(text: &str) -> Vec<String> {
        let mut layers = Layers::new();
        layers.folder_file("fetchall.toml", text);
        layers.finish().err().into_iter().flatten().map(|problem| problem.to_string()).collect()
    }

    #[test]
    fn keys_of_the_user_are_refused_whatever_their_value() {
        let defaults = Config::default();
        for key in KEYS {
            let found = problems(&format!("\n{} = {}\n", key.name, key.get(&defaults)));
            assert_eq!(found.is_empty(), key.anywhere, "{}: {found:?}", key.name);
            if let Some(problem) = found.first() {
                assert!(problem.starts_with("fetchall.toml:2: "), "{problem}");
                assert!(problem.contains("--config ./fetchall.toml"), "{problem}");
            }
        }
    }

    #[test]
    fn a_folder_file_cannot_set_requests_secrets_or_outside_paths() {
        let names = [
            "base",
            "fail-on",
            "header",
            "user",
            "anyauth",
            "netrc",
            "netrc-file",
            "cookie",
            "load-cookies",
            "save-cookies",
            "proxy",
            "noproxy",
            "http1",
            "resolve",
            "private-addresses",
            "cacert",
            "cert",
            "key",
            "insecure",
            "fresh",
            "state",
            "changes",
            "changes-by",
            "text",
            "max-size",
            "output",
            "summary",
            "metrics",
            "report",
            "log",
            "dry-run",
        ];
        for name in names {
            assert!(super::refusal(name).is_some(), "{name}");
        }
    }

    #[test]
    fn a_refused_value_is_not_repeated() {
        for text in ["user = 'a:hunter2'", "header = ['Cookie: hunter2']", "proxy = 'hunter2'"] {
            let found = problems(text);
            assert!(found.len() == 1 && !found[0].contains("hunter2"), "{found:?}");
        }
        let found = problems("[hosts.'http://a:hunter2@a.test']\ndelay = 1\n");
        assert!(found.len() == 1 && found[0].contains("the value is no host"), "{found:?}");
        for text in ["user = 'a:hunter2'", "header = ['X-A: hunter2']"] {
            let found = problems(&format!("[hosts.'a.test']\n{text}\n"));
            assert!(found.len() == 1 && found[0].starts_with("fetchall.toml:2: "), "{found:?}");
            assert!(!found[0].contains("hunter2"), "{found:?}");
        }
    }

    #[test]
    fn settings_that_shape_the_run_are_taken() {
        let text = "concurrency = 3\ndir = 'out'\nname = '{n}'\n[hosts.'a.test']\ndelay = 1\nper-host = 2\n";
        assert_eq!(problems(text), [""; 0]);
    }

    #[test]
    fn settings_of_the_user_are_not_blamed_on_the_folder_file() {
        let mut layers = Layers::new();
        layers.file("config.toml", "user = 'a:b'\noutput = 'o'\n[hosts.'a.test']\nuser = 'c:d'\n");
        layers.folder_file("fetchall.toml", "quiet = true\n[hosts.'a.test']\ndelay = 1\n");
        assert_eq!(layers.finish().unwrap().0.user.as_deref(), Some("a:b"));
    }
}
