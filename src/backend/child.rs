//! A child process: started, talked to, ended.

use std::process::Stdio;
use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::process::{Child as Process, ChildStdin, ChildStdout, Command};
use tokio::time::timeout;

use super::frames::{COOKIES, FrameError, FrameReader, JobFrame, ToWorker, append};
use crate::fetch::CookieJar;
use crate::model::{ChildProgram, Job};

/// The time that a child has to end after a request, and again after a kill. Twice this is less
/// than the last words that a run has after a second signal.
pub(super) const PATIENCE: Duration = Duration::from_millis(700);

/// A child that is there, or was when it was last spoken to.
pub(super) struct Child {
    process: Process,
    stdin: ChildStdin,
    /// The frames that the child sends.
    pub(super) frames: FrameReader<ChildStdout>,
    /// Frames to send next.
    unsent: Vec<u8>,
    /// The time in the parent's jar up to which the child has the cookies.
    cookies: u64,
}

impl Child {
    /// Starts a child. `setup` is the first frame that it receives, together with its first job.
    ///
    /// # Errors
    /// The error of the system.
    pub(super) fn start(program: &ChildProgram, setup: &[u8]) -> Result<Self, String> {
        let mut command = program.command();
        command.arg("worker").stdin(Stdio::piped()).stdout(Stdio::piped());
        #[cfg(unix)]
        {
            // Ctrl-C reaches the group of the terminal: the parent alone decides what it means.
            std::os::unix::process::CommandExt::process_group(&mut command, 0);
        }
        let failed = |why: &str| format!("cannot start the worker process {}: {why}", program.path.display());
        let mut process = Command::from(command).spawn().map_err(|e| failed(&e.to_string()))?;
        let (Some(stdin), Some(stdout)) = (process.stdin.take(), process.stdout.take()) else {
            return Err(failed("it has no pipes"));
        };
        Ok(Self { process, stdin, frames: FrameReader::new(stdout), unsent: setup.to_vec(), cookies: 0 })
    }

    /// Says something short.
    ///
    /// # Errors
    /// When the pipe is broken.
    pub(super) async fn say(&mut self, message: &ToWorker<'_>) -> Result<(), FrameError> {
        append(message, &mut self.unsent)?;
        self.send().await
    }

    /// Gives it a job, after the cookies that have been set since its last one.
    ///
    /// # Errors
    /// When the job is too long, and then it has not had it; or when the pipe is broken.
    pub(super) async fn give(&mut self, job: &Job, jar: Option<&CookieJar>) -> Result<(), FrameError> {
        if let Some(jar) = jar {
            loop {
                let (set, clock) = jar.since(self.cookies, COOKIES);
                self.cookies = clock;
                if set.is_empty() {
                    break;
                }
                append(&ToWorker::Cookies(set), &mut self.unsent)?;
                if self.unsent.len() >= COOKIES {
                    self.send().await?;
                }
            }
        }
        append(&ToWorker::Job(Box::new(JobFrame::new(job))), &mut self.unsent)?;
        self.send().await
    }

    /// Sends what was prepared. Dropped before its end, the child is of no more use.
    async fn send(&mut self) -> Result<(), FrameError> {
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

    /// Kills the child, unless it has ended, and describes its end.
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
