//! Starts programs and awaits their end. Every wait has a deadline, and a program never inherits
//! how the test runner treats signals.

use std::ffi::OsStr;
use std::io::{BufRead as _, BufReader, Read};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;
use std::time::{Duration, Instant};

use super::PATIENCE;

/// A program to start: standard input is empty, standard output and standard error are pipes.
/// Signals have their default dispositions and none is blocked, under `nohup` or in a script too.
pub fn command(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(program);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    #[cfg(unix)]
    reset_signals(&mut command);
    command
}

/// `fetchall` without an environment.
pub fn fetchall() -> Command {
    let mut command = command(env!("CARGO_BIN_EXE_fetchall"));
    command.env_clear();
    command
}

#[cfg(unix)]
#[expect(unsafe_code, reason = "only a call between fork and exec changes the signals of the child alone")]
fn reset_signals(command: &mut Command) {
    use std::os::unix::process::CommandExt as _;

    use nix::sys::signal::{SigHandler, SigSet, Signal, signal};

    let reset = || {
        for number in [Signal::SIGHUP, Signal::SIGINT, Signal::SIGQUIT, Signal::SIGTERM, Signal::SIGPIPE] {
            // SAFETY: the default disposition runs no code of this process.
            unsafe { signal(number, SigHandler::SigDfl) }?;
        }
        Ok(SigSet::empty().thread_set_mask()?)
    };
    // SAFETY: after fork(2) the closure makes two async-signal-safe calls and allocates nothing.
    unsafe { command.pre_exec(reset) };
}

/// A program that was started. Dropping it kills it.
pub struct Process(Child);

impl Process {
    /// Starts a program.
    pub fn start(command: &mut Command) -> Process {
        let started = command.spawn();
        Process(started.unwrap_or_else(|error| panic!("{}: {error}", command.get_program().display())))
    }

    /// The child with its pipes.
    pub fn child(&mut self) -> &mut Child {
        &mut self.0
    }

    /// Its number.
    #[cfg(unix)]
    pub fn pid(&self) -> rustix::process::Pid {
        rustix::process::Pid::from_child(&self.0)
    }

    /// Sends a signal.
    #[cfg(unix)]
    pub fn signal(&self, signal: rustix::process::Signal) {
        rustix::process::kill_process(self.pid(), signal).expect("it still runs");
    }

    /// Whether it still runs.
    pub fn is_running(&mut self) -> bool {
        self.0.try_wait().expect("a child of ours").is_none()
    }

    /// Waits for its end. `meanwhile` is called every few milliseconds until then.
    ///
    /// # Errors
    /// When it does not end within this time; then it is killed.
    pub fn wait_within(&mut self, limit: Duration, mut meanwhile: impl FnMut(&Process)) -> Result<ExitStatus, String> {
        let deadline = Instant::now() + limit;
        loop {
            if let Some(status) = self.0.try_wait().expect("a child of ours") {
                return Ok(status);
            }
            if Instant::now() > deadline {
                self.kill();
                return Err(format!("the program did not end within {limit:?}"));
            }
            meanwhile(self);
            thread::sleep(Duration::from_millis(2));
        }
    }

    fn kill(&mut self) {
        // It may have ended by itself just now.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Runs a program to its end and returns what it wrote to its pipes.
///
/// # Panics
/// When it does not end within [`PATIENCE`].
pub fn output(command: &mut Command) -> Output {
    let mut process = Process::start(command);
    let (stdout, stderr) = (process.child().stdout.take(), process.child().stderr.take());
    let (stdout, stderr) = (on_thread(|| read_all(stdout)), on_thread(|| read_all(stderr)));
    let status = process.wait_within(PATIENCE, |_| ());
    let stderr = finish(&stderr, "standard error");
    let status = status.unwrap_or_else(|late| panic!("{late}: {}", String::from_utf8_lossy(&stderr)));
    Output { status, stdout: finish(&stdout, "standard output"), stderr }
}

/// Everything that comes through a pipe, up to an error.
pub(super) fn read_all(pipe: Option<impl Read>) -> Vec<u8> {
    let mut bytes = Vec::new();
    if let Some(mut pipe) = pipe {
        let _ = pipe.read_to_end(&mut bytes);
    }
    bytes
}

/// Everything that comes through a pipe, at most this many lines; each is also sent as soon as it is there.
pub(super) fn read_lines(stdout: impl Read, limit: Option<usize>, lines: &Sender<String>) -> Vec<u8> {
    let mut stdout = BufReader::new(stdout);
    let mut all = Vec::new();
    let mut count = 0;
    while limit.is_none_or(|limit| count < limit) {
        let before = all.len();
        if stdout.read_until(b'\n', &mut all).unwrap_or(0) == 0 {
            break;
        }
        count += 1;
        // Err: the program has ended and the test takes everything at once.
        let _ = lines.send(String::from_utf8_lossy(&all[before..]).trim_end().to_string());
    }
    all
}

/// Works on a thread of its own; [`finish`] returns the result.
pub fn on_thread<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Receiver<T> {
    let (done, result) = mpsc::channel();
    // Err: the test has failed and does not look at it.
    thread::spawn(move || drop(done.send(work())));
    result
}

/// The result of a thread that serves a pipe of a program which has ended.
///
/// # Panics
/// When another process keeps the pipe open.
pub fn finish<T>(result: &Receiver<T>, what: &str) -> T {
    result.recv_timeout(PATIENCE).unwrap_or_else(|error| panic!("{what} does not end: {error}"))
}
