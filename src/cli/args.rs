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
  fetchall sites.txt                         one line for every URL of the list
  fetchall -d out sites.txt                  save every body under out/
  fetchall --json sites.txt > records.ndjson one JSON record for every URL
  grep -o 'https://[^ ]*' notes | fetchall   read the list from a pipe
  fetchall -O page.html https://example.com/ save one URL as one file
  fetchall demo                              try it with no network at all
  fetchall compare -c 5,20,80 sites.txt      which backend and concurrency serve a list best

Settings are taken from $XDG_CONFIG_HOME/fetchall/config.toml (or ~/.config), ./fetchall.toml,
--config FILE (or FETCHALL_CONFIG), FETCHALL_* variables and flags; later ones win, and a list such
as --header replaces an earlier one. `fetchall config --show-origin` shows the result.
What ./fetchall.toml says of credentials, proxies and outputs counts with --config ./fetchall.toml only.

A command such as `config` is one only as the first word; a file of that name is ./config.

Times: 500ms 10s 2m 1h 1m30s, a bare number counts seconds.
Sizes: 64KiB 10M 1GiB, 5MB is 5000000 bytes, a bare number counts bytes.

Exit: 0 nothing failed, 1 some URLs failed, 2 usage or configuration, 3 the run broke,
4 a limit was reached, 130 interrupted.";

const NAME_HELP: &str = "How files are called: {host} {path} {dir} {file} {stem} {ext} {query} {n:1} {sha256}, \
see docs/names.md [default: {host}/{path}]";

/// Download every URL of a list, at speed, with one truthful record each
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
    /// What to do instead of downloading.
    #[command(subcommand)]
    pub command: Option<Command>,
    /// What to download.
    #[command(flatten)]
    pub job: JobArgs,
}

/// What to do instead of downloading a list.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Download a small local site: works with no network at all
    #[command(args_override_self = true)]
    Demo(Box<SettingArgs>),
    /// Measure backends and concurrencies side by side on one list
    #[command(args_override_self = true, mut_args(compare_args::fit), after_help = compare_args::NOTES)]
    Compare(Box<CompareArgs>),
    /// Show the effective configuration
    #[command(args_override_self = true)]
    Config {
        /// Show where each value came from
        #[arg(long)]
        show_origin: bool,
        /// The settings to show.
        #[command(flatten)]
        settings: Box<SettingArgs>,
    },
    /// Write a completion script for a shell
    Completions {
        /// The shell
        shell: Shell,
    },
    /// Write the manual page
    Man,
    /// Fetch what frames on standard input say; a run with --backend processes starts these
    #[command(hide = true)]
    Worker,
    /// Take these arguments and more from standard input, each after a NUL; compare starts these
    #[command(hide = true, disable_help_flag = true)]
    CompareChild {
        /// Arguments that everybody may see.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        words: Vec<OsString>,
    },
}

/// What to download, and how.
#[derive(Debug, Args)]
pub struct JobArgs {
    /// A list, a URL or - for standard input [default: - when it is a pipe]
    #[arg(value_name = "INPUT")]
    pub inputs: Vec<OsString>,
    /// A list to read after the INPUTs: a file, a URL to fetch it from, - for standard input; repeatable
    #[arg(short = 'i', long, value_name = "FILE|URL", help_heading = "Input", action = ArgAction::Append)]
    pub input_file: Vec<OsString>,
    /// Try again what failed: those of these records (--json) that are neither ok nor skipped
    #[arg(long, value_name = "REPORT", help_heading = "Input")]
    pub retry_from: Option<OsString>,
    /// Of these, only some: error kinds, outcomes, statuses, classes such as 5xx, in any case
    #[arg(long, value_name = "WHICH,...", help_heading = "Input", requires = "retry_from", action = ArgAction::Append)]
    pub only: Vec<String>,
    /// How.
    #[command(flatten)]
    pub settings: SettingArgs,
    /// Save the one URL as FILE, - for standard output
    #[arg(short = 'O', long, value_name = "FILE", help_heading = "Saving")]
    pub output_document: Option<PathBuf>,
}

