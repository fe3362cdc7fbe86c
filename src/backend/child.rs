//! A child process: started, talked to, ended.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::process::{Child as Process, ChildStdin, ChildStdout, Command};
use tokio::time::timeout;

use super::frames::{CookieFrame, FrameError, FrameReader, ToWorker, append};
use crate::fetch::CookieJar;

/// How long a child may take to end after it was told to, and again after it was killed. Twice this
/// is less than the last words that a run has after a second signal.
pub(super) const PATIENCE: Duration = Duration::from_millis(700);

/// The most cookies of one frame.
const COOKIES: usize = 500;

/// A child that is there, or was when it was last spoken to.
pub(super) struct Child {
    process: Process,
    stdin: ChildStdin,
    /// What it says.
    pub(super) frames: FrameReader<ChildStdout>,
    /// What it is told next.
    unsent: Vec<u8>,
    /// Up to which moment of the parent's jar it knows the cookies.
    cookies: u64,
}

impl Child {
    /// Starts one. `spec` is the frame that it is told first of all, with its first job.
    ///
    /// # Errors
    /// What the system says.
    pub(super) fn start(program: &Path, spec: &[u8]) -> Result<Self, String> {
        let mut command = std::process::Command::new(program);
        command.arg("worker").stdin(Stdio::piped()).stdout(Stdio::piped());
        #[cfg(unix)]
        {
            // Ctrl-C reaches the group of the terminal: the parent alone decides what it means.
            std::os::unix::process::CommandExt::process_group(&mut command, 0);
        }
        let failed = |why: &str| format!("cannot start the worker process {}: {why}", program.display());
        let mut process = Command::from(command).spawn().map_err(|e| failed(&e.to_string()))?;
        let (Some(stdin), Some(stdout)) = (process.stdin.take(), process.stdout.take()) else {
            return Err(failed("it has no pipes"));
        };
        Ok(Self { process, stdin, frames: FrameReader::new(stdout), unsent: spec.to_vec(), cookies: 0 })
    }

    /// Prepares a message; false when it is too long, and then nothing was prepared.
    pub(super) fn say(&mut self, message: &ToWorker<'_>) -> bool {
        append(message, &mut self.unsent).is_ok()
    }

    /// Prepares to tell what has been set since it was told last. Some hundred cookies are a frame,
    /// so that none is too long.
    pub(super) fn tell_cookies(&mut self, jar: Option<&CookieJar>) {
        let Some((set, clock)) = jar.map(|jar| jar.since(self.cookies)) else { return };
        self.cookies = clock;
        let mut set = set.into_iter().map(CookieFrame::from).peekable();
        while set.peek().is_some() {
            self.say(&ToWorker::Cookies(set.by_ref().take(COOKIES).collect()));
        }
    }

    /// Sends what was prepared. Dropped before its end, the child is of no more use.
    ///
    /// # Errors
    /// When the pipe is broken.
    pub(super) async fn send(&mut self) -> Result<(), FrameError> {
        self.stdin.write_all(&self.unsent).await?;
        self.unsent.clear();
        Ok(())
    }

    /// Lets a child that has nothing to do go: it ends at the end of its input.
    pub(super) async fn dismiss(self) {
        let Child { mut process, stdin, .. } = self;
        drop(stdin);
        if timeout(PATIENCE, process.wait()).await.is_err() {
            end(&mut process).await;
        }
    }

    /// Ends it at once, unless it has ended; says how it did.
    pub(super) async fn kill(mut self) -> String {
        end(&mut self.process).await
    }
}

async fn end(process: &mut Process) -> String {
    // Err: it has ended by itself.
    let _ = process.start_kill();
    match timeout(PATIENCE, process.wait()).await {
        Ok(Ok(status)) => status.to_string(),
        Ok(Err(e)) => format!("unknown: {e}"),
        Err(_) => "it cannot be ended".to_owned(),
    }
}
