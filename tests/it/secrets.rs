//! A secret at every place of every form of line, in every format: no output shows it.

use fetchall::config::{Config, KEYS, Key, Raw};
use serde_json::json;

use crate::support::act::{Act, Script, ok};
use crate::support::cli::{Fetchall, Finished};
use crate::support::fault::FaultServer;
use crate::support::single::files;

const SECRET: &str = "hunter2";

/// Asked through a proxy that answers, so that no look-up and no pause of a dead host delays the test.
const HOST: &str = "127.0.0.1:9";

/// Whole and broken URLs with a secret in their authority.
fn urls() -> Vec<String> {
    let starts = [
        "http://",
        "https://",
        "HTTP://",
        "http:/",
        "http:",
        "http:\\\\",
        "//",
        "",
        "ftp://",
        "socks5://",
        "\"http://",
        "(http://",
        "see http://",
        "curl http://",
        "http://127.0.0.1:9/ http://",
        "http://127.0.0.1:9/,http://",
        "127.0.0.1:9/x?http://",
    ];
    let users = [
        "ann:S@H/",
        "S@H/",
        "S:pw@H/",
        "ann:p@S@H/",
        "ann:S",
        "ann:S/",
        "ann:p:S",
        "ann:p S@H/",
        "ann:p\u{a0}S@H/",
        "ann:p/S@H/",
        "ann:p?S@H/",
        "ann:p#S@H/",
        "ann:p\\S@H/",
        "ann:p,S@H/",
        "ann:p;S@h:x/",
        "ann:p\"S@H/",
        "ann:p<S@H/",
        "ann:S%40H/",
        "ann:S\u{ff20}H/",
        "ann\u{ff1a}S\u{ff20}H/",
        "ann%3AS%40H/",
        "ann:S@h:99999/",
        "ann:S@[::1",
        "[ann:S",
        "ann:S@h st/",
        "ann:p -S@H/",
        "ann:S&commat;H/",
        "S&commat;H/",
        "S%2540H/",
        "S%252540H/",
        "S%u0040H/",
        "S&#64;H/",
        "S(at)H/",
        "S[at]H/",
        "ann:p/S&commat;H/",
        "ann:p?S%2540H/",
        "ann:1#S@H/",
        "S#p@H/",
    ];
    let all = starts.iter().flat_map(|start| users.iter().map(move |user| format!("{start}{user}")));
    all.map(|form| form.replace('H', HOST).replace("127.0.0.1:9TTP", "HTTP").replace('S', SECRET)).collect()
}

/// Options, fields, pairs and pieces of other formats.
fn pairs() -> Vec<String> {
    let options = [
        "--user ann:S",
        "--user=S",
        "--userS",
        "-u S",
        "-uS",
        "--header 'Authorization: Bearer S'",
        "-H X-Any:S",
        "--cookie a=S",
        "--oauth2-bearer S",
        "\u{2013}-user S",
        "\u{2014}user S",
        "--password S",
        "-b a=S",
    ];
    // Behind a URL these are no options, but have the name of a secret.
    let fields = [
        "X-Token: S",
        "'--user' ann:S",
        "x-api-key:S",
        "Cookie : a=S",
        "\"Authorization: Basic S\"",
        "user=ann:S",
        "(token=S)",
        "{\"pass\":\"S\"}",
        "X-Token\u{ff1a}S",
        "a b password = S",
    ];
    let others = [
        "Authorization: Bearer S",
        "Authorization Bearer S",
        "Authorization=S",
        "Basic S",
        "Cookie: a=S",
        "Set-Cookie: a=S; Path=/",
        "X-Any: S",
        "X-Any:S",
        "user S",
        "password: S",
        "password S",
        "my password is S",
        "machine h login ann password S",
        "token\u{a0}S",
        "export TOKEN=S",
        "token=S",
        "password=S/ http://127.0.0.1:9/ http://127.0.0.1:9/",
        "key=S&x=y",
        "S=",
        "S==",
        "a=S",
        "ann:S",
        "ann;S",
        "ann,S",
        "ann|S",
        "ann \u{2192} S",
        "ann\u{ff1a}S",
        "ann\u{ff1d}S",
        "'S'",
        "\"S\"",
        "`S`",
        "<S>",
        "*S*",
        "(S)",
        "[S",
        "[x](S)",
        "@S",
        "../S",
        "?S",
        "&S",
        "{\"url\":\"http://ann:S@127.0.0.1:9/\"",
        "{\"headers\":{\"X\":\"S\"}}",
        "{\"url\":5,\"x\":\"S\"}",
        "{S",
        "\"S",
        "S\"}",
        "S\",1",
        "\"x\": \"S\",",
        "\"headers\":{\"X\":\"S\"}",
    ];
    let mut forms: Vec<String> = others.map(str::to_owned).into();
    forms.extend(fields.map(|field| format!("http://{HOST}/ {field}")));
    // No character that is not seen joins a secret to a URL.
    forms.extend(["\u{1f}", "\u{a0}", "\u{200b}"].map(|blank| format!("http://{HOST}/x{blank}password=S")));
    for option in options {
        forms.extend([option.to_owned(), format!("http://{HOST}/ {option}"), format!("curl {option} http://{HOST}/")]);
    }
    forms.iter().map(|form| form.replace('S', SECRET).replace("hunter2et", "Set")).collect()
}

