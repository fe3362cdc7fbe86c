//! The address of a queue that several workers share: `--queue`.

use std::fmt;
use std::path::PathBuf;

use percent_encoding::percent_decode_str;
use serde::{Deserialize, Serialize};
use url::Url;

use crate::model::{HIDDEN, is_plain_host};

/// The port of Redis.
const PORT: u16 = 6379;

/// The job of an address that names none.
const DEFAULT_JOB: &str = "default";

/// The longest name of a job, in bytes.
const LONGEST_JOB: usize = 64;

/// A Redis server and a job in it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct QueueAddress {
    /// The place at which the server listens.
    pub server: QueueServer,
    /// The user.
    pub user: Option<String>,
    /// The password.
    pub password: Option<String>,
    /// The number of the database.
    pub database: u16,
    /// The name of the job.
    pub job: String,
}

/// The place at which a Redis server listens.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum QueueServer {
    /// A host and a port.
    Tcp {
        /// The host.
        host: String,
        /// The port.
        port: u16,
        /// Whether TLS is spoken.
        tls: bool,
    },
    /// A Unix socket.
    Unix(PathBuf),
}

impl fmt::Debug for QueueAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "QueueAddress({self})")
    }
}

/// The address without user and password.
impl fmt::Display for QueueAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.server {
            QueueServer::Tcp { host, port, tls } => {
                let host = if host.contains(':') { format!("[{host}]") } else { host.clone() };
                write!(f, "{}://{host}:{port}/{}", if *tls { "rediss" } else { "redis" }, self.database)?;
            }
            QueueServer::Unix(path) => {
                write!(f, "unix:{}", path.display())?;
            }
        }
        write!(f, "?job={}", self.job)?;
        match &self.server {
            QueueServer::Unix(_) if self.database > 0 => write!(f, "&db={}", self.database),
            _ => Ok(()),
        }
    }
}

impl QueueAddress {
    /// Reads `redis://[USER:PASSWORD@]HOST[:PORT][/DB][?job=NAME]`, `rediss://…`, or `unix:PATH[?job=NAME&db=N]`.
    ///
    /// # Errors
    /// A message with the correct form; never the text, which may hold a password.
    pub fn parse(text: &str) -> Result<Self, String> {
        Self::parse_encoded(text).map_err(|problem| if has_bare_password(text) { bare_password() } else { problem })
    }

    fn parse_encoded(text: &str) -> Result<Self, String> {
        let url = Url::parse(text).map_err(|_| wrong())?;
        let (job, db) = parameters(&url)?;
        let (user, password) = (decoded(url.username())?, url.password().map(decoded).transpose()?);
        let path = decoded(url.path())?;
        let (server, database) = match url.scheme() {
            scheme @ ("redis" | "rediss") if db.is_none() => {
                let host = url.host_str().filter(|host| is_plain_host(host)).ok_or_else(wrong)?;
                let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
                let port = url.port().unwrap_or(PORT);
                (QueueServer::Tcp { host, port, tls: scheme == "rediss" }, path.trim_start_matches('/').to_owned())
            }
            "unix" if url.host_str().is_none_or(str::is_empty) && path.starts_with('/') => {
                (QueueServer::Unix(PathBuf::from(path)), db.unwrap_or_default())
            }
            _ => return Err(wrong()),
        };
        let database = if database.is_empty() { 0 } else { database.parse().map_err(|_| wrong())? };
        Ok(Self { server, user: Some(user).filter(|user| !user.is_empty()), password, database, job })
    }

    /// The text as it may be shown: without user and password.
    pub fn shown(text: &str) -> String {
        Self::parse(text).map_or_else(|_| HIDDEN.to_owned(), |address| address.to_string())
    }
}

fn wrong() -> String {
    "is no queue; write redis://[USER:PASSWORD@]HOST[:PORT][/DB]?job=NAME, rediss://… for TLS, or unix:/PATH?job=NAME"
        .to_owned()
}

/// Whether a password may have characters that end the host, so that `@` comes too late.
fn has_bare_password(text: &str) -> bool {
    let rest = text.split_once("://").filter(|(scheme, _)| matches!(*scheme, "redis" | "rediss")).map(|(_, rest)| rest);
    rest.is_some_and(|rest| rest.find(['/', '?', '#']).zip(rest.rfind('@')).is_some_and(|(end, at)| end < at))
}

