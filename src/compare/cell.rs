//! One round of one cell: the child's arguments, its outputs, and the figures of both.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use serde::Deserialize;
use tokio_util::sync::CancellationToken;

use super::figures::Round;
use super::process::{self, Seen};
use super::records::{self, RecordSet, Sample};
use crate::backend::BACKENDS;
use crate::config::{Config, KEYS, Key, Layers};
use crate::policy::printable::{cut, printable};

/// The settings that a child is given as this program was: those that say what is fetched and how.
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

/// Of these the ones that may hold passwords: a child finds them in its environment, for arguments
/// can be read by every user of the machine.
const SECRET: [&str; 3] = ["user", "cookie", "proxy"];

/// What programs agree on; what it says has been taken into account.
const PROXIES: [&str; 7] =
    ["http_proxy", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY", "no_proxy", "NO_PROXY"];

/// What every child is started with.
pub(super) struct Launch<'a> {
    pub(super) program: &'a Path,
    pub(super) inputs: &'a [OsString],
    /// Of `settings()`.
    pub(super) settings: Vec<OsString>,
    /// Of `secrets()`.
    pub(super) secrets: Vec<(String, String)>,
    /// Where its outputs go.
    pub(super) folder: &'a Path,
}

/// How a round ended.
pub(super) enum End {
    Measured(Box<(Round, RecordSet, Sample)>),
    Failed(String),
    Stopped,
}

/// The flags for the settings that differ from their defaults. Fields go through a file, for
/// arguments can be read by every user of the machine and fields may hold passwords.
pub(super) fn settings(config: &Config, folder: &Path) -> io::Result<Vec<OsString>> {
    let defaults = Config::default();
    let mut flags = Vec::new();
    for key in KEYS.iter().filter(|key| PASSED.contains(&key.name) && !SECRET.contains(&key.name)) {
        let value = key.get(config);
        if value == key.get(&defaults) {
            continue;
        }
        if let Some(texts) = value.as_array().filter(|_| key.name != "header") {
            let texts = texts.iter().filter_map(|text| text.as_str());
            flags.extend(texts.map(|text| format!("--{}={text}", key.name).into()));
        } else if let Some(fields) = value.as_array() {
            let text: String = fields.iter().filter_map(|field| field.as_str()).map(|f| format!("{f}\n")).collect();
            let path = folder.join("fields");
            std::fs::write(&path, text)?;
            let mut flag = OsString::from(format!("--{}=@", key.name));
            flag.push(path);
            flags.push(flag);
        } else {
            let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            flags.push(format!("--{}={text}", key.name).into());
        }
    }
    Ok(flags)
}

/// The variables for the settings that may hold passwords and differ from their defaults.
pub(super) fn secrets(config: &Config) -> Vec<(String, String)> {
    let defaults = Config::default();
    let differs = |key: &&Key| SECRET.contains(&key.name) && key.get(config) != key.get(&defaults);
    let text = |key: &Key| Some((key.variable(), key.get(config).as_str()?.to_owned()));
    KEYS.iter().filter(differs).filter_map(text).collect()
}

/// What is between the program's name and its inputs.
fn arguments(backend: &str, concurrency: u32, settings: &[OsString], records: &Path, summary: &Path) -> Vec<OsString> {
    // Retries wait at random, which would say nothing of the cell.
    let mut args: Vec<OsString> = ["--no-config", "--quiet", "--json", "--retry=0"].map(OsString::from).into();
    // With a single backend there is nothing to choose.
    if BACKENDS.len() > 1 {
        args.extend(["--backend", backend].map(OsString::from));
    }
    args.extend(["--concurrency".into(), concurrency.to_string().into()]);
    args.extend(["--output".into(), records.into(), "--summary".into(), summary.into()]);
    args.extend_from_slice(settings);
    args.push("--".into());
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
    for old in [&records, &summary] {
        if old.exists() {
            std::fs::remove_file(old)?;
        }
    }
    let mut command = Command::new(launch.program);
    command
        .args(arguments(backend, concurrency, &launch.settings, &records, &summary))
        .args(launch.inputs)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(File::create(&stderr)?);
    // What the environment says has been taken into account; a child must not do so again.
    for key in KEYS {
        command.env_remove(key.variable());
    }
    command.env_remove(Layers::CONFIG_VARIABLE);
    for name in PROXIES {
        command.env_remove(name);
    }
    command.envs(launch.secrets.iter().map(|(name, value)| (name, value)));
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

/// How the child ended, with the last thing it said.
fn failure(seen: &Seen, stderr: &Path) -> String {
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
struct SummaryFile {
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

fn figures(seen: &Seen, records: &Path, summary: &Path, reference: Option<&RecordSet>) -> Result<End, String> {
    let text = std::fs::read(summary).map_err(|error| format!("it left no summary: {error}"))?;
    let told: SummaryFile =
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
    fn a_child_gets_what_differs_and_no_password_among_its_arguments() {
        let folder = tempfile::tempdir().unwrap();
        assert!(settings(&Config::default(), folder.path()).unwrap().is_empty());
        let config = Config {
            header: vec!["Authorization: Basic c2VjcmV0".to_owned(), "X-A: b".to_owned()],
            resolve: vec!["a:1:127.0.0.1".to_owned(), "b:2:[::1]".to_owned()],
            insecure: true,
            user_agent: String::new(),
            user: Some("ann:c2VjcmV0".to_owned()),
            dir: Some("out".into()),
            ..Config::default()
        };
        let flags = settings(&config, folder.path()).unwrap();
        assert_eq!(secrets(&config), [("FETCHALL_USER".to_owned(), "ann:c2VjcmV0".to_owned())]);
        let fields = folder.path().join("fields");
        let header = format!("--header=@{}", fields.display());
        let pins = ["--resolve=a:1:127.0.0.1", "--resolve=b:2:[::1]"];
        assert_eq!(flags, [header.as_str(), "--user-agent=", pins[0], pins[1], "--insecure=true"].map(OsString::from));
        assert_eq!(std::fs::read_to_string(fields).unwrap(), "Authorization: Basic c2VjcmV0\nX-A: b\n");
    }

    #[test]
    fn every_setting_that_is_passed_is_one() {
        for name in PASSED {
            assert!(crate::config::Key::named(name).is_some(), "{name}");
        }
    }

    #[test]
    fn inputs_cannot_be_taken_for_flags() {
        let args = arguments("async", 7, &["--digest=sha256".into()], Path::new("r"), Path::new("s"));
        assert_eq!(args.last(), Some(&OsString::from("--")));
        let at = args.iter().position(|arg| arg == "--concurrency").unwrap();
        assert_eq!(args[at + 1], "7");
        assert_eq!(args.contains(&OsString::from("--backend")), BACKENDS.len() > 1);
    }
}
