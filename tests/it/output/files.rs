//! The files that a run writes about itself never cost another file what it holds.

use std::fs::{self, File, OpenOptions};
use std::path::Path;
use std::process::{Output, Stdio};

use crate::support::act::{Act, Script};
use crate::support::cli::Fetchall;
use crate::support::fault::FaultServer;
use crate::support::process::{fetchall, output};

fn server() -> FaultServer {
    FaultServer::start(Script::new().otherwise(Act::KeepAliveOk(b"hello\n".to_vec())))
}

/// The program with these files as standard input and output, as a shell redirects them.
fn redirected(folder: &Path, args: &[&str], stdin: File, stdout: Stdio) -> Output {
    let mut command = fetchall();
    command.args(args).current_dir(folder).env("FETCHALL_RETRY", "0").env("HOME", folder);
    output(command.env("XDG_CONFIG_HOME", folder).stdin(stdin).stdout(stdout))
}

#[test]
fn files_of_the_run_are_refused_as_outputs() {
    let server = server();
    let url = server.url("a");
    let first = Fetchall::new().args(["--dir", "out", &url]).run().expect_code(0);
    let state = first.read("out/.fetchall/state.db");
    let state_path = first.folder().join("out/.fetchall/state.db");
    let dir = first.folder().join("out");
    for flag in ["-o", "--summary", "--changes", "--log"] {
        for name in [".fetchall/state.db", ".fetchall/new", "../out/.fetchall/./new"] {
            for more in [&[][..], &["--dry-run"]] {
                if flag == "--changes" && !more.is_empty() {
                    continue;
                }
                let run = Fetchall::new().arg("--dir").arg(&dir).arg(flag).arg(dir.join(name)).args(more).arg(&url);
                let refused = run.run().expect_code(2);
                assert!(refused.stderr.contains("where the run keeps what it knows"), "{}", refused.stderr);
            }
        }
    }
    assert!(fs::read(state_path).expect("the state") == state, "it is as it was");
    // Nor in a folder that is not there yet.
    let refused = Fetchall::new().args(["--dir", "new", "-o", "new/.fetchall/x", &url]).run().expect_code(2);
    assert!(!refused.folder().join("new").exists());
}

#[cfg(unix)]
#[test]
fn certificates_that_the_environment_names_are_no_output() {
    let url = "http://127.0.0.1:9/";
    for (variable, value) in
        [("SSL_CERT_FILE", "certs/a.pem"), ("SSL_CERT_DIR", "certs"), ("SSL_CERT_DIR", "elsewhere:certs")]
    {
        for args in [
            &["--summary", "certs/a.pem", url][..],
            &["-o", "certs/../certs/a.pem", url],
            &["--log", "link.pem", url],
            &["--save-cookies", "certs/a.pem", url],
            &["-O", "certs/a.pem", url],
            &["compare", "--report", "certs/a.pem", url],
            &["demo", "--changes", "certs/a.pem", "-d", "out"],
        ] {
            let run = Fetchall::new().file("certs/a.pem", "authorities").env(variable, value);
            std::os::unix::fs::symlink("certs/a.pem", run.folder().join("link.pem")).unwrap();
            let run = run.args(args).run().expect_code(2);
            assert!(run.stderr.contains(&format!("would overwrite the certificates of {variable}")), "{}", run.stderr);
            assert_eq!(run.read("certs/a.pem"), b"authorities", "{args:?}");
        }
    }
}