/// The flags that are settings, and where settings come from.
#[derive(Debug, Args)]
pub struct SettingArgs {
    /// How lists are written [default: auto]
    #[arg(long, value_name = "FORMAT", help_heading = "Input", value_parser = words("input-format"))]
    input_format: Option<String>,
    /// Where a saved page or sitemap was, for the relative URLs in it [default: none]
    #[arg(short = 'B', long, value_name = "URL", help_heading = "Input")]
    base: Option<OsString>,
    /// The encoding of lists without a byte order mark, such as windows-1252 [default: auto]
    #[arg(long, value_name = "NAME", help_heading = "Input")]
    input_encoding: Option<OsString>,
    /// The column of tables with the URLs, by name or number; `url` or the only one with URLs [default: none]
    #[arg(long, value_name = "NAME", help_heading = "Input")]
    url_column: Option<OsString>,
    /// What happens to a URL that came before [default: skip]
    #[arg(long, value_name = "WHAT", help_heading = "Input", value_parser = words("duplicates"))]
    duplicates: Option<String>,

    /// The most URLs in flight at once; auto: as many as bring something [default: 10]
    #[arg(short = 'c', short_alias = 'j', long, aliases = ["jobs", "workers"], value_name = "N", help_heading = "Concurrency")]
    pub concurrency: Option<OsString>,
    /// How fetches run at once; sequential: one at a time, whatever -c says [default: async]
    #[arg(long, value_name = "HOW", help_heading = "Concurrency", value_parser = words("backend"))]
    backend: Option<String>,
    /// The most URLs of one host in flight at once; none: its share [default: none]
    #[arg(long, alias = "host-concurrency", value_name = "N", help_heading = "Pace")]
    per_host: Option<OsString>,
    /// The time between the starts of two requests of one host [default: 0s]
    #[arg(long, alias = "wait", value_name = "TIME", help_heading = "Pace")]
    delay: Option<OsString>,
    /// Make each --delay from half to one and a half times as long [default: false]
    #[arg(long, help_heading = "Pace", num_args = 0..=1, require_equals = true, default_missing_value = "true",
        hide_possible_values = true, value_name = "false", value_parser = words("random-wait"))]
    random_wait: Option<String>,
    /// The most requests, all hosts together: 10/s, 30/m [default: none]
    #[arg(long, value_name = "N/s", help_heading = "Pace")]
    rate: Option<OsString>,
    /// The most bytes a second, all bodies together [default: none]
    #[arg(long, value_name = "SIZE", help_heading = "Pace")]
    limit_rate: Option<OsString>,
    /// After the first Ctrl-C, how long URLs in flight may go on [default: 5s]
    #[arg(long, value_name = "TIME", help_heading = "Concurrency")]
    grace: Option<OsString>,

    /// The order of the records: as they are done, or as in the input [default: completed]
    #[arg(long, value_name = "ORDER", help_heading = "Order and end", value_parser = words("order"))]
    order: Option<String>,
    /// What to wait for; the rest is cancelled [default: all]
    #[arg(long, value_name = "WHAT", help_heading = "Order and end", value_parser = words("until"))]
    until: Option<String>,
    /// The same as --until first-error
    #[arg(long, help_heading = "Order and end", conflicts_with = "until")]
    fail_fast: bool,
    /// End the run after so many failures, error statuses included [default: none]
    #[arg(long, value_name = "N", help_heading = "Order and end")]
    max_failures: Option<OsString>,
    /// End the run after this time [default: none]
    #[arg(long, value_name = "TIME", help_heading = "Order and end")]
    max_duration: Option<OsString>,
    /// Which failures make exit code 1: any, all, never, N or N% [default: any]
    #[arg(long, value_name = "WHICH", help_heading = "Order and end")]
    fail_on: Option<OsString>,

    /// Send `Name: value`; `Name:` sends none, @FILE reads lines; repeatable
    #[arg(short = 'H', long, value_name = "FIELD", help_heading = "HTTP", action = ArgAction::Append)]
    pub header: Option<Vec<String>>,
    /// Send this User-Agent, "" for none [default: fetchall/VERSION (+REPOSITORY)]
    #[arg(short = 'A', short_alias = 'U', long, value_name = "TEXT", help_heading = "HTTP")]
    user_agent: Option<OsString>,
    /// USER:PASSWORD for every listed origin: Basic at once, Digest when asked for [default: none]
    #[arg(short = 'u', long, value_name = "USER:PASSWORD", help_heading = "HTTP")]
    user: Option<OsString>,
    /// Send no credentials before a server asks; prefer Digest to Basic [default: false]
    #[arg(long, help_heading = "HTTP", num_args = 0..=1, require_equals = true, default_missing_value = "true",
        hide_possible_values = true, value_name = "false", value_parser = words("anyauth"))]
    anyauth: Option<String>,
    /// Take passwords by host from ~/.netrc [default: false]
    #[arg(long, help_heading = "HTTP", num_args = 0..=1, require_equals = true, default_missing_value = "true",
        hide_possible_values = true, value_name = "false", value_parser = words("netrc"))]
    netrc: Option<String>,
    /// Take them from this file [default: none]
    #[arg(long, value_name = "FILE", help_heading = "HTTP")]
    netrc_file: Option<OsString>,
    /// Send NAME=VALUE to every listed origin, or what is in FILE, and keep cookies [default: none]
    #[arg(short = 'b', long, value_name = "NAME=VALUE|FILE", help_heading = "HTTP")]
    cookie: Option<OsString>,
    /// Begin with the cookies of this file, and keep cookies [default: none]
    #[arg(long, value_name = "FILE", help_heading = "HTTP")]
    load_cookies: Option<OsString>,
    /// Keep cookies, and write them to this file at the end [default: none]
    #[arg(long, value_name = "FILE", help_heading = "HTTP")]
    save_cookies: Option<OsString>,
    /// Go through this proxy: http, https, socks4(a), socks5(h); "" for none, whatever *_proxy say [default: none]
    #[arg(short = 'x', long, value_name = "[SCHEME://]HOST:PORT", help_heading = "HTTP")]
    proxy: Option<OsString>,
    /// Ask these without it: "*", or hosts (with :PORT), addresses and nets with commas [default: none]
    #[arg(long, value_name = "HOSTS", help_heading = "HTTP")]
    noproxy: Option<OsString>,
    /// Ask for heads alone (HEAD), save nothing [default: false]
    #[arg(long, alias = "spider", help_heading = "HTTP", num_args = 0..=1, require_equals = true, default_missing_value = "true",
        hide_possible_values = true, value_name = "false", value_parser = words("head"))]
    head: Option<String>,
    /// No HTTP/2 [default: false]
    #[arg(long, alias = "http1.1", help_heading = "HTTP", num_args = 0..=1, require_equals = true, default_missing_value = "true",
        hide_possible_values = true, value_name = "false", value_parser = words("http1"))]
    http1: Option<String>,
    /// How many redirects one URL may take [default: 10]
    #[arg(long, alias = "max-redirs", value_name = "N", help_heading = "HTTP", allow_hyphen_values = true)]
    max_redirects: Option<OsString>,
    /// Connect to ADDR, [v6] too, for HOST:PORT, `*` for every host; repeatable
    #[arg(long, value_name = "HOST:PORT:ADDR[,ADDR]", help_heading = "HTTP", action = ArgAction::Append)]
    pub resolve: Option<Vec<String>>,
    /// Which addresses of a name are used [default: any]
    #[arg(long, value_name = "VERSION", help_heading = "HTTP", value_parser = words("ip-version"))]
    ip_version: Option<String>,
    /// The same as --ip-version 4
    #[arg(short = '4', long, help_heading = "HTTP", conflicts_with_all = ["ipv6", "ip_version"])]
    ipv4: bool,
    /// The same as --ip-version 6
    #[arg(short = '6', long, help_heading = "HTTP", conflicts_with = "ip_version")]
    ipv6: bool,
    /// Addresses that are not public; guard: none by a redirect from a public host [default: guard]
    #[arg(long, value_name = "WHICH", help_heading = "HTTP", value_parser = words("private-addresses"))]
    private_addresses: Option<String>,
    /// Trust the authorities of this PEM file, not the system's [default: none]
    #[arg(long, alias = "ca-certificate", value_name = "FILE", help_heading = "HTTP")]
    cacert: Option<OsString>,
    /// Show servers the certificate of this PEM file [default: none]
    #[arg(long, value_name = "FILE", help_heading = "HTTP")]
    cert: Option<OsString>,
    /// Its private key, where that is in another file [default: none]
    #[arg(long, value_name = "FILE", help_heading = "HTTP")]
    key: Option<OsString>,
    /// Accept any certificate [default: false]
    #[arg(short = 'k', long, alias = "no-check-certificate", help_heading = "HTTP",
        num_args = 0..=1, require_equals = true, default_missing_value = "true", hide_possible_values = true,
        value_name = "false", value_parser = words("insecure"))]
    insecure: Option<String>,
    /// auto: ask and decode; off: ask for none; raw: keep coded bytes [default: auto]
    #[arg(long, value_name = "WHAT", help_heading = "HTTP", value_parser = words("compression"))]
    compression: Option<String>,
    /// Already so: redirects are followed
    #[arg(short = 'L', long, hide = true)]
    location: bool,
    /// Not needed: the same command goes on by itself. Taken only to say so
    #[arg(short = 'C', long = "continue", hide = true, num_args = 0..=1, default_missing_value = "", value_name = "OFFSET",
        allow_hyphen_values = true)]
    pub go_on: Option<OsString>,
    /// Already so: 4xx and 5xx are failures
    #[arg(short = 'f', long, hide = true)]
    fail: bool,

    /// For name look-up, TCP and TLS together [default: 10s]
    #[arg(long, value_name = "TIME", help_heading = "Time")]
    connect_timeout: Option<OsString>,
    /// The longest silence [default: 30s]
    #[arg(long, alias = "idle-timeout", value_name = "TIME", help_heading = "Time")]
    read_timeout: Option<OsString>,
    /// One URL from start to end, redirects included [default: none]
    #[arg(short_alias = 'm', long, alias = "max-time", value_name = "TIME", help_heading = "Time")]
    timeout: Option<OsString>,
    /// The slowest a body may come, bytes a second/time [default: 100/30s]
    #[arg(long, value_name = "RATE/TIME", help_heading = "Time")]
    low_speed: Option<OsString>,

    /// How often a URL is tried beyond the first time [default: 3]
    #[arg(long, alias = "retries", value_name = "N", help_heading = "Retry", allow_hyphen_values = true)]
    retry: Option<OsString>,
    /// After what: error kinds, statuses, 4xx, 5xx [default: timeout,connect,reset,truncated,408,425,429,500,502,503,504]
    #[arg(long, value_name = "WORDS", help_heading = "Retry")]
    retry_on: Option<OsString>,
    /// The longest wait that a server may ask for [default: 1m]
    #[arg(long, value_name = "TIME", help_heading = "Retry")]
    retry_max_wait: Option<OsString>,

    /// Save bodies under this folder [default: none]
    #[arg(short = 'd', short_alias = 'P', long, alias = "output-dir", value_name = "DIR", help_heading = "Saving")]
    dir: Option<OsString>,
    // Set as a value, for in text of its own clap takes the placeholder of the number for a newline.
    #[arg(long, value_name = "TEMPLATE", help_heading = "Saving", help = NAME_HELP)]
    name: Option<OsString>,
    /// Call each file as its server proposes, in a folder of its own [default: false]
    #[arg(long, help_heading = "Saving", num_args = 0..=1, require_equals = true, default_missing_value = "true",
        hide_possible_values = true, value_name = "false", value_parser = words("content-disposition"))]
    content_disposition: Option<String>,
    /// Do not fetch what is there already [default: false]
    #[arg(long, alias = "no-clobber", help_heading = "Saving", num_args = 0..=1, require_equals = true,
        default_missing_value = "true", hide_possible_values = true, value_name = "false",
        value_parser = words("skip-existing"))]
    skip_existing: Option<String>,
    /// Forget what earlier runs know, and begin anew [default: false]
    #[arg(long, help_heading = "Saving", num_args = 0..=1, require_equals = true, default_missing_value = "true",
        hide_possible_values = true, value_name = "false", value_parser = words("fresh"))]
    fresh: Option<String>,
    /// Fetch what is done or on the disk only if it has changed; set files' times [default: false]
    #[arg(short = 'N', long, alias = "timestamping", help_heading = "Saving", num_args = 0..=1, require_equals = true,
        default_missing_value = "true", hide_possible_values = true, value_name = "false",
        value_parser = words("refresh"))]
    refresh: Option<String>,
    /// Give files the server's time of last modification; --refresh does too [default: false]
    #[arg(short = 'R', long, help_heading = "Saving", num_args = 0..=1, require_equals = true,
        default_missing_value = "true", hide_possible_values = true, value_name = "false",
        value_parser = words("remote-time"))]
    remote_time: Option<String>,
    /// Bring files and state to the disk before anything is told of them: slower, and safe from a loss of power [default: false]
    #[arg(long, help_heading = "Saving", num_args = 0..=1, require_equals = true,
        default_missing_value = "true", hide_possible_values = true, value_name = "false",
        value_parser = words("sync"))]
    sync: Option<String>,
    /// Keep what is known in this file, also without --dir [default: none]
    #[arg(long, value_name = "FILE", help_heading = "Saving")]
    state: Option<OsString>,
    /// Write what differs from the earlier runs to this file, as JSON; computes BLAKE3 unless --digest names another [default: none]
    #[arg(long, value_name = "FILE", help_heading = "Saving")]
    changes: Option<OsString>,
    /// Compute this digest of every body [default: none]
    #[arg(long, value_name = "NAME", help_heading = "Saving", value_parser = words("digest"))]
    digest: Option<String>,
    /// The most decoded bytes of one body [default: none]
    #[arg(long, alias = "max-filesize", value_name = "SIZE", help_heading = "Saving")]
    max_size: Option<OsString>,

    /// The same as --format ndjson
    #[arg(long, help_heading = "Output", conflicts_with = "format")]
    pub json: bool,
    /// How records are written [default: text]
    #[arg(long, value_name = "FORMAT", help_heading = "Output", value_parser = words("format"))]
    pub format: Option<String>,
    /// Write the records to this file, - for standard output [default: -]
    #[arg(short = 'o', long, value_name = "FILE", help_heading = "Output")]
    output: Option<OsString>,
    /// Write the summary as JSON to this file [default: none]
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    summary: Option<OsString>,

    /// What is shown while the run goes on [default: auto]
    #[arg(long, value_name = "MODE", help_heading = "Seeing", value_parser = words("progress"))]
    progress: Option<String>,
    /// No bar, no summary, no text lines [default: false]
    #[arg(short = 'q', short_alias = 's', long, alias = "silent", help_heading = "Seeing",
        num_args = 0..=1, require_equals = true, default_missing_value = "true", hide_possible_values = true,
        value_name = "false", value_parser = words("quiet"))]
    quiet: Option<String>,
    /// With --quiet: say what failed all the same
    #[arg(short = 'S', long, help_heading = "Seeing")]
    pub show_error: bool,
    /// Log what is done [default: false]
    #[arg(short = 'v', long, help_heading = "Seeing",
        num_args = 0..=1, require_equals = true, default_missing_value = "true", hide_possible_values = true,
        value_name = "false", value_parser = words("verbose"))]
    verbose: Option<String>,
    /// Whether text is coloured [default: auto]
    #[arg(long, value_name = "WHEN", help_heading = "Seeing", value_parser = words("color"))]
    color: Option<String>,
    /// Write the log to this file [default: none]
    #[arg(long, value_name = "FILE", help_heading = "Seeing")]
    log: Option<OsString>,

    /// Say what would be fetched and saved; nobody is asked, and only -o, --summary and --log are written [default: false]
    #[arg(long, help_heading = "Other", num_args = 0..=1, require_equals = true, default_missing_value = "true",
        hide_possible_values = true, value_name = "false", value_parser = words("dry-run"))]
    dry_run: Option<String>,
    /// Take settings from this file too
    #[arg(long, value_name = "FILE", help_heading = "Other", conflicts_with = "no_config")]
    pub config: Option<PathBuf>,
    /// Take settings from no file
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