/// Lines with a URL and, behind it, what is no part of it. In a cell, a JSON value or a link it is one.
fn behind_urls() -> Vec<String> {
    let options = [
        " header=Authorization: Bearer S",
        " header = Cookie: S",
        " out=S",
        " http-passwd=S",
        " X-PIN: S",
        " X-PIN : S",
        " ann:S",
        " x y ann:S",
        " -o S",
        ", header=S",
        ",-u,u:S",
        ";-u u:S",
        ";-u;u:S",
        ";-uu:S",
        ",--user,ann:S",
        ",--header=X:S",
        " http:/u:S@h",
        " http:u:S@h",
        " ftp://u:S@h",
        " ftp://S@h",
        " //u:S@h",
        " //S@h",
        " https//u:S@h",
        " https//S&commat;h",
        " x/u:S%2540h",
        ",http:/u:S@h",
        ",ftp://u:S@h",
        ";ftp://S@h",
        ",//u:S@h",
        ",https//u:S@h",
        ",x,u:S&commat;h",
    ];
    options.map(|option| format!("http://{HOST}/x{option}").replace('S', SECRET)).into()
}

fn forms() -> Vec<String> {
    let forms = [urls(), pairs()].concat();
    assert!(forms.len() > 400 && forms.iter().all(|form| form.contains(SECRET)), "{}", forms.len());
    forms
}

/// The forms that a cell or a JSON value may have. In these a blank is a part of the URL, and so is what follows it.
fn values() -> Vec<String> {
    forms().into_iter().filter(|form| !form.starts_with("http://127.0.0.1:9/ ")).collect()
}

/// Fails if an output of the run holds the secret: the records, messages, log, summary or a file.
fn assert_silent(run: &Finished, what: &str) {
    let mut outputs = vec![("records".to_owned(), run.stdout.clone()), ("messages".to_owned(), run.stderr.clone())];
    for name in files(run.folder()).into_iter().filter(|name| name != "list") {
        outputs.push((name.clone(), String::from_utf8_lossy(&run.read(&name)).into_owned()));
    }
    for (name, text) in outputs {
        let told: Vec<_> = text.lines().filter(|line| line.contains(SECRET)).collect();
        assert!(told.is_empty(), "{what}, {name}: {told:#?}");
    }
}

/// Reads a list in this format, with all outputs there are.
fn read(format: &str, list: &str, records: &str) -> Finished {
    let args = ["--input-format", format, "--format", records, "-o", "records", "-S", "-vv", "--log", "run.log"];
    let proxy = FaultServer::start(Script::new());
    let more = ["--summary", "summary.json", "--retry", "0", "--proxy", &proxy.url(""), "list"];
    let run = Fetchall::new().file("list", list).args(args).args(more).run();
    assert!(matches!(run.code(), Some(1..=3)), "{format}: {:?} {}", run.status, run.stderr);
    assert_silent(&run, format);
    run
}