#[test]
fn an_input_that_comes_by_redirection_is_not_emptied() {
    let server = server();
    let folder = tempfile::tempdir().expect("a folder");
    let list = folder.path().join("l.txt");
    let text = format!("{}\n", server.url("a"));
    fs::write(&list, &text).expect("a list");
    let open = || File::open(&list).expect("the list");
    let append = || OpenOptions::new().append(true).open(&list).expect("the list").into();
    let runs = [
        redirected(folder.path(), &["--json", "-o", "l.txt"], open(), Stdio::piped()),
        redirected(folder.path(), &["--summary", "l.txt"], open(), Stdio::piped()),
        redirected(folder.path(), &["--retry-from", "-", "-o", "./l.txt"], open(), Stdio::piped()),
        redirected(folder.path(), &["--json", "l.txt"], File::open("/dev/null").unwrap(), append()),
        redirected(folder.path(), &["--json"], open(), append()),
        redirected(folder.path(), &["--json", "--summary", "l.txt", &server.url("b")], open(), append()),
    ];
    for run in runs {
        let stderr = String::from_utf8_lossy(&run.stderr);
        assert_eq!(run.status.code(), Some(2), "{stderr}");
        assert!(stderr.contains("input") || stderr.contains("standard output"), "{stderr}");
        assert_eq!(fs::read_to_string(&list).expect("the list"), text);
    }
    // A device may be both.
    let null = || File::options().read(true).write(true).open("/dev/null").unwrap();
    let run =
        redirected(folder.path(), &["--json", "-o", "/dev/null", "--summary", "/dev/null"], null(), null().into());
    assert_eq!(run.status.code(), Some(0));
}

#[cfg(unix)]
#[test]
fn a_message_is_written_into_no_list() {
    let server = server();
    let text = format!("{}\n", server.url("a"));
    for (args, to_stdin) in [
        (&["--json", "l.txt"][..], false),
        (&["-i", "l.txt", "--timeout", "soon"], false),
        (&["--input-file=l.txt", "--nothing"], false),
        (&["-il.txt", "-v"], false),
        (&["--json", "-H", "@l.txt", "absent"], false),
        (&["--json", "-H@l.txt", "absent"], false),
        (&["--json", "-"], true),
        (&["config", "--config", "l.txt"], false),
    ] {
        for append in [false, true] {
            let folder = tempfile::tempdir().expect("a folder");
            let list = folder.path().join("l.txt");
            fs::write(&list, &text).expect("a list");
            let stderr = || OpenOptions::new().read(true).write(!append).append(append).open(&list).expect("the list");
            let mut command = fetchall();
            command.args(args).current_dir(folder.path()).env("HOME", folder.path());
            let stdin = if to_stdin { stderr() } else { File::open("/dev/null").unwrap() };
            let run = output(command.env("XDG_CONFIG_HOME", folder.path()).stdin(stdin).stderr(stderr()));
            assert_eq!(run.status.code(), Some(2), "{args:?}");
            assert_eq!(fs::read_to_string(&list).expect("the list"), text, "{args:?}");
        }
    }
}

#[test]
fn nothing_is_emptied_before_everything_is_set_up() {
    let server = server();
    for bad in ["--summary=none/x", "--log=none/x", "--cacert=absent", "--changes=c.json"] {
        let run = Fetchall::new().file("prec", "precious").file("log", "precious").arg(bad);
        let log = if bad.starts_with("--log") { "--verbose" } else { "--log=log" };
        let run = run.args(["-o", "prec", log, &server.url("a")]).run().expect_code(2);
        assert_eq!(run.read("prec"), b"precious", "{bad}");
        assert!(run.read("log").starts_with(b"precious"), "{bad}: the log only grows");
    }
    // And what was there is gone when the run begins, but for the log of earlier runs.
    let run = Fetchall::new().file("prec", "x".repeat(10_000)).file("log", "y".repeat(10_000));
    let run = run.args(["--json", "-o", "prec", "--log", "log", &server.url("a")]).run().expect_code(0);
    assert!(run.read("prec").starts_with(b"{") && run.read("log").starts_with(b"yyy"));
}

#[test]
fn two_spellings_of_one_new_file_are_one_file() {
    let server = server();
    for other in ["./new.json", "sub/../new.json", "link/new.json"] {
        let run = Fetchall::new().file("sub/x", "");
        #[cfg(unix)]
        std::os::unix::fs::symlink(".", run.folder().join("link")).expect("a link");
        let run = run.args(["-o", "new.json", "--summary", other, &server.url("a")]).run().expect_code(2);
        assert!(run.stderr.contains("--output and --summary: both name"), "{}", run.stderr);
        assert!(!run.folder().join("new.json").exists());
    }
}

