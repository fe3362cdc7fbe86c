//! Between outcomes and rows.

use std::borrow::Cow;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use http::Version;
use rusqlite::types::ValueRef;
use rusqlite::{Row, Statement, params};
use url::Url;
use xxhash_rust::xxh3::Xxh3;

use crate::model::{Facts, Hop, Job, Outcome, Seed, Validators, Verdict};

/// What of the settings shapes a body: two runs that differ in it do not know each other's answers.
#[derive(Debug, Clone, Default)]
pub struct Shape(Arc<[String]>);

impl Shape {
    /// Of these settings, each as text.
    pub fn new(settings: impl IntoIterator<Item = String>) -> Self {
        Self(settings.into_iter().collect())
    }

    /// What makes two requests the same: the URL, for whom, with which fields, under which name.
    pub(super) fn key(&self, seed: &Seed) -> [u8; 16] {
        let mut hash = Xxh3::new();
        let mut add = |text: &[u8]| {
            hash.update(&(text.len() as u64).to_le_bytes());
            hash.update(text);
        };
        add(seed.url.as_str().as_bytes());
        self.0.iter().for_each(|setting| add(setting.as_bytes()));
        if let Some(wants) = seed.wants.as_deref() {
            add(wants.out.as_deref().unwrap_or_default().as_bytes());
            for (name, value) in &wants.headers {
                add(name.as_str().as_bytes());
                add(value.as_bytes());
            }
            if let Some(user) = &wants.credentials {
                add(user.username.as_bytes());
                add(user.password.as_bytes());
            }
        }
        hash.digest128().to_be_bytes()
    }
}

pub(super) const INSERT: &str = "INSERT OR REPLACE INTO urls (key, url, outcome, name, status, final_url, bytes,
    wire_bytes, content_type, sha256, blake3, etag, last_modified, redirects, http_version, remote_addr,
    error_kind, error_message, attempts, started_at, total_ms, file)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22)";

pub(super) const SELECT: &str = "SELECT outcome, name, status, final_url, bytes, wire_bytes, content_type, sha256,
    blake3, etag, last_modified, redirects, http_version, remote_addr, started_at, file
    FROM urls WHERE key = ?1";

/// As [`SELECT`], and the URL, of everything that was ok.
pub(super) const SELECT_OK: &str = "SELECT outcome, name, status, final_url, bytes, wire_bytes, content_type, sha256,
    blake3, etag, last_modified, redirects, http_version, remote_addr, started_at, file, url
    FROM urls WHERE outcome = 'ok' ORDER BY id";

/// Where the URL stands in [`SELECT_OK`].
pub(super) const URL: usize = 16;

/// Writes the row of a job that has its outcome; `folder` is where bodies are saved.
pub(super) fn insert(
    into: &mut Statement<'_>,
    shape: &Shape,
    folder: Option<&Path>,
    job: &Job,
    outcome: &Outcome,
) -> rusqlite::Result<()> {
    let (facts, url) = (&outcome.facts, &job.seed.url);
    let error = match &outcome.verdict {
        Verdict::Failed(error) => Some(&*error.message),
        _ => None,
    };
    let Validators { etag, last_modified } = facts.validators.as_deref().cloned().unwrap_or_default();
    let count = |n: Option<u64>| n.and_then(|n| i64::try_from(n).ok());
    let total = outcome.timing.total.map(|total| total.as_secs_f64() * 1000.0);
    let name = job.save_as.as_ref().map(|name| &*name.0);
    let file = folder.zip(facts.path.as_deref()).and_then(|(folder, path)| below(folder, path));
    into.execute(params![
        shape.key(&job.seed),
        url.as_str(),
        outcome.verdict.as_str(),
        name,
        facts.status,
        facts.final_url.as_ref().map(Url::as_str),
        count(facts.bytes),
        count(facts.wire_bytes),
        facts.content_type.as_deref(),
        facts.sha256.as_ref().map(hex),
        facts.blake3.as_ref().map(hex),
        etag.as_deref(),
        last_modified.as_deref(),
        (!facts.redirects.is_empty()).then(|| hops_text(&facts.redirects)),
        facts.http_version.map(|version| format!("{version:?}")),
        facts.remote_addr.map(|addr| addr.to_string()),
        outcome.verdict.error_kind().map(crate::model::ErrorKind::as_str),
        error,
        job.attempt,
        facts.started_at.map(|at| at.to_string()),
        total,
        file.filter(|file| Some(&**file) != name),
    ])?;
    Ok(())
}

