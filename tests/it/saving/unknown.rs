//! `-N` on files that no state knows: another program saved them, or the state is gone.

use std::fs;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tempfile::TempDir;

use crate::support::BACKENDS;
use crate::support::act::{Act, Script};
use crate::support::cli::{Fetchall, Finished};
use crate::support::fault::FaultServer;
use crate::support::single::files;

const OLD: &str = "Sun, 06 Nov 1994 08:49:37 GMT";
const NEW: &str = "Mon, 07 Nov 1994 08:49:37 GMT";

fn old() -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(784_111_777)
}

fn answer(head: &str, body: &str) -> Act {
    Act::RawKeepAlive(format!("HTTP/1.1 {head}\r\nContent-Length: {}\r\n\r\n{body}", body.len()).into_bytes())
}

fn not_modified() -> Act {
    Act::RawKeepAlive(b"HTTP/1.1 304 Not Modified\r\n\r\n".to_vec())
}

/// Writes a file as another program leaves it.
fn leave(path: &Path, body: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, body).unwrap();
    fs::File::open(path).unwrap().set_modified(old()).unwrap();
}

fn fetch(dir: &Path, args: &[&str], url: &str) -> Finished {
    Fetchall::new().args(["--json", "--dir"]).arg(dir).args(args).arg(url).run()
}

/// Returns the path of the body of a URL of this server.
fn place(server: &FaultServer, name: &str) -> String {
    format!("{}/{name}", server.address().to_string().replace(':', "+"))
}

fn reason(run: &Finished) -> String {
    run.records()[0]["skip"]["reason"].as_str().unwrap_or("ok").to_owned()
}

fn since(server: &FaultServer, path: &str) -> Vec<Option<String>> {
    let asked = server.requests().into_iter().filter(|request| request.path == path);
    asked.map(|request| request.header("if-modified-since").map(str::to_owned)).collect()
}

fn modified(path: &Path) -> SystemTime {
    fs::metadata(path).unwrap().modified().unwrap()
}

#[test]
fn file_that_has_not_changed_stays_and_is_known_from_then_on() {
    for backend in BACKENDS {
        let server = FaultServer::start(Script::new().on("page", not_modified()));
        let folder = TempDir::new().unwrap();
        let file = folder.path().join(place(&server, "page"));
        leave(&file, "by wget");
        let args = ["--backend", backend, "-N"];
        let run = fetch(folder.path(), &args, &server.url("page")).expect_code(0);
        let record = &run.records()[0];
        assert_eq!((record["outcome"].as_str(), reason(&run).as_str()), (Some("skipped"), "not_modified"));
        assert_eq!((record["path"].as_str(), &record["bytes"]), (file.to_str(), &7.into()), "{backend}");
        assert_eq!((fs::read(&file).unwrap().as_slice(), modified(&file)), (&b"by wget"[..], old()));
        // Now the state knows it, with the time that it was asked by.
        assert_eq!(reason(&fetch(folder.path(), &args[..2], &server.url("page")).expect_code(0)), "done");
        for _ in 0..2 {
            let again = fetch(folder.path(), &args, &server.url("page")).expect_code(0);
            assert_eq!((reason(&again).as_str(), &again.records()[0]["path"]), ("not_modified", &record["path"]));
        }
        assert_eq!(since(&server, "/page"), vec![Some(OLD.to_owned()); 3], "{backend}");
    }
}

#[test]
fn file_that_has_changed_is_replaced_and_gets_the_servers_time() {
    for backend in BACKENDS {
        let newer = answer(&format!("200 OK\r\nLast-Modified: {NEW}"), "newer");
        let server = FaultServer::start(Script::new().on_each("page", vec![newer, not_modified()]));
        let folder = TempDir::new().unwrap();
        let file = folder.path().join(place(&server, "page"));
        leave(&file, "by wget");
        let args = ["--backend", backend, "--timestamping"];
        assert_eq!(reason(&fetch(folder.path(), &args, &server.url("page")).expect_code(0)), "ok");
        assert_eq!(fs::read(&file).unwrap(), b"newer");
        assert_eq!(modified(&file), old() + Duration::from_secs(86_400), "{backend}");
        // Without the state, the file alone is enough evidence.
        fs::remove_dir_all(folder.path().join(".fetchall")).unwrap();
        assert_eq!(reason(&fetch(folder.path(), &args, &server.url("page")).expect_code(0)), "not_modified");
        assert_eq!(since(&server, "/page"), [Some(OLD.to_owned()), Some(NEW.to_owned())], "{backend}");
    }
}