#[test]
fn outputs_among_saved_bodies_and_these_stay_apart() {
    let server = server();
    let url = server.url("c");
    let first = Fetchall::new().args(["--dir", "out", "--name", "{file}", "-o", "out/c", &url]).run().expect_code(0);
    assert!(first.read("out/c").starts_with(b"200 "), "these are the records");
    assert!(String::from_utf8(first.read("out/c")).unwrap().trim_end().ends_with(')'), "and the body is elsewhere");
    let saved = Fetchall::new().args(["--dir", "out", "--name", "{file}", &url]).run().expect_code(0);
    let dir = saved.folder().join("out");
    let again = Fetchall::new().args(["--refresh", "--name", "{file}", "-o"]).arg(dir.join("c")).arg("--dir").arg(&dir);
    let refused = again.arg(&url).run().expect_code(2);
    assert!(refused.stderr.contains("belongs to a URL that was saved there"), "{}", refused.stderr);
    assert_eq!(saved.read("out/c"), b"hello\n");
}

#[test]
fn standard_output_is_for_records() {
    for flag in ["--summary", "--changes", "--log"] {
        let run = Fetchall::new().args(["--dir", "out", flag, "-", "http://127.0.0.1:9/"]).run().expect_code(2);
        assert!(run.stderr.contains(&format!("{flag}: cannot go to standard output")), "{}", run.stderr);
        assert!(!run.folder().join("-").exists());
    }
}

#[test]
fn flags_that_could_do_nothing_and_contradictions_are_refused() {
    let url = "http://127.0.0.1:9/";
    for flag in ["-N", "-R", "--name={n}", "--content-disposition", "--skip-existing", "--fresh", "--sync"] {
        let refused = Fetchall::new().args([flag, url]).run().expect_code(2);
        assert!(refused.stderr.contains("--dir DIR"), "{flag}: {}", refused.stderr);
        // In a variable it is there for other runs.
        if let Some(name) = flag.strip_prefix("--").filter(|name| !name.contains('=')) {
            Fetchall::new().args([&format!("--no-{name}"), "--dry-run", url]).run().expect_code(0);
        }
    }
    Fetchall::new().env("FETCHALL_REMOTE_TIME", "true").args(["--dry-run", url]).run().expect_code(0);
    let both = Fetchall::new().args(["--dir", "out", "--refresh", "--fresh", url]).run().expect_code(2);
    assert!(both.stderr.contains("--refresh and --fresh: contradict"), "{}", both.stderr);
    let file = Fetchall::new().file("own.toml", "dir = \"out\"\nchanges = \"c.json\"\n");
    let file = file.args(["--config", "own.toml", "--dry-run", url]).run().expect_code(2);
    assert!(file.stderr.contains("--dry-run and changes (own.toml:2): nothing is fetched"), "{}", file.stderr);
    assert!(file.stderr.contains("or add --changes none"), "{}", file.stderr);
}

#[test]
fn continue_flags_of_curl_and_wget_are_explained() {
    for args in [&["-C", "-"][..], &["--continue"], &["-C"], &["--resume"]] {
        let refused = Fetchall::new().args(["--dir", "out", "http://127.0.0.1:9/"]).args(args).run().expect_code(2);
        assert!(refused.stderr.contains("the same command goes on by itself"), "{}", refused.stderr);
    }
    let run = Fetchall::new().args(["--dir", "out", "--timestamping", "--dry-run", "http://127.0.0.1:9/"]);
    run.run().expect_code(0);
}

#[test]
fn help_is_a_command_too() {
    let help = |args: &[&str]| Fetchall::new().args(args).run().expect_code(0).stdout;
    assert_eq!(help(&["help"]), help(&["--help"]));
    assert_eq!(help(&["help", "compare"]), help(&["compare", "--help"]));
}

