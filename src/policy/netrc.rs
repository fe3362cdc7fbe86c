//! The netrc file: user names and passwords by host, as ftp, curl and wget read them.

use crate::model::Credentials;

/// What stands under one `machine`, or under `default`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Machine {
    /// The host; `None` for `default`.
    pub host: Option<String>,
    /// Whom to log in as, and how.
    pub credentials: Credentials,
}

/// A netrc file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Netrc {
    /// In the order of the file.
    pub machines: Vec<Machine>,
}

impl Netrc {
    /// Reads the text of a file.
    ///
    /// # Errors
    /// The line that makes no sense, and why; never what stands in it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut machines: Vec<Machine> = Vec::new();
        let mut words = Words { text, at: 0, line: 1 };
        while let Some(word) = words.next()? {
            let line = words.line;
            let mut value = |what: &str| words.next()?.ok_or_else(|| format!("line {line}: no {what} follows"));
            let host = match word.as_str() {
                "machine" => Some(value("host")?),
                "default" => None,
                "account" => {
                    value("account")?;
                    continue;
                }
                "macdef" => {
                    words.skip_macro();
                    continue;
                }
                "login" | "password" => {
                    let text = value(&word)?;
                    let Some(machine) = machines.last_mut() else {
                        return Err(format!("line {line}: a {word} before any machine"));
                    };
                    match word.as_str() {
                        "login" => machine.credentials.username = text,
                        _ => machine.credentials.password = text,
                    }
                    continue;
                }
                // The word is not repeated: out of place it may be a password.
                _ => return Err(format!("line {line}: neither machine, default, login, password, account nor macdef")),
            };
            let credentials = Credentials { username: String::new(), password: String::new() };
            machines.push(Machine { host, credentials });
        }
        Ok(Self { machines })
    }

    /// What a host is told: of the first entry that names it and, where a user is known already, him.
    /// `default` stands for every host, unless only what is named is wanted.
    pub fn find(&self, host: &str, user: Option<&str>, named: bool) -> Option<&Credentials> {
        let fits = |machine: &&Machine| {
            let is_it = match &machine.host {
                Some(name) => name.eq_ignore_ascii_case(host),
                None => !named,
            };
            is_it && user.is_none_or(|user| machine.credentials.username == user)
        };
        self.machines.iter().find(fits).map(|machine| &machine.credentials)
    }
}

/// Words between blanks, and where they stand.
struct Words<'a> {
    text: &'a str,
    at: usize,
    line: usize,
}

impl Words<'_> {
    /// The next word. In quotes it may have blanks, and `\"`, `\\`, `\n`, `\r` and `\t`.
    fn next(&mut self) -> Result<Option<String>, String> {
        loop {
            let rest = &self.text[self.at..];
            let Some(first) = rest.chars().next() else { return Ok(None) };
            if first == '#' {
                self.at += rest.find('\n').unwrap_or(rest.len());
            } else if first.is_whitespace() {
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

    fn quoted(&mut self) -> Result<String, String> {
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
        Err(format!("line {}: a quotation mark that is not closed", self.line))
    }

    /// A macro ends with an empty line.
    fn skip_macro(&mut self) {
        let rest = &self.text[self.at..];
        let end = [rest.find("\n\n").map(|at| at + 2), rest.find("\n\r\n").map(|at| at + 3)];
        let end = end.into_iter().flatten().min().unwrap_or(rest.len());
        self.line += rest[..end].matches('\n').count();
        self.at += end;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn told(netrc: &Netrc, host: &str, user: Option<&str>) -> Option<(String, String)> {
        netrc.find(host, user, false).map(|found| (found.username.clone(), found.password.clone()))
    }

    #[test]
    fn hosts_are_told_what_stands_under_their_name() {
        let text = "# a comment\nmachine A.test login ann password one\nmacdef init\n machine evil\n\n\
                    machine b.test\n\tlogin bob\n\taccount x\n\tpassword \"t wo\\\"\"\n\
                    machine a.test login cid password three\ndefault login guest password g\n";
        let netrc = Netrc::parse(text).unwrap();
        let pair = |user: &str, password: &str| Some((user.to_owned(), password.to_owned()));
        assert_eq!(told(&netrc, "a.test", None), pair("ann", "one"));
        assert_eq!(told(&netrc, "a.test", Some("cid")), pair("cid", "three"));
        assert_eq!(told(&netrc, "b.test", None), pair("bob", "t wo\""));
        assert_eq!(told(&netrc, "evil", None), pair("guest", "g"));
        assert_eq!(netrc.find("c.test", None, true), None, "no default where a name is wanted");
    }

    #[test]
    fn what_makes_no_sense_is_told_without_repeating_it() {
        for text in ["hunter2", "\nlogin hunter2", "machine a login", "machine a password \"hunter2\n\""] {
            let problem = Netrc::parse(text).unwrap_err();
            assert!(problem.starts_with("line ") && !problem.contains("hunter2"), "{problem}");
        }
        assert!(Netrc::parse("machine a\npassword").unwrap_err().starts_with("line 2"));
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "\\PC*|[a-z \"\\\\#\n\r\t]*|(machine |login |macdef |\n|\"| x )*") {
            let _ = Netrc::parse(&text);
        }
    }
}
