//! The command line: names, shorts, aliases and help.
//!
//! Everything is optional here and nothing is parsed further than clap must: values become
//! settings in `resolve`, through the same table as files and variables. Words of a closed list are
//! taken from that table too. Defaults in help are text; a test keeps them true.

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

use clap::builder::{PossibleValue, PossibleValuesParser};
use clap::{ArgAction, Args, Parser, Subcommand};
use clap_complete::Shell;
use fetchall::config::Key;

use super::compare_args::{self, CompareArgs};

const EXAMPLES: &str = "\
Examples:
  fetchall sites.txt                         print one line per URL
  fetchall -d out sites.txt                  save each body below out/
  fetchall --json sites.txt > records.ndjson write one JSON record per URL
  grep -o 'https://[^ ]*' notes | fetchall   read the list from a pipe
  fetchall -O page.html https://example.com/ save one URL as one file
  fetchall demo                              try it without a network
  fetchall compare -c 5,20,80 sites.txt      find the best backend and concurrency

Settings come from $XDG_CONFIG_HOME/fetchall/config.toml (or ~/.config), ./fetchall.toml,
--config FILE (or FETCHALL_CONFIG), FETCHALL_* variables and flags. Later sources win, and a list
such as --header replaces an earlier one. `fetchall config --show-origin` prints the result.
./fetchall.toml may come from a stranger: without --config it sets only pace, limits and formats.

Write ./config for a list whose name is that of a command.

Times: 500ms 10s 2m 1h 1m30s, a bare number counts seconds.
Sizes: 64KiB 10M 1GiB, 5MB is 5000000 bytes, a bare number counts bytes.

Exit codes: 0 no failure, 1 some URLs failed, 2 usage or configuration error, 3 the run broke,
4 a limit was reached, 130 interrupted.

Documentation: docs/guide and docs/reference of the source.";

const NAME_HELP: &str =
    "File name template: {host} {path} {dir} {file} {stem} {ext} {query} {n:1} {sha256} [default: {host}/{path}]";

/// Download every URL of a list, with one record per URL
#[derive(Debug, Parser)]
#[command(
    name = "fetchall",
    version,
    after_help = "See more and examples with --help.",
    after_long_help = EXAMPLES,
    args_conflicts_with_subcommands = true,
    args_override_self = true,
    disable_help_subcommand = true,
    subcommand_help_heading = "Commands",
    override_usage = "fetchall [OPTIONS] [INPUT]...\n       fetchall <COMMAND> [OPTIONS]"
)]
pub struct Cli {
    /// The command, if not a download.
    #[command(subcommand)]
    pub command: Option<Command>,
    /// What to download.
    #[command(flatten)]
    pub job: JobArgs,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Download a small demo site from loopback, without network access
    #[command(args_override_self = true)]
    Demo(Box<SettingArgs>),
    /// Compare backends and concurrency levels on one list
    #[command(args_override_self = true, mut_args(compare_args::fit), after_help = compare_args::NOTES)]
    Compare(Box<CompareArgs>),
    /// Print the effective configuration
    #[command(args_override_self = true)]
    Config {
        /// Show the source of each value
        #[arg(long)]
        show_origin: bool,
        /// The settings to show.
        #[command(flatten)]
        settings: Box<SettingArgs>,
    },
    /// Print a completion script for a shell
    Completions {
        /// The shell
        shell: Shell,
    },
    /// Print the manual page
    Man,
    /// Serve fetches over standard input, for --backend processes
    #[command(hide = true)]
    Worker,
    /// Read more arguments from standard input, for compare
    #[command(hide = true, disable_help_flag = true)]
    CompareChild {
        /// Arguments without secrets.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        words: Vec<OsString>,
    },
}

/// What to download, and how.
#[derive(Debug, Args)]
pub struct JobArgs {
    /// List files, URLs, or - for standard input [default: - when it is a pipe]
    #[arg(value_name = "INPUT")]
    pub inputs: Vec<OsString>,
    /// Read a list from a file, a URL, or - for standard input; repeatable
    #[arg(short = 'i', long, value_name = "FILE|URL", help_heading = "Input", action = ArgAction::Append)]
    pub input_file: Vec<OsString>,
    /// Fetch only the URLs that failed or were cancelled in these --json records
    #[arg(long, value_name = "REPORT", help_heading = "Input")]
    pub retry_from: Option<OsString>,
    /// With --retry-from: only these error kinds, outcomes or statuses, such as timeout,404,5xx
    #[arg(long, value_name = "WHICH,...", help_heading = "Input", requires = "retry_from", action = ArgAction::Append)]
    pub only: Vec<String>,
    /// How.
    #[command(flatten)]
    pub settings: SettingArgs,
    /// Save the body of the only URL as FILE, - for standard output
    #[arg(short = 'O', long, value_name = "FILE", help_heading = "Saving")]
    pub output_document: Option<PathBuf>,
}

