//! Snapshots of what people read: help, errors of the command line, the summary, and records.
//!
//! After a wanted change run `INSTA_UPDATE=always cargo test --test it snapshots` and read the diff of
//! `tests/it/snapshots/`. Ports, times, versions and paths of a run are replaced by words.

use std::fmt::Write as _;

use insta::Settings;
#[cfg(unix)]
use serde_json::Value;

use crate::support::act::{Act, Script};
use crate::support::cli::{Fetchall, Finished};
use crate::support::fault::FaultServer;

/// Compares a text with the snapshot of this name.
fn check(name: &str, text: &str) {
    let mut settings = Settings::clone_current();
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!(name, text));
}

/// The text with words in place of what differs from run to run.
fn settled(run: &Finished, server: Option<&FaultServer>, text: &str) -> String {
    let mut text =
        text.replace(&run.folder().display().to_string(), "FOLDER").replace(env!("CARGO_PKG_VERSION"), "VERSION");
    if let Some(server) = server {
        text = text.replace(&server.address().port().to_string(), "PORT");
    }
    text
}

#[test]
fn help_of_each_command() {
    for command in [
        "",
        "crawl",
        "map",
        "mirror",
        "explain",
        "report",
        "wacz",
        "warc",
        "queue",
        "demo",
        "compare",
        "config",
        "completions",
        "man",
    ] {
        for flag in ["--help", "-h"] {
            let words: Vec<_> = [command, flag].into_iter().filter(|word| !word.is_empty()).collect();
            let run = Fetchall::new().args(words).run().expect_code(0);
            assert_eq!(run.stderr, "");
            let name = if flag == "-h" { "short" } else { "long" };
            let command = if command.is_empty() { "fetchall" } else { command };
            check(&format!("help_{command}_{name}"), &settled(&run, None, &run.stdout));
        }
    }
}

/// A line of help is read at a glance; the default comes after it.
#[test]
fn help_of_a_flag_has_at_most_90_characters() {
    // With room for every line nothing is wrapped.
    for command in
        [&["--help"][..], &["crawl", "--help"], &["map", "--help"], &["compare", "--help"], &["config", "--help"]]
    {
        let run = Fetchall::new().env("COLUMNS", "400").args(command.iter().copied()).run().expect_code(0);
        let mut lines = run.stdout.lines();
        let mut read = 0;
        while let Some(line) = lines.next() {
            if line.starts_with("  ") && line.trim_start().starts_with('-') {
                let help = lines.next().unwrap_or_default().trim_start();
                let help = help.split(" [default").next().unwrap_or_default();
                assert!(help.chars().count() <= 90, "{line}: {help}");
                read += 1;
            }
        }
        assert!(read > 40, "only {read} flags have help");
    }
}

#[test]
fn short_help_shows_at_most_25_options() {
    for (command, most) in [
        (&["-h"][..], 25),
        (&["crawl", "-h"], 25),
        (&["map", "-h"], 25),
        (&["explain", "-h"], 25),
        (&["compare", "-h"], 30),
        (&["config", "-h"], 25),
        (&["demo", "-h"], 25),
    ] {
        let run = Fetchall::new().args(command.iter().copied()).run().expect_code(0);
        let shown = run.stdout.lines().filter(|line| line.trim_start().starts_with('-')).count();
        assert!(shown > 10 && shown <= most, "{command:?} shows {shown} options");
    }
}

#[test]
fn manual_page_has_the_usual_sections() {
    let page = Fetchall::new().arg("man").run().expect_code(0).stdout;
    for section in
        ["NAME", "SYNOPSIS", "OPTIONS", "EXAMPLES", "LISTS", "CONFIGURATION", "FILES", "\"EXIT STATUS\"", "VERSION"]
    {
        assert!(page.contains(&format!("\n.SH {section}\n")), "{section}");
    }
    check(
        "manual_page_own_sections",
        &page[page.find(".SH EXAMPLES").unwrap_or_default()..page.find(".SH VERSION").unwrap_or(page.len())],
    );
}

/// Returns the options of a page with their texts.
fn options_of_page(page: &str) -> Vec<(String, String)> {
    let plain = |line: &str| line.replace("\\-", "-").replace("\\fB", "").replace("\\fR", "").replace("\\*(Aq", "'");
    let mut lines = page.lines();
    let mut options = Vec::new();
    while let Some(line) = lines.next() {
        if line.starts_with("\\fB\\-") {
            options.push((plain(line), plain(lines.next().unwrap_or_default())));
        }
    }
    options
}