#[test]
fn no_form_of_a_text_line_shows_a_secret() {
    let list = [forms(), behind_urls()].concat().join("\n");
    for records in ["ndjson", "text", "csv"] {
        let run = read("text", &list, records);
        let count = String::from_utf8_lossy(&run.read("records")).lines().count();
        assert!(count >= forms().len(), "{records}: every line has its record, not {count}");
    }
    read("auto", &list, "ndjson");
}

#[test]
fn no_text_behind_a_url_gets_into_a_name_of_a_file() {
    let server = FaultServer::start(Script::new().otherwise(ok()));
    let lines: Vec<String> =
        behind_urls().iter().map(|line| line.replace(HOST, &server.address().to_string())).collect();
    for dry in [&["--dry-run"][..], &[]] {
        let run = Fetchall::new().file("list", lines.join("\n")).args(dry).args(["-d", "out", "--json", "list"]).run();
        let run = run.expect_code(1);
        assert_eq!(run.records().len(), lines.len());
        assert!(run.records().iter().all(|record| record["error"]["kind"] == "invalid_url"), "{}", run.stdout);
        assert_silent(&run, "the list");
    }
    let records: Vec<_> =
        lines.iter().map(|line| Fetchall::new().args(["--json", "-vv", "-S"]).arg(line).run()).collect();
    records.iter().for_each(|run| assert_silent(run, "an argument"));
}

#[test]
fn no_url_of_a_list_shows_a_secret() {
    let server = FaultServer::start(Script::new().otherwise(ok()));
    let host = server.address().to_string();
    let mut urls: Vec<String> = behind_urls().iter().map(|line| line.replace(HOST, &host)).collect();
    urls.extend([
        format!("http://{SECRET}#x@h/"),
        format!("ftp://{SECRET}#x@h/"),
        format!("http://h/,http://u:{SECRET}%40h"),
    ]);
    for form in ["#S", "\tS", " S#x", " -H X:S", "\u{a0}S", " #S"] {
        urls.push(format!("http://{host}/list{form}").replace('S', SECRET));
    }
    for url in urls.iter().filter(|url| !url.contains(&format!(" {SECRET}"))) {
        let run = Fetchall::new().args(["--json", "-vv", "--log", "run.log", "-S", "-i", url]).run();
        assert!(matches!(run.code(), Some(1..=3)), "{url}: {:?} {}", run.status, run.stderr);
        assert_silent(&run, url);
    }
}

#[test]
fn no_file_that_is_not_there_shows_a_secret() {
    let values = ["sid=S", "machine h login u password S", "a;S", "X: S", "Bearer S", "S\tx", "u:S", "\"S\"", "S@h"];
    for value in values.map(|value| value.replace('S', SECRET)) {
        let flags = ["load-cookies", "netrc-file", "cacert", "cert", "config", "input-file", "retry-from"];
        for flag in flags {
            let args = ["--log", "run.log", "-S"];
            let run = Fetchall::new().args(args).arg(format!("--{flag}={value}")).arg(format!("http://{HOST}/")).run();
            let run = run.expect_code(2);
            assert_silent(&run, &format!("--{flag}={value}"));
        }
        for args in [&["-H", &format!("@{value}"), "x.test"][..], &[&value], &["compare", &value]] {
            assert_silent(&Fetchall::new().args(args).run().expect_code(2), &format!("{args:?}"));
        }
    }
    let run = Fetchall::new().args(["--load-cookies", "my-cookies.txt", "http://127.0.0.1:9/"]).run().expect_code(2);
    assert!(run.stderr.contains("my-cookies.txt"), "{}", run.stderr);
}

#[test]
fn shown_settings_have_no_secret() {
    for args in [
        &["-B", "http://h.test/x#S"][..],
        &["-H", "X-PIN: S"],
        &["-H", "X-Pw:S"],
        &["-H", "X-TOTP: S"],
        &["-H", "Accept: Bearer S"],
        &["-H", "User-Agent: robot S"],
        &["-H", "Referer: http://ann:S&commat;h/"],
        &["-H", "Referer: http://h/#S"],
        &["--user-agent", "http://h.test/#S"],
    ] {
        let args = args.iter().map(|arg| arg.replace('S', SECRET));
        let run = Fetchall::new().arg("config").args(args.collect::<Vec<_>>()).run().expect_code(0);
        assert_silent(&run, "config");
    }
    let run = Fetchall::new().args(["config", "-H", "Accept: text/html, a/b;q=0.5"]).run().expect_code(0);
    assert!(run.stdout.contains("Accept: text/html, a/b;q=0.5"), "{}", run.stdout);
}