fn bare_password() -> String {
    "cannot be read; percent-encode the password: `/` is %2F, `?` is %3F, `#` is %23, `@` is %40 and `%` is %25"
        .to_owned()
}

fn decoded(text: &str) -> Result<String, String> {
    percent_decode_str(text).decode_utf8().map(|text| text.into_owned()).map_err(|_| wrong())
}

/// The job and the database of the query.
fn parameters(url: &Url) -> Result<(String, Option<String>), String> {
    let (mut job, mut db) = (None, None);
    for (name, value) in url.query_pairs() {
        let place = match &*name {
            "job" => &mut job,
            "db" => &mut db,
            _ => return Err(wrong()),
        };
        if place.replace(value.into_owned()).is_some() {
            return Err(wrong());
        }
    }
    if url.fragment().is_some() {
        return Err(wrong());
    }
    let job = job.unwrap_or_else(|| DEFAULT_JOB.to_owned());
    let is_name = !job.is_empty()
        && job.len() <= LONGEST_JOB
        && job.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte));
    if !is_name {
        return Err("has no name of a job; use up to 64 letters, digits and `.`, `_`, `-` in job=NAME".to_owned());
    }
    Ok((job, db))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn address_is_shown_without_user_and_password() {
        for (text, shown) in [
            ("redis://h.test", "redis://h.test:6379/0?job=default"),
            ("redis://h.test/3?job=site-1", "redis://h.test:6379/3?job=site-1"),
            ("rediss://ann:hunter2@[::1]:7000/?job=a", "rediss://[::1]:7000/0?job=a"),
            ("redis://:hunter2@h.test", "redis://h.test:6379/0?job=default"),
            ("unix:/run/r.sock?job=a&db=2", "unix:/run/r.sock?job=a&db=2"),
            ("unix:///run/a%20b.sock", "unix:/run/a b.sock?job=default"),
        ] {
            let address = QueueAddress::parse(text).unwrap();
            assert_eq!(QueueAddress::shown(text), shown);
            assert!(!format!("{address:?}").contains("hunter2"));
        }
        let address = QueueAddress::parse("redis://ann:hunter%402@h.test").unwrap();
        assert_eq!((address.user.as_deref(), address.password.as_deref()), (Some("ann"), Some("hunter@2")));
    }

    #[test]
    fn password_that_must_be_encoded_is_told_so() {
        for password in [":p@ss#w/rd", ":1?2", "ann:5/x", "ann:a/b", ":a#b"] {
            let error = QueueAddress::parse(&format!("redis://{password}@h.test/0?job=j")).unwrap_err();
            assert!(error.contains("percent-encode the password") && !error.contains(password), "{error}");
        }
        let address = QueueAddress::parse("redis://:p%40ss%23w%2Frd@h.test/0?job=j").unwrap();
        assert_eq!(address.password.as_deref(), Some("p@ss#w/rd"));
        assert!(QueueAddress::parse("redis://h.test/x?job=j").unwrap_err().contains("is no queue"));
    }

    #[test]
    fn invalid_address_is_refused_without_repeating_it() {
        for text in [
            "",
            "hunter2",
            "http://u:hunter2@h.test",
            "redis://u:hunter2@",
            "redis://u:hunter2@h.test/x",
            "redis://u:hunter2@h.test/70000",
            "redis://u:hunter2@h.test?job=hunter2/",
            "redis://u:hunter2@h.test?job=",
            "redis://h.test?job=a&job=b",
            "redis://h.test?db=1",
            "redis://h.test?hunter2=1",
            "redis://h.test#hunter2",
            "redis:hunter2",
            "unix:hunter2",
            "unix://hunter2/run/r.sock",
            "redis://:hunter2#w/rd@h.test/0?job=j",
        ] {
            let error = QueueAddress::parse(text).unwrap_err();
            assert!(!error.contains("hunter2"), "{text}: {error}");
            assert_eq!(QueueAddress::shown(text), HIDDEN, "{text}");
        }
    }
}