/// The flags that are settings, and where settings come from.
#[derive(Debug, Args)]
pub struct SettingArgs {
    /// Format of the lists [default: auto]
    #[arg(long, value_name = "FORMAT", help_heading = "Input", value_parser = words("input-format"))]
    input_format: Option<String>,
    /// Resolve relative URLs in a saved page or sitemap against URL [default: none]
    #[arg(short = 'B', long, value_name = "URL", help_heading = "Input")]
    base: Option<OsString>,
    /// Encoding of lists without a byte order mark, such as windows-1252 [default: auto]
    #[arg(long, value_name = "NAME", help_heading = "Input")]
    input_encoding: Option<OsString>,
    /// Table column that holds the URLs, by name or number [default: none]
    #[arg(long, value_name = "NAME", help_heading = "Input")]
    url_column: Option<OsString>,
    /// Skip or fetch a URL that is listed again [default: skip]
    #[arg(long, value_name = "WHAT", help_heading = "Input", value_parser = words("duplicates"))]
    duplicates: Option<String>,

    /// Maximum number of concurrent transfers, or auto to tune it during the run [default: 10]
    #[arg(short = 'c', short_alias = 'j', long, aliases = ["jobs", "workers"], value_name = "N", help_heading = "Concurrency")]
    pub concurrency: Option<OsString>,
    /// Run transfers as async tasks, threads, child processes or one by one [default: async]
    #[arg(long, value_name = "HOW", help_heading = "Concurrency", value_parser = words("backend"))]
    backend: Option<String>,
    /// Maximum number of concurrent transfers per host [default: none]
    #[arg(long, alias = "host-concurrency", value_name = "N", help_heading = "Pace")]
    per_host: Option<OsString>,
    /// Wait this long between two requests to one host [default: 0s]
    #[arg(long, alias = "wait", value_name = "TIME", help_heading = "Pace")]
    delay: Option<OsString>,
    /// Vary --delay at random between 0.5 and 1.5 times its value [default: false]
    #[arg(long, help_heading = "Pace", num_args = 0..=1, require_equals = true, default_missing_value = "true",
        hide_possible_values = true, value_name = "false", value_parser = words("random-wait"))]
    random_wait: Option<String>,
    /// Maximum request rate of the run, such as 10/s or 30/m [default: none]
    #[arg(long, value_name = "N/s", help_heading = "Pace")]
    rate: Option<OsString>,
    /// Maximum download rate of the run in bytes per second, such as 1MiB [default: none]
    #[arg(long, value_name = "SIZE", help_heading = "Pace")]
    limit_rate: Option<OsString>,
    /// After the first Ctrl-C, let transfers run on for this long [default: 5s]
    #[arg(long, value_name = "TIME", help_heading = "Concurrency")]
    grace: Option<OsString>,

    /// Order of the records: as transfers complete, or as in the input [default: completed]
    #[arg(long, value_name = "ORDER", help_heading = "Order and end", value_parser = words("order"))]
    order: Option<String>,
    /// Stop the run after this event and cancel the rest [default: all]
    #[arg(long, value_name = "WHAT", help_heading = "Order and end", value_parser = words("until"))]
    until: Option<String>,
    /// Stop at the first failure, as --until first-error does
    #[arg(long, help_heading = "Order and end", conflicts_with = "until")]
    fail_fast: bool,
    /// Stop the run after N failures, HTTP errors included [default: none]
    #[arg(long, value_name = "N", help_heading = "Order and end")]
    max_failures: Option<OsString>,
    /// Stop the run after this time [default: none]
    #[arg(long, value_name = "TIME", help_heading = "Order and end")]
    max_duration: Option<OsString>,
    /// Exit with code 1 on any failure, all, never, N or N% of them [default: any]
    #[arg(long, value_name = "WHICH", help_heading = "Order and end")]
    fail_on: Option<OsString>,

    /// Send this request field; `Name:` removes it, @FILE reads fields from a file; repeatable
    #[arg(short = 'H', long, value_name = "FIELD", help_heading = "HTTP", action = ArgAction::Append)]
    pub header: Option<Vec<String>>,
    /// Send this User-Agent, "" for none [default: fetchall/VERSION (+REPOSITORY)]
    #[arg(short = 'A', short_alias = 'U', long, value_name = "TEXT", help_heading = "HTTP")]
    user_agent: Option<OsString>,
    /// User name and password for listed hosts: Basic first, Digest on demand [default: none]
    #[arg(short = 'u', long, value_name = "USER:PASSWORD", help_heading = "HTTP")]
    user: Option<OsString>,
    /// Wait for the server's challenge before sending credentials; prefer Digest [default: false]
    #[arg(long, help_heading = "HTTP", num_args = 0..=1, require_equals = true, default_missing_value = "true",
        hide_possible_values = true, value_name = "false", value_parser = words("anyauth"))]
    anyauth: Option<String>,
    /// Read passwords by host from ~/.netrc [default: false]
    #[arg(long, help_heading = "HTTP", num_args = 0..=1, require_equals = true, default_missing_value = "true",
        hide_possible_values = true, value_name = "false", value_parser = words("netrc"))]
    netrc: Option<String>,
    /// Read passwords by host from this netrc file [default: none]
    #[arg(long, value_name = "FILE", help_heading = "HTTP")]
    netrc_file: Option<OsString>,
    /// Send cookies from a string or a file, and keep cookies during the run [default: none]
    #[arg(short = 'b', long, value_name = "NAME=VALUE|FILE", help_heading = "HTTP")]
    cookie: Option<OsString>,
    /// Load cookies from this file, and keep cookies during the run [default: none]
    #[arg(long, value_name = "FILE", help_heading = "HTTP")]
    load_cookies: Option<OsString>,
    /// Keep cookies during the run, and save them to this file at its end [default: none]
    #[arg(long, value_name = "FILE", help_heading = "HTTP")]
    save_cookies: Option<OsString>,
    /// Use this proxy: http, https, socks4(a) or socks5(h); "" for none [default: none]
    #[arg(short = 'x', long, value_name = "[SCHEME://]HOST:PORT", help_heading = "HTTP")]
    proxy: Option<OsString>,
    /// Bypass the proxy for these hosts, addresses and networks, or * for all [default: none]
    #[arg(long, value_name = "HOSTS", help_heading = "HTTP")]
    noproxy: Option<OsString>,
    /// Send HEAD requests and save nothing [default: false]
    #[arg(long, alias = "spider", help_heading = "HTTP", num_args = 0..=1, require_equals = true, default_missing_value = "true",
        hide_possible_values = true, value_name = "false", value_parser = words("head"))]
    head: Option<String>,
    /// Do not use HTTP/2 [default: false]
    #[arg(long, alias = "http1.1", help_heading = "HTTP", num_args = 0..=1, require_equals = true, default_missing_value = "true",
        hide_possible_values = true, value_name = "false", value_parser = words("http1"))]
    http1: Option<String>,
    /// Maximum number of redirects per URL [default: 10]
    #[arg(long, alias = "max-redirs", value_name = "N", help_heading = "HTTP", allow_hyphen_values = true)]
    max_redirects: Option<OsString>,
    /// Connect to ADDR for HOST:PORT, * for every host; repeatable
    #[arg(long, value_name = "HOST:PORT:ADDR[,ADDR]", help_heading = "HTTP", action = ArgAction::Append)]
    pub resolve: Option<Vec<String>>,
    /// Connect over this IP version only [default: any]
    #[arg(long, value_name = "VERSION", help_heading = "HTTP", value_parser = words("ip-version"))]
    ip_version: Option<String>,
    /// Connect over IPv4 only
    #[arg(short = '4', long, help_heading = "HTTP", conflicts_with_all = ["ipv6", "ip_version"])]
    ipv4: bool,
    /// Connect over IPv6 only
    #[arg(short = '6', long, help_heading = "HTTP", conflicts_with = "ip_version")]
    ipv6: bool,
    /// Private addresses: allow, deny, or block redirects from public hosts [default: guard]
    #[arg(long, value_name = "WHICH", help_heading = "HTTP", value_parser = words("private-addresses"))]
    private_addresses: Option<String>,
    /// Verify servers with the CA certificates of this PEM file only [default: none]
    #[arg(long, alias = "ca-certificate", value_name = "FILE", help_heading = "HTTP")]
    cacert: Option<OsString>,
    /// Client certificate as a PEM file [default: none]
    #[arg(long, value_name = "FILE", help_heading = "HTTP")]
    cert: Option<OsString>,
    /// Private key of the client certificate, if in another PEM file [default: none]
    #[arg(long, value_name = "FILE", help_heading = "HTTP")]
    key: Option<OsString>,
    /// Do not verify server certificates [default: false]
    #[arg(short = 'k', long, alias = "no-check-certificate", help_heading = "HTTP",
        num_args = 0..=1, require_equals = true, default_missing_value = "true", hide_possible_values = true,
        value_name = "false", value_parser = words("insecure"))]
    insecure: Option<String>,
    /// Request compression and decode (auto), request none (off), or keep it (raw) [default: auto]
    #[arg(long, value_name = "WHAT", help_heading = "HTTP", value_parser = words("compression"))]
    compression: Option<String>,
    /// Redirects are always followed
    #[arg(short = 'L', long, hide = true)]
    location: bool,
    /// Not needed: the same command resumes
    #[arg(short = 'C', long = "continue", hide = true, num_args = 0..=1, default_missing_value = "", value_name = "OFFSET",
        allow_hyphen_values = true)]
    pub go_on: Option<OsString>,
    /// 4xx and 5xx are always failures
    #[arg(short = 'f', long, hide = true)]
    fail: bool,

    /// Maximum time for name lookup, TCP connect and TLS handshake [default: 10s]
    #[arg(long, value_name = "TIME", help_heading = "Time")]
    connect_timeout: Option<OsString>,
    /// Maximum time without any data from the server [default: 30s]
    #[arg(long, alias = "idle-timeout", value_name = "TIME", help_heading = "Time")]
    read_timeout: Option<OsString>,
    /// Maximum time per URL, redirects included [default: none]
    #[arg(short_alias = 'm', long, alias = "max-time", value_name = "TIME", help_heading = "Time")]
    timeout: Option<OsString>,
    /// Fail a transfer slower than RATE bytes per second over TIME [default: 100/30s]
    #[arg(long, value_name = "RATE/TIME", help_heading = "Time")]
    low_speed: Option<OsString>,

    /// Maximum number of retries per URL [default: 3]
    #[arg(long, alias = "retries", value_name = "N", help_heading = "Retry", allow_hyphen_values = true)]
    retry: Option<OsString>,
    /// Retry after these error kinds and statuses, 4xx and 5xx included [default: timeout,connect,reset,truncated,408,425,429,500,502,503,504]
    #[arg(long, value_name = "WORDS", help_heading = "Retry")]
    retry_on: Option<OsString>,
    /// Maximum wait before a retry, Retry-After included [default: 1m]
    #[arg(long, value_name = "TIME", help_heading = "Retry")]
    retry_max_wait: Option<OsString>,

    /// Save bodies below this directory, and resume runs from it [default: none]
    #[arg(short = 'd', short_alias = 'P', long, alias = "output-dir", value_name = "DIR", help_heading = "Saving")]
    dir: Option<OsString>,
    // Set as a value, for in text of its own clap takes the placeholder of the number for a newline.
    #[arg(long, value_name = "TEMPLATE", help_heading = "Saving", help = NAME_HELP)]
    name: Option<OsString>,
    /// Use the file names of Content-Disposition, each in its own folder [default: false]
    #[arg(long, help_heading = "Saving", num_args = 0..=1, require_equals = true, default_missing_value = "true",
        hide_possible_values = true, value_name = "false", value_parser = words("content-disposition"))]
    content_disposition: Option<String>,
    /// Skip URLs whose file exists [default: false]
    #[arg(long, alias = "no-clobber", help_heading = "Saving", num_args = 0..=1, require_equals = true,
        default_missing_value = "true", hide_possible_values = true, value_name = "false",
        value_parser = words("skip-existing"))]
    skip_existing: Option<String>,
    /// Forget the earlier runs and fetch everything again [default: false]
    #[arg(long, help_heading = "Saving", num_args = 0..=1, require_equals = true, default_missing_value = "true",
        hide_possible_values = true, value_name = "false", value_parser = words("fresh"))]
    fresh: Option<String>,
    /// Fetch known files again only if they changed on the server [default: false]
    #[arg(short = 'N', long, alias = "timestamping", help_heading = "Saving", num_args = 0..=1, require_equals = true,
        default_missing_value = "true", hide_possible_values = true, value_name = "false",
        value_parser = words("refresh"))]
    refresh: Option<String>,
    /// Set the files' modification times from Last-Modified [default: false]
    #[arg(short = 'R', long, help_heading = "Saving", num_args = 0..=1, require_equals = true,
        default_missing_value = "true", hide_possible_values = true, value_name = "false",
        value_parser = words("remote-time"))]
    remote_time: Option<String>,
    /// Flush files and state to the disk before writing a record [default: false]
    #[arg(long, help_heading = "Saving", num_args = 0..=1, require_equals = true,
        default_missing_value = "true", hide_possible_values = true, value_name = "false",
        value_parser = words("sync"))]
    sync: Option<String>,
    /// Remember finished URLs in this file, also without --dir [default: none]
    #[arg(long, value_name = "FILE", help_heading = "Saving")]
    state: Option<OsString>,
    /// Write added, changed and removed URLs to this file as JSON [default: none]
    #[arg(long, value_name = "FILE", help_heading = "Saving")]
    changes: Option<OsString>,
    /// Compute this digest of each body [default: none]
    #[arg(long, value_name = "NAME", help_heading = "Saving", value_parser = words("digest"))]
    digest: Option<String>,
    /// Maximum size of a decoded body [default: none]
    #[arg(long, alias = "max-filesize", value_name = "SIZE", help_heading = "Saving")]
    max_size: Option<OsString>,

    /// Write one JSON object per line, as --format ndjson does
    #[arg(long, help_heading = "Output", conflicts_with = "format")]
    pub json: bool,
    /// Format of the records [default: text]
    #[arg(long, value_name = "FORMAT", help_heading = "Output", value_parser = words("format"))]
    pub format: Option<String>,
    /// Write the records to this file, - for standard output [default: -]
    #[arg(short = 'o', long, value_name = "FILE", help_heading = "Output")]
    output: Option<OsString>,
    /// Write a JSON summary of the run to this file [default: none]
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    summary: Option<OsString>,

    /// Progress display on standard error [default: auto]
    #[arg(long, value_name = "MODE", help_heading = "Seeing", value_parser = words("progress"))]
    progress: Option<String>,
    /// Show no progress, no summary and no text lines [default: false]
    #[arg(short = 'q', short_alias = 's', long, alias = "silent", help_heading = "Seeing",
        num_args = 0..=1, require_equals = true, default_missing_value = "true", hide_possible_values = true,
        value_name = "false", value_parser = words("quiet"))]
    quiet: Option<String>,
    /// With --quiet: still show failures
    #[arg(short = 'S', long, help_heading = "Seeing")]
    pub show_error: bool,
    /// Log each step to standard error [default: false]
    #[arg(short = 'v', long, help_heading = "Seeing",
        num_args = 0..=1, require_equals = true, default_missing_value = "true", hide_possible_values = true,
        value_name = "false", value_parser = words("verbose"))]
    verbose: Option<String>,
    /// Colored output [default: auto]
    #[arg(long, value_name = "WHEN", help_heading = "Seeing", value_parser = words("color"))]
    color: Option<String>,
    /// Write the log to this file [default: none]
    #[arg(long, value_name = "FILE", help_heading = "Seeing")]
    log: Option<OsString>,

    /// List the URLs and file names without fetching anything [default: false]
    #[arg(long, help_heading = "Other", num_args = 0..=1, require_equals = true, default_missing_value = "true",
        hide_possible_values = true, value_name = "false", value_parser = words("dry-run"))]
    dry_run: Option<String>,
    /// Read settings from this file too
    #[arg(long, value_name = "FILE", help_heading = "Other", conflicts_with = "no_config")]
    pub config: Option<PathBuf>,
    /// Read no configuration file
    #[arg(long, help_heading = "Other")]
    pub no_config: bool,
}