#[test]
fn no_option_below_a_url_shows_a_secret() {
    for form in ["header=Cookie: S", "header=S", "http-passwd=S", "all-proxy=http://a:S@h", "S=", "checksum=S", "S=x"] {
        let option = form.replace('S', SECRET);
        read("text", &format!("http://{HOST}/\n  {option}\n"), "ndjson");
        let piped = Fetchall::new().args(["--json", "-vv"]).stdin(format!("http://{HOST}/\n  {option}\n")).run();
        assert_silent(&piped, form);
    }
}

#[test]
fn no_form_of_a_table_row_shows_a_secret() {
    for (format, separator) in [("csv", ','), ("tsv", '\t')] {
        let quoted = |text: &str| match format {
            "csv" => format!("\"{}\"", text.replace('"', "\"\"")),
            _ => text.replace('\t', " "),
        };
        let row = |cells: [&str; 3]| cells.join(&separator.to_string());
        let url = format!("http://{HOST}/");
        let mut rows = vec![row(["url", "headers", "priority"])];
        for form in values() {
            let cell = quoted(&form);
            rows.extend([
                row([&cell, "", ""]),
                row([&cell, "", "x"]),
                row(["", &cell, ""]),
                row([&url, &cell, "x"]),
                row(["n/a", &cell, ""]),
            ]);
        }
        // Rows that are torn may swallow others, so each has a list of its own.
        read(format, &rows.join("\n"), "ndjson");
        for torn in ["\"ann:S", "\"X: S\",U,", "U,\"X: S", "\"U,S", "U,\"S\"x,1", "U,X: S,1,2,S", "S\",1", "ann S,,"] {
            let torn = torn.replace('U', &url).replace('S', SECRET).replace(',', &separator.to_string());
            read(format, &format!("{}\n{torn}\n{}\n", rows[0], row([&url, "", "x"])), "ndjson");
        }
    }
}

#[test]
fn no_form_of_json_shows_a_secret() {
    let url = format!("http://{HOST}/");
    let mut cells = Vec::new();
    for form in values() {
        cells.extend([
            json!({"url": form}),
            json!({"url": form, "priority": "x"}),
            json!({"url": url, "priority": form}),
            json!({"url": url, "sha256": form}),
            json!({"url": url, "headers": form}),
            json!({"url": url, "headers": [form]}),
            json!({"url": [form]}),
            json!({"link": form}),
            json!({form.as_str(): url}),
            json!([form]),
            json!(form),
        ]);
    }
    cells.extend([json!({"url": SECRET}), json!({"url": format!("ann {SECRET}")}), json!(SECRET)]);
    let mut lines: Vec<String> = cells.iter().map(ToString::to_string).collect();
    lines.extend(forms());
    lines.extend(behind_urls());
    // A line of this format is no string, and its escapes may hide a blank.
    for escape in ["t", "n", "u00a0", "u0020", "u001f", "u200b", "/", "u003d", "u0040"] {
        for end in ["\"", "\",", "", "}"] {
            lines.push(format!("\"http://{HOST}/a\\{escape}password={SECRET}{end}"));
            lines.push(format!("http://{HOST}/a\\{escape}pw:{SECRET}{end}"));
            lines.push(format!("\"http://{SECRET}\\{escape}{HOST}/{end}"));
        }
    }
    lines.extend([SECRET.to_owned(), format!("{{\"url\":\"{SECRET}")]);
    read("ndjson", &lines.join("\n"), "ndjson");
    let elements: Vec<String> = cells.iter().map(ToString::to_string).collect();
    read("json", &format!("[{}]", elements.join(",\n")), "ndjson");
    read("json", &format!("[\"{url}\",\n{}\n]", forms().join("\n")), "ndjson");
    for name in ["password=S", "ann:S", "my password S"].map(|name| name.replace('S', SECRET)) {
        read("json", &json!({name: [url]}).to_string(), "ndjson");
    }
}

