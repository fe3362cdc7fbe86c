//! Between outcomes and rows.

use std::borrow::Cow;
use std::path::{Path, PathBuf};

use http::Version;
use jiff::Timestamp;
use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Row, Statement, params};
use url::Url;

use super::key::Keys;
use super::{Bodies, archives, link_codec, robots, saved_documents};
use crate::model::{self, Facts, Hex, Hop, Job, Outcome, PageLinks, Seed, SkipReason, Validators, Verdict};
use crate::policy::naming::{MAX_NAME, endings, is_portable};
use crate::policy::rerun::selection::RecordedOutcome;
use crate::policy::text::redact::redact_url;

/// Which of the equal requests of the input a seed is, as far as the run counts them.
pub(super) fn occurrence(seed: &Seed) -> u32 {
    seed.known.as_ref().map_or(0, |known| known.occurrence)
}

/// Whether an earlier run saved the body of a seed.
pub(super) fn was_saved(seed: &Seed) -> bool {
    seed.known.as_ref().is_some_and(|known| known.was_saved)
}

/// Writes a row, or all of it anew; it keeps its place in the order.
pub(super) const UPSERT: &str = "INSERT INTO urls (key, url, outcome, name, status, final_url, bytes,
    wire_bytes, content_type, sha256, blake3, etag, last_modified, redirects, http_version, remote_addr,
    error_kind, error_message, attempts, started_at, total_ms, file, title, links,
    file_bytes, text_sha256)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22,
    ?23, ?24, ?25, ?26)
    ON CONFLICT (key) DO UPDATE SET url = excluded.url, outcome = excluded.outcome, name = excluded.name,
    status = excluded.status, final_url = excluded.final_url, bytes = excluded.bytes,
    wire_bytes = excluded.wire_bytes, content_type = excluded.content_type, sha256 = excluded.sha256,
    blake3 = excluded.blake3, etag = excluded.etag, last_modified = excluded.last_modified,
    redirects = excluded.redirects, http_version = excluded.http_version, remote_addr = excluded.remote_addr,
    error_kind = excluded.error_kind, error_message = excluded.error_message, attempts = excluded.attempts,
    started_at = excluded.started_at, total_ms = excluded.total_ms, file = excluded.file,
    title = excluded.title, links = excluded.links, file_bytes = excluded.file_bytes,
    text_sha256 = excluded.text_sha256, relinked_bytes = NULL,
    linked = NULL,
    failed_status = NULL, failed_at = NULL";

/// Records a failed attempt. The row keeps the facts of an earlier body.
pub(super) const UPDATE_FAILED: &str = "UPDATE urls SET error_kind = ?2, error_message = ?3, failed_status = ?4,
    failed_at = ?5 WHERE key = ?1 AND outcome = 'ok'";

/// Clears the failure of a later attempt. The facts of the body hold again.
pub(super) const UPDATE_HOLDS: &str = "UPDATE urls SET error_kind = NULL, error_message = NULL,
    failed_status = NULL, failed_at = NULL WHERE key = ?1 AND failed_at IS NOT NULL";

/// The columns of a row that are read, in the order of [`found`].
macro_rules! columns {
    () => {
        "outcome, name, status, final_url, bytes, wire_bytes, content_type, sha256, blake3, etag, last_modified,
        redirects, http_version, remote_addr, started_at, file, error_kind, error_message, file_bytes, relinked_bytes,
        text_sha256"
    };
}

