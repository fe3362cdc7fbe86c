//! One round of one cell: the child's arguments, its outputs, and the figures of both.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, BufReader, Seek as _, Write as _};
use std::path::Path;
use std::process::Stdio;

use serde::Deserialize;
use tokio_util::sync::CancellationToken;
use toml::Value;

use super::figures::Round;
use super::process::{self, ProcessReport};
use super::records::{self, RecordSet, Sample};
use crate::backend::BACKENDS;
use crate::config::{Config, KEYS};
use crate::model::ChildProgram;
use crate::policy::text::printable::{cut, printable};

/// The settings of this program that every child gets too: the URLs to fetch and the way to fetch them.
pub const PASSED: &[&str] = &[
    "input-format",
    "base",
    "input-encoding",
    "url-column",
    "duplicates",
    "header",
    "user-agent",
    "user",
    "netrc",
    "netrc-file",
    "cookie",
    "load-cookies",
    "proxy",
    "noproxy",
    "head",
    "http1",
    "max-redirects",
    "resolve",
    "ip-version",
    "private-addresses",
    "cacert",
    "cert",
    "key",
    "insecure",
    "compression",
    "connect-timeout",
    "read-timeout",
    "timeout",
    "low-speed",
    "digest",
    "max-size",
];

/// The inputs for starting every child.
pub(super) struct Launch<'a> {
    pub(super) program: &'a ChildProgram,
    /// The standard input of a child, of `words()`.
    pub(super) words: Vec<u8>,
    /// The folder of its outputs.
    pub(super) folder: &'a Path,
}

/// The end of a round.
pub(super) enum End {
    Measured(Box<(Round, RecordSet, Sample)>),
    Failed(String),
    Stopped,
}

/// The flags for the settings that differ from their defaults, and the inputs: each after a NUL.
/// They may hold passwords, and every user of a machine can read the arguments of a process.
pub(super) fn words(config: &Config, inputs: &[OsString]) -> Vec<u8> {
    let defaults = Config::default();
    let mut words = Vec::new();
    let mut push = |word: &[u8]| {
        words.push(0);
        words.extend_from_slice(word);
    };
    for key in KEYS.iter().filter(|key| PASSED.contains(&key.name)) {
        let value = key.get(config);
        if value == key.get(&defaults) {
            continue;
        }
        let mut flag = |text: &str| push(format!("--{}={text}", key.name).as_bytes());
        match &value {
            Value::Array(texts) => texts.iter().filter_map(Value::as_str).for_each(flag),
            Value::String(text) => flag(text),
            other => flag(&other.to_string()),
        }
    }
    push(b"--");
    inputs.iter().for_each(|input| push(input.as_encoded_bytes()));
    words
}

/// The arguments that every user of the machine may read.
fn arguments(backend: &str, concurrency: u32, records: &Path, summary: &Path) -> Vec<OsString> {
    // Retries wait at random, which would distort the figures of the cell.
    let plain = ["compare-child", "--no-config", "--quiet", "--json", "--retry=0"];
    let mut args: Vec<OsString> = plain.map(OsString::from).into();
    // With a single backend there is nothing to choose.
    if BACKENDS.len() > 1 {
        args.extend(["--backend", backend].map(OsString::from));
    }
    args.extend(["--concurrency".into(), concurrency.to_string().into()]);
    args.extend(["--output".into(), records.into(), "--summary".into(), summary.into()]);
    args
}

/// Runs one round.
pub(super) fn round(
    launch: &Launch<'_>,
    backend: &str,
    concurrency: u32,
    reference: Option<&RecordSet>,
    stop: &CancellationToken,
) -> io::Result<End> {
    let [records, summary, stderr] =
        ["records.ndjson", "summary.json", "stderr.txt"].map(|name| launch.folder.join(name));
    // The child empties what is there and keeps its mode.
    for output in [&records, &summary] {
        private_file(output)?;
    }
    // It has no name, so that nothing is left of it however this program ends.
    let mut input = tempfile::tempfile_in(launch.folder)?;
    // By this number the child sees a parent that died before the child could ask for its own end.
    write!(input, "{}", std::process::id())?;
    input.write_all(&launch.words)?;
    input.rewind()?;
    let mut command = launch.program.command();
    command
        .args(arguments(backend, concurrency, &records, &summary))
        .stdin(input)
        .stdout(Stdio::null())
        .stderr(private_file(&stderr)?);
    let seen = match process::run(&mut command, stop) {
        Ok(seen) => seen,
        Err(error) => return Ok(End::Failed(format!("cannot be started: {error}"))),
    };
    if stop.is_cancelled() {
        return Ok(End::Stopped);
    }
    if !matches!(seen.status.code(), Some(0 | 1)) {
        return Ok(End::Failed(failure(&seen, &stderr)));
    }
    Ok(figures(&seen, &records, &summary, reference).unwrap_or_else(End::Failed))
}

