//! The rules, as tables, and the report of a break: file, line, text and reason.

use std::fmt;

use super::code::Source;

/// The longest that a file may be, in lines.
const LONGEST: usize = 700;

/// A rule that is broken somewhere.
pub struct Break {
    path: String,
    line: usize,
    what: String,
    rule: String,
}

impl fmt::Display for Break {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: `{}`: {}", self.path, self.line, self.what, self.rule)
    }
}

/// The permitted imports of a module from another.
enum May {
    /// Anything.
    All(&'static str),
    /// The items that the module's own `mod.rs` holds or re-exports, but nothing of its submodules.
    Surface(&'static str),
    /// These names and no others: traits, what they speak, and what starts them. `a::b` names a submodule.
    Only(&'static str, &'static [&'static str]),
}

/// A module of the crate, or the program around it.
pub struct Layer {
    pub row: u8,
    pub module: &'static str,
    may: &'static [May],
}

use May::{All, Only, Surface};

const NOUNS: &[May] = &[All("model")];
const PARTS: &[May] =
    &[All("model"), All("config"), All("output_folder"), All("policy"), All("wire"), All("page"), All("warc")];
const PROGRAM: &[May] = &[
    All("app"),
    Only("backend", &["serve"]),
    All("compare"),
    All("config"),
    All("demo"),
    All("engine"),
    All("model"),
    All("policy"),
    Only("queue", &["HostStatus", "QueueAdmin", "QueueStatus"]),
    All("report"),
    Only("source", &["Input", "Inputs", "Retry", "check_url"]),
    Only("wacz", &["WaczError", "pack"]),
    All("warc"),
];

/// Every module with its row and what it may import besides itself.
pub const LAYERS: &[Layer] = &[
    Layer { row: 0, module: "model", may: &[] },
    Layer { row: 1, module: "archive", may: &[All("model"), Only("warc", &["DigestHasher", "base32"])] },
    Layer { row: 1, module: "config", may: NOUNS },
    Layer { row: 1, module: "policy", may: NOUNS },
    Layer { row: 1, module: "extract", may: &[All("model"), All("policy")] },
    Layer { row: 1, module: "rewrite", may: &[Surface("extract")] },
    Layer { row: 1, module: "output_folder", may: &[Only("model", &["shown_path"])] },
    Layer { row: 1, module: "page", may: &[Only("policy", &["text::printable"])] },
    Layer { row: 1, module: "warc", may: NOUNS },
    Layer { row: 1, module: "wire", may: &[All("model"), Only("policy", &["text::printable"])] },
    Layer { row: 2, module: "source", may: PARTS },
    Layer { row: 2, module: "queue", may: PARTS },
    Layer { row: 2, module: "state", may: PARTS },
    Layer {
        row: 2,
        module: "fetch",
        may: &[
            All("model"),
            All("archive"),
            All("config"),
            All("output_folder"),
            All("policy"),
            All("wire"),
            All("extract"),
            All("rewrite"),
        ],
    },
    Layer {
        row: 2,
        module: "sink",
        may: &[
            All("model"),
            All("archive"),
            All("config"),
            All("output_folder"),
            All("policy"),
            All("wire"),
            All("page"),
        ],
    },
    Layer { row: 2, module: "report", may: PARTS },
    Layer { row: 2, module: "wacz", may: &[All("model"), All("warc"), Surface("extract")] },
    Layer {
        row: 3,
        module: "fleet",
        may: &[
            All("model"),
            All("policy"),
            All("wire"),
            Surface("queue"),
            Only("source", &["Interrupt", "Source", "SourceError"]),
            Only("sink", &["Sink", "SinkError"]),
        ],
    },
    Layer { row: 3, module: "schedule", may: &[All("model"), All("config"), All("policy"), Surface("queue")] },
    Layer {
        row: 3,
        module: "mirror",
        may: &[All("model"), All("output_folder"), All("policy"), Surface("extract"), All("rewrite"), Surface("state")],
    },
    Layer {
        row: 3,
        module: "backend",
        may: &[All("model"), All("config"), All("output_folder"), All("policy"), All("wire"), Surface("fetch")],
    },
    Layer {
        row: 4,
        module: "engine",
        may: &[
            All("model"),
            All("config"),
            All("policy"),
            All("wire"),
            Only("source", &["Source", "SourceError", "Interrupt"]),
            Surface("queue"),
            Only("schedule", &["AttemptEnd", "BackOff", "GivenUp", "NextJob", "Report", "Rules", "Scheduler"]),
            Only("fetch", &["FetchSpec", "Meter"]),
            Only("fleet", &["FleetLink", "Renewals"]),
            Only("backend", &["Backend", "BackendError", "Returned", "RunContext"]),
            Only("sink", &["Sink", "SinkError", "SinkThread", "ToSinks", "spawn"]),
            Only("report", &["Reporter"]),
        ],
    },
    Layer {
        row: 5,
        module: "app",
        may: &[
            All("model"),
            All("archive"),
            All("warc"),
            Only("wacz", &["pack"]),
            All("config"),
            All("output_folder"),
            All("policy"),
            All("wire"),
            All("extract"),
            All("source"),
            All("queue"),
            All("fleet"),
            All("schedule"),
            All("state"),
            All("mirror"),
            All("fetch"),
            All("sink"),
            All("report"),
            All("backend"),
            All("engine"),
        ],
    },
    Layer {
        row: 5,
        module: "library",
        may: &[
            All("app"),
            All("config"),
            All("engine"),
            All("model"),
            Only("policy", &["network::address"]),
            Only("report", &["Reporter"]),
            All("sink"),
            All("source"),
        ],
    },
    Layer { row: 5, module: "demo", may: NOUNS },
    Layer {
        row: 5,
        module: "compare",
        may: &[All("model"), All("config"), All("policy"), All("wire"), All("page"), Only("backend", &["BACKENDS"])],
    },
    Layer { row: 6, module: "cli", may: PROGRAM },
    Layer { row: 6, module: "main", may: PROGRAM },
];

/// The folders and files of fetch, lowest first. Each imports from those before it, and none from `mod.rs`.
const FETCH_FOLDERS: &[&str] = &["config", "save", "reply", "body", "connect", "exchange", "spec"];

/// A text that may stand in some places only.
struct Place {
    /// A path, a macro or any other text. A path is found however its import is written.
    what: &'static str,
    /// The permitted places: files, or folders with a `/` at their end.
    only_in: &'static [&'static str],
    why: &'static str,
}

const NOWHERE: &[&str] = &[];
const CLI: &[&str] = &["src/cli/", "src/main.rs"];
const FETCH: &[&str] = &["src/fetch/"];
const HTTP: &[&str] = &["src/fetch/", "src/report/live/"];

const PLACES: &[Place] = &[
    Place { what: "hyper", only_in: HTTP, why: "HTTP is spoken in fetch/, and served in report/live/" },
    Place { what: "hyper_util", only_in: HTTP, why: "HTTP is spoken in fetch/, and served in report/live/" },
    Place { what: "h2", only_in: FETCH, why: "HTTP is spoken in fetch/ alone" },
    Place {
        what: "rusqlite",
        only_in: &["src/state/", "src/queue/sqlite.rs", "src/queue/sqlite/"],
        why: "SQLite is for what outlives memory",
    },
    Place { what: "redis", only_in: &["src/queue/redis_queue/"], why: "Redis is for queues that workers share" },
    Place { what: "rustls", only_in: FETCH, why: "TLS is spoken in fetch/ alone" },
    Place { what: "tokio_rustls", only_in: FETCH, why: "TLS is spoken in fetch/ alone" },
    Place { what: "tokio_socks", only_in: FETCH, why: "proxies are spoken to in fetch/ alone" },
    Place { what: "rustls_native_certs", only_in: FETCH, why: "TLS is spoken in fetch/ alone" },
    Place { what: "console", only_in: &["src/report/bar.rs", "src/report/bar/"], why: "the bar alone draws" },
    Place { what: "indicatif", only_in: &["src/report/bar.rs", "src/report/bar/"], why: "the bar alone draws" },
    Place { what: "clap", only_in: CLI, why: "the library has no command line" },
    Place { what: "clap_complete", only_in: CLI, why: "the library has no command line" },
    Place { what: "clap_mangen", only_in: CLI, why: "the library has no command line" },
    Place { what: "anyhow", only_in: CLI, why: "the errors of the library have types" },
    Place { what: "std::env", only_in: CLI, why: "the environment is read once, in cli/" },
    Place { what: "std::process::exit", only_in: CLI, why: "a library does not end the process" },
    Place { what: "process::exit", only_in: CLI, why: "a library does not end the process" },
    Place { what: "process::abort", only_in: NOWHERE, why: "it skips destructors" },
    Place { what: "unbounded_channel", only_in: NOWHERE, why: "every channel is bounded" },
    Place { what: "std::sync::mpsc", only_in: NOWHERE, why: "its plain channel is unbounded; use tokio's" },
    Place { what: "print!", only_in: NOWHERE, why: "standard output belongs to a sink" },
    Place { what: "println!", only_in: NOWHERE, why: "standard output belongs to a sink" },
    Place { what: "eprint!", only_in: NOWHERE, why: "standard error belongs to reporters and log" },
    Place { what: "eprintln!", only_in: NOWHERE, why: "standard error belongs to reporters and log" },
    Place { what: "dbg!", only_in: NOWHERE, why: "standard error belongs to reporters and log" },
    Place { what: "todo!", only_in: NOWHERE, why: "what is not done does not look done" },
    Place { what: "unimplemented!", only_in: NOWHERE, why: "what is not done does not look done" },
    Place { what: "unreachable!", only_in: NOWHERE, why: "a panic takes the run down; make it an error or no case" },
    Place { what: ".unwrap()", only_in: NOWHERE, why: "a panic takes the run down; make it an error" },
    Place { what: ".expect(\"", only_in: NOWHERE, why: "a panic takes the run down; make it an error" },
];

/// Names that a module never uses, though others may.
const NEVER: &[(&str, &[&str], &str)] = &[
    ("model", &["serde_json"], "the versioned forms of nouns are for wire/ to say"),
    ("model", &["tokio", "futures", "std::fs", "std::io", "std::thread"], "nouns are plain data"),
    ("model", &["Instant::now", "SystemTime::now", "Timestamp::now"], "nouns read no clock"),
    ("policy", &["Instant::now", "SystemTime::now", "Timestamp::now", "Zoned::now"], "a decision is told the time"),
    ("policy", &["std::fs", "std::thread", "tokio"], "a decision opens no file and waits for nothing"),
    ("policy", &["std::net::TcpStream", "std::net::TcpListener", "std::net::UdpSocket"], "a decision opens no socket"),
    ("config", &["std::fs", "tokio"], "whoever reads files passes their text in"),
    ("wire", &["std::fs", "tokio"], "a form of data does no I/O"),
    ("extract", &["std::fs", "std::io", "std::thread", "tokio"], "a parser is given its bytes"),
    ("engine", &["Mutex", "RwLock", "Condvar"], "all state of a run is local to one loop"),
    ("engine", &["std::fs"], "the engine sees files through sources and sinks"),
    ("schedule", &["Mutex", "RwLock"], "one loop owns the scheduler"),
    ("schedule", &["Instant::now", "SystemTime::now", "Timestamp::now"], "the scheduler is told the time"),
    ("schedule", &["std::thread", "tokio::spawn", "tokio::sync"], "the scheduler waits for nothing"),
];

const NO_NAMES: &[&str] = &["utils", "util", "helpers", "helper", "manager", "common", "misc"];

/// Every rule that this file breaks.
pub fn check(source: &Source) -> Vec<Break> {
    let mut breaks = Vec::new();
    let mut tell = |at: usize, what: &str, rule: String| {
        breaks.push(Break { path: source.path.clone(), line: source.line(at), what: what.to_owned(), rule });
    };
    let lines = source.text.lines().count();
    if lines > LONGEST {
        tell(0, &format!("{lines} lines"), format!("a file has at most {LONGEST} lines; split it by subject"));
    }
    let first = source.text.lines().next().unwrap_or_default();
    if !first.starts_with("//! ") {
        tell(0, first, "a file opens with `//!` and what it is for".to_owned());
    }
    for part in source.path.trim_end_matches(".rs").split('/').filter(|part| NO_NAMES.contains(part)) {
        tell(0, part, "a module is named after what it does".to_owned());
    }
    if source.is_test || !source.path.starts_with("src/") {
        return breaks;
    }
    imports(source, &mut tell);
    fetch_folders(source, &mut tell);
    places(source, &mut tell);
    for (_, names, why) in NEVER.iter().filter(|(module, ..)| *module == source.module()) {
        for name in *names {
            mentions(source, name).into_iter().for_each(|at| tell(at, name, (*why).to_owned()));
        }
    }
    for at in source.words("panic!") {
        tell(at, "panic!", "a panic takes the run down; make it an error".to_owned());
    }
    if source.path == "src/lib.rs" {
        for at in source.words("fn") {
            tell(at, "fn", "lib.rs holds documentation and re-exports, no logic".to_owned());
        }
    }
    if source.path == "src/main.rs" && lines >= 30 {
        tell(0, "main.rs", "main.rs calls cli::main and nothing else".to_owned());
    }
    breaks.sort_by_key(|broken| broken.line);
    breaks
}

fn imports(source: &Source, tell: &mut impl FnMut(usize, &str, String)) {
    if source.module() == "lib" {
        return;
    }
    let Some(layer) = LAYERS.iter().find(|layer| layer.module == source.module()) else {
        return tell(0, source.module(), "has no row in the table of layers".to_owned());
    };
    for (at, path) in source.paths(&["crate", "fetchall"]) {
        let [_, module, items @ ..] = &path[..] else { continue };
        // Inside the program `crate` is the program, which is all one row.
        let own = module == layer.module || (layer.row == 6 && path[0] == "crate");
        // Names at the root of the crate are macros and re-exports, which the library itself has no use for.
        let permitted = own
            || layer.may.iter().any(|may| match may {
                All(name) => module == name,
                Surface(name) => {
                    module == name && items.first().is_some_and(|item| item.starts_with(char::is_uppercase))
                }
                Only(name, names) => module == name && names.iter().any(|name| begins(items, name)),
            });
        if !permitted {
            let rule = format!("row {} ({}) may not import this; see LAYERS", layer.row, layer.module);
            tell(at, &path.join("::"), rule);
        }
    }
}

fn fetch_folders(source: &Source, tell: &mut impl FnMut(usize, &str, String)) {
    let module = source.module_path();
    let [fetch, folder, ..] = &module[..] else { return };
    if fetch != "fetch" {
        return;
    }
    let place = |name: &str| FETCH_FOLDERS.iter().position(|folder| *folder == name);
    let Some(own) = place(folder) else {
        return tell(0, folder, "has no place among the folders of fetch; see FETCH_FOLDERS".to_owned());
    };
    for (at, path) in source.paths(&["crate"]) {
        let [_, module, item, ..] = &path[..] else { continue };
        if module == "fetch" && place(item).is_none_or(|other| other > own) {
            tell(at, &path.join("::"), format!("fetch::{folder} may not import this; see FETCH_FOLDERS"));
        }
    }
}

/// Whether the path begins with the segments of this name.
fn begins(path: &[String], name: &str) -> bool {
    let segments = name.split("::");
    path.len() >= segments.clone().count() && path.iter().zip(segments).all(|(item, segment)| item == segment)
}

fn places(source: &Source, tell: &mut impl FnMut(usize, &str, String)) {
    for place in PLACES {
        let here = place.only_in.iter().any(|only| match only.strip_suffix('/') {
            Some(folder) => source.path.starts_with(folder),
            None => source.path == *only,
        });
        if !here {
            mentions(source, place.what).into_iter().for_each(|at| tell(at, place.what, place.why.to_owned()));
        }
    }
}

/// Finds the mentions of a name: a text as it stands, a crate as the root of a path, a path however
/// its import is written.
fn mentions(source: &Source, what: &str) -> Vec<usize> {
    let is_crate =
        what.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_') && what != "unbounded_channel";
    let mut found: Vec<usize> = match what.split_once("::") {
        Some((root @ "std", _)) => {
            let wanted: Vec<&str> = what.split("::").collect();
            let begins = |path: &[String]| path.len() >= wanted.len() && path.iter().zip(&wanted).all(|(a, b)| a == b);
            source.paths(&[root]).into_iter().filter(|(_, path)| begins(path)).map(|(at, _)| at).collect()
        }
        // A local variable may have the name of a crate.
        _ if is_crate => source.words(what).filter(|&at| roots(&source.code, at, what)).collect(),
        _ => source.words(what).collect(),
    };
    found.sort_unstable();
    found.dedup_by_key(|at| source.line(*at));
    found
}

/// Whether a word is the root of a path: before `::` and not after it, or imported whole.
fn roots(code: &str, at: usize, word: &str) -> bool {
    let (before, after) = (&code[..at], &code[at + word.len()..]);
    let imported = before.ends_with("use ") && after.trim_start().starts_with([';', ' ']);
    imported
        || (after.starts_with("::") && !before.strip_suffix("::").is_some_and(|b| b.ends_with(char::is_alphanumeric)))
}
