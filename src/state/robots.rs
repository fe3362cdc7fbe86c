//! The robots.txt of origins, which a later run does not ask for again.

use std::time::{Duration, SystemTime};

use jiff::Timestamp;
use rusqlite::{OptionalExtension as _, Row, params};

use super::row::{count, text};
use super::{Ledger, Recall, StateError, failed};
use crate::model::{RobotsCopy, RobotsFailures, RobotsText, StoredRobots};

/// The most octets of a file: one more than is read, which shows that a file was cut.
const MAX_FILE: usize = 500 * 1024 + 1;

/// Writes all that is known of an origin anew.
pub(super) const WRITE: &str = "INSERT OR REPLACE INTO robots
    (origin, fetched_at, status, body, failed_since, failed_at, failures, error, retry_after_ms)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)";

/// Selects what is known of an origin, unless it is longer than fetchall writes.
pub(super) const READ: &str = "SELECT fetched_at, status, body, failed_since, failed_at, failures, error,
    retry_after_ms FROM robots WHERE origin = ?1 AND coalesce(octet_length(body), 0) <= 512001
    AND coalesce(octet_length(fetched_at), 0) + coalesce(octet_length(status), 0)
    + coalesce(octet_length(failed_since), 0) + coalesce(octet_length(failed_at), 0)
    + coalesce(octet_length(failures), 0) + coalesce(octet_length(error), 0)
    + coalesce(octet_length(retry_after_ms), 0) <= 65536";

/// The longest reason of a failure.
const MAX_WHY: usize = 4096;

impl Recall {
    /// Reads the last answers of an origin, such as `https://example.com`.
    ///
    /// # Errors
    /// An error of SQLite.
    pub fn robots(&self, origin: &str) -> Result<Option<StoredRobots>, StateError> {
        let read = || self.connection.prepare_cached(READ)?.query_row([origin], stored).optional();
        read().map(Option::flatten).map_err(|e| failed(&self.path, e))
    }
}

impl Ledger {
    /// Writes the last answers of an origin.
    ///
    /// # Errors
    /// An error of SQLite; then the earlier ones stay.
    pub fn write_robots(&mut self, origin: &str, robots: &StoredRobots) -> Result<(), StateError> {
        let (copy, failures) = (robots.copy.as_ref(), robots.failures.as_ref());
        let (status, body) = match copy.map(|copy| &copy.text) {
            Some(RobotsText::File(body)) => (None, Some(&body[..body.len().min(MAX_FILE)])),
            Some(RobotsText::Status(status)) => (Some(*status), None),
            Some(RobotsText::TooManyRedirects) | None => (None, None),
        };
        let why = failures.map(|failures| crate::model::cut(&failures.why, MAX_WHY));
        let wait = failures.and_then(|failures| failures.retry_after);
        let write = || {
            self.connection.prepare_cached(WRITE)?.execute(params![
                origin,
                copy.map(|copy| time_text(copy.at)),
                status,
                body,
                failures.map(|failures| time_text(failures.first)),
                failures.map(|failures| time_text(failures.last)),
                failures.map(|failures| failures.count),
                why.as_deref(),
                wait.and_then(|wait| i64::try_from(wait.as_millis()).ok()),
            ])
        };
        write().map(|_| ()).map_err(|e| failed(&self.path, e))
    }
}

/// Reads a row of [`READ`]. What makes no sense counts as absent.
fn stored(row: &Row<'_>) -> rusqlite::Result<Option<StoredRobots>> {
    let copy = match time(row, 0)? {
        None => None,
        Some(at) => {
            let text = match (row.get_ref(2)?.as_blob(), count(row, 1)?) {
                (Ok(body), _) => RobotsText::File(body.into()),
                (Err(_), Some(status)) => RobotsText::Status(status),
                (Err(_), None) => RobotsText::TooManyRedirects,
            };
            Some(RobotsCopy { at, text })
        }
    };
    let failures = match (time(row, 3)?, time(row, 4)?, count(row, 5)?) {
        (Some(first), Some(last), Some(count @ 1..)) => Some(RobotsFailures {
            first,
            last,
            count,
            why: text(row, 6)?.unwrap_or_default().into(),
            retry_after: self::count(row, 7)?.map(Duration::from_millis),
        }),
        _ => None,
    };
    Ok((copy.is_some() || failures.is_some()).then_some(StoredRobots { copy, failures }))
}

fn time(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<SystemTime>> {
    Ok(text(row, column)?.and_then(|at| at.parse::<Timestamp>().ok()).map(SystemTime::from))
}

/// A time that no clock shows is the last one that can be written.
fn time_text(at: SystemTime) -> String {
    Timestamp::try_from(at).unwrap_or(Timestamp::MAX).to_string()
}