/// Bounds the length of the selected columns, which SQLite knows without reading them. A longer row
/// than fetchall writes counts as absent.
macro_rules! is_bounded {
    () => {
        "coalesce(octet_length(outcome), 0)
        + coalesce(octet_length(name), 0)
        + coalesce(octet_length(status), 0)
        + coalesce(octet_length(final_url), 0)
        + coalesce(octet_length(bytes), 0)
        + coalesce(octet_length(wire_bytes), 0)
        + coalesce(octet_length(content_type), 0)
        + coalesce(octet_length(sha256), 0)
        + coalesce(octet_length(blake3), 0)
        + coalesce(octet_length(etag), 0)
        + coalesce(octet_length(last_modified), 0)
        + coalesce(octet_length(redirects), 0)
        + coalesce(octet_length(http_version), 0)
        + coalesce(octet_length(remote_addr), 0)
        + coalesce(octet_length(started_at), 0)
        + coalesce(octet_length(file), 0)
        + coalesce(octet_length(error_kind), 0)
        + coalesce(octet_length(error_message), 0)
        + coalesce(octet_length(file_bytes), 0)
        + coalesce(octet_length(relinked_bytes), 0)
        + coalesce(octet_length(text_sha256), 0)
        + coalesce(octet_length(title), 0)
        + coalesce(octet_length(url), 0) <= 4194304
        AND coalesce(octet_length(links), 0) <= 8388608"
    };
}

/// Selects the row of one request.
pub(super) const SELECT: &str = concat!("SELECT ", columns!(), " FROM urls WHERE key = ?1 AND ", is_bounded!());

/// Selects the row of one request, with what a crawl knows of it.
pub(super) const SELECT_CRAWLED: &str =
    concat!("SELECT ", columns!(), ", title, links FROM urls WHERE key = ?1 AND ", is_bounded!());

/// The columns of the last result of a request, in the order of [`last_result`].
macro_rules! result_columns {
    () => {
        "outcome, status, error_kind, failed_status, failed_at IS NOT NULL, url"
    };
}

/// Selects the last result of one request.
pub(super) const SELECT_RESULT: &str =
    concat!("SELECT ", result_columns!(), " FROM urls WHERE key = ?1 AND ", is_bounded!());

/// Selects the last results of all requests.
pub(super) const SELECT_RESULTS: &str = concat!(
    "SELECT ",
    result_columns!(),
    " FROM urls WHERE ",
    is_bounded!(),
    " ORDER BY coalesce(failed_at, started_at), id"
);

/// The column of the URL in [`SELECT_RESULTS`].
pub(super) const URL_OF_RESULT: usize = 5;

/// Selects the rows of all `ok` requests, with their URLs.
pub(super) const SELECT_OK: &str =
    concat!("SELECT ", columns!(), ", url FROM urls WHERE outcome = 'ok' AND ", is_bounded!(), " ORDER BY id");

/// The name of every row and where its file is.
pub(super) const SELECT_NAMES: &str =
    concat!("SELECT name, coalesce(nullif(file, ''), name) FROM urls WHERE name IS NOT NULL AND ", is_bounded!());

/// Whether there is no row, and no robots.txt.
pub(super) const IS_EMPTY: &str = "SELECT NOT EXISTS (SELECT 1 FROM urls) AND NOT EXISTS (SELECT 1 FROM robots)";

/// Selects the URLs to which redirects of crawled pages have led.
pub(super) const SELECT_TARGETS: &str = "SELECT final_url FROM urls
    WHERE final_url IS NOT NULL AND outcome = 'ok' AND links IS NOT NULL AND octet_length(final_url) <= 65536";

/// Selects the URLs of all requests, with the links of their pages.
pub(super) const SELECT_PAGES: &str =
    concat!("SELECT url, links, iif(outcome = 'ok', final_url, NULL) FROM urls WHERE ", is_bounded!(), " ORDER BY id");

/// Selects the salt of the keys, if it has the right type and length.
pub(super) const SELECT_SALT: &str = "SELECT salt FROM salt WHERE typeof(salt) = 'blob' AND octet_length(salt) = 32";

/// The column of the URL in [`SELECT_OK`].
pub(super) const URL: usize = 21;

/// All statements. Preparing them shows whether the tables have the expected columns.
pub(super) const ALL: [&str; 24] = [
    archives::INSERT_ARCHIVE,
    archives::SELECT_ARCHIVE,
    archives::UPDATE_ARCHIVE,
    archives::INSERT_PAYLOAD,
    archives::SELECT_PAYLOAD,
    UPSERT,
    UPDATE_FAILED,
    UPDATE_HOLDS,
    SELECT,
    SELECT_CRAWLED,
    SELECT_RESULT,
    SELECT_RESULTS,
    SELECT_OK,
    SELECT_NAMES,
    SELECT_SALT,
    IS_EMPTY,
    SELECT_TARGETS,
    SELECT_PAGES,
    saved_documents::SELECT,
    saved_documents::HAS_UNLINKED,
    saved_documents::UPDATE_LENGTHS,
    saved_documents::UPDATE_LINKED,
    robots::WRITE,
    robots::READ,
];

