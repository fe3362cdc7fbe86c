//! Passwords by host, and a warning about credentials that every origin gets.

use super::bounded_read::{SETTINGS, read_for as read};
use super::{SetupError, cookies};
use crate::config::{Config, headers};
use crate::model::{is_secret, shown_path};
use crate::policy::credentials::netrc::{Netrc, Unread};

/// Returns the warning for a list of several origins that all get the credentials without an
/// origin; `None` without such credentials.
pub(super) fn told_to_all(config: &Config) -> Option<String> {
    let fields = headers(config);
    let mut told: Vec<_> = config.user.iter().map(|_| "--user".to_owned()).collect();
    told.extend(cookies::field(config).map(|_| "--cookie".to_owned()));
    let secret = fields.iter().filter(|(name, value)| value.is_some() && is_secret(name));
    told.extend(secret.map(|(name, _)| format!("--header {name}")));
    told.dedup();
    let told = told.join(", ");
    (!told.is_empty()).then(|| {
        format!("the list has more than one origin, and every one of them is sent {told}; credentials for one alone go into its URLs, its lines of the list, a netrc file, or a [hosts] table")
    })
}

/// Reads the passwords by host, with a warning about words that make no sense.
pub(super) fn netrc(config: &Config) -> Result<(Netrc, Option<String>), SetupError> {
    let Some(path) = &config.netrc_file else { return Ok(Default::default()) };
    let text = read(path, "passwords by host", SETTINGS)?;
    let said = |unread: &Unread| format!("{}:{}: {}", shown_path(path), unread.line, unread.why);
    let (netrc, unread) =
        Netrc::parse(&String::from_utf8_lossy(&text)).map_err(|unread| SetupError::Setting(said(&unread)))?;
    let warning = unread.split_first().map(|(first, others)| match others.len() {
        0 => format!("{}; it is left out", said(first)),
        others => format!("{}; it is left out, and so are {others} more", said(first)),
    });
    Ok((netrc, warning))
}
