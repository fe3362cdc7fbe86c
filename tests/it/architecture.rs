//! The layers, read out of the source: the imports of each module, and names that appear nowhere.
//!
//! `docs/design/architecture.md` explains the rules; here they are tables. To bend a rule on purpose,
//! change the table and the page in one commit, and say why in its message.

mod circles;
mod code;
mod rules;
mod type_names;

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use circles::circle;
use code::Source;
use rules::{Break, LAYERS, check};
use type_names::shared_names;

/// Every Rust file of the project, with its path relative to the root, `/` between its parts.
fn sources() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    for folder in ["src", "tests", "benches", "examples"] {
        collect(&root.join(folder), &mut files);
    }
    assert!(files.len() > 100, "the source is not where it should be");
    let mut sources: Vec<Source> = files
        .iter()
        .map(|file| {
            let path = file.strip_prefix(root).unwrap().components();
            let path: Vec<_> = path.map(|part| part.as_os_str().to_string_lossy()).collect();
            Source::new(&path.join("/"), &std::fs::read_to_string(file).unwrap())
        })
        .collect();
    let for_tests: Vec<String> = sources.iter().flat_map(|source| source.test_files.clone()).collect();
    for source in &mut sources {
        let stem = source.path.trim_end_matches(".rs").trim_end_matches("/mod");
        source.is_test |= !source.path.starts_with("src/");
        source.is_test |= for_tests.iter().any(|test| stem == test || stem.starts_with(&format!("{test}/")));
    }
    sources
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for entry in entries {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files.sort();
}

#[test]
fn every_file_keeps_the_rules() {
    let breaks: Vec<Break> = sources().iter().flat_map(check).collect();
    let told = breaks.iter().fold(String::new(), |mut told, broken| {
        let _ = writeln!(told, "  {broken}");
        told
    });
    assert!(breaks.is_empty(), "{} breaks of the rules in docs/design/architecture.md:\n{told}", breaks.len());
}

/// The modules whose files import in no circle. In others the root file has a trait and names who implements it.
const WITHOUT_CIRCLES: &[&str] = &["fetch", "model"];

#[test]
fn files_import_in_no_circle() {
    let mut sources = sources();
    sources.retain(|source| source.path.starts_with("src/") && !source.is_test);
    assert_eq!(circle(&sources, WITHOUT_CIRCLES), None, "move what these files share to a file of its own");
}

#[test]
fn circles_are_found_however_an_import_is_written() {
    let circle_of = |files: &[Source]| circle(files, WITHOUT_CIRCLES);
    let file = |path: &str, text: &str| Source::new(path, &format!("//! X.\n{text}"));
    let a = || file("src/fetch/a.rs", "use super::b::{self, B};");
    assert_eq!(circle_of(&[a(), file("src/fetch/b.rs", "fn f() { std::fs::read(\"\"); }")]), None);
    for back in ["use super::a::A;", "fn f() { crate::fetch::a::f() }", "use crate::{fetch::{a::A}};"] {
        assert_eq!(circle_of(&[a(), file("src/fetch/b.rs", back)]).map(|files| files.len()), Some(2), "{back}");
    }
    let parent = || file("src/fetch/a.rs", "mod c;\nuse c::C;");
    assert_eq!(circle_of(&[parent(), file("src/fetch/a/c.rs", "use super::A;")]).map(|files| files.len()), Some(2));
    assert_eq!(
        circle_of(&[parent(), file("src/fetch/a/c.rs", "use super::d::D;"), file("src/fetch/a/d.rs", "")]),
        None
    );
}

#[test]
fn no_two_types_share_a_name() {
    let mut sources = sources();
    sources.retain(|source| source.path.starts_with("src/") && !source.is_test);
    assert_eq!(shared_names(&sources), [], "name each type by what it is");
}