/// Notes that a request failed, where it was ok before. Whether it was.
pub(super) fn update_failed(
    into: &mut Statement<'_>,
    keys: &Keys,
    job: &Job,
    outcome: &Outcome,
) -> rusqlite::Result<bool> {
    let error = match &outcome.verdict {
        Verdict::Failed(error) => Some(&*error.message),
        _ => None,
    };
    let at = outcome.facts.started_at.unwrap_or_else(Timestamp::now);
    let known = into.execute(params![
        keys.of(&job.seed, occurrence(&job.seed)),
        outcome.verdict.error_kind().map(model::ErrorKind::as_str),
        error,
        outcome.facts.status,
        at.to_string(),
    ])?;
    Ok(known > 0)
}

/// Writes the row of a job that has its outcome. In a crawl each of them has links, if only none.
pub(super) fn upsert(
    into: &mut Statement<'_>,
    keys: &Keys,
    bodies: &Bodies,
    job: &Job,
    outcome: &Outcome,
    crawls: bool,
) -> rusqlite::Result<()> {
    let (facts, url) = (&outcome.facts, &job.seed.url);
    let (kind, error) = match &outcome.verdict {
        Verdict::Failed(error) => (Some(error.kind.as_str()), Some(&*error.message)),
        Verdict::Skipped(reason) if *reason != SkipReason::NotModified => {
            (Some(reason.as_str()), facts.rule.as_deref())
        }
        verdict => (verdict.error_kind().map(model::ErrorKind::as_str), None),
    };
    let Validators { etag, last_modified } = facts.validators.as_deref().cloned().unwrap_or_default();
    let count = |n: Option<u64>| n.and_then(|n| i64::try_from(n).ok());
    let total = outcome.timing.total.map(|total| total.as_secs_f64() * 1000.0);
    let name = job.save_as.as_ref().map(|name| &*name.0);
    let file = match (bodies, facts.path.as_deref()) {
        (Bodies::Below(folder), Some(path)) => below(folder.path(), path),
        (Bodies::Below(_), None) if outcome.verdict == Verdict::Ok && name.is_some() => Some(NO_FILE.into()),
        _ => None,
    };
    let links = match &facts.found.links {
        Some(page) => Some(link_codec::write(page)),
        None => crawls.then(|| link_codec::write(&PageLinks::default())),
    };
    into.execute(params![
        keys.of(&job.seed, occurrence(&job.seed)),
        url.as_str(),
        known_as(&outcome.verdict).as_str(),
        name,
        facts.status,
        facts.final_url.as_ref().map(Url::as_str),
        count(facts.bytes),
        count(facts.wire_bytes),
        facts.content_type.as_deref(),
        facts.found.sha256.map(|digest| Hex(&digest).to_string()),
        facts.found.blake3.map(|digest| Hex(&digest).to_string()),
        etag.as_deref().map(of_octets),
        last_modified.as_deref().map(of_octets),
        (!facts.redirects.is_empty()).then(|| hops_text(&facts.redirects)),
        facts.http_version.map(|version| format!("{version:?}")),
        facts.remote_addr.map(|addr| addr.to_string()),
        kind,
        error,
        job.attempt,
        facts.started_at.map(|at| at.to_string()),
        total,
        file.filter(|file| Some(&**file) != name),
        facts.found.links.as_ref().and_then(|page| page.title.as_deref()),
        links,
        count(facts.file_bytes),
        facts.found.text_sha256.map(|digest| Hex(&digest).to_string()),
    ])?;
    Ok(())
}

/// A file that another program saved is as good as a body that came, once its server says that it is
/// current.
fn known_as(verdict: &Verdict) -> &Verdict {
    match verdict {
        Verdict::Skipped(SkipReason::NotModified) => &Verdict::Ok,
        verdict => verdict,
    }
}