#[test]
fn manual_page_has_the_help_of_each_option() {
    for command in ["", "crawl", "map", "mirror", "compare", "config", "demo"] {
        let page = Fetchall::new().args(["man", command].iter().filter(|word| !word.is_empty())).run().expect_code(0);
        let help =
            Fetchall::new().env("COLUMNS", "400").args([command, "--help"].iter().filter(|word| !word.is_empty()));
        let help = help.run().expect_code(0).stdout;
        let options = options_of_page(&page.stdout);
        assert!(options.len() > 40, "{command}: {options:?}");
        for (option, text) in options {
            assert!(!text.is_empty() && help.contains(&text), "{command}: {option}: {text:?}");
        }
    }
}

#[test]
fn each_command_that_the_manual_names_has_a_page() {
    let page = Fetchall::new().arg("man").run().expect_code(0).stdout;
    let named: Vec<_> = page.lines().filter_map(|line| line.strip_prefix("fetchall\\-")?.strip_suffix("(1)")).collect();
    assert!(named.contains(&"compare"), "{named:?}");
    for command in named {
        let own = Fetchall::new().args(["man", command]).run().expect_code(0).stdout;
        assert!(own.contains(&format!("\n.TH fetchall-{command} 1 ")), "{command}: {own}");
        assert!(own.contains(&format!("\\fBfetchall {command}\\fR")), "{command}: {own}");
    }
}