#[test]
fn shared_names_are_found_at_any_visibility() {
    let file = |path: &str, text: &str| Source::new(path, &format!("//! X.\n{text}"));
    let a = file("src/model/a.rs", "pub struct State<T>(T);\npub(super) type Key = u8;\nstruct Own;");
    let b = file("src/sink/b.rs", "fn f() {\n    enum State {}\n}\nimpl T for S {\n    type Key = u8;\n}");
    let tests = file("src/wire/c.rs", "#[cfg(test)]\nmod tests {\n    struct Own;\n}\npub struct OpenFolder;");
    let other = file("src/wire/d.rs", "// struct Own;\npub struct OpenFolder;\npub struct StateFile;");
    let places = ["src/model/a.rs:2", "src/sink/b.rs:3"].map(str::to_owned).to_vec();
    assert_eq!(shared_names(&[a, b, tests, other]), [("State", places)]);
}

#[test]
fn every_module_has_its_row_in_table_and_page() {
    let page = include_str!("../../docs/design/architecture.md");
    let mut modules: Vec<String> = std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("src"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_string_lossy().trim_end_matches(".rs").to_owned())
        .filter(|module| module != "lib")
        .collect();
    modules.sort();
    let mut known: Vec<&str> = LAYERS.iter().map(|layer| layer.module).collect();
    known.sort_unstable();
    assert_eq!(modules, known, "the table in tests/it/architecture/rules.rs names every module of src/");
    for layer in LAYERS {
        let row = format!("| {} |", layer.row);
        let line = page.lines().find(|line| line.starts_with(&row)).unwrap_or_else(|| panic!("no row `{row}`"));
        let named = line.split('|').nth(2).unwrap_or_default();
        let named = named.split([',', ' ']).any(|word| word.trim_matches('`') == layer.module);
        assert!(named, "docs/design/architecture.md: row {} lacks {}", layer.row, layer.module);
    }
}