impl SettingArgs {
    /// The flags that were given and are settings of one text: the key, the flag, the text.
    pub fn texts(&self) -> Vec<(&'static str, &'static str, &OsStr)> {
        let mut given = Vec::new();
        macro_rules! given {
            ($($field:ident = $key:literal),+ $(,)?) => {
                $(if let Some(text) = &self.$field {
                    given.push(($key, concat!("--", $key), AsRef::<OsStr>::as_ref(text)));
                })+
            };
        }
        given!(
            input_format = "input-format",
            base = "base",
            input_encoding = "input-encoding",
            url_column = "url-column",
            duplicates = "duplicates",
            concurrency = "concurrency",
            backend = "backend",
            per_host = "per-host",
            delay = "delay",
            random_wait = "random-wait",
            rate = "rate",
            limit_rate = "limit-rate",
            grace = "grace",
            order = "order",
            until = "until",
            max_failures = "max-failures",
            max_duration = "max-duration",
            fail_on = "fail-on",
            user_agent = "user-agent",
            user = "user",
            anyauth = "anyauth",
            netrc = "netrc",
            netrc_file = "netrc-file",
            cookie = "cookie",
            load_cookies = "load-cookies",
            save_cookies = "save-cookies",
            proxy = "proxy",
            noproxy = "noproxy",
            head = "head",
            http1 = "http1",
            max_redirects = "max-redirects",
            ip_version = "ip-version",
            private_addresses = "private-addresses",
            cacert = "cacert",
            cert = "cert",
            key = "key",
            insecure = "insecure",
            compression = "compression",
            connect_timeout = "connect-timeout",
            read_timeout = "read-timeout",
            timeout = "timeout",
            low_speed = "low-speed",
            retry = "retry",
            retry_on = "retry-on",
            retry_max_wait = "retry-max-wait",
            dir = "dir",
            name = "name",
            content_disposition = "content-disposition",
            skip_existing = "skip-existing",
            fresh = "fresh",
            refresh = "refresh",
            remote_time = "remote-time",
            sync = "sync",
            state = "state",
            changes = "changes",
            digest = "digest",
            max_size = "max-size",
            format = "format",
            output = "output",
            summary = "summary",
            progress = "progress",
            quiet = "quiet",
            verbose = "verbose",
            color = "color",
            log = "log",
            dry_run = "dry-run",
        );
        if self.fail_fast {
            given.push(("until", "--fail-fast", OsStr::new("first-error")));
        }
        if self.ipv4 {
            given.push(("ip-version", "--ipv4", OsStr::new("4")));
        }
        if self.ipv6 {
            given.push(("ip-version", "--ipv6", OsStr::new("6")));
        }
        if self.json {
            given.push(("format", "--json", OsStr::new("ndjson")));
        }
        given
    }
}

