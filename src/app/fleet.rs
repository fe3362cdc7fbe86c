//! A run as a worker of a fleet: its queue, its name, and the list that it brings along.

use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use url::Url;
use xxhash_rust::xxh3::Xxh3;

use super::{SetupError, crawl};
use crate::config::{Config, Key, QueueAddress};
use crate::fleet::{self, Fleet, FleetOptions, List, UrlKey};
use crate::policy::text::fingerprint::Fingerprint;
use crate::queue::{RedisQueue, RedisQueueOptions};
use crate::source::{Input, Source};

/// How long the queue may be away.
const PATIENCE: Duration = Duration::from_secs(120);

/// How long one call waits for the queue.
const CALL: Duration = Duration::from_secs(5);

/// The settings that all workers of a job have in common, because they shape its URLs and bodies. They are compared as
/// `fetchall config` shows them. So the names of secrets are, and their values never leave the worker.
const SHAPING: [&str; 27] = [
    "depth",
    "scope",
    "include",
    "exclude",
    "accept",
    "reject",
    "span-hosts",
    "page-types",
    "requisites",
    "sitemap",
    "since",
    "strip-param",
    "canonical",
    "forms",
    "robots",
    "nofollow",
    "traps",
    "head",
    "user-agent",
    "header",
    "user",
    "cookie",
    "compression",
    "max-size",
    "max-redirects",
    "per-host",
    "delay",
];

/// The lists of a run before they are opened: their names, and the digest of their contents.
pub(super) struct ListDigest {
    name: String,
    digest: String,
}

/// Reads the lists for their digest. A pipe is another list each time.
///
/// # Errors
/// A file cannot be read.
pub(super) fn digest(lists: &[Input]) -> Result<Option<ListDigest>, SetupError> {
    if lists.is_empty() {
        return Ok(None);
    }
    let (mut hash, mut names) = (Xxh3::new(), Vec::new());
    for list in lists {
        match list {
            Input::Url(url, _) | Input::Remote(url) => {
                hash.update(url.as_bytes());
                names.push("arguments".to_owned());
            }
            Input::File(path) => {
                let read = hash_file(path, &mut hash);
                read.map_err(|source| SetupError::Path { path: path.clone(), purpose: "the list", source })?;
                names.push(path.display().to_string());
            }
            Input::Stdin | Input::Reader(..) => {
                hash.update(&fastrand::u128(..).to_le_bytes());
                names.push("-".to_owned());
            }
        }
        hash.update(b"\0");
    }
    names.dedup();
    Ok(Some(ListDigest { name: names.join(", "), digest: format!("{:032x}", hash.digest128()) }))
}

fn hash_file(path: &Path, hash: &mut Xxh3) -> std::io::Result<()> {
    // Opening a pipe would wait for its writer.
    if !std::fs::metadata(path)?.is_file() {
        hash.update(&fastrand::u128(..).to_le_bytes());
        return Ok(());
    }
    let (mut file, mut buffer) = (File::open(path)?, vec![0; 1 << 16]);
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(()),
            n => hash.update(&buffer[..n]),
        }
    }
}

/// Joins the job of `--queue` with the list of this worker.
///
/// # Errors
/// The queue cannot be reached, is not fit, or has a job with other settings.
pub(super) fn join(
    config: &Config,
    address: &QueueAddress,
    list: Option<(ListDigest, Box<dyn Source>)>,
    concurrency: u32,
) -> Result<(Fleet, Vec<String>), SetupError> {
    let unusable = |why: String| SetupError::Setting(format!("--queue: {why}"));
    let worker: Arc<str> = config.fleet.worker_name.clone().unwrap_or_else(default_name).into();
    let stop = Arc::new(AtomicBool::new(false));
    let options = RedisQueueOptions {
        worker: worker.to_string(),
        settings: settings(config),
        lease: config.fleet.lease,
        may_create: list.is_some(),
        patience: CALL,
        stop: stop.clone(),
        ..RedisQueueOptions::default()
    };
    let queue = RedisQueue::open(address, options).map_err(|error| unusable(error.to_string()))?;
    let warnings = queue.warnings().to_vec();
    let key = url_key(config)?;
    let list = list.map(|(ListDigest { name, digest }, source)| List {
        source,
        name,
        digest,
        key,
        starts_crawl: config.crawl.follow,
    });
    let queue_name = address.to_string().into();
    let options =
        FleetOptions { worker, queue: queue_name, concurrency, lease: config.fleet.lease, patience: PATIENCE, stop };
    let fleet = fleet::start(Box::new(queue), list, options);
    fleet.map(|fleet| (fleet, warnings)).map_err(|error| unusable(format!("cannot start a thread: {error}")))
}

