//! The runner of the program, shown with a shell in the program's place.
#![cfg(unix)]

use std::os::unix::process::ExitStatusExt as _;

use rustix::process::Signal;

use crate::support::cli::{Fetchall, records};

fn shell(script: &str) -> Fetchall {
    Fetchall::of("/bin/sh").arg("-c").arg(script)
}

#[test]
fn the_program_itself_starts() {
    Fetchall::new().arg("--version").run().expect_code(0);
}

#[test]
fn the_environment_is_clean() {
    let run = shell("/usr/bin/env; pwd -P").env("GIVEN", "yes").with_retries().run();
    let folder = run.folder().canonicalize().expect("it exists").display().to_string();
    let names: Vec<&str> = run.stdout.lines().filter_map(|line| line.split_once('=')).map(|(name, _)| name).collect();
    for name in &names {
        // The shell itself may add the last three.
        assert!(["HOME", "XDG_CONFIG_HOME", "GIVEN", "PWD", "SHLVL", "_"].contains(name), "{name} leaked");
    }
    assert!(names.contains(&"HOME") && names.contains(&"XDG_CONFIG_HOME") && run.stdout.contains("GIVEN=yes\n"));
    assert_eq!(run.stdout.lines().last(), Some(folder.as_str()));
}

#[test]
fn input_output_files_and_codes() {
    let run = shell("/bin/cat given/list.txt -; echo oops >&2; echo saved > out.txt; exit 3")
        .file("given/list.txt", "one\n")
        .stdin("two\n")
        .run()
        .expect_code(3);
    assert_eq!((run.stdout.as_str(), run.stderr.as_str()), ("one\ntwo\n", "oops\n"));
    assert_eq!(run.read("out.txt"), b"saved\n");
    assert_eq!(shell("/bin/cat").run().stdout, "", "standard input is empty unless it is given");
}

#[test]
fn more_input_than_a_pipe_holds_does_not_block() {
    let text = "x".repeat(1 << 20);
    assert_eq!(shell("/bin/cat").stdin(text.clone()).run().stdout.len(), text.len());
    shell("exit 0").stdin(text).run().expect_code(0);
}

#[test]
fn a_running_program_is_talked_to_and_signalled() {
    let mut running = shell("while read line; do echo \"got $line\"; done; echo end").stdin_open().spawn();
    running.write_line("a");
    assert_eq!(running.next_line(), "got a");
    running.write_line("b");
    assert_eq!(running.next_line(), "got b");
    assert!(running.is_running());
    running.close_stdin();
    assert_eq!(running.wait().stdout, "got a\ngot b\nend\n");

    let mut running = shell("echo ready; read line").stdin_open().spawn();
    assert_eq!(running.next_line(), "ready");
    running.signal(Signal::TERM);
    let mut ended = shell("echo ready; read line").stdin_open().spawn();
    ended.next_line();
    ended.interrupt();
    // Closing standard input would end the shell as well, but not by a signal.
    while running.is_running() || ended.is_running() {
        std::thread::yield_now();
    }
    assert_eq!(running.wait().status.signal(), Some(15));
    assert_eq!(ended.wait().status.signal(), Some(2));
}

#[test]
fn standard_output_can_go_away() {
    let run = shell("while echo line; do :; done").close_stdout_after(2).run();
    assert_eq!(run.stdout, "line\nline\n");
    assert!(!run.status.success());
}

#[test]
#[should_panic(expected = "no JSON")]
fn what_is_no_record_is_not_taken_for_one() {
    assert!(records("").is_empty());
    records("hello\n");
}
