//! No URL is saved under the name of a file that the run reads or writes beside the bodies.

use std::fs::{self, File};
use std::process::Stdio;

use crate::support::BACKENDS;
use crate::support::act::{Act, Script};
use crate::support::cli::Fetchall;
use crate::support::fault::FaultServer;
use crate::support::process::{fetchall, output};

fn server() -> FaultServer {
    FaultServer::start(Script::new().otherwise(Act::KeepAliveOk(b"from the server\n".to_vec())))
}

#[test]
fn inputs_below_the_folder_keep_their_names() {
    let server = server();
    for backend in BACKENDS {
        let names = ["list.txt", "jar", "netrc", "own.toml", "LIST.TXT"];
        let list: String = names.map(|name| server.url(name) + "\n").concat();
        let run = Fetchall::new()
            .file("out/list.txt", &list)
            .file("out/jar", "")
            .file("out/netrc", "")
            .file("out/own.toml", "retry = 0\n")
            .args(["--json", "--backend", backend, "--dir", "out", "--name", "{file}", "--load-cookies", "out/jar"])
            .args(["--netrc-file", "out/netrc", "--config", "out/own.toml", "out/list.txt"])
            .run()
            .expect_code(0);
        for record in run.records() {
            assert!(record["path"].as_str().expect("a path").contains('~'), "{backend}: {record}");
        }
        assert_eq!(run.read("out/list.txt"), list.as_bytes(), "{backend}");
        assert_eq!((run.read("out/jar"), run.read("out/own.toml")), (Vec::new(), b"retry = 0\n".to_vec()), "{backend}");
    }
}

#[test]
fn outputs_and_what_is_kept_beside_them_keep_their_names() {
    let server = server();
    for backend in BACKENDS {
        let names = ["r", "s", "log", "state", "state-wal", "state-shm", "state-journal", "state.lock", "jar", "c"];
        let run = Fetchall::new()
            .args(["--json", "--backend", backend, "--dir", "out", "--name", "{file}", "-o", "out/r"])
            .args(["--summary", "out/s", "--log", "log", "--state", "out/state", "--save-cookies", "out/jar"])
            .args(["--changes", "out/c"])
            .args(names.map(|name| server.url(name)));
        fs::create_dir(run.folder().join("out")).expect("a folder");
        #[cfg(unix)]
        std::os::unix::fs::symlink("out/log", run.folder().join("log")).expect("a link");
        let run = run.run().expect_code(0);
        let records = String::from_utf8(run.read("out/r")).expect("text");
        assert_eq!(records.lines().count(), names.len(), "{backend}");
        for record in records.lines().filter(|record| cfg!(unix) || !record.contains("/log")) {
            assert!(record.contains('~'), "{backend}: {record}");
        }
        for name in ["r", "s", "state", "jar", "c"] {
            assert_ne!(run.read(&format!("out/{name}")), b"from the server\n", "{backend}: {name}");
        }
    }
}

#[test]
fn a_list_that_an_earlier_run_saved_is_not_replaced() {
    let server = server();
    let first = Fetchall::new().args(["--dir", "out", "--name", "{file}", &server.url("list")]).run().expect_code(0);
    let out = first.folder().join("out");
    let list = server.url("list") + "\n";
    fs::write(out.join("list"), &list).expect("a list");
    for more in [&[][..], &["--refresh"]] {
        let again =
            Fetchall::new().args(["--json", "--name", "{file}", "--dir"]).arg(&out).args(more).arg(out.join("list"));
        let again = again.run().expect_code(0);
        assert_eq!(fs::read_to_string(out.join("list")).expect("the list"), list);
        assert!(again.records()[0]["path"].as_str().expect("a path").contains("list~"));
    }
}

#[cfg(target_os = "linux")]
#[test]
fn redirected_records_below_the_folder_keep_their_name() {
    let server = server();
    let folder = tempfile::tempdir().expect("a folder");
    fs::create_dir(folder.path().join("out")).expect("a folder");
    let records = folder.path().join("out/r");
    let mut command = fetchall();
    command.args(["--json", "--dir", "out", "--name", "{file}", &server.url("r")]).current_dir(folder.path());
    command.env("HOME", folder.path()).env("XDG_CONFIG_HOME", folder.path());
    let run = output(command.stdin(Stdio::null()).stdout(File::create(&records).expect("a file")));
    assert_eq!(run.status.code(), Some(0));
    assert!(fs::read_to_string(&records).expect("the records").contains("/r~"));
}
