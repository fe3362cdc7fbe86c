//! The table of settings: each row is one setting, with its flag, its help and its value.
//!
//! Files, variables, flags, `--help`, the manual page, `fetchall config`, `config.example.toml` and
//! the reference page all come from this table. A new setting is a field of [`Config`] with its
//! default, one row here, and its test.

mod amounts;
mod crawl;
mod kind;
mod lists;
mod text;
mod words;

pub(super) use kind::whole_number;

use std::ffi::OsStr;
use std::num::NonZeroU32;
use std::path::PathBuf;

use toml::Value;

use super::{
    BackendKind, ChangesBy, Color, Compression, Concurrency, Config, Digest, Duplicates, FailOn, Format, InputFormat,
    IpVersion, LowSpeed, Order, PrivateAddresses, ProgressMode, Rate, Show, Until,
};
use crate::model::{ArchiveDigest, RecordEncoding, RetryOn, RobotsMode, ScopeKind, TextFormat};
use amounts::{Count, PositiveTime, Size, Speed, Time};
use crawl::{Depth, Nofollow, Since, SitemapChoice, TrapSwitch};
use kind::{OrNone, SettingKind};
use lists::{ArchiveFields, Expressions, FileNames, HostPatterns, MediaTypes, Names, Normalizations};
use text::{BaseUrl, ColumnName, FieldText, Headers, ListenAddress, NoProxyText, Pins, ProxyText, QueueUrl, Secret};
use words::TextEncoding;

/// A value as a layer gives it.
#[derive(Debug, Clone, Copy)]
pub enum Raw<'a> {
    /// Text of a flag or a variable, where everything is text.
    Text(&'a OsStr),
    /// Several texts, of a flag that may be repeated or an array.
    List(&'a [String]),
    /// A string of a TOML file.
    String(&'a str),
    /// A number of a TOML file, in decimal.
    Number(&'a str),
    /// A truth value of a TOML file.
    Bool(bool),
}

/// The form of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ValueForm {
    /// On or off: the flag has no value, and `--no-NAME` switches it off.
    Switch,
    /// One of a few words.
    Words(&'static [Word]),
    /// A whole number.
    Number,
    /// Several texts: a flag that may be repeated, or an array.
    List,
    /// Any other text.
    Text,
}

/// A word that a setting accepts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Word {
    /// The word.
    pub name: &'static str,
    /// Other spellings, which help does not mention.
    pub aliases: &'static [&'static str],
}

/// One setting.
#[derive(Debug, Clone, Copy)]
pub struct Key {
    /// The name in files: kebab-case.
    pub name: &'static str,
    /// The long flag, with its dashes.
    pub flag: &'static str,
    /// The long flag that switches a [`ValueForm::Switch`] off, with its dashes.
    pub off: &'static str,
    /// The short flag, a letter without its dash; empty for none.
    pub short: &'static str,
    /// Other names of the flag, which help does not mention; those of one letter are short flags. In
    /// files they only lead to a suggestion.
    pub aliases: &'static [&'static str],
    /// The group in help and documents.
    pub group: &'static str,
    /// The form of the value.
    pub form: ValueForm,
    /// The name of the value in help; empty for a [`ValueForm::Switch`].
    pub value_name: &'static str,
    /// The meaning, in one line.
    pub help: &'static str,
    /// More for `config.example.toml`; mostly empty.
    pub note: &'static str,
    set: fn(&mut Config, Raw<'_>) -> Result<(), String>,
    get: fn(&Config) -> Value,
    show: fn(&Config) -> Value,
    /// Whether the file of the working folder, which may be a stranger's, may set it too.
    pub anywhere: bool,
}

impl Key {
    /// The key of this name.
    pub fn named(name: &str) -> Option<&'static Key> {
        KEYS.iter().find(|key| key.name == name)
    }

    /// The environment variable: `FETCHALL_` and the name in upper snake case.
    pub fn variable(&self) -> String {
        format!("FETCHALL_{}", self.name.to_ascii_uppercase().replace('-', "_"))
    }

    /// The accepted words; none unless the value is one of a few.
    pub fn words(&self) -> impl Iterator<Item = &'static str> {
        let words = if let ValueForm::Words(words) = self.form { words } else { &[] };
        words.iter().map(|word| word.name)
    }

    /// Whether the flag is only for a crawl. Files and variables may set it for any command.
    pub fn is_of_crawl(&self) -> bool {
        self.group.starts_with("Crawl")
            && !matches!(
                self.name,
                "requisites" | "robots" | "adjust-extension" | "convert-links" | "mirror-index" | "links-out"
            )
    }

    /// The default of a crawl, if it is another one than that of a list.
    pub fn default_of_crawl(&self) -> Option<Value> {
        let of_crawl = self.get(&Config::of_crawl());
        (of_crawl != self.get(&Config::default())).then_some(of_crawl)
    }

    /// Reads a value into the configuration, which stays as it was when the value is wrong.
    ///
    /// # Errors
    /// A message with the fault in the value and the correct form.
    pub fn set(&self, config: &mut Config, raw: Raw<'_>) -> Result<(), String> {
        (self.set)(config, raw)
    }

    /// The value as TOML, in a form that reads back as itself.
    pub fn get(&self, config: &Config) -> Value {
        (self.get)(config)
    }

    /// The value as `fetchall config` and messages show it: without what its kind keeps secret.
    pub fn show(&self, config: &Config) -> Value {
        (self.show)(config)
    }
}

