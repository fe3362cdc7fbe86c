//! The runner of the program, shown with a shell in the program's place.
#![cfg(unix)]

use std::os::unix::process::ExitStatusExt as _;
use std::time::Duration;

use rustix::process::Signal;

use crate::support::PATIENCE;
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

    for signal in [Signal::TERM, Signal::INT, Signal::HUP] {
        let mut running = shell("echo ready; read line").stdin_open().spawn();
        assert_eq!(running.next_line(), "ready");
        running.signal(signal);
        // The end of standard input would end the shell as well, but not by a signal.
        assert_eq!(running.wait_while(PATIENCE, |_| ()).status.signal(), Some(signal.as_raw()));
    }
}

/// The runner of the tests may be started by `nohup`, or in the background of a script.
#[cfg(target_os = "linux")]
#[expect(unsafe_code, reason = "no safe call ignores a signal")]
#[test]
fn ignored_and_blocked_signals_are_not_inherited() {
    use nix::sys::signal::{SigHandler, SigSet, SigmaskHow, Signal, signal};

    // SAFETY: ignoring a signal runs no code. Nothing here sends or awaits SIGQUIT.
    let before = unsafe { signal(Signal::SIGQUIT, SigHandler::SigIgn) }.expect("it can be ignored");
    let mask = SigSet::from(Signal::SIGTERM).thread_swap_mask(SigmaskHow::SIG_BLOCK).expect("it can be blocked");
    let run = shell("while read name value; do echo $name $value; done < /proc/self/status").run();
    mask.thread_set_mask().expect("the mask of before");
    // SAFETY: this is the disposition of before.
    unsafe { signal(Signal::SIGQUIT, before) }.expect("it can be restored");
    for name in ["SigBlk: ", "SigIgn: "] {
        let hex = run.stdout.lines().find_map(|line| line.strip_prefix(name)).expect("a set of signals");
        let set = u64::from_str_radix(hex, 16).expect("a number");
        for number in [Signal::SIGHUP, Signal::SIGINT, Signal::SIGQUIT, Signal::SIGPIPE, Signal::SIGTERM] {
            assert_eq!(set >> (number as u32 - 1) & 1, 0, "{name}{number}");
        }
    }
}

#[test]
#[should_panic(expected = "did not end within 50ms")]
fn a_program_that_does_not_end_fails_its_test() {
    shell("read line").stdin_open().spawn().wait_while(Duration::from_millis(50), |_| ());
}

#[test]
fn standard_output_can_go_away() {
    let run = shell("while echo line; do :; done").close_stdout_after(2).run();
    assert_eq!(run.stdout, "line\nline\n");
    assert!(!run.status.success());
}

#[test]
#[should_panic(expected = "no JSON")]
fn invalid_records_are_rejected() {
    assert!(records("").is_empty());
    records("hello\n");
}
