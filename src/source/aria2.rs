//! The option lines of aria2's input files.
//!
//! `out`, `dir`, `header`, `checksum`, `user-agent` and `referer` are obeyed. Options that do not
//! change which bytes end up under which name are accepted and have no effect (see [`HARMLESS`]).
//! Any other option makes its URL a bad line: without its proxy or cookie file, a URL could silently
//! give the wrong body.

use percent_encoding::percent_decode_str;
use url::Url;

use super::address::Reason;
use super::line::Wants;
use super::wants::{self, RequestField};
use crate::model::RequestOverrides;

/// aria2's options for speed, retries, bookkeeping and BitTorrent, which a download of ours may ignore.
const HARMLESS: &[&str] = &[
    "allow-overwrite",
    "allow-piece-length-change",
    "always-resume",
    "async-dns",
    "auto-file-renaming",
    "check-integrity",
    "connect-timeout",
    "content-disposition-default-utf8",
    "continue",
    "enable-http-keep-alive",
    "enable-http-pipelining",
    "file-allocation",
    "follow-metalink",
    "follow-torrent",
    "force-save",
    "gid",
    "http-accept-gzip",
    "http-no-cache",
    "lowest-speed-limit",
    "max-connection-per-server",
    "max-download-limit",
    "max-file-not-found",
    "max-resume-failure-tries",
    "max-tries",
    "min-split-size",
    "no-file-allocation-limit",
    "no-netrc",
    "piece-length",
    "realtime-chunk-checksum",
    "remote-time",
    "remove-control-file",
    "retry-wait",
    "reuse-uri",
    "rpc-save-upload-metadata",
    "save-not-found",
    "seed-ratio",
    "seed-time",
    "split",
    "stream-piece-selector",
    "timeout",
    "uri-selector",
    "use-head",
];

/// Those that change the request or the file, and are obeyed or refused.
const DECISIVE: &[&str] = &[
    "all-proxy",
    "all-proxy-passwd",
    "all-proxy-user",
    "ca-certificate",
    "certificate",
    "check-certificate",
    "checksum",
    "conditional-get",
    "dir",
    "dry-run",
    "ftp-passwd",
    "ftp-proxy",
    "ftp-user",
    "header",
    "http-passwd",
    "http-proxy",
    "http-user",
    "https-proxy",
    "index-out",
    "load-cookies",
    "no-proxy",
    "out",
    "parameterized-uri",
    "pause",
    "private-key",
    "proxy-method",
    "referer",
    "save-cookies",
    "user-agent",
];

/// The name of an option, if aria2 has it. Another name may be a secret that ends in `=`.
pub(super) fn known_name(key: &str) -> &str {
    let is_key = |known: &&str| known.eq_ignore_ascii_case(key);
    if DECISIVE.iter().chain(HARMLESS).any(is_key) { key } else { "" }
}

/// Splits `key=value`; `None` when the text before the `=` cannot be an option's name, as in a URL.
pub(super) fn option(line: &str) -> Option<(&str, &str)> {
    let (key, value) = line.split_once('=')?;
    let key = key.trim();
    let name = !key.is_empty() && key.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    name.then_some((key, value.trim()))
}

/// The options of one URL, as far as they were understood.
#[derive(Default)]
pub(super) struct Options {
    dir: Option<String>,
    out: Option<String>,
    /// `*` stands for the URL itself.
    referer: Option<String>,
    headers: Vec<RequestField>,
    /// The bytes of those.
    bytes: usize,
    sha256: Option<[u8; 32]>,
    blake3: Option<[u8; 32]>,
    problem: Option<Reason>,
}

impl Options {
    /// Takes one option. Remembers the first wrong option with its line, because the record names the
    /// line of the URL. As in aria2, the last value of an option counts, and only `header` may repeat.
    pub fn add(&mut self, key: &str, value: &str, line: u64) {
        if self.problem.is_some() {
            // The URL is bad already, and millions of lines may follow.
            return;
        }
        if let Err(reason) = self.try_add(key, value) {
            self.problem.get_or_insert_with(|| format!("line {line}: {reason}").into());
        }
    }

    fn try_add(&mut self, key: &str, value: &str) -> Result<(), Reason> {
        if value.contains(|c: char| c.is_ascii_control()) {
            return Err(format!("{} holds a control character; remove it", shown(key)).into());
        }
        match key {
            "out" | "dir" if value.is_empty() => return Err(format!("option {key} is empty; remove it").into()),
            "out" => self.out = Some(value.to_owned()),
            "dir" => self.dir = Some(value.to_owned()),
            "header" => self.field(wants::header(value)?)?,
            "user-agent" => self.field(wants::field(key, value)?)?,
            "referer" => self.referer = Some(value.to_owned()),
            "checksum" => self.checksum(value)?,
            _ if HARMLESS.contains(&key) || key.starts_with("bt-") => {}
            _ => return Err(format!("{} is not supported; remove the line if it is not needed", shown(key)).into()),
        }
        Ok(())
    }

    fn field(&mut self, field: RequestField) -> Result<(), Reason> {
        self.bytes += field.0.as_str().len() + field.1.len();
        self.headers.push(field);
        wants::bounded_fields(self.headers.len(), self.bytes).inspect_err(|_| self.headers = Vec::new())
    }

    fn checksum(&mut self, value: &str) -> Result<(), Reason> {
        let (kind, digest) = value.split_once('=').unwrap_or((value, ""));
        match kind.trim().to_ascii_lowercase().as_str() {
            "sha-256" | "sha256" => self.sha256 = Some(wants::digest("checksum", digest.trim())?),
            "blake3" => self.blake3 = Some(wants::digest("checksum", digest.trim())?),
            _ => return Err("option checksum is not sha-256=HEX; other digests are not supported".into()),
        }
        Ok(())
    }

    /// Returns the settings that the options give for this URL.
    pub fn wants(self, url: &str) -> Result<Wants, Reason> {
        if let Some(problem) = self.problem {
            return Err(problem);
        }
        let mut headers = self.headers;
        if let Some(referer) = self.referer {
            let value = if referer == "*" { plain(url) } else { referer };
            headers.push(wants::field("referer", &value)?);
        }
        let out = match (self.dir, self.out) {
            (None, out) => out,
            (Some(dir), Some(out)) => Some(join(&dir, &out)),
            (Some(dir), None) => Some(join(&dir, &last_segment(url))),
        };
        let per_seed = RequestOverrides { out, sha256: self.sha256, blake3: self.blake3, headers, credentials: None };
        Ok(Wants { priority: 0, per_seed })
    }
}

/// The URL without the parts that no server may see: user name, password, fragment.
fn plain(url: &str) -> String {
    super::address::parse(url).map(|(url, _)| url.into()).unwrap_or_default()
}

/// An option as messages call it.
fn shown(key: &str) -> String {
    match known_name(key) {
        "" => "an option".to_owned(),
        name => format!("option {name}"),
    }
}

fn join(dir: &str, out: &str) -> String {
    format!("{}/{out}", dir.strip_suffix('/').unwrap_or(dir))
}

/// The name that aria2 gives a file without `out`: the end of the URL's path, or `index.html`.
fn last_segment(url: &str) -> String {
    let parsed = Url::parse(url).ok();
    let last = parsed.as_ref().and_then(|url| url.path_segments()?.next_back()).unwrap_or_default();
    if last.is_empty() {
        return "index.html".to_owned();
    }
    // A decoded slash would make one name two.
    match percent_decode_str(last).decode_utf8() {
        Ok(name) if !name.contains(['/', '\\', '\0']) => name.into_owned(),
        _ => last.to_owned(),
    }
}