/// The message of each rule for a file that breaks it: the path, the text, the words of the message.
const BROKEN: &[(&str, &str, &str)] = &[
    ("src/model/x.rs", "//! X.\nuse crate::config::Config;", "src/model/x.rs:2: `crate::config::Config`: row 0"),
    ("src/model/x.rs", "//! X.\nuse serde_json::Value;", "x.rs:2: `serde_json`: "),
    ("src/policy/x.rs", "//! X.\nfn f() { let t = std::time::Instant::now(); }", "x.rs:2: `Instant::now`"),
    ("src/policy/x.rs", "//! X.\nuse std::{fs, io};", "x.rs:2: `std::fs`"),
    ("src/wire/x.rs", "//! X.\nuse crate::sink;", "`crate::sink`: row 1"),
    ("src/sink/x.rs", "//! X.\nuse crate::{model::Job,\n    fetch::Meter};", "x.rs:2: `crate::fetch::Meter`: row 2"),
    ("src/sink/x.rs", "//! X.\nfn f(_: super::super::report::Bar) {}", "`crate::report::Bar`: row 2"),
    ("src/backend/x.rs", "//! X.\nuse crate::fetch::decode::Decoder;", "`crate::fetch::decode::Decoder`: row 3"),
    ("src/fetch/body/x.rs", "//! X.\nuse crate::fetch::connect::pool::Pool;", "`crate::fetch::connect::pool::Pool`: f"),
    ("src/fetch/save/x.rs", "//! X.\nuse super::super::body::meter;", "`crate::fetch::body::meter`: fetch::save"),
    ("src/fetch/save/x.rs", "//! X.\nuse crate::fetch::Meter;", "`crate::fetch::Meter`: fetch::save"),
    ("src/fetch/newcomer.rs", "//! X.", "`newcomer`: has no place"),
    ("src/backend/x.rs", "//! X.\nuse crate::engine::Plan;", "`crate::engine::Plan`: row 3"),
    ("src/engine/x.rs", "//! X.\nuse crate::sink::{Sink, Ndjson};", "`crate::sink::Ndjson`: row 4"),
    ("src/engine/x.rs", "//! X.\nuse crate::schedule::*;", "`crate::schedule::*`: row 4"),
    ("src/engine/x.rs", "//! X.\nuse std::sync::Mutex;", "`Mutex`: "),
    ("src/demo/x.rs", "//! X.\nuse crate::fetch::Meter;", "`crate::fetch::Meter`: row 5"),
    ("src/cli/x.rs", "//! X.\nuse fetchall::sink::Ndjson;", "`fetchall::sink::Ndjson`: row 6"),
    ("src/app.rs", "//! X.\nuse crate::cli::main;", "`crate::cli::main`: row 5"),
    ("src/newcomer.rs", "//! X.\nuse crate::model::Job;", "newcomer.rs:1: `newcomer`: has no row"),
    ("src/sink/x.rs", "//! X.\nuse hyper::Request;", "`hyper`: "),
    ("src/report/lines.rs", "//! X.\nuse indicatif::ProgressBar;", "`indicatif`: "),
    ("src/app.rs", "//! X.\nfn f() { anyhow::bail!(\"x\") }", "`anyhow`: "),
    ("src/app.rs", "//! X.\nfn f() { std::env::var(\"X\"); }", "`std::env`: "),
    ("src/app.rs", "//! X.\nuse std::process;\nfn f() { process::exit(1) }", "app.rs:3: `process::exit`: "),
    ("src/app.rs", "//! X.\nfn f() { tokio::sync::mpsc::unbounded_channel(); }", "`unbounded_channel`: "),
    ("src/app.rs", "//! X.\n\nfn f() { println!(\"x\") }", "app.rs:3: `println!`: "),
    ("src/app.rs", "//! X.\nfn f() { g().unwrap() }", "`.unwrap()`: "),
    ("src/app.rs", "//! X.\nfn f() { g().expect(\"g\") }", "`.expect(\"`: "),
    ("src/app.rs", "//! X.\nfn f() { panic!(\"x\") }", "`panic!`: "),
    ("src/app.rs", "use std::fs;", "app.rs:1: `use std::fs;`: a file opens with"),
    ("src/sink/utils.rs", "//! X.", "`utils`: "),
    ("src/lib.rs", "//! X.\nfn f() {}", "lib.rs:2: `fn`: "),
];

#[test]
fn each_rule_catches_what_it_forbids() {
    for (path, text, expected) in BROKEN {
        let told: Vec<String> = check(&Source::new(path, text)).iter().map(Break::to_string).collect();
        assert!(told.iter().any(|line| line.contains(expected)), "{path}: {text:?} gives {told:?}, not {expected}");
    }
    let long = Source::new("src/app.rs", &format!("//! X.{}", "\n".repeat(701)));
    assert!(check(&long)[0].to_string().contains("lines"), "a long file passes");
}

#[test]
fn comments_texts_and_tests_are_no_code() {
    let text = "//! Uses hyper::Request and println!\n/* panic!(\" */ const A: &str = \"x.unwrap()\\\"\"; // todo!()\n\
        const B: &str = r#\"use crate::cli;\"#; const C: char = '\"'; fn f<'a>(_: &'a str) {}\n\
        #[cfg(test)]\nmod tests {\n    use crate::sink::Ndjson;\n    fn f() { g(\"}\").unwrap() }\n}\n";
    let source = Source::new("src/engine/x.rs", text);
    assert_eq!(check(&source).iter().map(Break::to_string).collect::<Vec<_>>(), Vec::<String>::new());
    assert_eq!(source.code.lines().count(), text.lines().count());
    let parent = Source::new("src/source/mod.rs", "//! X.\n#[cfg(test)]\nmod tests;\nmod text;");
    assert_eq!(parent.test_files, ["src/source/tests"]);
    let parent = Source::new("src/cli/resolve.rs", "//! X.\n#[cfg(test)]\n#[path = \"r_tests.rs\"]\nmod tests;");
    assert_eq!(parent.test_files, ["src/cli/r_tests"]);
}
