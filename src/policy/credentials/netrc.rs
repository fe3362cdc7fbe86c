//! The netrc file: user names and passwords by host, as ftp, curl and wget read them.

use serde::{Deserialize, Serialize};
use url::Host;

use crate::model::Credentials;

/// An entry: `machine` or `default`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Machine {
    /// The host; `None` for `default`.
    pub host: Option<String>,
    /// The user name and the password.
    pub credentials: Credentials,
}

/// A netrc file.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Netrc {
    /// In the order of the file.
    pub machines: Vec<Machine>,
}

/// A problem in a line. It never has the text itself, which may be a password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unread {
    /// The line, from 1.
    pub line: usize,
    /// The problem, and a remedy.
    pub why: String,
}

impl Netrc {
    /// Parses the text of a file. Unknown words are left out and returned.
    ///
    /// # Errors
    /// A value that is missing, not closed or not UTF-8.
    pub fn parse(text: &str) -> Result<(Self, Vec<Unread>), Unread> {
        let text = text.trim_start_matches('\u{feff}');
        let (mut machines, mut unread): (Vec<Machine>, _) = (Vec::new(), Vec::new());
        let mut words = Words { text, at: 0, line: 1 };
        while let Some(word) = words.keyword()? {
            let line = words.line;
            match word.as_str() {
                "machine" => machines.push(Machine::of(Some(canonical(words.value(&word)?)))),
                "default" => machines.push(Machine::of(None)),
                "account" => drop(words.value(&word)?),
                "macdef" => words.skip_macro(),
                "login" | "password" => {
                    let value = words.value(&word)?;
                    match machines.last_mut() {
                        Some(machine) if word == "login" => machine.credentials.username = value,
                        Some(machine) => machine.credentials.password = value,
                        None => {
                            let why = format!("{word} stands before any machine; write `machine HOST` before it");
                            unread.push(Unread { line, why });
                        }
                    }
                }
                // The message omits the word: out of place it may be a password.
                _ => {
                    let why = "a word that is none of machine, default, login, password, account and macdef; \
                               put a value with blanks in quotes";
                    unread.push(Unread { line, why: why.to_owned() });
                }
            }
        }
        Ok((Self { machines }, unread))
    }

    /// Returns the credentials of the first entry that names the host and, if given, the user. Other
    /// hosts get those of `default`, at any place of the file, unless `named` excludes it.
    pub fn find(&self, host: &str, user: Option<&str>, named: bool) -> Option<&Credentials> {
        let is_named = |machine: &&Machine| machine.host.as_ref().is_some_and(|name| name.eq_ignore_ascii_case(host));
        let is_default = |machine: &&Machine| machine.host.is_none() && !named;
        let fits = |machine: &&Machine| user.is_none_or(|user| machine.credentials.username == user);
        let mut found = self.machines.iter().filter(is_named).chain(self.machines.iter().filter(is_default));
        found.find(fits).map(|machine| &machine.credentials)
    }
}

impl Machine {
    fn of(host: Option<String>) -> Self {
        Self { host, credentials: Credentials { username: String::new(), password: String::new() } }
    }
}

/// Returns a host in the form that URLs have.
fn canonical(host: String) -> String {
    Host::parse(&host).map_or(host, |host| host.to_string())
}

/// Words between blanks, and where they stand.
struct Words<'a> {
    text: &'a str,
    at: usize,
    line: usize,
}