/// The settings that the workers of a job must have in common.
fn settings(config: &Config) -> Vec<(String, String)> {
    let kind = if config.crawl.follow { "crawl" } else { "list" };
    let of_key = |name: &&str| {
        let value = Key::named(name)?.show(config);
        Some(((*name).to_owned(), value.as_str().map_or_else(|| value.to_string(), str::to_owned)))
    };
    let kind = ("task".to_owned(), kind.to_owned());
    std::iter::once(kind).chain(SHAPING.iter().filter_map(of_key)).collect()
}

/// The keys of URLs. Links of a list go through the rules of its crawl too.
fn url_key(config: &Config) -> Result<UrlKey, SetupError> {
    let rules = crawl::canonical_rules(&config.crawl)?;
    let has_rules = crawl::is_needed(config);
    Ok(Box::new(move |url: &Url| match has_rules {
        true => Fingerprint::of(&rules.key(url)).0,
        false => Fingerprint::of(url.as_str()).0,
    }))
}

/// The name of the machine and the number of the process.
fn default_name() -> String {
    let machine = machine().unwrap_or_else(|| "worker".to_owned());
    format!("{machine}-{}", std::process::id())
}

#[cfg(unix)]
fn machine() -> Option<String> {
    let name = rustix::system::uname().nodename().to_str().ok()?.to_owned();
    (!name.is_empty()).then_some(name)
}

#[cfg(not(unix))]
fn machine() -> Option<String> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shaping_setting_exists() {
        assert_eq!(settings(&Config::default()).len(), SHAPING.len() + 1);
    }

    #[test]
    fn credentials_are_compared_without_their_values() {
        let header = vec!["Authorization: Bearer s3cret".to_owned(), "Accept-Language: de".to_owned()];
        let (user, cookie) = (Some("joe:s3cret".to_owned()), Some("sid=s3cret".to_owned()));
        let with = Config { header, user, cookie, ..Config::default() };
        let lines = |config: &Config| settings(config).into_iter().map(|(name, value)| format!("{name} = {value}"));
        let without: Vec<_> = lines(&Config::default()).collect();
        let others: Vec<_> = lines(&with).filter(|line| !without.contains(line)).collect();
        assert!(others.len() == 3 && others[0].contains("Authorization") && others[0].contains(": de"), "{others:?}");
        assert!(others[1].starts_with("user = ") && others[2].starts_with("cookie = "), "{others:?}");
        assert!(!others.concat().contains("s3cret") && !others.concat().contains("joe"), "{others:?}");
    }

    #[test]
    fn equal_lists_have_equal_digests_and_pipes_have_none() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        for name in ["a", "b"] {
            std::fs::write(path(name), "http://a.test/\n").unwrap();
        }
        std::fs::write(path("c"), "http://c.test/\n").unwrap();
        let of = |list: Input| digest(&[list]).unwrap().unwrap().digest;
        let [a, b, c] = ["a", "b", "c"].map(|name| of(Input::File(path(name))));
        assert_eq!(a, b);
        assert_ne!(a, c);
        assert_ne!(of(Input::Stdin), of(Input::Stdin));
        assert!(digest(&[]).unwrap().is_none());
        assert!(digest(&[Input::File(path("none"))]).is_err());
    }
}
