//! Files below `--dir`: which names they get, and that nothing leaves the folder.

use std::fs;

use crate::support::act::{Act, Script};
use crate::support::cli::{Fetchall, Finished};
use crate::support::fault::FaultServer;
use crate::support::single::{files, kind};

/// A server that answers every path with that path.
fn pages(names: &[&str]) -> FaultServer {
    let script = names.iter().fold(Script::new(), |script, name| {
        script.on(name, Act::KeepAliveOk(format!("this is {name}\n").into_bytes()))
    });
    FaultServer::start(script.otherwise(Act::KeepAliveOk(b"otherwise\n".to_vec())))
}

fn save(server: &FaultServer, targets: &[&str], args: &[&str]) -> Finished {
    let urls = targets.iter().map(|target| server.url(target));
    Fetchall::new().args(["--json", "-d", "out"]).args(args).args(urls).run()
}

/// The files below `out`, without the server's folder.
fn names(server: &FaultServer, run: &Finished) -> Vec<String> {
    let host = format!("127.0.0.1+{}/", server.address().port());
    let strip = |name: &String| name.strip_prefix(&host).unwrap_or(name).to_owned();
    files(&run.folder().join("out")).iter().map(strip).collect()
}

#[test]
fn bodies_are_saved_under_the_names_of_their_urls() {
    let server = pages(&["a.html", "b"]);
    let run = save(&server, &["a.html", "b/", "b/c?q=1&r=2", "", "b/%2e%2e%2fescape"], &[]).expect_code(0);
    let mut found = names(&server, &run);
    let odd = found.iter().position(|name| name.contains("escape")).expect("it is saved");
    let odd = found.remove(odd);
    assert!(odd.starts_with("b/") && !odd.contains("../"), "{odd}");
    assert_eq!(found, ["a.html", "b/c@q=1&r=2", "b/index.html", "index.html"]);
    for record in run.records() {
        let saved = run.read(record["path"].as_str().expect("a path"));
        let url = record["url"].as_str().expect("a URL");
        let expected: &[u8] = match url {
            url if url.ends_with("a.html") => b"this is a.html\n",
            url if url.contains("/b/") => b"this is b\n",
            _ => b"otherwise\n",
        };
        assert_eq!((saved.as_slice(), record["bytes"].as_u64()), (expected, Some(expected.len() as u64)), "{url}");
    }
}