/// Command lines that are refused, by subject.
const REFUSED: &[(&str, &[&str])] = &[
    (
        "arguments",
        &[
            "--concurency 5 sites.txt",
            "-J sites.txt",
            "-nc sites.txt",
            "-r sites.txt",
            "-w 2 sites.txt",
            "-g sites.txt",
            "-e https://example.com/ sites.txt",
            "--http2 sites.txt",
            "--compressed sites.txt",
            "--retry-delay 2 sites.txt",
            "--concurrency",
            "--backend fork sites.txt",
            "--until never sites.txt",
            "--digest md5 sites.txt",
            "--fail-fast --until all sites.txt",
            "--json --format csv sites.txt",
            "-4 -6 sites.txt",
            "--ipv4 --ip-version 6 sites.txt",
            "--no-config --config own.toml sites.txt",
            "--only timeout sites.txt",
            "--retry-from records.ndjson --only sunspots",
            "--random-wait=perhaps sites.txt",
            "completions",
            "completions tcl",
            "man page",
            "worker",
        ],
    ),
    (
        "inputs",
        &[
            "missing.txt",
            "version",
            "folder",
            "example.com",
            "example.com/page",
            "https://ann:secret@exa mple.com/",
            "sites.txt demo",
            "- -",
            "-i missing.txt",
            "-i ftp://example.com/list",
            "--retry-from missing.ndjson",
            "--retry-from folder",
            "--url-column= sites.txt",
            "--input-encoding ansi sites.txt",
            "-B example.com sites.txt",
            "-B https://ann:secret@example.com/ sites.txt",
            "list.xlsx",
            "domains.csv",
            "two.csv",
            "wrapped.json",
        ],
    ),
    (
        "crawl",
        &[
            "crawl ftp://example.com/",
            "crawl https://a.example:x/",
            "crawl exa_mple!.com",
            "crawl docs",
            "crawl sites.txt",
            "crawl example.org",
            "crawl -i missing.txt",
            "crawl -O page.html https://a.example/",
            "crawl --only 5xx https://a.example/",
            "crawl -H https://a.example/",
            "crawl -rH a.example",
            "crawl -k https://a.example/",
            "crawl -E https://a.example/",
            "crawl -nc https://a.example/",
            "crawl -nH https://a.example/",
            "crawl -nx https://a.example/",
            "crawl -nd --dir out --name {file} https://a.example/",
            "crawl -nd https://a.example/",
            "crawl -A Mozilla/5.0 https://a.example/",
            "crawl -R https://a.example/ https://b.example/",
            "crawl -l some https://a.example/",
            "crawl --scope folder https://a.example/",
            "crawl --include docs( https://a.example/",
            "crawl --include a --include b[ https://a.example/",
            "crawl --accept pdf,[z-a] https://a.example/",
            "crawl --span-hosts https://a.example/x https://a.example/",
            "crawl --page-types html https://a.example/",
            "crawl --max-pages many https://a.example/",
            "crawl --sitemap none https://a.example/",
            "crawl --sitemap auto --sitemap https://a.example/s.xml https://a.example/",
            "crawl --since yesterday https://a.example/",
            "crawl --strip-param [z-a] https://a.example/",
            "crawl --canonical www,slash https://a.example/",
            "crawl --robots maybe https://a.example/",
            "map --dir out -p https://a.example/",
            "map -nd https://a.example/",
            "map -m https://a.example/",
            "mirror --name {file -E https://a.example/",
            "map -O page.html https://a.example/",
            "crawl --config traps.toml https://a.example/",
            "--depth 2 sites.txt",
            "-l 2 --scope host --exclude x --skipped s.ndjson --no-traps sites.txt",
            "--requisites --exclude x --include y sites.txt",
            "--skipped s.ndjson demo",
            "demo --depth 1",
            "compare --demo --depth 1",
        ],
    ),
    (
        "values",
        &[
            "-c 0 sites.txt",
            "-c many sites.txt",
            "--per-host few sites.txt",
            "--delay soon sites.txt",
            "--delay 1.0005s sites.txt",
            "--rate fast sites.txt",
            "--rate 10/y sites.txt",
            "--limit-rate fast sites.txt",
            "--max-size 10XB sites.txt",
            "--max-size 99999999TiB sites.txt",
            "--grace -1s sites.txt",
            "--max-failures some sites.txt",
            "--max-duration soon sites.txt",
            "--fail-on most sites.txt",
            "--fail-on 0 sites.txt",
            "--fail-on 101% sites.txt",
            "--connect-timeout 0 sites.txt",
            "--read-timeout 1h30 sites.txt",
            "--timeout 4000d sites.txt",
            "--low-speed fast sites.txt",
            "--low-speed 100/soon sites.txt",
            "--retry -1 sites.txt",
            "--retry-on= sites.txt",
            "--retry-on cancelled sites.txt",
            "--retry-on 200 sites.txt",
            "--max-redirects -1 sites.txt",
            "--dir= sites.txt",
            "--output= sites.txt",
        ],
    ),
    (
        "http",
        &[
            "-H X-Trial sites.txt",
            "-H Content-Length:5 sites.txt",
            "-H @missing sites.txt",
            "-H @fields.txt sites.txt",
            "-u ann\u{1b}:secret sites.txt",
            "-b missing.txt sites.txt",
            "--load-cookies missing.txt sites.txt",
            "--netrc-file missing sites.txt",
            "-x ftp://ann:secret@proxy.example:21 sites.txt",
            "-x http://ann:secret@ sites.txt",
            "-x 4 sites.txt",
            "--resolve example.com sites.txt",
            "--resolve 192.0.2.1:443:192.0.2.2 sites.txt",
            "--cacert missing.pem sites.txt",
            "--cert missing.pem sites.txt",
            "--cert no.pem sites.txt",
            "--key missing.pem sites.txt",
        ],
    ),
    (
        "files",
        &[
            "--name {host} sites.txt",
            "--dir out --name {color} sites.txt",
            "--dir out --name ../{file} sites.txt",
            "--dir out --name {host}/ sites.txt",
            "--refresh sites.txt",
            "--fresh sites.txt",
            "--skip-existing sites.txt",
            "--remote-time sites.txt",
            "--sync sites.txt",
            "--content-disposition sites.txt",
            "--dir out --refresh --skip-existing sites.txt",
            "--dir out --refresh --fresh sites.txt",
            "--changes c.json sites.txt",
            "--dir out --dry-run --changes c.json sites.txt",
            "-O page.html sites.txt",
            "-O page.html https://a.example/ https://b.example/",
            "-O page.html --dir out https://a.example/",
            "-O= https://a.example/",
            "-OJ https://a.example/",
            "-O folder https://a.example/",
            "-o sites.txt sites.txt",
            "-o one --summary one sites.txt",
            "-o missing/records sites.txt",
            "--dir sites.txt sites.txt",
            "--state folder sites.txt",
            "--log missing/log sites.txt",
        ],
    ),
    (
        "configuration",
        &[
            "--config missing.toml sites.txt",
            "--config own.toml sites.txt",
            "--config broken.toml sites.txt",
            "config --config own.toml",
            "config sites.txt",
            "demo sites.txt",
            "compare",
            "compare --demo sites.txt",
            "compare --demo -c auto",
            "compare --demo -c 0,x --backends fork --rounds 0 -d out",
            "compare --demo --backend async",
            "compare --demo --format tsv",
        ],
    ),
];

