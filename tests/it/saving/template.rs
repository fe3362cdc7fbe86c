//! `--name` and `--content-disposition`: what files are called.

use std::fs;
use std::path::Path;

use crate::support::BACKENDS;
use crate::support::act::{Act, Script};
use crate::support::cli::{Fetchall, Finished};
use crate::support::fault::FaultServer;
use crate::support::single::{files, kind};
use tempfile::TempDir;

fn ok(body: &str) -> Act {
    Act::KeepAliveOk(body.as_bytes().to_vec())
}

fn proposing(field: &str, body: &str) -> Act {
    Act::OkWith(vec![("Content-Disposition", field.to_owned())], body.as_bytes().to_vec())
}

/// Saves these below a folder that outlives the run.
fn save(folder: &Path, server: &FaultServer, targets: &[&str], args: &[&str]) -> Finished {
    let urls = targets.iter().map(|target| server.url(target));
    Fetchall::new().args(["--json", "--order", "input", "-d"]).arg(folder).args(args).args(urls).run()
}

fn reasons(run: &Finished) -> Vec<String> {
    run.records().iter().map(|r| r["skip"]["reason"].as_str().unwrap_or_else(|| kind(r)).to_owned()).collect()
}

#[test]
fn files_are_called_as_the_template_says() {
    let server = FaultServer::start(Script::new().otherwise(ok("x")));
    let host = format!("127.0.0.1+{}", server.address().port());
    let targets = ["a/one.tar.gz?q=1", "a/", "b/one.tar.gz"];
    for (template, expected) in [
        ("{n:3}.{ext}", vec!["001.tar.gz", "002.html", "003.tar.gz"]),
        ("{dir}/{n}-{stem}", vec!["a/1-one", "a/2-index", "b/3-one"]),
        ("{query}/{file}", vec!["index.html", "one.tar.gz", "q=1/one.tar.gz"]),
    ] {
        let folder = TempDir::new().unwrap();
        save(folder.path(), &server, &targets, &["--name", template]).expect_code(0);
        assert_eq!(files(folder.path()), expected, "{template}");
    }
    let folder = TempDir::new().unwrap();
    save(folder.path(), &server, &targets[..1], &["--name", "{host}/{path}"]).expect_code(0);
    assert_eq!(files(folder.path()), [format!("{host}/a/one.tar.gz@q=1")]);
    let folder = TempDir::new().unwrap();
    let run = save(folder.path(), &server, &targets, &["--name", "{file}"]).expect_code(0);
    assert_eq!(files(folder.path()).len(), 3, "names that clash are told apart");
    assert_eq!(run.records()[0]["path"], folder.path().join("one.tar.gz@q=1").display().to_string());
}

#[test]
fn a_wrong_template_is_a_configuration_error() {
    for args in [&["--name", "{naem}/x"][..], &["--dry-run", "--name", "{naem}/x"]] {
        let run = Fetchall::new().args(["-d", "out"]).args(args).arg("http://127.0.0.1:9/").run().expect_code(2);
        assert!(
            run.stderr.starts_with("error: --name: `{naem}` is no placeholder; there are {host}"),
            "{}",
            run.stderr
        );
        assert!(!run.folder().join("out").exists());
    }
    let run = Fetchall::new().file("fetchall.toml", "name = '../{n}'").arg("config").run().expect_code(2);
    assert!(run.stderr.contains("fetchall.toml:1: name: `../{n}` leads out"), "{}", run.stderr);
}

#[test]
fn another_template_adds_names_and_keeps_the_first_known() {
    let server = FaultServer::start(Script::new().otherwise(ok("x")));
    let folder = TempDir::new().unwrap();
    for (args, asked, found) in
        [(&[][..], 1, 1), (&["--name", "{n}"], 2, 2), (&["--name", "{n}"], 2, 2), (&["--name", "{host}/{path}"], 2, 2)]
    {
        save(folder.path(), &server, &["a"], args).expect_code(0);
        assert_eq!((server.requests().len(), files(folder.path()).len()), (asked, found), "{args:?}");
    }
    // A number is kept, wherever the URL stands in the list.
    let run = save(folder.path(), &server, &["b", "a"], &["--name", "{n}"]).expect_code(0);
    assert_eq!(reasons(&run), ["ok", "done"]);
    assert!(run.records()[1]["path"].as_str().unwrap().ends_with("/1"), "{:?}", run.records());
}