#[test]
fn a_large_body_is_saved_byte_for_byte() {
    let body: Vec<u8> = (0..3_000_017_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    let server = FaultServer::start(Script::new().on("x", Act::KeepAliveOk(body.clone())));
    let run = save(&server, &["x"], &[]).expect_code(0);
    assert_eq!(names(&server, &run), ["x"]);
    assert!(run.read(run.records()[0]["path"].as_str().expect("a path")) == body);
}

#[test]
fn a_large_body_that_fails_leaves_nothing() {
    let mut cut = b"HTTP/1.1 200 OK\r\nContent-Length: 9000000\r\n\r\n".to_vec();
    cut.resize(3 << 20, b'x');
    let server = FaultServer::start(Script::new().on("x", Act::Raw(cut)));
    let run = save(&server, &["x"], &[]).expect_code(1);
    assert_eq!((kind(&run.records()[0]), names(&server, &run).len()), ("truncated", 0));
}

#[test]
fn names_that_clash_do_not_share_a_file() {
    let server = pages(&["a", "A"]);
    let run = save(&server, &["a", "a/b", "A", "a?", "a//b", "a/%62"], &["-c", "1"]).expect_code(0);
    let records = run.records();
    let mut paths: Vec<&str> = records.iter().filter_map(|record| record["path"].as_str()).collect();
    paths.sort_unstable();
    let lower: std::collections::BTreeSet<String> = paths.iter().map(|path| path.to_lowercase()).collect();
    assert_eq!((paths.len(), lower.len()), (6, 6), "{paths:?}");
    for record in &records {
        let expected = if record["url"].as_str().is_some_and(|url| url.ends_with("/A")) { "A" } else { "a" };
        assert_eq!(run.read(record["path"].as_str().expect("a path")), format!("this is {expected}\n").as_bytes());
    }
    assert_eq!(names(&server, &run).len(), 6);
}

#[test]
fn duplicates_that_are_fetched_have_files_of_their_own() {
    let server = pages(&["a"]);
    let run = save(&server, &["a", "a", "a"], &["--duplicates", "fetch"]).expect_code(0);
    assert_eq!((names(&server, &run).len(), server.asked("/a")), (3, 3));
    let run = save(&server, &["a", "a"], &[]).expect_code(0);
    assert_eq!((names(&server, &run), kind(&run.records()[0])), (vec!["a".to_owned()], "skipped"));
}

#[test]
fn a_list_can_name_the_file_but_not_leave_the_folder() {
    let server = pages(&["a"]);
    let good = ["sub/dir/name.txt", ".fetchall/state.db", ".fetchall/part/x"];
    let bad = [
        "../escape",
        "/tmp/escape",
        "sub/../../escape",
        "..\\escape",
        "..",
        "sub\\..\\..\\escape",
        ".fetchall/../../escape",
    ];
    let absolute = ["C:\\escape", "c:/escape", "c:escape", "\\escape", "\\\\host\\escape"];
    let outs: Vec<_> = good.iter().chain(&bad).chain(&absolute).collect();
    let lines = outs.iter().enumerate();
    let lines = lines.map(|(n, out)| serde_json::json!({"url": server.url(&format!("a?{n}")), "out": out}).to_string());
    let list: String = lines.map(|line| line + "\n").collect();
    let run = Fetchall::new().file("work/list.ndjson", list).args(["--json", "-d", "work/out", "work/list.ndjson"]);
    let run = run.run().expect_code(1);
    for record in run.records() {
        let is_good = record["source"]["line"].as_u64().is_some_and(|line| line <= good.len() as u64);
        assert_eq!(kind(&record), if is_good { "ok" } else { "io" }, "{record}");
    }
    let saved = ["_fetchall/part/x", "_fetchall/state.db", "sub/dir/name.txt"].map(|name| format!("work/out/{name}"));
    assert_eq!(files(run.folder()), [&["work/list.ndjson".to_owned()], &saved[..]].concat());
    assert_eq!(server.requests().len(), good.len(), "what cannot be saved is not asked for");
}

#[test]
fn device_names_and_control_characters_never_become_names() {
    let server = pages(&["a"]);
    let targets = ["a/CON", "a/aux.txt", "a/%1b%5b31m", "a/%e2%80%ae", "a/-rf", "a/.hidden", "a/end.", "a/%00"];
    let run = save(&server, &targets, &[]).expect_code(0);
    let found = names(&server, &run);
    assert_eq!(found.len(), targets.len());
    for name in found {
        let file = name.strip_prefix("a/").expect("in its folder");
        assert!(!file.starts_with(['-', '.']) && !file.ends_with('.'), "{name}");
        assert!(!file.eq_ignore_ascii_case("con") && !file.eq_ignore_ascii_case("aux.txt"), "{name}");
        assert!(file.chars().all(|c| !c.is_control() && c != '\u{202e}'), "{name:?}");
    }
}

#[cfg(unix)]
#[test]
fn links_below_the_folder_are_not_followed() {
    use std::os::unix::fs::symlink;

    let server = pages(&["a", "b"]);
    let host = format!("out/127.0.0.1+{}", server.address().port());
    let fetchall = Fetchall::new().file("outside/mine", "mine\n").file("out/here", "");
    fs::create_dir_all(fetchall.folder().join(&host)).expect("a folder");
    symlink(fetchall.folder().join("outside"), fetchall.folder().join(format!("{host}/a"))).expect("a link");
    symlink(fetchall.folder().join("outside/mine"), fetchall.folder().join(format!("{host}/b"))).expect("a link");
    symlink(fetchall.folder().join("outside"), fetchall.folder().join("out/link")).expect("a link");
    let lines = [("a/planted", None), ("b", None), ("a?1", Some("link/x")), ("a?2", Some("link/new/x"))];
    let line =
        |(target, out): (&str, Option<&str>)| serde_json::json!({"url": server.url(target), "out": out}).to_string();
    let list: String = lines.map(|one| line(one) + "\n").concat();
    let run = fetchall.args(["--json", "-d", "out", "--input-format", "ndjson"]).stdin(list).run().expect_code(1);
    assert_eq!(run.records().len(), lines.len());
    for record in run.records() {
        let expected = if record["url"].as_str().is_some_and(|url| url.ends_with('b')) { "ok" } else { "io" };
        assert_eq!(kind(&record), expected, "{record}");
    }
    assert_eq!(files(&run.folder().join("outside")), ["mine"]);
    assert_eq!(run.read("outside/mine"), b"mine\n", "a link at the final name is replaced, not written through");
    assert!(fs::symlink_metadata(run.folder().join(&host).join("b")).expect("it is there").is_file());
    assert_eq!(run.read(&format!("{host}/b")), b"this is b\n");
}

#[cfg(unix)]
#[test]
fn links_among_the_part_files_are_not_followed() {
    use std::os::unix::fs::symlink;

    let server = pages(&["a"]);
    let fetchall = Fetchall::new().file("outside/mine", "mine\n").file("out/.fetchall/here", "");
    symlink(fetchall.folder().join("outside"), fetchall.folder().join("out/.fetchall/part")).expect("a link");
    let run = fetchall.args(["--json", "-d", "out"]).arg(server.url("a")).run().expect_code(1);
    assert_eq!((kind(&run.records()[0]), files(&run.folder().join("outside"))), ("io", vec!["mine".to_owned()]));
}

#[test]
fn a_second_run_replaces_whole_files() {
    let script = Script::new().on_each(
        "x",
        vec![
            Act::KeepAliveOk(b"one, and longer\n".to_vec()),
            Act::KeepAliveOk(b"two\n".to_vec()),
            Act::CutContentLength,
        ],
    );
    let server = FaultServer::start(script);
    let name = format!("out/127.0.0.1+{}/x", server.address().port());
    let mut before = Vec::new();
    for (code, body) in [(0, b"one, and longer\n".as_slice()), (0, b"two\n"), (1, b"two\n")] {
        let fetchall = Fetchall::new().args(["--json", "-d", "out"]).arg(server.url("x"));
        let fetchall = if before.is_empty() { fetchall } else { fetchall.file(&name, &before) };
        let run = fetchall.run().expect_code(code);
        before = run.read(&name);
        assert_eq!(before, body, "a failure leaves what was there");
        assert_eq!(files(&run.folder().join("out")).len(), 1);
    }
}