/// Returns the part of a recorded path below the folder.
fn below<'a>(folder: &Path, path: &'a str) -> Option<Cow<'a, str>> {
    let below = Path::new(path).strip_prefix(&*folder.to_string_lossy()).ok()?.to_str()?;
    // The parts of names are separated by `/`, whatever the system does, and hold no other.
    Some(if below.contains('\\') { below.replace('\\', "/").into() } else { below.into() })
}

/// The content of a row.
pub(super) struct RowContent {
    pub ok: bool,
    /// Why a crawl did not follow the redirect that it got; its rule is among the facts.
    pub not_followed: Option<SkipReason>,
    pub name: Option<Box<str>>,
    /// The path of its body below the output folder.
    pub file: Option<PathBuf>,
    /// The length of that file if a pass over its links was interrupted at its end.
    pub relinked_bytes: Option<u64>,
    pub facts: Facts,
    pub validators: Validators,
}

/// Whether a run could have assigned this name. A state may come from a stranger, and its names are
/// joined to the output folder.
pub(super) fn is_name(name: &str) -> bool {
    name.len() <= MOST && name.split('/').all(is_portable)
}

/// Whether a file belongs to the name: the file of that name, with an ending too, or one file in the folder of that
/// name.
fn belongs(file: Option<&str>, name: Option<&str>) -> bool {
    let (Some(file), Some(name)) = (file, name) else { return file.is_none() };
    let Some(rest) = file.strip_prefix(name) else { return false };
    rest.is_empty()
        || endings().any(|ending| ending == rest)
        || rest.strip_prefix('/').is_some_and(|part| !part.contains('/'))
}

/// In place of the file of a row: its body was not saved, because it had another type than those that are wanted.
const NO_FILE: &str = "";

/// The longest accepted name, in bytes. It is longer than any assigned name.
const MOST: usize = 2 * MAX_NAME;

/// Reads a row of [`SELECT`]. An invalid column counts as absent. A row counts as absent if no run
/// could have assigned its name or file.
pub(super) fn found(row: &Row<'_>, bodies: &Bodies) -> rusqlite::Result<Option<RowContent>> {
    let boxed = |column| text(row, column).map(|text| text.map(Box::<str>::from));
    let name = boxed(1)?;
    let file = text(row, 15)?.or(name.as_deref()).filter(|file| *file != NO_FILE);
    if [name.as_deref(), file].into_iter().flatten().any(|name| !is_name(name)) || !belongs(file, name.as_deref()) {
        return Ok(None);
    }
    let path = match bodies {
        Bodies::Below(folder) => file.map(|file| folder.path().join(file)),
        Bodies::File(path) => Some(path.clone()),
        Bodies::Nowhere | Bodies::HandedOn => None,
    };
    let not_followed = not_followed(row)?;
    let facts = Facts {
        status: count(row, 2)?,
        final_url: text(row, 3)?.and_then(|url| Url::parse(&redact_url(url)).ok()),
        path: path.map(|path| path.to_string_lossy().into_owned()),
        bytes: count(row, 4)?,
        file_bytes: count(row, 18)?,
        wire_bytes: count(row, 5)?,
        content_type: boxed(6)?,
        found: model::Found {
            sha256: text(row, 7)?.and_then(digest),
            blake3: text(row, 8)?.and_then(digest),
            text_sha256: text(row, 20)?.and_then(digest),
            ..model::Found::default()
        },
        redirects: text(row, 11)?.map_or_else(Vec::new, hops),
        http_version: text(row, 12)?.and_then(version),
        remote_addr: text(row, 13)?.and_then(|addr| addr.parse().ok()),
        started_at: text(row, 14)?.and_then(|at| at.parse().ok()),
        continued: false,
        validators: None,
        retry_after: None,
        rule: boxed(17)?.filter(|_| not_followed.is_some()),
        is_anonymous: false,
        worker: None,
    };
    let validators = Validators { etag: octets(row, 9)?, last_modified: octets(row, 10)? };
    let ok = text(row, 0)? == Some(Verdict::Ok.as_str());
    let relinked_bytes = count(row, 19)?;
    Ok(Some(RowContent { ok, not_followed, file: file.map(PathBuf::from), relinked_bytes, name, facts, validators }))
}