#[test]
fn one_named_file_is_asked_by_its_time_without_a_state() {
    for backend in BACKENDS {
        let script = Script::new().on("same", not_modified()).on("new", answer("200 OK", "newer"));
        let (server, folder) = (FaultServer::start(script), TempDir::new().unwrap());
        let file = folder.path().join("page.html");
        leave(&file, "by curl");
        for (name, told, body) in [("same", "not_modified", "by curl"), ("new", "ok", "newer")] {
            let run = Fetchall::new().args(["--json", "--backend", backend, "-N", "-O"]).arg(&file);
            let run = run.arg(server.url(name)).run().expect_code(0);
            assert_eq!((reason(&run).as_str(), fs::read_to_string(&file).unwrap().as_str()), (told, body));
            assert_eq!(since(&server, &format!("/{name}")), [Some(OLD.to_owned())], "{backend}");
        }
        assert_eq!(files(folder.path()), ["page.html"]);
    }
}

#[test]
fn redirect_keeps_the_name_and_the_time_that_is_asked_by() {
    let script = Script::new().on("old", Act::Redirect(301, "/new".into())).on("new", not_modified());
    let (server, folder) = (FaultServer::start(script), TempDir::new().unwrap());
    let file = folder.path().join(place(&server, "old"));
    leave(&file, "by wget");
    for backend in BACKENDS {
        let run = fetch(folder.path(), &["-N", "--backend", backend], &server.url("old"));
        let run = run.expect_code(0);
        assert_eq!((reason(&run).as_str(), run.records()[0]["path"].as_str()), ("not_modified", file.to_str()));
        fs::remove_dir_all(folder.path().join(".fetchall")).unwrap();
    }
    assert_eq!(since(&server, "/new"), vec![Some(OLD.to_owned()); BACKENDS.len()]);
}

#[test]
fn only_a_run_that_refreshes_asks_by_the_time_of_a_file() {
    let server = FaultServer::start(Script::new().on("page", answer("200 OK", "page")));
    let digest = "0".repeat(64);
    for (args, code) in [(&[][..], 0), (&["-N", "--digest", "blake3"], 0), (&["-N"], 1)] {
        let folder = TempDir::new().unwrap();
        leave(&folder.path().join(place(&server, "page")), "by wget");
        let run = Fetchall::new().args(["--json", "--dir"]).arg(folder.path()).args(args);
        let run = match code {
            0 => run.arg(server.url("page")),
            // A list that declares a digest wants the body.
            _ => run.file("list.tsv", format!("url\tsha256\n{}\t{digest}\n", server.url("page"))).arg("list.tsv"),
        };
        run.run().expect_code(code);
    }
    assert_eq!(since(&server, "/page"), [None, None, None]);
}

#[test]
fn file_that_differs_from_the_one_that_was_saved_is_fetched() {
    for backend in BACKENDS {
        let head = format!("200 OK\r\nLast-Modified: {OLD}");
        let server = FaultServer::start(Script::new().on("page", answer(&head, "whole")));
        let folder = TempDir::new().unwrap();
        let args = ["-N", "--backend", backend];
        fetch(folder.path(), &args, &server.url("page")).expect_code(0);
        let file = folder.path().join(place(&server, "page"));
        fs::write(&file, "damaged").unwrap();
        fetch(folder.path(), &args, &server.url("page")).expect_code(0);
        assert_eq!((fs::read(&file).unwrap(), since(&server, "/page")), (b"whole".to_vec(), vec![None, None]));
    }
}

#[cfg(unix)]
#[test]
fn links_and_folders_have_no_time_to_ask_by() {
    use std::os::unix::fs::symlink;
    let script = Script::new().otherwise(answer("200 OK", "page"));
    let (server, folder, outside) = (FaultServer::start(script), TempDir::new().unwrap(), TempDir::new().unwrap());
    leave(&outside.path().join("page"), "mine");
    let host = folder.path().join(place(&server, ""));
    fs::create_dir_all(&host).unwrap();
    symlink(outside.path().join("page"), host.join("link")).unwrap();
    symlink(outside.path(), host.join("out")).unwrap();
    fs::create_dir(host.join("folder")).unwrap();
    rustix::fs::mkfifoat(rustix::fs::CWD, host.join("pipe"), rustix::fs::Mode::RUSR).unwrap();
    for (name, code) in [("link", 0), ("out/page", 1), ("folder", 1), ("pipe", 0)] {
        fetch(folder.path(), &["-N"], &server.url(name)).expect_code(code);
        assert_eq!(since(&server, &format!("/{name}")), [None], "{name}");
    }
    assert_eq!(fs::read(outside.path().join("page")).unwrap(), b"mine");
    assert_eq!(fs::read(host.join("link")).unwrap(), b"page", "the link is replaced, not followed");
    let (named, target) = (folder.path().join("named"), outside.path().join("page"));
    symlink(&target, &named).unwrap();
    Fetchall::new().args(["-N", "-O"]).arg(&named).arg(server.url("named")).run().expect_code(0);
    assert_eq!(since(&server, "/named"), [None]);
}
