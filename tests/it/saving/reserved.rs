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

#[cfg(unix)]
#[test]
fn another_name_of_a_file_of_the_run_is_not_replaced() {
    use crate::support::single::kind;
    let server = server();
    for backend in BACKENDS {
        let names = ["list", "jar", "records", "log", "summary"];
        let list: String = names.map(|name| server.url(&format!("other-{name}")) + "\n").concat();
        let run = names.iter().fold(Fetchall::new(), |run, name| run.file(&format!("out/{name}"), ""));
        let run = run.file("out/list", list + &server.url("free") + "\n").file("out/other/copy", "");
        let out = run.folder().join("out");
        for name in names {
            fs::hard_link(out.join(name), out.join(format!("other-{name}"))).expect("a hard link");
        }
        // One that has nothing to do with the run is replaced.
        fs::hard_link(out.join("other/copy"), out.join("free")).expect("a hard link");
        let inode = |path| std::os::unix::fs::MetadataExt::ino(&fs::metadata(path).expect("a file"));
        let run = run
            .args(["--json", "--backend", backend, "--dir", "out", "--name", "{file}", "--load-cookies", "out/jar"])
            .args(["-o", "out/records", "--log", "out/log", "--summary", "out/summary", "out/list"])
            .run()
            .expect_code(1);
        for record in String::from_utf8(run.read("out/records")).expect("text").lines() {
            let record: serde_json::Value = serde_json::from_str(record).expect("a record");
            if record["url"].as_str().expect("a URL").ends_with("free") {
                assert_eq!(kind(&record), "ok", "{backend}: {record}");
                continue;
            }
            assert_eq!(kind(&record), "io", "{backend}: {record}");
            let message = record["error"]["message"].as_str().expect("a message");
            assert!(message.contains("it is another name (a hard link) of "), "{backend}: {message}");
        }
        let out = run.folder().join("out");
        for name in names {
            assert_eq!(inode(out.join(name)), inode(out.join(format!("other-{name}"))), "{backend}: {name}");
        }
        assert_eq!(run.read("out/free"), b"from the server\n");
        assert_eq!(run.read("out/other/copy"), b"", "{backend}: only the name is replaced");
        assert!(fs::read_dir(out.join(".fetchall/part")).expect("a folder").next().is_none(), "{backend}: no part");
    }
}
