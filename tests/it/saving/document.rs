//! `-O`: one URL as one file, or on standard output.

use crate::support::act::{Act, Script};
use crate::support::cli::Fetchall;
use crate::support::fault::FaultServer;
use crate::support::process::{fetchall, output};
use crate::support::single::{files, kind};

fn binary() -> Vec<u8> {
    (0..=255).cycle().take(700_001).collect()
}

fn serve(act: Act) -> FaultServer {
    FaultServer::start(Script::new().on("x", act))
}

#[test]
fn one_url_is_saved_as_one_file() {
    let server = serve(Act::KeepAliveOk(binary()));
    let run = Fetchall::new().args(["--json", "-O", "page.bin"]).arg(server.url("x")).run().expect_code(0);
    assert_eq!(files(run.folder()), ["page.bin"]);
    assert!(run.read("page.bin") == binary());
    assert_eq!(run.records()[0]["path"], "page.bin");
}

#[test]
fn a_failure_leaves_no_file_and_keeps_an_old_one() {
    let server = serve(Act::CutContentLength);
    let run = Fetchall::new().args(["--json", "-O", "page"]).arg(server.url("x")).run().expect_code(1);
    assert_eq!(files(run.folder()), [""; 0]);
    let old = Fetchall::new().file("page", "old\n").args(["-O", "page"]).arg(server.url("x")).run().expect_code(1);
    assert_eq!((files(old.folder()), old.read("page")), (vec!["page".to_owned()], b"old\n".to_vec()));
}

#[test]
fn standard_output_gets_the_body_and_nothing_else() {
    let server = serve(Act::KeepAliveOk(binary()));
    let output = output(fetchall().args(["-O", "-"]).arg(server.url("x")));
    assert!(output.status.success() && output.stdout == binary(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(String::from_utf8_lossy(&output.stderr).contains("1 URL in"));
}

#[test]
fn records_can_go_elsewhere_while_the_body_has_standard_output() {
    let server = serve(Act::KeepAliveOk(b"hello\n".to_vec()));
    let args = ["-O", "-", "--json", "-o", "records.ndjson", "-q"];
    let run = Fetchall::new().args(args).arg(server.url("x")).run().expect_code(0);
    assert_eq!((run.stdout.as_str(), run.stderr.as_str()), ("hello\n", ""));
    let records = crate::support::cli::records(&String::from_utf8(run.read("records.ndjson")).expect("text"));
    assert_eq!((kind(&records[0]), &records[0]["bytes"]), ("ok", &6.into()));
}

#[test]
fn standard_output_that_is_closed_ends_the_document_quietly() {
    let server = serve(Act::KeepAliveOk(b"line\n".repeat(200_000)));
    let run = Fetchall::new().args(["-O", "-"]).arg(server.url("x")).close_stdout_after(1).run();
    assert_ne!(run.code(), Some(0), "{}", run.stderr);
    assert!(!run.stderr.contains("panicked"), "{}", run.stderr);
}

#[cfg(unix)]
#[test]
fn a_device_is_written_to_and_not_replaced() {
    use std::os::unix::fs::FileTypeExt as _;

    let server = serve(Act::KeepAliveOk(binary()));
    Fetchall::new().args(["-O", "/dev/null"]).arg(server.url("x")).run().expect_code(0);
    assert!(std::fs::metadata("/dev/null").expect("it is there").file_type().is_char_device());
}

#[cfg(unix)]
#[test]
fn a_document_named_by_a_link_gets_the_whole_new_body() {
    let server = serve(Act::KeepAliveOk(b"new\n".to_vec()));
    let fetchall = Fetchall::new().file("real", "old\n");
    std::os::unix::fs::symlink("real", fetchall.folder().join("page")).expect("a link");
    let run = fetchall.args(["-O", "page"]).arg(server.url("x")).run().expect_code(0);
    assert_eq!(run.read("page"), b"new\n");
}

#[test]
fn unwritable_documents_are_errors_at_once() {
    let server = serve(Act::KeepAliveOk(b"new\n".to_vec()));
    for target in ["folder", "absent/page"] {
        let fetchall = Fetchall::new().file("folder/inside", "").args(["-O", target]).arg(server.url("x"));
        let run = fetchall.run().expect_code(2);
        assert!(run.stderr.contains(target), "{}", run.stderr);
    }
    assert!(server.requests().is_empty());
}

#[test]
fn no_output_may_be_the_list_nor_two_the_same_file() {
    let list = "http://127.0.0.1:9/\n";
    for flag in ["--output", "--summary", "--log", "--state"] {
        let fetchall = Fetchall::new().file("list.txt", list).args([flag, "./list.txt", "list.txt"]);
        let run = fetchall.run().expect_code(2);
        assert!(run.stderr.contains(flag) && run.stderr.contains("overwrite the input"), "{}", run.stderr);
        assert_eq!(run.read("list.txt"), list.as_bytes(), "{flag}");
    }
    let fetchall = Fetchall::new().file("list.txt", list).args(["compare", "--report", "list.txt", "list.txt"]);
    let run = fetchall.run().expect_code(2);
    assert_eq!(run.read("list.txt"), list.as_bytes(), "{}", run.stderr);
    let run = Fetchall::new().args(["-o", "x", "--summary", "x", "http://127.0.0.1:9/"]).run().expect_code(2);
    assert!(run.stderr.contains("both name x") && !run.folder().join("x").exists(), "{}", run.stderr);
    // A path that is no file may be named twice.
    Fetchall::new().args(["-o", "/dev/null", "--summary", "/dev/null", "http://127.0.0.1:9/"]).run().expect_code(1);
}
