//! Tests of `resolve`: inputs, `-O`, and that every flag arrives.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::num::NonZeroU32;

use fetchall::config::{Concurrency, Format, KEYS, ValueForm};
use tempfile::TempDir;

use super::super::args;
use super::*;

fn env(folder: &TempDir) -> Env {
    Env { vars: BTreeMap::new(), cwd: folder.path().to_owned(), stdin_is_terminal: true, stdin_is_device: true }
}

fn resolve_in(env: &Env, words: &[&str]) -> Result<Resolved, String> {
    let words_of_all = ["fetchall"].iter().chain(words).map(OsString::from);
    let cli = args::parse(words_of_all).map_err(|error| error.to_string())?;
    assert!(cli.command.is_none(), "{words:?} is a command");
    job(&cli.job, env).map_err(|error| error.to_string())
}

fn resolve(words: &[&str]) -> Result<Resolved, String> {
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("sites.txt"), "").unwrap();
    fs::write(folder.path().join("demo"), "").unwrap();
    fs::write(folder.path().join("fields"), "X-A: 1\n\nX-B: 2\n").unwrap();
    fs::write(folder.path().join("wrong"), "X-A: 1\nX B: 2\n").unwrap();
    resolve_in(&env(&folder), words)
}

#[test]
fn only_a_list_on_the_terminal_is_typed() {
    assert!(resolve(&["-"]).unwrap().reads_terminal);
    assert!(!resolve(&["sites.txt"]).unwrap().reads_terminal);
    let folder = TempDir::new().unwrap();
    let piped = Env { stdin_is_terminal: false, stdin_is_device: false, ..env(&folder) };
    assert!(!resolve_in(&piped, &["-"]).unwrap().reads_terminal);
}

#[test]
fn words_of_other_programs_are_understood() {
    for (words, format) in [(["--csv", "http://a/"], Format::Csv), (["--tsv", "http://a/"], Format::Tsv)] {
        assert_eq!(resolve(&words).unwrap().config.format, format);
    }
    let threads = resolve(&["--threads", "7", "http://a/"]).unwrap();
    assert_eq!(threads.config.concurrency, Concurrency::Fixed(NonZeroU32::new(7).unwrap()));
    assert!(resolve(&["--resume", "--dir", "out", "http://a/"]).unwrap_err().contains("--resume: not needed"));
    assert!(resolve(&["--csv", "--json", "http://a/"]).unwrap_err().contains("cannot be used with"));
}

#[test]
fn every_flag_becomes_its_setting() {
    let words = "--input-format csv -B http://b/ --input-encoding latin1 --url-column x --duplicates fetch -j 3 --backend threads --host-concurrency 2 --wait 1 --random-wait --rate 1/s --limit-rate 1M --grace 1 -H A:b -U me -u me:x --anyauth --netrc --netrc-file x -b a=1 --load-cookies x --save-cookies x -x p:1 --noproxy a --spider --http1.1 --max-redirs 1 --resolve a:1:::1 --ip-version 4 --private-addresses deny --ca-certificate x --cert x --key x -k \
                 --compression raw --connect-timeout 1 --idle-timeout 1 -m 1 --low-speed none --retries 0 --retry-on 5xx,dns --retry-max-wait 1h -P out --name {n} --content-disposition --no-clobber --dry-run --fresh -NR --state x --sync --changes x --changes-by text --text x --text-format plain --digest sha256 \
                 --max-filesize 1 --format json -o x --summary x --metrics 1 --report x --order input --until first-error --max-failures 1 \
                 --max-duration 1 --quota 1M --fail-on never --progress none -sv --show none --color never --log x -fSL \
                 -l 2 --scope any --accept-regex a --reject-regex b --accept a --reject b --domains a --page-types a/b --max-pages 1 -p --adjust-extension --convert-links --mirror-index --skipped x --warc-file x --warc-max-size 1M --warc-header a:b --warc-compression none --warc-digest sha256 --warc-outlinks --warc-cdx --wacz x \
                 --sitemap only --since 2026-01-31 --strip-param a --canonical www --forms --links-out x --sitemap-out x --check --no-check-fragments --robots report --nofollow ignore --no-traps --queue redis://a --lease 1m --worker-name x http://a/";
    // Only the settings: all of them together contradict each other.
    let cli = args::parse(["fetchall"].into_iter().chain(words.split_whitespace()).map(OsString::from)).unwrap();
    let resolved = settings(&cli.job.settings, &env(&TempDir::new().unwrap())).unwrap();
    for key in KEYS {
        let flag = if matches!(key.name, "traps" | "check-fragments") { key.off } else { key.flag };
        assert_eq!(resolved.origins[key.name].to_string(), flag);
        assert_ne!(key.get(&resolved.config), key.get(&Config::default()), "{}", key.name);
    }
}

