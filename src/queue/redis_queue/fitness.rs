//! Checks whether a server is fit for a queue.

use std::collections::HashMap;

use redis::Value;

use super::servers::{Call, CallError};
use super::{JOB, RedisQueue, parsed};
use crate::queue::QueueError;

/// The oldest major version with all that the scripts use.
const OLDEST: u32 = 7;

/// Checks a server, which may be away for a moment. Returns warnings.
///
/// # Errors
/// It cannot be reached, is too old, read-only, or may forget keys.
pub(super) fn check(queue: &mut RedisQueue) -> Result<Vec<String>, QueueError> {
    let mut config = Call::plain("CONFIG", JOB);
    config.arg("GET").arg("save");
    let info = queue.call(|_| vec![Call::plain("INFO", JOB)])?.into_iter().next();
    // Servers for hire refuse CONFIG.
    let save = queue.servers.run(&[config]).ok().and_then(|values| values.into_iter().next());
    judge(&read(info)?, save).map_err(|error| queue.refusal(error))
}

/// Reads the answer of INFO.
fn read(info: Option<Value>) -> Result<HashMap<String, String>, QueueError> {
    let text: String = parsed(info)?;
    let pairs = text.lines().filter_map(|line| line.trim_end().split_once(':'));
    Ok(pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect())
}

fn judge(info: &HashMap<String, String>, save: Option<Value>) -> Result<Vec<String>, CallError> {
    let value = |name: &str| info.get(name).map_or("", String::as_str);
    let version = value("redis_version");
    let refused = |text: String| Err(CallError::Refused(text));
    if version.split('.').next().and_then(|major| major.parse().ok()).is_none_or(|major: u32| major < OLDEST) {
        return refused(format!("the server is Redis {version}; use Redis {OLDEST} or later, or Valkey"));
    }
    if value("role") == "slave" {
        return refused("the server is a replica, which cannot be written; use its primary".to_owned());
    }
    let (most, policy) = (value("maxmemory"), value("maxmemory_policy"));
    if !matches!(most, "" | "0") && policy != "noeviction" {
        return refused(format!(
            "the server forgets keys when its memory is full (maxmemory-policy {policy}); \
             set it to noeviction: redis-cli CONFIG SET maxmemory-policy noeviction"
        ));
    }
    let snapshots: Option<HashMap<String, String>> = save.and_then(|save| parsed(Some(save)).ok());
    let has_snapshots = snapshots.is_none_or(|all| all.get("save").is_none_or(|save| !save.is_empty()));
    let mut warnings = Vec::new();
    if value("aof_enabled") == "0" {
        let loss = if has_snapshots { "all since its last snapshot" } else { "everything" };
        warnings.push(format!("the server of the queue loses {loss} when it ends; set appendonly yes there"));
    }
    Ok(warnings)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(info: &str) -> String {
        let info = format!("redis_version:7.2.4\r\nrole:master\r\naof_enabled:1\r\n{info}");
        match judge(&read(Some(Value::BulkString(info.into_bytes()))).unwrap(), None) {
            Ok(warnings) => warnings.join(" "),
            Err(CallError::Away(text) | CallError::Refused(text)) => format!("refused: {text}"),
            Err(CallError::Gone) => "gone".to_owned(),
        }
    }

    #[test]
    fn server_that_forgets_keys_is_refused() {
        assert_eq!(judged("maxmemory:0\r\nmaxmemory_policy:allkeys-lru"), "");
        assert_eq!(judged("maxmemory:1000\r\nmaxmemory_policy:noeviction"), "");
        let text = judged("maxmemory:1000\r\nmaxmemory_policy:allkeys-lru");
        assert!(text.starts_with("refused: ") && text.contains("CONFIG SET maxmemory-policy noeviction"), "{text}");
        assert!(judged("redis_version:6.2.1").contains("Redis 7 or later"));
        assert!(judged("role:slave").contains("primary"));
        assert!(judged("aof_enabled:0").contains("appendonly yes"));
    }
}
