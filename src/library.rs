//! A run as a library call: a builder, and a `Stream` of outcomes.

use std::io;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::thread::JoinHandle;

use futures_core::Stream;
use tokio::sync::oneshot;

use crate::app::{self, Document, SetupError, Surroundings};
use crate::config::Config;
use crate::engine::{self, RunEnd, Stop, StopLevel};
use crate::model::Outcome;
use crate::sink::{OutcomeStream, Sink, stream};
use crate::source::Input;

/// Sets up a run.
///
/// ```no_run
/// use futures_util::StreamExt;
///
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// let mut run = fetchall::Fetchall::new(["https://example.com/a", "https://example.com/b"]).concurrency(10).start()?;
/// while let Some(outcome) = run.next().await {
///     println!("{} {}", outcome.verdict.as_str(), outcome.subject.url());
/// }
/// let end = run.finish().await?;
/// println!("{} of {} ok", end.summary.counts.ok, end.summary.counts.read);
/// # Ok(())
/// # }
/// ```
pub struct Fetchall {
    config: Config,
    inputs: Vec<Input>,
    sinks: Vec<Box<dyn Sink>>,
    worker_program: PathBuf,
}

impl Default for Fetchall {
    fn default() -> Self {
        Self {
            config: Config::default(),
            inputs: Vec::new(),
            sinks: Vec::new(),
            worker_program: PathBuf::from("fetchall"),
        }
    }
}

impl Fetchall {
    /// A run over these URLs.
    pub fn new<S: Into<String>>(urls: impl IntoIterator<Item = S>) -> Self {
        let inputs = urls.into_iter().zip(1..).map(|(url, position)| Input::Url(url.into(), position)).collect();
        Self { inputs, ..Self::default() }
    }

    /// One more input: a file, standard input, or any reader.
    #[must_use]
    pub fn input(mut self, input: Input) -> Self {
        self.inputs.push(input);
        self
    }

    /// All settings at once.
    #[must_use]
    pub fn config(mut self, config: Config) -> Self {
        self.config = config;
        self
    }

    /// The most URLs in flight at once; 0 counts as 1.
    #[must_use]
    pub fn concurrency(mut self, most: u32) -> Self {
        self.config.concurrency = NonZeroU32::new(most).unwrap_or(NonZeroU32::MIN);
        self
    }

    /// Saves bodies below this folder.
    #[must_use]
    pub fn dir(mut self, dir: impl Into<PathBuf>) -> Self {
        self.config.dir = Some(dir.into());
        self
    }

    /// The program that the backend `processes` starts, of this very version; unless told it is
    /// the `fetchall` that the system finds.
    #[must_use]
    pub fn worker_program(mut self, program: impl Into<PathBuf>) -> Self {
        self.worker_program = program.into();
        self
    }

    /// One more sink, beside the stream.
    #[must_use]
    pub fn sink(mut self, sink: impl Sink + 'static) -> Self {
        self.sinks.push(Box::new(sink));
        self
    }

    /// Starts the run on a thread of its own, so that it works under every runtime.
    ///
    /// # Errors
    /// When a list, file or folder cannot be opened, or no thread can be started.
    pub fn start(self) -> Result<Run, SetupError> {
        let stop = Stop::default();
        let (sink, outcomes) = stream();
        let mut sinks = self.sinks;
        sinks.push(sink);
        let surroundings = Surroundings {
            records: None,
            color: false,
            sinks,
            worker_program: self.worker_program,
            reporters: Vec::new(),
        };
        let plan = app::plan(&self.config, self.inputs, Document::None, surroundings, stop.clone())?;
        let failed = |e: io::Error| SetupError::Setting(format!("cannot start a run: {e}"));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(failed)?;
        let (tell, end) = oneshot::channel();
        let thread = std::thread::Builder::new()
            .name("fetchall".to_owned())
            .spawn(move || {
                let end = runtime.block_on(engine::run(plan));
                runtime.shutdown_background();
                // Err: the run was dropped and nobody asks any more.
                let _ = tell.send(end);
            })
            .map_err(failed)?;
        Ok(Run { outcomes: Some(outcomes), stop, end, thread: Some(thread) })
    }
}

/// The run ended without an account, which none may.
#[derive(Debug, thiserror::Error)]
#[error("the run died; this is a defect of fetchall, please report it")]
pub struct RunDied;

/// A run under way: a `Stream` of its outcomes as they are reached. Dropping it ends the run.
pub struct Run {
    outcomes: Option<OutcomeStream>,
    stop: Stop,
    end: oneshot::Receiver<RunEnd>,
    thread: Option<JoinHandle<()>>,
}

impl Run {
    /// What stops this run: first a drain, then an abort.
    pub fn stop(&self) -> Stop {
        self.stop.clone()
    }

    /// Waits for the end. Outcomes that were not taken from the stream are dropped, not missed:
    /// the summary counts them.
    ///
    /// # Errors
    /// When the thread of the run died before it could tell its end.
    pub async fn finish(mut self) -> Result<RunEnd, RunDied> {
        if let Some(mut outcomes) = self.outcomes.take() {
            while std::future::poll_fn(|cx| Pin::new(&mut outcomes).poll_next(cx)).await.is_some() {}
        }
        let end = (&mut self.end).await.map_err(|_| RunDied);
        if let Some(thread) = self.thread.take() {
            // It has sent the end or died: joining does not wait.
            let _ = thread.join();
        }
        end
    }
}

impl Stream for Run {
    type Item = Outcome;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Outcome>> {
        match &mut self.outcomes {
            Some(outcomes) => Pin::new(outcomes).poll_next(cx),
            None => Poll::Ready(None),
        }
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        self.stop.raise(StopLevel::Abort);
        // The stream first: a sink that waits for its reader would keep the thread.
        self.outcomes = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