#[test]
fn names_of_servers_lie_in_the_folder_of_their_url() {
    for backend in BACKENDS {
        let script = Script::new()
            .on("get", proposing("attachment; filename*=UTF-8''na%C3%AFve.pdf; filename=naive.pdf", "pdf"))
            .on("climb", proposing("attachment; filename=\"../../.ssh/authorized_keys\"", "key"))
            .on("bad", proposing("attachment; filename=..", "bad"))
            .on("moved", Act::RedirectTo("/get".to_owned()))
            .otherwise(ok("plain"));
        let (server, folder) = (FaultServer::start(script), TempDir::new().unwrap());
        let host = format!("127.0.0.1+{}", server.address().port());
        let targets = ["get?id=1", "get?id=2", "climb", "bad", "plain", "moved"];
        let args = ["--content-disposition", "--backend", backend];
        let first = save(folder.path(), &server, &targets, &args).expect_code(0);
        let expected = ["bad", "climb/authorized_keys", "get@id=1/naïve.pdf", "get@id=2/naïve.pdf", "moved/naïve.pdf"];
        let expected: Vec<_> = expected.iter().chain(&["plain"]).map(|name| format!("{host}/{name}")).collect();
        assert_eq!(files(folder.path()), expected, "{backend}");
        let paths = |run: &Finished| run.records().iter().map(|r| r["path"].to_string()).collect::<Vec<_>>();
        assert_eq!(fs::read_to_string(first.records()[2]["path"].as_str().unwrap()).unwrap(), "key");
        // An existing file marks its URL as done.
        let asked = server.requests().len();
        let again = save(folder.path(), &server, &targets, &args).expect_code(0);
        assert_eq!((reasons(&again), server.requests().len()), (vec!["done".to_owned(); 6], asked), "{backend}");
        assert_eq!(paths(&again), paths(&first));
        fs::remove_file(folder.path().join(&expected[1])).unwrap();
        let third = save(folder.path(), &server, &targets, &args).expect_code(0);
        assert_eq!(reasons(&third)[2], "ok", "{backend}");
        assert_eq!(files(folder.path()), expected, "{backend}");
    }
}

#[test]
fn names_of_the_user_win_over_content_disposition() {
    for backend in ["async", "processes"] {
        let server = FaultServer::start(Script::new().on("x", proposing("attachment; filename=theirs", "x")));
        let line = serde_json::json!({"url": server.url("x"), "out": "mine"}).to_string();
        let args = ["--content-disposition", "--backend", backend];
        let run = Fetchall::new().args(["-d", "out", "--input-format", "ndjson"]).args(args).stdin(line).run();
        assert_eq!(files(&run.expect_code(0).folder().join("out")), ["mine"], "{backend}");
        let run = Fetchall::new().args(["-O", "page"]).args(args).arg(server.url("x")).run().expect_code(0);
        assert_eq!(files(run.folder()), ["page"], "{backend}");
    }
}

#[test]
fn with_and_without_what_servers_propose_the_names_are_others() {
    let server = FaultServer::start(Script::new().on("x", proposing("inline; filename=theirs", "x")));
    let folder = TempDir::new().unwrap();
    for (args, count) in [(&[][..], 1), (&["--content-disposition"], 2), (&[], 2), (&["--content-disposition"], 2)] {
        save(folder.path(), &server, &["x"], args).expect_code(0);
        let found = files(folder.path());
        assert_eq!(found.len(), count, "{found:?}");
        assert!(count == 1 || found[1].contains("/x~") && found[1].ends_with("/theirs"), "{found:?}");
    }
}

#[test]
fn an_obstacle_to_a_folder_or_file_is_named() {
    let script = Script::new().on("x", proposing("inline; filename=theirs", "x")).on("y", ok("y"));
    let (server, folder) = (FaultServer::start(script), TempDir::new().unwrap());
    let host = folder.path().join(format!("127.0.0.1+{}", server.address().port()));
    fs::create_dir_all(host.join("y/mine")).unwrap();
    fs::write(host.join("x"), "mine").unwrap();
    let run = save(folder.path(), &server, &["x", "y"], &["--content-disposition"]).expect_code(1);
    assert_eq!(reasons(&run), ["io", "io"]);
    let told = |n: usize| run.records()[n]["error"]["message"].as_str().unwrap().to_owned();
    assert!(told(0).contains("/x is in the way: it is no folder"), "{}", told(0));
    assert!(told(1).contains("/y is in the way: it is a folder"), "{}", told(1));
    assert_eq!(fs::read_to_string(host.join("x")).unwrap(), "mine");
    assert_eq!(files(folder.path()).len(), 1, "no part is left: {:?}", files(folder.path()));
}

#[cfg(unix)]
#[test]
fn a_link_in_place_of_the_folder_is_not_followed() {
    let script = Script::new().on("x", proposing("inline; filename=theirs", "x"));
    let (server, folder, outside) = (FaultServer::start(script), TempDir::new().unwrap(), TempDir::new().unwrap());
    let host = folder.path().join(format!("127.0.0.1+{}", server.address().port()));
    fs::create_dir_all(&host).unwrap();
    std::os::unix::fs::symlink(outside.path(), host.join("x")).unwrap();
    let run = save(folder.path(), &server, &["x"], &["--content-disposition"]).expect_code(1);
    assert_eq!((reasons(&run), files(outside.path())), (vec!["io".to_owned()], Vec::new()));
}