#[test]
fn no_url_of_a_document_shows_a_secret() {
    let escaped = |text: &str| text.replace('&', "&amp;").replace('<', "&lt;").replace('"', "&quot;");
    // A blank is a part of the URL of a document, and a link may have a second URL in its path.
    let forms = forms().into_iter().filter(|form| !form.starts_with(&format!("http://{HOST}/")));
    let forms: Vec<String> = forms.collect();
    let locs: String = forms.iter().map(|url| format!("<url><loc>{}</loc></url>\n", escaped(url))).collect();
    read("sitemap", &format!("<urlset>\n{locs}</urlset>\n"), "ndjson");
    let entity = format!("<urlset><url><loc>&password={SECRET};</loc></url></urlset>");
    read("sitemap", &entity, "ndjson");
    let links: String = forms.iter().map(|form| format!("<a href=\"{}\">x</a>\n", escaped(form))).collect();
    let run = read(
        "html",
        &format!("<html>\n{links}<a href=../{SECRET}>x</a>\n<a href=a/{SECRET}>x</a>\n</html>\n"),
        "ndjson",
    );
    assert!(
        String::from_utf8_lossy(&run.read("records"))
            .contains("a relative URL; give the address of its document with --base")
    );
}

#[test]
fn no_record_of_an_earlier_run_shows_a_secret() {
    let first = format!("{{\"v\":1,\"url\":\"http://{HOST}/\",\"outcome\":\"failed\"}}\n");
    let mut lines = forms();
    for form in values() {
        lines.push(json!({"v": 1, "url": form, "outcome": "failed"}).to_string());
        lines.push(json!({"v": 1, "url": "x", "outcome": form}).to_string());
    }
    lines.push(json!({"v": 1, "url": SECRET, "outcome": "failed"}).to_string());
    let run = Fetchall::new().file("list", first + &lines.join("\n"));
    let proxy = FaultServer::start(Script::new());
    let run = run.args(["--json", "-S", "-vv", "--log", "run.log", "--retry", "0", "--proxy", &proxy.url("")]);
    let run = run.args(["--retry-from", "list"]).run().expect_code(1);
    assert_silent(&run, "records");
}

#[test]
fn no_refused_setting_shows_a_secret() {
    let url = format!("http://{HOST}/");
    let values = [
        "http://ann:S@h.invalid/",
        "http://ann:S",
        "http:ann:S",
        "http:/ann:S@127.0.0.1/x",
        "HTTPS:/ann:S/x@h.invalid/x",
        "http://http://ann:S@h.invalid/",
        "http://[ann:S",
        "ann:S@h",
        "ann:S%40h",
        "ann%3AS%40h",
        "ann:S\u{ff20}h",
        "http://ann:1/S@h",
        "Bearer S",
        "a=S",
        "'S",
    ];
    for (turn, value) in values.map(|value| value.replace('S', SECRET)).into_iter().enumerate() {
        // A field, a name, a column, a path and hosts without a proxy may be any words.
        let is_words = !value.contains("http:") && !value.contains(['@', '%', '\u{ff20}']);
        let takes_words = |flag: &str| {
            let text = Raw::Text("x:y".as_ref());
            let is_taken = Key::named(flag).is_some_and(|key| key.set(&mut Config::default(), text).is_ok());
            is_taken && !matches!(flag, "user" | "cookie")
        };
        // Flags of one type share a reader of values, so that each flag needs a fourth of the values.
        let flags = KEYS.iter().map(|key| key.name).skip(turn % 4).step_by(4).filter(|flag| *flag != "header");
        for flag in flags.filter(|flag| !(is_words && takes_words(flag))) {
            let run = Fetchall::new().args(["config", &format!("--{flag}={value}")]).run();
            assert_silent(&run, &format!("--{flag}={value}"));
        }
        for (name, text) in [
            ("hosts", format!("[hosts.{value:?}]\nuser = \"{SECRET}:{SECRET}\"\n")),
            ("key", format!("{value:?} = 1\n")),
            ("syntax", format!("timeout = {value}\n{value}\nproxy = \"{value}\n")),
            ("key of a host", format!("[hosts.\"h.test\"]\nuser = \"{SECRET}:{SECRET}\"\n{value:?} = 1\n")),
            ("types", format!("timeout = [{value:?}]\nheader = {value:?}\nrate = {value:?}\nproxy = {value:?}\n")),
        ] {
            let run = Fetchall::new().file("list", text).args(["config", "--config", "list"]).run();
            assert_silent(&run, &format!("{name}: {value}"));
        }
        for hosts in [format!("ann {value}"), format!("ann* {value}"), format!("a.test, ann {value} b*")] {
            let run = Fetchall::new().args(["config", "--noproxy", &hosts]).run();
            assert_silent(&run, &hosts);
        }
        for words in [&["--only", &value, "--retry-from", "list"][..], &[&format!("--{value}")], &["-c", &value]] {
            let run = Fetchall::new().file("list", "").args(words).arg(&url).run();
            assert_silent(&run, &format!("{words:?}"));
        }
        // As an input alone.
        let is_url = value.contains("://");
        let input = if is_url { value.clone() } else { format!("ann:{value}") };
        // A path may hold an at sign: such a URL is valid, and its record shows it.
        if !value.starts_with("http://ann:1/") {
            assert_silent(&Fetchall::new().arg(&input).run(), &input);
        }
        let run = Fetchall::new().args(["compare", "--backends", &value, "--rounds", &value, "--demo-urls", &value]);
        assert_silent(&run.args(["-c", &value, &url]).run(), &value);
    }
}