#[test]
fn switches_can_be_switched_off_again() {
    let config = resolve(&["-k", "-qv", "--no-insecure", "--quiet=false", "http://a/"]).unwrap().config;
    assert!(!config.insecure && !config.quiet && config.verbose);
    let config = resolve(&["--no-insecure", "-k", "http://a/"]).unwrap().config;
    assert!(config.insecure, "the last one counts");
    let folder = TempDir::new().unwrap();
    for key in KEYS.iter().filter(|key| key.form == ValueForm::Switch) {
        let mut env = env(&folder);
        env.vars.insert(key.variable().into(), "true".into());
        // Only the settings: a list refuses those of a crawl.
        let cli = args::parse(["fetchall", key.off].map(OsString::from)).unwrap();
        let resolved = settings(&cli.job.settings, &env).unwrap();
        assert_eq!(key.get(&resolved.config).as_bool(), Some(false), "{}", key.off);
        assert_eq!(resolved.origins[key.name].to_string(), key.off);
    }
}

#[test]
fn one_version_of_ip_is_a_switch() {
    for (switch, flag, value) in [("-4", "--ipv4", "4"), ("-6", "--ipv6", "6")] {
        let resolved = resolve(&[switch, "http://a/"]).unwrap();
        assert_eq!(resolved.origins["ip-version"].to_string(), flag);
        assert_eq!(Key::named("ip-version").unwrap().get(&resolved.config).as_str(), Some(value));
    }
    for both in [["-4", "-6"], ["-46", "-q"], ["-4", "--ip-version=6"], ["--ipv6", "--ip-version=6"]] {
        assert!(resolve(&[both[0], both[1], "http://a/"]).unwrap_err().contains("cannot be used with"), "{both:?}");
    }
}

#[test]
fn names_with_given_addresses_add_up() {
    let resolved = resolve(&["--resolve", "a:1:127.0.0.1", "--resolve", "b:2:[::1],127.0.0.2", "http://a/"]).unwrap();
    assert_eq!(resolved.config.resolve, ["a:1:127.0.0.1", "b:2:[::1],127.0.0.2"]);
    let problem = resolve(&["--resolve", "a:1:127.0.0.1", "--resolve", "b:2", "http://a/"]).unwrap_err();
    assert!(problem.contains("--resolve: number 2: is not HOST:PORT:ADDR"), "{problem}");
}

#[test]
fn json_is_a_format() {
    let resolved = resolve(&["--json", "http://a/"]).unwrap();
    assert_eq!((resolved.config.format, &resolved.origins["format"]), (Format::Ndjson, &SettingSource::Flag("--json")));
    assert!(resolve(&["--json", "--format", "csv", "http://a/"]).unwrap_err().contains("cannot be used with"));
}

#[test]
fn the_name_of_the_output_chooses_the_format() {
    let format = |words: &[&str]| resolve(words).unwrap().config.format;
    for (name, expected) in [
        ("r.csv", Format::Csv),
        ("r.TSV", Format::Tsv),
        ("r.ndjson", Format::Ndjson),
        ("r.jsonl", Format::Ndjson),
        ("r.json", Format::Ndjson),
        ("r.txt", Format::Text),
        ("records", Format::Text),
    ] {
        assert_eq!(format(&["-o", name, "http://a/"]), expected, "{name}");
    }
    assert_eq!(format(&["-o", "r.csv", "--json", "http://a/"]), Format::Ndjson, "a flag decides");
    assert_eq!((format(&["--csv", "http://a/"]), format(&["--tsv", "http://a/"])), (Format::Csv, Format::Tsv));
    let folder = TempDir::new().unwrap();
    let mut env = env(&folder);
    env.vars.insert("FETCHALL_FORMAT".into(), "ndjson".into());
    assert_eq!(resolve_in(&env, &["-o", "r.csv", "http://a/"]).unwrap().config.format, Format::Csv);
    env.vars.insert("FETCHALL_OUTPUT".into(), "r.csv".into());
    assert_eq!(resolve_in(&env, &["http://a/"]).unwrap().config.format, Format::Ndjson, "one layer says both");
}