/// A parser for one of the words that a setting accepts; other names of a word work and stay unmentioned.
fn words(name: &str) -> PossibleValuesParser {
    let words = Key::named(name).map_or(&[][..], |key| key.words);
    PossibleValuesParser::new(words.iter().map(|word| match (name, *word) {
        ("input-format", "ndjson") => PossibleValue::new("ndjson").alias("jsonl"),
        ("format", "ndjson") => PossibleValue::new("ndjson").alias("json"),
        _ => PossibleValue::new(word),
    }))
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;
    use fetchall::config::{Config, KEYS};

    use super::*;

    /// Flags that are no settings.
    const OTHERS: [&str; 16] = [
        "fail-fast",
        "retry-from",
        "only",
        "ipv4",
        "ipv6",
        "input-file",
        "output-document",
        "json",
        "config",
        "no-config",
        "location",
        "fail",
        "continue",
        "show-error",
        "help",
        "version",
    ];

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn flags_and_keys_are_the_same() {
        let mut command = Cli::command();
        command.build();
        let flags: Vec<_> = command.get_arguments().filter_map(|arg| arg.get_long()).collect();
        for key in KEYS {
            assert!(flags.contains(&key.name), "{} is no flag", key.name);
        }
        for flag in flags {
            assert!(Key::named(flag).is_some() != OTHERS.contains(&flag), "--{flag} is no key");
        }
    }

    #[test]
    fn aliases_words_and_defaults_are_those_of_the_table() {
        let command = Cli::command();
        for key in KEYS {
            let arg = command.get_arguments().find(|arg| arg.get_long() == Some(key.name)).unwrap();
            assert_eq!(arg.get_all_aliases().unwrap_or_default(), key.aliases, "{}", key.name);
            let words: Vec<_> = arg.get_possible_values().iter().map(|word| word.get_name().to_owned()).collect();
            assert_eq!(words, key.words, "{}", key.name);
            if ["header", "resolve"].contains(&key.name) {
                continue;
            }
            let help = arg.get_help().unwrap().to_string();
            let shown = help.split("[default: ").nth(1).and_then(|rest| rest.strip_suffix(']')).unwrap_or(&help);
            let shown =
                shown.replace("VERSION", env!("CARGO_PKG_VERSION")).replace("REPOSITORY", env!("CARGO_PKG_REPOSITORY"));
            let default = key.get(&Config::default());
            assert_eq!(shown, default.as_str().map_or_else(|| default.to_string(), str::to_owned), "{}", key.name);
        }
    }
}