#[test]
fn records_in_a_file_that_looks_like_a_body_are_told() {
    let server = server();
    let run = |args: &[&str]| Fetchall::new().args(args).arg(server.url("a")).run().expect_code(0).stderr;
    let warning = "warning: the records go to page.html; use -O page.html for the body\n";
    for args in [&["-o", "page.html"][..], &["-sS", "-o", "page.html"], &["-q", "-o", "page.html"]] {
        assert!(run(args).starts_with(warning), "{args:?}");
    }
    assert!(run(&["-o", "data.json"]).starts_with("warning: the records go to data.json; use -O data.json"));
    let asked = ["--json", "-o", "data.json"];
    for args in [&["-o", "page.csv"][..], &["-o", "lines.txt"], &["-O", "page.html"], &asked] {
        assert!(!run(args).contains("the records go"), "{args:?}");
    }
}

#[test]
fn tips_do_not_mislead() {
    for (args, tip) in [
        (&["--name", "-{n}"][..], "--name=-{n}"),
        (&["-nc"], "-nc is --skip-existing"),
        (&["-nv"], "-nv is --progress none"),
        (&["-np"], "-np is the default of `fetchall crawl`"),
        (&["--no-parent"], "`fetchall crawl` follows links"),
        (&["--mirror"], "`fetchall mirror` saves a site"),
        (&["-E"], "--adjust-extension"),
        (&["-r"], "`fetchall crawl` follows links"),
        (&["-l", "2"], "--depth is for `fetchall crawl`"),
        (&["-t", "5"], "--retry 2"),
        (&["--tries=3"], "--retry 2"),
        (&["-w", "2"], "--delay"),
        (&["-T", "10"], "--read-timeout"),
        (&["-Z"], "-c N"),
        (&["--parallel"], "-c N"),
        (&["-X", "POST"], "GET"),
        (&["--request=POST"], "GET"),
        (&["--data", "x"], "GET"),
        (&["-I"], "--head"),
        (&["-OJ", "-J"], "--content-disposition"),
        (&["--sumary", "x"], "'--summary'"),
    ] {
        let refused = Fetchall::new().args(args.iter().copied()).run().expect_code(2);
        assert!(refused.stderr.contains(tip) && !refused.stderr.contains("-- -"), "{args:?}: {}", refused.stderr);
        let of_values = refused.stderr.contains("follows an equals sign");
        assert_eq!(of_values, args[0] == "--name", "{args:?}: {}", refused.stderr);
    }
    for args in [&["--paralel"][..], &["-W"], &["config", "sites.txt"]] {
        let refused = Fetchall::new().args(args.iter().copied()).run().expect_code(2);
        assert!(!refused.stderr.contains("tip: "), "{args:?}: {}", refused.stderr);
    }
}

#[test]
fn lines_tell_where_a_body_went_when_its_url_does_not() {
    let server = server();
    let run =
        |args: &[&str]| Fetchall::new().args(["--dir", "out"]).args(args).arg(server.url("a")).run().expect_code(0);
    assert!(!run(&[]).stdout.contains("out/"), "the URL says it");
    assert!(run(&["--name", "{n:3}.x"]).stdout.trim_end().ends_with("  (out/001.x)"));
}

#[test]
fn a_dry_run_says_what_would_be() {
    let server = server();
    let list = ["a", "b", "a"].map(|name| server.url(name)).join("\n");
    let run = Fetchall::new().file("l", list).args(["--dry-run", "--json", "l"]).run().expect_code(0);
    let last = run.stderr.lines().last().expect("a summary");
    assert!(last.ends_with("2 would be fetched, 1 skipped"), "{last}");
    assert!(!run.stderr.contains("in flight"), "{}", run.stderr);
    for record in run.records() {
        assert_eq!((&record["timing"]["queued_ms"], &record["timing"]["total_ms"]), (&().into(), &().into()));
    }
    let named = Fetchall::new().args(["--dry-run", "--dir", "out", "--name", "{host}/{n}"]).arg(server.url("a"));
    let head = named.run().expect_code(0).stderr;
    assert!(head.lines().next().expect("a line").ends_with(", dir out, name {host}/{n}"), "{head}");
    assert!(run.stderr.lines().next().expect("a line").ends_with(", dir none"), "{}", run.stderr);
}

#[test]
fn help_lists_the_placeholders() {
    let help = Fetchall::new().arg("--help").run().expect_code(0).stdout;
    let flat = help.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(flat.contains("{host} {path} {dir} {file} {stem} {ext} {query} {n:1} {sha256}"), "{help}");
}