/// A new, empty file that only its owner can read, whatever the umask.
pub fn private_file(path: &Path) -> io::Result<File> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut options = File::options();
    options.read(true).write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let file = options.open(path)?;
    // A umask may have taken the owner's own rights away.
    #[cfg(unix)]
    file.set_permissions(std::os::unix::fs::PermissionsExt::from_mode(0o600))?;
    Ok(file)
}

/// Describes the end of the child, with its last message.
fn failure(seen: &ProcessReport, stderr: &Path) -> String {
    let said = std::fs::read(stderr).unwrap_or_default();
    let said = String::from_utf8_lossy(&said);
    let last = said.lines().rev().map(str::trim).find(|line| !line.is_empty());
    match last {
        None => seen.status.to_string(),
        Some(last) => format!("{}: {}", seen.status, cut(&printable(last), 200)),
    }
}

/// The part of a summary that is looked at here.
#[derive(Deserialize)]
struct CellSummary {
    read: u64,
    ok: u64,
    http_error: u64,
    failed: u64,
    skipped: u64,
    cancelled: u64,
    wall_ms: f64,
    latency: Option<LatencyPart>,
    peak_concurrency: u64,
}

#[derive(Deserialize)]
struct LatencyPart {
    p50_ms: f64,
    p99_ms: f64,
}

fn figures(seen: &ProcessReport, records: &Path, summary: &Path, reference: Option<&RecordSet>) -> Result<End, String> {
    let text = std::fs::read(summary).map_err(|error| format!("it left no summary: {error}"))?;
    let told: CellSummary =
        serde_json::from_slice(&text).map_err(|error| format!("its summary cannot be understood: {error}"))?;
    let lines = File::open(records).map_err(|error| format!("it left no records: {error}"))?;
    let (set, difference, sample) = records::read(BufReader::new(lines), reference)?;
    let round = Round {
        wall_ms: seen.wall.as_secs_f64() * 1000.0,
        run_ms: told.wall_ms,
        urls: told.read,
        ok: told.ok,
        http_error: told.http_error,
        failed: told.failed,
        skipped: told.skipped,
        cancelled: told.cancelled,
        p50_ms: told.latency.as_ref().map(|latency| latency.p50_ms),
        p99_ms: told.latency.as_ref().map(|latency| latency.p99_ms),
        peak_concurrency: told.peak_concurrency,
        cpu_user_ms: seen.usage.map(|usage| usage.user_ms),
        cpu_system_ms: seen.usage.map(|usage| usage.system_ms),
        context_switches: seen.usage.map(|usage| usage.switches),
        peak_memory_bytes: seen.peaks.memory,
        peak_threads: seen.peaks.threads,
        peak_processes: seen.peaks.processes,
        peak_connections: seen.peaks.connections,
        records_differing: difference.records,
        differing_url: difference.url,
    };
    Ok(End::Measured(Box::new((round, set, sample))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn child_reads_settings_that_differ_and_inputs() {
        assert_eq!(words(&Config::default(), &[]), b"\0--");
        let config = Config {
            header: vec!["Authorization: Basic c2VjcmV0".to_owned(), "X-A: b".to_owned()],
            resolve: vec!["a:1:127.0.0.1".to_owned(), "b:2:[::1]".to_owned()],
            insecure: true,
            user_agent: String::new(),
            user: Some("ann:c2VjcmV0".to_owned()),
            dir: Some("out".into()),
            ..Config::default()
        };
        let text = String::from_utf8(words(&config, &["--quiet".into(), "https://a.test/".into()])).unwrap();
        let expected = [
            "",
            "--header=Authorization: Basic c2VjcmV0",
            "--header=X-A: b",
            "--user-agent=",
            "--user=ann:c2VjcmV0",
            "--resolve=a:1:127.0.0.1",
            "--resolve=b:2:[::1]",
            "--insecure=true",
            "--",
            "--quiet",
            "https://a.test/",
        ];
        assert_eq!(text.split('\0').collect::<Vec<_>>(), expected);
    }

    #[cfg(unix)]
    #[test]
    fn private_files_are_for_their_owner_alone() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        std::fs::write(&path, "old").unwrap();
        let found = private_file(&path).unwrap().metadata().unwrap();
        assert_eq!((found.permissions().mode() & 0o777, found.len()), (0o600, 0));
    }

    #[test]
    fn every_setting_that_is_passed_is_one() {
        for name in PASSED {
            assert!(crate::config::Key::named(name).is_some(), "{name}");
        }
    }

    #[test]
    fn arguments_name_the_cell() {
        let args = arguments("async", 7, Path::new("r"), Path::new("s"));
        let at = args.iter().position(|arg| arg == "--concurrency").unwrap();
        assert_eq!(args[at + 1], "7");
        assert_eq!(args.contains(&OsString::from("--backend")), BACKENDS.len() > 1);
    }
}