/// A path as it was told, relative to the folder below which it is.
fn below<'a>(folder: &Path, path: &'a str) -> Option<Cow<'a, str>> {
    let below = Path::new(path).strip_prefix(&*folder.to_string_lossy()).ok()?.to_str()?;
    // The parts of names are separated by `/`, whatever the system does, and hold no other.
    Some(if below.contains('\\') { below.replace('\\', "/").into() } else { below.into() })
}

/// A row as it was found.
pub(super) struct Found {
    pub ok: bool,
    pub name: Option<Box<str>>,
    /// Where its body was saved.
    pub path: Option<PathBuf>,
    pub facts: Facts,
    pub validators: Validators,
}

/// Reads what [`SELECT`] selects. A column that makes no sense is as if it were absent.
pub(super) fn found(row: &Row<'_>, folder: Option<&Path>) -> rusqlite::Result<Found> {
    fn text<'a>(row: &'a Row<'_>, column: usize) -> rusqlite::Result<Option<&'a str>> {
        Ok(match row.get_ref(column)? {
            ValueRef::Text(text) => std::str::from_utf8(text).ok(),
            _ => None,
        })
    }
    let count = |column| row.get::<_, Option<i64>>(column).map(|n| n.and_then(|n| u64::try_from(n).ok()));
    let boxed = |column| text(row, column).map(|text| text.map(Box::<str>::from));
    let name = boxed(1)?;
    let file = text(row, 15)?.or(name.as_deref());
    let path = folder.zip(file).map(|(folder, file)| folder.join(file));
    let facts = Facts {
        status: row.get::<_, Option<u16>>(2)?,
        final_url: text(row, 3)?.and_then(|url| Url::parse(url).ok()),
        path: path.as_ref().map(|path| path.to_string_lossy().into_owned()),
        bytes: count(4)?,
        wire_bytes: count(5)?,
        content_type: boxed(6)?,
        sha256: text(row, 7)?.and_then(digest),
        blake3: text(row, 8)?.and_then(digest),
        redirects: text(row, 11)?.map_or_else(Vec::new, hops),
        http_version: text(row, 12)?.and_then(version),
        remote_addr: text(row, 13)?.and_then(|addr| addr.parse().ok()),
        started_at: text(row, 14)?.and_then(|at| at.parse().ok()),
        validators: None,
        retry_after: None,
    };
    let validators = Validators { etag: boxed(9)?, last_modified: boxed(10)? };
    Ok(Found { ok: text(row, 0)? == Some(Verdict::Ok.as_str()), name, path, facts, validators })
}

/// `301 https://example.com/` and so on, one a line.
fn hops_text(hops: &[Hop]) -> String {
    let lines: Vec<_> = hops.iter().map(|hop| format!("{} {}", hop.status, hop.url)).collect();
    lines.join("\n")
}

fn hops(text: &str) -> Vec<Hop> {
    let hop = |line: &str| {
        let (status, url) = line.split_once(' ')?;
        Some(Hop { status: status.parse().ok()?, url: Url::parse(url).ok()? })
    };
    text.lines().filter_map(hop).collect()
}

fn version(text: &str) -> Option<Version> {
    [Version::HTTP_09, Version::HTTP_10, Version::HTTP_11, Version::HTTP_2, Version::HTTP_3]
        .into_iter()
        .find(|version| format!("{version:?}") == text)
}

fn hex(digest: &[u8; 32]) -> String {
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn digest(text: &str) -> Option<[u8; 32]> {
    let mut digest = [0; 32];
    if text.len() != 64 || !text.is_ascii() {
        return None;
    }
    for (byte, at) in digest.iter_mut().zip((0..64).step_by(2)) {
        *byte = u8::from_str_radix(&text[at..at + 2], 16).ok()?;
    }
    Some(digest)
}