/// The outcome of a URL whose redirect a crawl did not follow: its target was seen, or is out of scope. The row has the
/// reason and the rule in place of an error, and no links.
const REDIRECT_NOT_FOLLOWED: Verdict = Verdict::Skipped(SkipReason::Duplicate);

/// The reason of such a row. A row of an older version names none.
fn not_followed(row: &Row<'_>) -> rusqlite::Result<Option<SkipReason>> {
    if text(row, 0)? != Some(REDIRECT_NOT_FOLLOWED.as_str()) {
        return Ok(None);
    }
    let named = text(row, 16)?;
    let known = SkipReason::ALL.iter().find(|reason| Some(reason.as_str()) == named);
    Ok(Some(known.copied().unwrap_or(SkipReason::Duplicate)))
}

/// Reads the links of a row of [`SELECT_CRAWLED`]; `None` if no crawl has fetched it.
pub(super) fn links(row: &Row<'_>) -> rusqlite::Result<Option<Box<PageLinks>>> {
    let Some(page) = row.get_ref(22)?.as_blob().ok().and_then(link_codec::read) else { return Ok(None) };
    Ok(Some(Box::new(PageLinks { title: text(row, 21)?.map(str::to_owned), ..page })))
}

/// Reads the last result of a request. A failure after an `ok` body counts.
pub(super) fn last_result<'a>(row: &'a Row<'_>) -> rusqlite::Result<RecordedOutcome<'a>> {
    let outcome = text(row, 0)?.unwrap_or_default();
    let kind = text(row, 2)?.filter(|_| outcome != REDIRECT_NOT_FOLLOWED.as_str());
    if count::<u8>(row, 4)? == Some(1) {
        let is_status = kind == Some(model::ErrorKind::HttpStatus.as_str());
        let outcome = if is_status { "http_error" } else { "failed" };
        return Ok(RecordedOutcome { outcome, kind, status: count(row, 3)? });
    }
    Ok(RecordedOutcome { outcome, kind, status: count(row, 1)? })
}

/// Stores octets as text if they are UTF-8, else as a blob.
fn of_octets(octets: &[u8]) -> ToSqlOutput<'_> {
    let is_text = std::str::from_utf8(octets).is_ok();
    ToSqlOutput::Borrowed(if is_text { ValueRef::Text(octets) } else { ValueRef::Blob(octets) })
}

fn octets(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<Box<[u8]>>> {
    Ok(match row.get_ref(column)? {
        ValueRef::Text(octets) | ValueRef::Blob(octets) => Some(octets.into()),
        _ => None,
    })
}

pub(super) fn text<'a>(row: &'a Row<'_>, column: usize) -> rusqlite::Result<Option<&'a str>> {
    Ok(match row.get_ref(column)? {
        ValueRef::Text(text) => std::str::from_utf8(text).ok(),
        _ => None,
    })
}

pub(super) fn count<N: TryFrom<i64>>(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<N>> {
    Ok(match row.get_ref(column)? {
        ValueRef::Integer(n) => N::try_from(n).ok(),
        _ => None,
    })
}

/// `301 https://example.com/` and so on, one a line.
fn hops_text(hops: &[Hop]) -> String {
    let lines: Vec<_> = hops.iter().map(|hop| format!("{} {}", hop.status, hop.url)).collect();
    lines.join("\n")
}

fn hops(text: &str) -> Vec<Hop> {
    let hop = |line: &str| {
        let (status, url) = line.split_once(' ')?;
        Some(Hop { status: status.parse().ok()?, url: redact_url(url).into() })
    };
    text.lines().filter_map(hop).collect()
}

fn version(text: &str) -> Option<Version> {
    [Version::HTTP_09, Version::HTTP_10, Version::HTTP_11, Version::HTTP_2, Version::HTTP_3]
        .into_iter()
        .find(|version| format!("{version:?}") == text)
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