#[cfg(target_os = "linux")]
#[test]
fn no_error_of_a_file_shows_a_secret() {
    let server = FaultServer::start(Script::new().otherwise(ok()));
    let host = server.address().to_string().replace(':', "+");
    let dir = format!("ann:{SECRET}@h");
    let proc = format!("/proc/{dir}");
    for (planted, flag, path, expected) in [
        (None, "-d", &*proc, "for saved bodies"),
        (Some(""), "-d", &dir, "it is no folder"),
        (Some("/.fetchall"), "-d", &dir, "no folder"),
        (Some("/.fetchall/part"), "-d", &dir, "is in the way: it is no folder"),
        (Some(&*format!("/{host}")), "-d", &dir, "is in the way: it is no folder"),
        (Some(&*format!("/{host}/x/y")), "-d", &dir, "is in the way: it is a folder"),
        (None, "-O", &format!("{dir}/x"), "the folder"),
        (None, "-O", &format!("{proc}/x"), "the folder"),
    ] {
        let fetchall = Fetchall::new().args(["--json", "-o", "records", "-vv", "--log", "run.log", flag, path]);
        let fetchall = planted.iter().fold(fetchall, |fetchall, name| fetchall.file(&format!("{dir}{name}"), "mine"));
        let run = fetchall.arg(server.url("x")).run();
        assert!(matches!(run.code(), Some(1..=3)), "{planted:?}: {:?} {}", run.status, run.stderr);
        assert_silent(&run, &format!("{planted:?} {flag}"));
        let log = String::from_utf8(run.read("run.log")).unwrap();
        assert!([&run.stderr, &log].iter().any(|told| told.contains(expected)), "{planted:?} {flag}: {}", run.stderr);
    }
}

#[test]
fn no_error_of_a_kept_body_shows_a_secret() {
    let head = b"HTTP/1.1 200 OK\r\nETag: \"1\"\r\nContent-Length: 900000\r\n\r\n";
    let server = FaultServer::start(Script::new().otherwise(Act::Raw([head, &[b'x'; 300_000][..]].concat())));
    let folder = tempfile::TempDir::new().unwrap();
    let dir = folder.path().join(format!("ann:{SECRET}@h"));
    let run = || Fetchall::new().args(["--json", "-o", "records", "-vv", "-d"]).arg(&dir).arg(server.url("x")).run();
    assert_silent(&run().expect_code(1), "the first run");
    let parts = std::fs::read_dir(dir.join(".fetchall/part")).unwrap().map(|entry| entry.unwrap().path());
    let kept = parts.into_iter().find(|path| path.extension().is_some_and(|end| end == "cut")).expect("a kept body");
    std::fs::remove_file(&kept).unwrap();
    std::fs::create_dir(&kept).unwrap();
    let run = run().expect_code(1);
    assert_silent(&run, "the second run");
    assert!(run.stderr.contains("what is kept cannot be used"), "{}", run.stderr);
}