macro_rules! keys {
    (@anywhere) => { true };
    (@user_only) => { false };
    ($($group:literal {$(
        $name:literal $(-$short:ident)? $(| $alias:literal)* $(<$value_name:literal>)?
            => $($field:ident).+: $kind:ty, $place:ident, $help:literal $(, $note:literal)?;
    )+})+) => {
        /// Every setting, in the order in which help and `fetchall config` show them.
        pub const KEYS: &[Key] = &[$($(Key {
            name: $name,
            flag: concat!("--", $name),
            off: concat!("--no-", $name),
            short: concat!($(stringify!($short))?),
            aliases: &[$($alias),*],
            group: $group,
            form: <$kind as SettingKind>::FORM,
            value_name: concat!($($value_name)?),
            help: $help,
            note: concat!($($note)?),
            set: |config, raw| <$kind as SettingKind>::set(&mut config.$($field).+, raw),
            get: |config| <$kind as SettingKind>::write(&config.$($field).+),
            show: |config| <$kind as SettingKind>::show(&config.$($field).+),
            anywhere: keys!(@$place),
        }),+),+];
    };
}

// A row: name, short flag, other names, name of the value, field, kind, place, help and note.
// A key is `user_only` unless no value of it can say what is fetched and sent, weaken a check, or
// touch a file that is not of this folder.
keys! {
    "Input" {
        "input-format" <"FORMAT"> => input_format: InputFormat, anywhere, "Format of the lists";
        "base" -B <"URL"> => base: OrNone<BaseUrl>, user_only,
            "Resolve relative URLs in a saved page or sitemap against URL";
        "input-encoding" <"NAME"> => input_encoding: TextEncoding, anywhere,
            "Encoding of lists without a byte order mark, such as windows-1252";
        "url-column" <"NAME"> => url_column: OrNone<ColumnName>, anywhere,
            "Table column that holds the URLs, by name or number",
            "Without it `url`, or the only column with URLs.";
        "duplicates" <"WHAT"> => duplicates: Duplicates, anywhere, "Skip or fetch a URL that is listed again";
    }
    "Concurrency" {
        "concurrency" -c | "jobs" | "workers" | "threads" | "j" <"N"> => concurrency: Concurrency, anywhere,
            "Maximum number of concurrent transfers, or auto to tune it during the run";
        "backend" <"HOW"> => backend: BackendKind, anywhere,
            "Run transfers as async tasks, threads, child processes or one by one";
        "grace" <"TIME"> => grace: Time, anywhere, "After the first Ctrl-C, let transfers run on for this long";
    }
    "Speed and politeness" {
        "per-host" | "host-concurrency" <"N"> => per_host: OrNone<NonZeroU32>, anywhere,
            "Maximum number of concurrent transfers per host";
        "delay" | "wait" <"TIME"> => delay: Time, anywhere, "Wait this long between two requests to one host";
        "random-wait" => random_wait: bool, anywhere,
            "Vary --delay at random between 0.5 and 1.5 times its value";
        "rate" <"N/s"> => rate: OrNone<Rate>, anywhere, "Maximum request rate of the run, such as 10/s or 30/m";
        "limit-rate" <"SIZE"> => limit_rate: OrNone<Speed>, anywhere,
            "Maximum download rate of the run in bytes per second, such as 1MiB";
    }
    "Order and stopping" {
        "order" <"ORDER"> => order: Order, anywhere,
            "Order of the records: as transfers complete, or as in the input";
        "until" <"WHAT"> => until: Until, user_only, "Stop the run after this event and cancel the rest";
        "max-failures" <"N"> => max_failures: OrNone<NonZeroU32>, anywhere,
            "Stop the run after N failures, HTTP errors included";
        "max-duration" <"TIME"> => max_duration: OrNone<PositiveTime>, anywhere, "Stop the run after this time";
        "quota" <"SIZE"> => quota: OrNone<Size>, anywhere,
            "Stop the run after this many bytes of bodies; transfers in flight have --grace to finish";
        "fail-on" <"WHICH"> => fail_on: FailOn, user_only,
            "Exit with code 1 on any failure, all, never, N or N% of them";
    }
    "Requests" {
        "header" -H <"FIELD"> => header: Headers, user_only,
            "Send this request field; `Name:` removes it, @FILE reads fields from a file; repeatable",
            "In files a list of \"Name: value\" without @FILE. A later file replaces the whole list.";
        "user-agent" -A | "U" <"TEXT"> => user_agent: FieldText, anywhere, "Send this User-Agent, \"\" for none";
        "head" | "spider" => head: bool, user_only, "Send HEAD requests and save nothing";
        "http1" | "http1.1" => http1: bool, user_only, "Do not use HTTP/2";
        "max-redirects" | "max-redirs" <"N"> => max_redirects: u32, anywhere,
            "Maximum number of redirects per URL";
        "compression" <"WHAT"> => compression: Compression, user_only,
            "Request compression and decode (auto), request none (off), or keep it (raw)";
    }
    "Login and cookies" {
        "user" -u <"USER:PASSWORD"> => user: OrNone<Secret>, user_only,
            "User name and password for listed hosts: Basic first, Digest on demand",
            "\"USER:PASSWORD\". See docs/guide/credentials.md.";
        "anyauth" => anyauth: bool, user_only,
            "Wait for the server's challenge before sending credentials; prefer Digest";
        "netrc" => netrc: bool, user_only, "Read passwords by host from ~/.netrc";
        "netrc-file" <"FILE"> => netrc_file: OrNone<PathBuf>, user_only,
            "Read passwords by host from this netrc file";
        "cookie" -b <"NAME=VALUE|FILE"> => cookie: OrNone<Secret>, user_only,
            "Send cookies from a string or a file, and keep cookies during the run",
            "\"NAME=VALUE; NAME=VALUE\", or a file as for load-cookies.";
        "load-cookies" <"FILE"> => load_cookies: OrNone<PathBuf>, user_only,
            "Load cookies from this file, and keep cookies during the run",
            "cookies.txt or JSON, see docs/guide/credentials.md.";
        "save-cookies" <"FILE"> => save_cookies: OrNone<PathBuf>, user_only,
            "Keep cookies during the run, and save them to this file at its end";
    }
    "Proxy and network" {
        "proxy" -x <"[SCHEME://]HOST:PORT"> => proxy: OrNone<ProxyText>, user_only,
            "Use this proxy: http, https, socks4(a) or socks5(h); \"\" for none",
            "\"[SCHEME://][USER:PASSWORD@]HOST:PORT\", or \"http=... https=...\". \
            Without it http_proxy, https_proxy and all_proxy apply.";
        "noproxy" <"HOSTS"> => noproxy: OrNone<NoProxyText>, user_only,
            "Bypass the proxy for these hosts, addresses and networks, or * for all",
            "Separated by commas, see docs/guide/credentials.md.";
        "resolve" <"HOST:PORT:ADDR[,ADDR]"> => resolve: Pins, user_only,
            "Connect to ADDR for HOST:PORT, * for every host; repeatable",
            "A list of \"HOST:PORT:ADDR[,ADDR]\". A later file replaces the whole list.";
        "ip-version" <"VERSION"> => ip_version: IpVersion, user_only, "Connect over this IP version only";
        "private-addresses" <"WHICH"> => private_addresses: PrivateAddresses, user_only,
            "Private addresses: allow, deny, or block redirects from public hosts",
            "See docs/guide/addresses.md.";
    }
    "TLS" {
        "cacert" | "ca-certificate" <"FILE"> => cacert: OrNone<PathBuf>, user_only,
            "Verify servers with the CA certificates of this PEM file only";
        "cert" <"FILE"> => cert: OrNone<PathBuf>, user_only, "Client certificate as a PEM file";
        "key" <"FILE"> => key: OrNone<PathBuf>, user_only,
            "Private key of the client certificate, if in another PEM file";
        "insecure" -k | "no-check-certificate" => insecure: bool, user_only, "Do not verify server certificates";
    }
    "Timeouts" {
        "connect-timeout" <"TIME"> => connect_timeout: PositiveTime, anywhere,
            "Maximum time for name lookup, TCP connect and TLS handshake";
        "read-timeout" | "idle-timeout" <"TIME"> => read_timeout: PositiveTime, anywhere,
            "Maximum time without any data from the server";
        "timeout" | "max-time" | "m" <"TIME"> => timeout: OrNone<PositiveTime>, anywhere,
            "Maximum time per URL, redirects included";
        "low-speed" <"RATE/TIME"> => low_speed: OrNone<LowSpeed>, anywhere,
            "Fail a transfer slower than RATE bytes per second over TIME";
    }
    "Retries" {
        "retry" | "retries" <"N"> => retry: u32, anywhere, "Maximum number of retries per URL";
        "retry-on" <"WORDS"> => retry_on: RetryOn, anywhere,
            "Retry after these error kinds and statuses, 4xx and 5xx included", "See docs/guide/retries.md.";
        "retry-max-wait" <"TIME"> => retry_max_wait: Time, anywhere,
            "Maximum wait before a retry, Retry-After included";
    }
    "Crawl: scope" {
        "depth" -l | "level" <"N"> => crawl.depth: OrNone<Depth>, user_only,
            "Maximum number of links from a start page to a page; 0 for the start pages alone";
        "scope" <"WHICH"> => crawl.scope: ScopeKind, user_only,
            "Follow links to the start's page, path prefix, host, domain, or any host",
            "prefix is the folder of the start page.";
        "include" | "accept-regex" <"REGEX"> => crawl.include: Expressions, user_only,
            "Follow only links whose URL matches this regular expression; repeatable";
        "exclude" | "reject-regex" <"REGEX"> => crawl.exclude: Expressions, user_only,
            "Follow no link whose URL matches this regular expression; repeatable";
        "accept" <"LIST"> => crawl.accept: FileNames, user_only,
            "Save only these file name endings or patterns (pdf,*.zip); pages give their links";
        "reject" <"LIST"> => crawl.reject: FileNames, user_only,
            "Do not save these file name endings or patterns (pdf,*.zip); pages give their links";
        "span-hosts" | "domains" <"HOST,..."> => crawl.span_hosts: HostPatterns, user_only,
            "Follow links to these hosts too (example.org,*.example.org); repeatable";
        "page-types" <"TYPE,..."> => crawl.page_types: MediaTypes, user_only,
            "Save only pages of these media types (text/html,image/*)";
        "max-pages" <"N"> => crawl.max_pages: OrNone<Count>, user_only, "Maximum number of pages; 0 is none";
        "requisites" -p | "page-requisites" => crawl.requisites: bool, user_only,
            "Fetch what pages show too, from any host: images, scripts, style sheets, fonts";
        "adjust-extension" => crawl.adjust_extension: bool, user_only,
            "Add .html, .css, .svg or .xhtml to names of files that lack the ending of their type";
        "convert-links" => crawl.convert_links: bool, user_only,
            "Make links of saved pages lead to saved files, for reading offline; others are absolute";
        "mirror-index" => crawl.mirror_index: bool, user_only,
            "Write index.html into the folder of --dir, with a link to each host of a mirror";
        "skipped" <"FILE"> => skipped: OrNone<PathBuf>, user_only,
            "Write each link that is not followed to this file as JSON, with the reason";
        "links-out" <"FILE"> => crawl.links_out: OrNone<PathBuf>, user_only,
            "Write each link of each page to this file as JSON: parent, child, kind, text",
            "See docs/guide/link-check.md.";
        "sitemap-out" <"FILE"> => crawl.sitemap_out: OrNone<PathBuf>, user_only,
            "Write a sitemap of the HTML pages of the crawl to this file at its end",
            "Beyond 50,000 URLs an index, and FILE-1.xml and so on beside it.";
    }
    "Crawl: discovery" {
        "sitemap" <"WHICH|URL"> => crawl.sitemap: SitemapChoice, user_only,
            "Sitemaps to read: auto, only (follow no links), off, or these URLs; repeatable",
            "auto reads those of robots.txt, and /sitemap.xml.";
        "since" <"DATE"> => crawl.since: OrNone<Since>, user_only,
            "Leave out sitemap entries that have not changed since (2026-01-31)",
            "A date begins at midnight UTC. A time is 2026-01-31T12:00:00Z.";
        "strip-param" <"NAME,..."> => crawl.strip_param: Names, user_only,
            "Ignore these query parameters in comparisons of URLs (utm_*,sid); repeatable";
        "canonical" <"WHAT,..."> => crawl.canonical: Normalizations, user_only,
            "Ignore these differences between URLs, or aggressive for all",
            "Values: sort-query, trailing-slash, index-file, double-slash, case, www, scheme, aggressive.";
        "forms" => crawl.forms: bool, user_only, "Follow forms with the method GET";
    }
    "Crawl: link check" {
        "check" => crawl.check: bool, user_only,
            "Save nothing; report broken links by page, links out of scope included (HEAD)",
            "See docs/guide/link-check.md.";
        "check-fragments" | "include-fragments" => crawl.check_fragments: bool, user_only,
            "With --check, test #fragments of links to the pages of the crawl too";
    }
    "Crawl: robots and traps" {
        "robots" <"HOW"> => crawl.robots: RobotsMode, user_only,
            "robots.txt: obey it, ignore it, or report the rule in the records";
        "nofollow" <"HOW"> => crawl.ignore_nofollow: Nofollow, user_only,
            "Links of pages that say nofollow: obey or ignore it";
        "traps" => crawl.traps: TrapSwitch, user_only, "Stop at parts of a site that have no end; --no-traps goes on",
            "Or a table [traps] with limits, see docs/reference/settings.md.";
    }
    "Saving files" {
        "dir" -d | "output-dir" | "P" <"DIR"> => dir: OrNone<PathBuf>, anywhere,
            "Save bodies below this directory, and resume runs from it";
        "name" <"TEMPLATE"> => name: String, anywhere,
            "File name template: {host} {path} {dir} {file} {stem} {ext} {query} {n:1} {sha256}",
            "See docs/reference/names.md.";
        "content-disposition" => content_disposition: bool, user_only,
            "Use the file names of Content-Disposition, each in its own folder";
        "skip-existing" | "no-clobber" => skip_existing: bool, user_only, "Skip URLs whose file exists";
        "fresh" => fresh: bool, user_only, "Forget the earlier runs and fetch everything again";
        "refresh" -N | "timestamping" => refresh: bool, user_only,
            "Fetch known files again only if they changed on the server", "Sets the files' modification times.";
        "remote-time" -R => remote_time: bool, anywhere, "Set the files' modification times from Last-Modified";
        "sync" => sync: bool, user_only, "Flush files and state to the disk before writing a record";
        "state" <"FILE"> => state: OrNone<PathBuf>, user_only,
            "Remember finished URLs in this file, also without --dir", "Without it a file in dir.";
        "changes" <"FILE"> => changes: OrNone<PathBuf>, user_only,
            "Write added, changed and removed URLs to this file as JSON",
            "Computes BLAKE3 without a digest. See docs/guide/changes.md.";
        "changes-by" <"WHAT"> => text.changes_by: ChangesBy, user_only,
            "Compare bodies, or the text of pages: dates and tokens in their code are no change";
        "digest" <"NAME"> => digest: Digest, anywhere, "Compute this digest of each body";
        "max-size" | "max-filesize" <"SIZE"> => max_size: OrNone<Size>, user_only, "Maximum size of a decoded body",
            "Its coded form may be 1/64 and 64 KiB longer.";
    }
    "Text" {
        "text" <"FILE.ndjson|DIR"> => text.file: OrNone<PathBuf>, user_only,
            "Write the main text of each HTML page to FILE as JSON lines, or to a file per host in DIR",
            "See docs/guide/text.md.";
        "text-format" <"FORMAT"> => text.format: TextFormat, anywhere, "Form of that text";
    }
    "Archive" {
        "warc-file" <"NAME"> => archive.file: OrNone<PathBuf>, user_only,
            "Write every request and response to NAME-00000.warc.gz and so on",
            "WARC 1.1, see docs/reference/warc.md.";
        "warc-max-size" <"SIZE"> => archive.max_size: OrNone<Size>, anywhere,
            "Begin another WARC file beyond this size, none for one file";
        "warc-header" <"FIELD"> => archive.header: ArchiveFields, user_only,
            "Add this field to the warcinfo record of each file, such as `operator: me`; repeatable";
        "warc-compression" <"WHAT"> => archive.compression: RecordEncoding, anywhere,
            "Compress each WARC record (gzip) or none";
        "warc-digest" <"NAME"> => archive.digest: ArchiveDigest, anywhere, "Digest of the WARC records";
        "warc-outlinks" => archive.outlinks: bool, anywhere, "Write the links of each page into its metadata record";
        "warc-cdx" => archive.cdx: bool, user_only, "Write a CDXJ index beside each WARC file at the end of the run";
        "wacz" <"FILE"> => archive.wacz: OrNone<PathBuf>, user_only,
            "Pack the WARC files with their indexes into this WACZ file at the end of the run";
    }
    "Records and summary" {
        "format" <"FORMAT"> => format: Format, anywhere, "Format of the records";
        "output" -o <"FILE"> => output: PathBuf, user_only,
            "Write the records to FILE (.csv, .tsv, .ndjson set the format), - for standard output";
        "summary" <"FILE"> => summary: OrNone<PathBuf>, user_only, "Write a JSON summary of the run to this file";
        "metrics" <"[ADDRESS:]PORT"> => metrics: OrNone<ListenAddress>, user_only,
            "Show the run on this address: a live page, and /metrics for Prometheus",
            "A bare port is one of 127.0.0.1. See docs/guide/watch.md.";
        "report" <"FILE.html"> => report: OrNone<PathBuf>, user_only,
            "Write a report of the run to this file: sums, drawings, every failure",
            "One page of HTML. See docs/guide/report.md.";
    }
    "Progress and log" {
        "progress" <"MODE"> => progress: ProgressMode, anywhere, "Progress display on standard error";
        "quiet" -q | "silent" | "s" => quiet: bool, anywhere, "Show no progress, no summary and no text lines";
        "verbose" -v => verbose: bool, anywhere, "Log each step, to standard error or to the file of --log";
        "show" <"WHAT"> => show: Show, anywhere, "Results to list as text; auto lists changes on a terminal, else all",
            "Changes are all results but done, not_modified, exists, duplicate and cancelled.";
        "color" <"WHEN"> => color: Color, anywhere, "Colored output";
        "log" <"FILE"> => log: OrNone<PathBuf>, user_only, "Append a log of the run to this file";
    }
    "Fleet" {
        "queue" <"URL"> => fleet.queue: OrNone<QueueUrl>, user_only,
            "Share the work with other machines over a Redis job, such as redis://HOST/0?job=NAME",
            "Each machine runs the same command. See docs/guide/fleet.md.";
        "lease" <"TIME"> => fleet.lease: PositiveTime, user_only,
            "Time after which others get the URLs of a worker that died, with --queue";
        "worker-name" <"NAME"> => fleet.worker_name: OrNone<String>, user_only,
            "Name of this worker in records, with --queue; its machine and process by default";
    }
    "Other" {
        "dry-run" => dry_run: bool, user_only, "List the URLs and file names without fetching anything",
            "Writes output, summary and log all the same.";
    }
}