#[test]
fn inputs_are_lists_urls_or_standard_input() {
    let inputs = |words: &[&str]| resolve(words).map(|resolved| resolved.inputs);
    let url = |text: &str, position| InputArg::Url(text.to_owned(), position);
    assert_eq!(
        inputs(&["\u{200b}<http://a/>", "sites.txt", "-", "ftp://b/"]),
        Ok(vec![url("http://a/", 1), InputArg::File("sites.txt".into()), InputArg::Stdin, url("ftp://b/", 4)])
    );
    assert_eq!(
        inputs(&["-i", "-", "-i", "sites.txt", "http://a/"]),
        Ok(vec![url("http://a/", 1), InputArg::Stdin, InputArg::File("sites.txt".into())])
    );
    assert_eq!(inputs(&["./demo"]), Ok(vec![InputArg::File("./demo".into())]));
    assert_eq!(inputs(&["sites.txt", "demo"]).unwrap().len(), 2, "a command is one only as the first word");
}

#[test]
fn invalid_inputs_are_errors() {
    for (words, part) in [
        (&["example.com/x"][..], "write https://example.com/x"),
        (&["example.com"], "write https://example.com"),
        (&["localhost:8080"], "write https://localhost:8080"),
        (&["-i", "example.com"], "--input-file: example.com: no such file"),
        (&["-c", "5", "config"], "a command goes before everything else"),
        (&["-", "-i", "-"], "named twice"),
        (&["."], "is a folder"),
        (&[""], "is empty"),
        (&[], "fetchall https://example.com/\n"),
    ] {
        let problem = resolve(words).unwrap_err();
        assert!(problem.contains(part), "{words:?}: {problem}");
    }
    assert_eq!(resolve(&["missing.txt"]).unwrap_err(), "missing.txt: no such file");
}

#[test]
fn a_pipe_is_the_input_when_none_is_named() {
    let folder = TempDir::new().unwrap();
    let piped = Env { stdin_is_terminal: false, stdin_is_device: false, ..env(&folder) };
    assert_eq!(resolve_in(&piped, &[]).unwrap().inputs, [InputArg::Stdin]);
}

#[test]
fn one_document_is_for_one_url() {
    let resolved = resolve(&["-O", "-", "http://a/"]).unwrap();
    assert_eq!((resolved.output_document.as_deref(), resolved.records_to()), (Some(Path::new("-")), None));
    let resolved = resolve(&["-O", "-", "-o", "records", "http://a/"]).unwrap();
    assert_eq!(resolved.records_to(), Some(Path::new("records")));
    assert_eq!(resolve(&["-O", "x", "http://a/"]).unwrap().records_to(), Some(Path::new("-")));
    for words in [
        &["-O", "x", "http://a/", "http://b/"][..],
        &["-O", "x", "sites.txt"],
        &["-O", "x", "-"],
        &["-O", "x", "-d", "out", "http://a/"],
        &["-O", "http://a/"],
        &["-O", "", "http://a/"],
    ] {
        assert!(resolve(words).unwrap_err().contains("--output-document"), "{words:?}");
    }
}

#[test]
fn a_document_needs_no_folder_that_a_variable_names() {
    let folder = TempDir::new().unwrap();
    let mut env = env(&folder);
    env.vars.insert("FETCHALL_DIR".into(), "out".into());
    assert_eq!(resolve_in(&env, &["-O", "x", "http://a/"]).unwrap().config.dir, None);
}

#[test]
fn fields_are_read_from_files_that_flags_name() {
    let config = resolve(&["-H", "X-C: 3", "-H", "@fields", "http://a/"]).unwrap().config;
    assert_eq!(config.header, ["X-C: 3", "X-A: 1", "X-B: 2"]);
    assert!(resolve(&["-H", "@wrong", "http://a/"]).unwrap_err().starts_with("wrong:2: "));
    assert!(resolve(&["-H", "@missing", "http://a/"]).unwrap_err().starts_with("--header: cannot read missing"));
    assert!(resolve(&["-H", "X", "http://a/"]).unwrap_err().starts_with("--header: has no colon"));
}

#[test]
fn a_relative_xdg_folder_is_ignored() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join(".config/fetchall/config.toml");
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    fs::write(&file, "concurrency = 7").unwrap();
    let mut env = env(&folder);
    env.vars.insert("XDG_CONFIG_HOME".into(), "elsewhere".into());
    env.vars.insert("HOME".into(), folder.path().into());
    assert_eq!(
        resolve_in(&env, &["http://a/"]).unwrap().config.concurrency,
        Concurrency::Fixed(NonZeroU32::new(7).unwrap())
    );
}