/// The program in a folder with the files that [`REFUSED`] names.
fn among_files() -> Fetchall {
    Fetchall::new()
        .file("sites.txt", "http://127.0.0.1:9/\n")
        .file("folder/file", "")
        .file("fields.txt", "X-A: b\nX Y: z\n")
        .file("records.ndjson", "")
        .file("list.xlsx", b"PK\x03\x04[Content_Types].xml xl/workbook.xml")
        .file("domains.csv", "id,domain\n1,a.test\n")
        .file("two.csv", "page,image\nhttp://a.test/,http://b.test/\n")
        .file("wrapped.json", "{\"urls\": [\"http://a.test/\"]}")
        .file("no.pem", "no certificate\n")
        .file("own.toml", "concurency = 5\nmax_redirects = 3\nquiet = \"yes\"\n[hosts.\"a b\"]\nper-host = 1\n")
        .file("example.org", "")
        .file(
            "traps.toml",
            "[traps]\nmax_page_links = 5\nremembered = 0\nnear-equal-pages = 300\nx = 1\nmax-url-length = true\n",
        )
        .file("broken.toml", "concurrency = \n")
}

#[test]
fn errors_of_the_command_line() {
    let mut accepted = Vec::new();
    for (subject, lines) in REFUSED {
        let mut told = String::new();
        for line in *lines {
            let run = among_files().args(line.split(' ')).run();
            let shown = settled(&run, None, &run.stderr);
            if (run.code(), run.stdout.as_str()) != (Some(2), "") {
                accepted.push(format!("{line}\n{shown}"));
            }
            let _ = writeln!(told, "$ fetchall {}\n{}\n", line.escape_debug(), shown.trim_end());
        }
        check(&format!("errors_of_{subject}"), &told);
    }
    assert!(accepted.is_empty(), "not refused:\n{}", accepted.join("\n"));
}

/// A server with one URL for each outcome, and the list of them.
fn outcomes() -> (FaultServer, String) {
    let script = Script::new()
        .on("ok", Act::OkWith(vec![("Content-Type", "text/plain".to_owned())], b"hello\n".to_vec()))
        .on("moved", Act::RedirectTo("/ok".to_owned()))
        .on("cut", Act::CutContentLength)
        .on("silent", Act::Stalled);
    let server = FaultServer::start(script);
    let urls = ["ok", "moved", "missing", "cut", "ok"].map(|name| server.url(name));
    (server, format!("{}\nno URL\n", urls.join("\n")))
}

/// A line of the summary without times and speeds.
fn without_times(line: &str) -> String {
    match line.split_once(' ') {
        Some(("received", _)) => line.split(',').next().unwrap_or_default().to_owned(),
        Some(("latency", _)) => "latency    TIMES".to_owned(),
        Some((_, rest)) if rest.contains(" in ") && rest.contains(" s: ") => {
            let (before, after) = line.split_once(" in ").unwrap_or_default();
            format!("{before} in TIME{}", after.split_once(" s").map_or("", |(_, rest)| rest))
        }
        _ => line.to_owned(),
    }
}

#[test]
fn summary_for_people() {
    let (server, list) = outcomes();
    let run = Fetchall::new().args(["-c", "1", "--progress", "none"]).stdin(list).run().expect_code(1);
    let lines: Vec<_> = run.stderr.lines().map(without_times).collect();
    check("summary_of_a_run", &settled(&run, Some(&server), &lines.join("\n")));
    let lines = run.stdout.lines().map(|line| {
        if line.len() > 34 { format!("{}      TIME  {}", &line[..22], &line[34..]) } else { line.to_owned() }
    });
    check("text_lines_of_a_run", &settled(&run, Some(&server), &lines.collect::<Vec<_>>().join("\n")));
}

/// A record without times.
#[cfg(unix)]
fn timeless(mut record: Value) -> Value {
    for time in record["timing"].as_object_mut().unwrap().values_mut().filter(|time| time.is_number()) {
        *time = "TIME".into();
    }
    if record["started_at"].is_string() {
        record["started_at"] = "TIME".into();
    }
    record
}

#[cfg(unix)]
#[test]
fn record_of_each_outcome() {
    let (server, list) = outcomes();
    let args = ["--json", "-c", "1", "--order", "input"];
    let run = Fetchall::new().args(args).stdin(list).run().expect_code(1);
    let mut records = run.records();
    // Interrupted while its server is silent.
    let stopped = Fetchall::new().args(args).args(["--grace", "1ms"]).arg(server.url("silent")).spawn();
    server.wait_until("the request", |log| log.requests.iter().any(|request| request.path == "/silent"));
    stopped.interrupt();
    let stopped = stopped.wait().expect_code(130);
    records.extend(stopped.records());
    let mut seen: Vec<_> = records.iter().filter_map(|record| record["outcome"].as_str()).collect();
    seen.sort_unstable();
    seen.dedup();
    assert_eq!(seen, ["cancelled", "failed", "http_error", "ok", "skipped"]);
    let texts = records.into_iter().map(|record| serde_json::to_string_pretty(&timeless(record)).unwrap());
    check("record_of_each_outcome", &settled(&run, Some(&server), &texts.collect::<Vec<_>>().join("\n")));
}