impl Words<'_> {
    /// The next word, behind comments.
    fn keyword(&mut self) -> Result<Option<String>, Unread> {
        loop {
            match self.next()? {
                Some(word) if word.starts_with('#') => {
                    let rest = &self.text[self.at..];
                    self.at += rest.find('\n').unwrap_or(rest.len());
                }
                word => return Ok(word),
            }
        }
    }

    /// The value behind a word, which may begin with the sign of a comment.
    fn value(&mut self, what: &str) -> Result<String, Unread> {
        let line = self.line;
        let value = self.next()?;
        let value =
            value.ok_or_else(|| Unread { line, why: format!("{what} without a value; write one behind it") })?;
        if value.contains(char::REPLACEMENT_CHARACTER) {
            let why = format!("the value of {what} is no UTF-8; save the file as UTF-8");
            return Err(Unread { line: self.line, why });
        }
        Ok(value)
    }

    /// The next word. In quotes it may have blanks, and `\"`, `\\`, `\n`, `\r` and `\t`.
    fn next(&mut self) -> Result<Option<String>, Unread> {
        loop {
            let rest = &self.text[self.at..];
            let Some(first) = rest.chars().next() else { return Ok(None) };
            if first.is_whitespace() {
                self.line += usize::from(first == '\n');
                self.at += first.len_utf8();
            } else if first == '"' {
                return self.quoted().map(Some);
            } else {
                let end = rest.find(char::is_whitespace).unwrap_or(rest.len());
                self.at += end;
                return Ok(Some(rest[..end].to_owned()));
            }
        }
    }

    fn quoted(&mut self) -> Result<String, Unread> {
        let mut word = String::new();
        let mut chars = self.text[self.at + 1..].char_indices();
        while let Some((at, c)) = chars.next() {
            match c {
                '"' => {
                    self.at += at + 2;
                    return Ok(word);
                }
                '\n' => break,
                '\\' => match chars.next() {
                    Some((_, 'n')) => word.push('\n'),
                    Some((_, 'r')) => word.push('\r'),
                    Some((_, 't')) => word.push('\t'),
                    Some((_, other)) => word.push(other),
                    None => break,
                },
                other => word.push(other),
            }
        }
        Err(Unread {
            line: self.line,
            why: "a quotation mark that is not closed; close it in the same line".to_owned(),
        })
    }

    /// A macro has its name in the same line, and ends with an empty one.
    fn skip_macro(&mut self) {
        let mut lines = self.text[self.at..].split_inclusive('\n').enumerate();
        let is_end = |line: &str| line.trim().is_empty();
        for (number, line) in lines.by_ref() {
            self.at += line.len();
            self.line += usize::from(line.ends_with('\n'));
            if number > 0 && is_end(line) {
                break;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn told(netrc: &Netrc, host: &str, user: Option<&str>) -> Option<(String, String)> {
        netrc.find(host, user, false).map(|found| (found.username.clone(), found.password.clone()))
    }

    /// A file of which every word is understood.
    fn read(text: &str) -> Netrc {
        let (netrc, unread) = Netrc::parse(text).unwrap();
        assert_eq!(unread, []);
        netrc
    }

    #[test]
    fn hosts_get_the_entry_under_their_name() {
        let text = "# a comment\nmachine A.test login ann password one\nmacdef init\n machine evil\n\n\
                    machine b.test\n\tlogin bob\n\taccount x\n\tpassword \"t wo\\\"\"\n\
                    machine a.test login cid password three\ndefault login guest password g\n";
        let netrc = read(text);
        let pair = |user: &str, password: &str| Some((user.to_owned(), password.to_owned()));
        assert_eq!(told(&netrc, "a.test", None), pair("ann", "one"));
        assert_eq!(told(&netrc, "a.test", Some("cid")), pair("cid", "three"));
        assert_eq!(told(&netrc, "b.test", None), pair("bob", "t wo\""));
        assert_eq!(told(&netrc, "evil", None), pair("guest", "g"));
        assert_eq!(netrc.find("c.test", None, true), None, "no default where a name is wanted");
    }

    #[test]
    fn default_is_for_hosts_that_no_entry_names() {
        let pair = |user: &str, password: &str| Some((user.to_owned(), password.to_owned()));
        for text in [
            "default login guest password g\nmachine a.test login ann password one\nmachine a.test login bob password two",
            "machine a.test login ann password one default login guest password g machine A.TEST login bob password two",
        ] {
            let netrc = read(text);
            assert_eq!(told(&netrc, "a.test", None), pair("ann", "one"), "{text}");
            assert_eq!(told(&netrc, "a.test", Some("bob")), pair("bob", "two"), "{text}");
            assert_eq!(told(&netrc, "b.test", None), pair("guest", "g"), "{text}");
        }
    }

    #[test]
    fn files_are_read_as_other_programs_write_them() {
        let pair = Some(("ann".to_owned(), "#one".to_owned()));
        for text in [
            "machine a.test\r\n\tlogin ann\r\n\tpassword #one\r\n",
            "\u{feff}machine a.test login ann password #one",
            "machine a.test # the first\n# login bob\nlogin ann password #one # and so on",
            "machine a.test login \"ann\" password \"#one\"",
            "macdef init\nmachine a.test\n  \t\r\nmachine a.test login ann account staff password #one",
            "machine a.test login ann password #one macdef init\ncd /\nmachine x\n\nmachine b.test login x password y",
            "macdef init\n\nmachine a.test login ann password #one",
        ] {
            assert_eq!(told(&read(text), "a.test", None), pair, "{text:?}");
        }
        let netrc = read("machine Bücher.test login ann password #one");
        assert_eq!(told(&netrc, "xn--bcher-kva.test", None), pair);
    }

    #[test]
    fn words_that_are_none_are_named_by_line_and_not_shown() {
        let text =
            "login bob\nmachine a.test login ann password two hunter2\nport 21\nmachine b.test login b password c\n";
        let (netrc, unread) = Netrc::parse(text).unwrap();
        assert_eq!(unread.iter().map(|unread| unread.line).collect::<Vec<_>>(), [1, 2, 3, 3]);
        assert!(unread.iter().all(|unread| !unread.why.contains("hunter2") && !unread.why.contains("bob")));
        assert!(told(&netrc, "b.test", None).is_some());
    }

    #[test]
    fn a_value_that_is_missing_or_broken_is_an_error_with_its_line() {
        for (text, says) in [
            ("\nmachine a login", "login without a value"),
            ("#\nmachine a password \"hunter2\n\"", "quotation mark"),
            ("\nmachine a password hunter2\u{fffd}", "no UTF-8"),
            ("machine a\npassword", "password without a value"),
        ] {
            let Unread { line, why } = Netrc::parse(text).unwrap_err();
            assert!(line == 2 && why.contains(says) && !why.contains("hunter2"), "{line}: {why}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "\\PC*|[a-z \"\\\\#\n\r\t]*|(machine |login |macdef |\n|\"| x )*") {
            let _ = Netrc::parse(&text);
        }
    }
}
