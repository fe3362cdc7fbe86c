//! The program, run from outside in a clean environment.

use std::ffi::OsString;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{ChildStdin, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;

use super::process::{Process, command, finish, on_thread, read_lines};
use super::{PATIENCE, schema};

enum Input {
    Nothing,
    Text(Vec<u8>),
    Open,
}

/// One run of the program, still to be started. It gets a folder of its own as working folder,
/// HOME and XDG_CONFIG_HOME, and of the environment nothing but what is set here.
pub struct Fetchall {
    program: PathBuf,
    args: Vec<OsString>,
    envs: Vec<(OsString, OsString)>,
    input: Input,
    close_stdout_after: Option<usize>,
    retries: bool,
    folder: TempDir,
}

impl Default for Fetchall {
    fn default() -> Self {
        Fetchall::new()
    }
}

impl Fetchall {
    /// `fetchall` without arguments; standard input is empty.
    pub fn new() -> Fetchall {
        Fetchall::of(env!("CARGO_BIN_EXE_fetchall"))
    }

    /// Another program in its place.
    pub fn of(program: impl Into<PathBuf>) -> Fetchall {
        Fetchall {
            program: program.into(),
            args: Vec::new(),
            envs: Vec::new(),
            input: Input::Nothing,
            close_stdout_after: None,
            retries: false,
            folder: TempDir::new().expect("a temporary folder"),
        }
    }

    /// One more argument.
    pub fn arg(mut self, arg: impl Into<OsString>) -> Fetchall {
        self.args.push(arg.into());
        self
    }

    /// More arguments.
    pub fn args<A: Into<OsString>>(mut self, args: impl IntoIterator<Item = A>) -> Fetchall {
        self.args.extend(args.into_iter().map(Into::into));
        self
    }

    /// One variable of the environment.
    pub fn env(mut self, name: impl Into<OsString>, value: impl Into<OsString>) -> Fetchall {
        self.envs.push((name.into(), value.into()));
        self
    }

    /// Sets the content of standard input.
    pub fn stdin(mut self, text: impl Into<Vec<u8>>) -> Fetchall {
        self.input = Input::Text(text.into());
        self
    }

    /// Standard input is a pipe that stays open until [`Running::close_stdin`].
    pub fn stdin_open(mut self) -> Fetchall {
        self.input = Input::Open;
        self
    }

    /// Closes the reader of standard output after this many lines, as `head` does.
    pub fn close_stdout_after(mut self, lines: usize) -> Fetchall {
        self.close_stdout_after = Some(lines);
        self
    }

    /// Keeps the default retries. Without this there are none, so that a failing server gets one
    /// request and no test waits.
    pub fn with_retries(mut self) -> Fetchall {
        self.retries = true;
        self
    }

    /// Writes a file below the working folder; its path relative to there can be used as it is.
    pub fn file(self, path: &str, content: impl AsRef<[u8]>) -> Fetchall {
        let path = self.folder.path().join(path);
        std::fs::create_dir_all(path.parent().expect("it lies in a folder")).expect("creating a folder");
        std::fs::write(path, content).expect("writing a file");
        self
    }

    /// The working folder.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Runs it to its end.
    pub fn run(self) -> Finished {
        self.spawn().wait()
    }

    /// Starts it.
    pub fn spawn(self) -> Running {
        let mut command = command(&self.program);
        let config = self.folder.path().join("xdg");
        command
            .args(&self.args)
            .env_clear()
            .env("HOME", self.folder.path())
            .env("XDG_CONFIG_HOME", config)
            .envs((!self.retries).then_some(("FETCHALL_RETRY", "0")))
            .envs(self.envs)
            .current_dir(self.folder.path())
            .stdin(if matches!(self.input, Input::Nothing) { Stdio::null() } else { Stdio::piped() });
        // Windows programs cannot open a socket without it.
        if let Some(root) = std::env::var_os("SystemRoot") {
            command.env("SystemRoot", root);
        }
        let mut process = Process::start(&mut command);
        let child = process.child();
        let mut stdin = child.stdin.take();
        let mut feeder = None;
        if let Input::Text(text) = self.input {
            let mut stdin = stdin.take().expect("a pipe");
            // A thread, for the program may write before it has read everything. It may also end
            // before; then the pipe is closed and that is all.
            feeder = Some(on_thread(move || drop(stdin.write_all(&text))));
        }
        let (lines, seen) = mpsc::channel();
        let (stdout, stderr) = (child.stdout.take().expect("a pipe"), child.stderr.take());
        let limit = self.close_stdout_after;
        let stdout = on_thread(move || read_lines(stdout, limit, &lines));
        let (lines, errors_seen) = mpsc::channel();
        let read_errors = move || stderr.map(|stderr| read_lines(stderr, None, &lines)).unwrap_or_default();
        let stderr = on_thread(move || String::from_utf8_lossy(&read_errors()).into_owned());
        Running { process, stdin, feeder, seen, errors_seen, stdout, stderr, folder: self.folder }
    }
}

/// The program while it runs. Dropping it kills it.
pub struct Running {
    process: Process,
    stdin: Option<ChildStdin>,
    feeder: Option<Receiver<()>>,
    seen: Receiver<String>,
    errors_seen: Receiver<String>,
    stdout: Receiver<Vec<u8>>,
    stderr: Receiver<String>,
    folder: TempDir,
}

impl Running {
    /// Writes one line to standard input, which [`Fetchall::stdin_open`] left open.
    pub fn write_line(&mut self, line: &str) {
        let stdin = self.stdin.as_mut().expect("an open standard input");
        stdin.write_all(format!("{line}\n").as_bytes()).expect("the program reads");
        stdin.flush().expect("the program reads");
    }

    /// Ends standard input.
    pub fn close_stdin(&mut self) {
        self.stdin = None;
    }

    /// The next line of standard output.
    ///
    /// # Panics
    /// When none comes within [`PATIENCE`], or output ends first.
    pub fn next_line(&mut self) -> String {
        self.seen.recv_timeout(PATIENCE).unwrap_or_else(|error| match error {
            RecvTimeoutError::Timeout => panic!("no line within {PATIENCE:?}"),
            RecvTimeoutError::Disconnected => panic!("output ended"),
        })
    }

    /// The next line of standard error.
    ///
    /// # Panics
    /// When none comes within [`PATIENCE`], or standard error ends first.
    pub fn next_error_line(&mut self) -> String {
        self.errors_seen.recv_timeout(PATIENCE).expect("a line on standard error")
    }

    /// Its number.
    #[cfg(unix)]
    pub fn pid(&self) -> rustix::process::Pid {
        self.process.pid()
    }

    /// Sends a signal.
    #[cfg(unix)]
    pub fn signal(&self, signal: rustix::process::Signal) {
        self.process.signal(signal);
    }

    /// Ctrl-C.
    #[cfg(unix)]
    pub fn interrupt(&self) {
        self.signal(rustix::process::Signal::INT);
    }

    /// The working folder.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Whether it still runs.
    pub fn is_running(&mut self) -> bool {
        self.process.is_running()
    }

    /// Waits for its end; an open standard input is closed first.
    ///
    /// # Panics
    /// When it does not end within twice [`PATIENCE`].
    pub fn wait(mut self) -> Finished {
        self.stdin = None;
        self.wait_while(2 * PATIENCE, |_| ())
    }

    /// Waits for its end and leaves standard input as it is. `meanwhile` is called every few
    /// milliseconds until then.
    ///
    /// # Panics
    /// When it does not end within this time.
    pub fn wait_while(mut self, limit: Duration, meanwhile: impl FnMut(&Process)) -> Finished {
        let status = self.process.wait_within(limit, meanwhile);
        let stderr = finish(&self.stderr, "standard error");
        let status = status.unwrap_or_else(|late| panic!("{late}; it said: {stderr}"));
        if let Some(feeder) = &self.feeder {
            finish(feeder, "standard input");
        }
        let stdout = String::from_utf8(finish(&self.stdout, "standard output")).expect("output in UTF-8");
        Finished { status, stdout, stderr, folder: self.folder }
    }
}

/// The program after its end.
pub struct Finished {
    pub status: ExitStatus,
    pub stdout: String,
    pub stderr: String,
    folder: TempDir,
}

impl Finished {
    /// The exit code; `None` when a signal ended it.
    pub fn code(&self) -> Option<i32> {
        self.status.code()
    }

    /// The records on standard output, each checked against the published schema.
    ///
    /// # Panics
    /// When a line is no record.
    pub fn records(&self) -> Vec<Value> {
        records(&self.stdout)
    }

    /// The working folder, as the program left it.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// A file below the working folder.
    pub fn read(&self, path: &str) -> Vec<u8> {
        std::fs::read(self.folder.path().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
    }

    /// Fails with all that is known unless the exit code is this one.
    pub fn expect_code(self, code: i32) -> Finished {
        let Finished { status, stdout, stderr, .. } = &self;
        assert_eq!(status.code(), Some(code), "{status}\nstdout: {stdout}\nstderr: {stderr}");
        self
    }
}

/// Parses records, one a line, and checks each against the published schema.
///
/// # Panics
/// When a line is no record, or the last line is not whole.
pub fn records(text: &str) -> Vec<Value> {
    assert!(text.is_empty() || text.ends_with('\n'), "the last line is not whole: {text}");
    text.lines()
        .map(|line| {
            let record = serde_json::from_str(line).unwrap_or_else(|error| panic!("no JSON ({error}): {line}"));
            schema::check(&schema::RECORD, &record);
            record
        })
        .collect()
}