#[test]
fn no_output_replaces_what_the_run_reads() {
    let server = server();
    let reads = [
        ("--netrc-file", "netrc"),
        ("--cookie", "jar"),
        ("--load-cookies", "jar"),
        ("--cacert", "ca.pem"),
        ("--cert", "cert.pem"),
        ("--key", "key.pem"),
        ("--config", "own.toml"),
        ("--header", "@fields"),
        ("--input-file", "list"),
    ];
    let outputs = ["--output", "--summary", "--changes", "--log", "--save-cookies", "--state", "--output-document"];
    for (flag, name) in reads {
        let file = name.trim_start_matches('@');
        for output in outputs.into_iter().filter(|output| (flag, *output) != ("--input-file", "--output-document")) {
            let text = if flag == "--input-file" { server.url("a") } else { String::new() };
            let run = Fetchall::new().file(file, &text).args([flag, name, output]).arg(format!("./{file}"));
            let run = if flag == "--input-file" { run } else { run.arg(server.url("a")) };
            let run = if flag == "--key" { run.arg("--cert=cert.pem") } else { run };
            let run = if output == "--changes" { run.arg("--state=state.db") } else { run };
            let may_share = output == "--save-cookies" && ["--cookie", "--load-cookies"].contains(&flag);
            let run = run.run().expect_code(if may_share { 0 } else { 2 });
            if !may_share {
                assert!(run.stderr.contains(output) && run.stderr.contains(file), "{}", run.stderr);
                assert_eq!(run.read(file), text.as_bytes(), "{flag} {output}");
            }
        }
    }
}

#[test]
fn a_new_file_of_settings_is_no_output() {
    let server = server();
    let refused = Fetchall::new().args(["-o", "fetchall.toml", &server.url("a")]).run().expect_code(2);
    assert!(refused.stderr.contains("--output: would overwrite the settings fetchall.toml"), "{}", refused.stderr);
    assert!(!refused.folder().join("fetchall.toml").exists());
    // Nor does a URL get its name, for the next run would read it.
    let saved = Fetchall::new().args(["--json", "--dir", ".", "--name", "{file}", &server.url("fetchall.toml")]).run();
    let saved = saved.expect_code(0);
    assert!(saved.records()[0]["path"].as_str().expect("a path").contains('~'));
    assert!(!saved.folder().join("fetchall.toml").exists());
}

#[cfg(unix)]
#[test]
fn an_output_is_standard_output_where_it_is_called_so() {
    let server = server();
    let folder = tempfile::tempdir().expect("a folder");
    let at = |name: &str| folder.path().join(name);
    fs::write(at("all"), "before\n").expect("a file");
    let append = || OpenOptions::new().append(true).open(at("all")).expect("the file").into();
    let null = || File::open("/dev/null").unwrap();
    for name in ["/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"] {
        let run = redirected(folder.path(), &["--json", "-o", name, &server.url("a")], null(), append());
        assert_eq!(run.status.code(), Some(0), "{}", String::from_utf8_lossy(&run.stderr));
    }
    let text = fs::read_to_string(at("all")).expect("the file");
    assert_eq!((text.starts_with("before\n{"), text.lines().count()), (true, 4), "{text}");
    for flag in ["--summary", "--log", "--changes", "--save-cookies", "--state"] {
        for stdout in [append(), Stdio::piped()] {
            let args = ["--dir", "out", flag, "/dev/stdout", &server.url("a")];
            let run = redirected(folder.path(), &args, null(), stdout);
            let stderr = String::from_utf8_lossy(&run.stderr);
            assert!(run.status.code() == Some(2) && stderr.contains("/dev/stdout"), "{flag}: {stderr}");
        }
    }
    assert_eq!(fs::read_to_string(at("all")).expect("the file"), text);
    // If nothing else goes there, it is as good as any file.
    let run = redirected(
        folder.path(),
        &["--json", "-o", "records", "--summary", "/dev/stdout", &server.url("a")],
        null(),
        Stdio::piped(),
    );
    assert!(run.status.code() == Some(0) && run.stdout.starts_with(b"{"));
}
