//! A run as a library call: a builder, a `Stream` of outcomes, and handles of the run.

mod feed;
mod run;
mod states;

use std::io;
use std::num::NonZeroU32;
use std::path::PathBuf;

use tokio::sync::oneshot;

use crate::app::{self, Document, Files, RunIo, SetupError};
use crate::config::{Concurrency, Config, Order, Until};
use crate::engine::{self, OnLink, Plan, Stop};
use crate::model::{ChildProgram, FoundLink, LinkChoice, Outcome};
use crate::policy::network::address::AddressClasses;
use crate::sink::{Callback, OutcomeStream, Sink, TextStyle, stream};
use crate::source::{FeedSource, Input, Inputs};
use states::States;

pub use feed::{AddError, Feed, Ticket};
pub use run::{Run, RunDied};
pub use states::JobState;

/// Sets up a run.
///
/// The run itself is a `Stream` of its outcomes as they are done:
///
/// ```no_run
/// use futures::StreamExt;
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
///
/// To wait for the first success, and cancel the others:
///
/// ```no_run
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// use fetchall::{Fetchall, config::Until};
///
/// let mirrors = ["https://a.example/f", "https://b.example/f"];
/// let end = Fetchall::new(mirrors).until(Until::FirstSuccess).start()?.finish().await?;
/// println!("{} were cancelled", end.summary.counts.cancelled);
/// # Ok(())
/// # }
/// ```
///
/// To wait with a time limit, and separate done URLs from pending ones:
///
/// ```no_run
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// use fetchall::{Fetchall, config::Config, model::Verdict};
///
/// let config = Config { max_duration: Some(std::time::Duration::from_secs(5)), ..Config::default() };
/// let (outcomes, _) = Fetchall::new(["https://example.com/"]).config(config).start()?.gather().await?;
/// let (pending, done): (Vec<_>, Vec<_>) = outcomes.iter().partition(|o| o.verdict == Verdict::Cancelled);
/// println!("{} done, {} pending", done.len(), pending.len());
/// # Ok(())
/// # }
/// ```
pub struct Fetchall {
    config: Config,
    inputs: Vec<Input>,
    sinks: Vec<Box<dyn Sink>>,
    worker_program: ChildProgram,
    address_classes: AddressClasses,
    crawls: bool,
    on_link: Option<OnLink>,
}

impl Default for Fetchall {
    fn default() -> Self {
        Self {
            config: Config::default(),
            inputs: Vec::new(),
            sinks: Vec::new(),
            worker_program: PathBuf::from("fetchall").into(),
            address_classes: AddressClasses::default(),
            crawls: false,
            on_link: None,
        }
    }
}

impl Fetchall {
    /// Makes a run over these URLs.
    pub fn new<S: Into<String>>(urls: impl IntoIterator<Item = S>) -> Self {
        let inputs = urls.into_iter().zip(1..).map(|(url, position)| Input::Url(url.into(), position)).collect();
        Self { inputs, ..Self::default() }
    }

    /// Makes a crawl from these start pages, with the defaults of the command `crawl`.
    ///
    /// [`Fetchall::configure`] changes its settings, and [`Fetchall::on_link`] decides about its links:
    ///
    /// ```no_run
    /// use fetchall::Fetchall;
    /// use fetchall::model::LinkChoice;
    /// use futures::StreamExt;
    ///
    /// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
    /// let mut run = Fetchall::crawl(["https://example.com/docs/"])
    ///     .configure(|config| config.crawl.max_pages = Some(100))
    ///     .on_link(|link| if link.url.query().is_some() { LinkChoice::Skip } else { LinkChoice::Follow })
    ///     .start()?;
    /// while let Some(outcome) = run.next().await {
    ///     let links = outcome.facts.found.links.as_deref().map_or(0, |page| page.links.len());
    ///     println!("{} {links} links", outcome.subject.url());
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn crawl<S: Into<String>>(starts: impl IntoIterator<Item = S>) -> Self {
        Self { config: Config::of_crawl(), crawls: true, ..Self::new(starts) }
    }

    /// Adds an input: a file, standard input, or any reader.
    #[must_use]
    pub fn input(mut self, input: Input) -> Self {
        self.inputs.push(input);
        self
    }

    /// Sets all settings at once. Those of a crawl begin with [`Config::of_crawl`].
    #[must_use]
    pub fn config(mut self, config: Config) -> Self {
        self.config = config;
        self
    }

    /// Changes some settings, and keeps the others.
    #[must_use]
    pub fn configure(mut self, change: impl FnOnce(&mut Config)) -> Self {
        change(&mut self.config);
        self
    }

    /// Calls this for each new link of a crawl that all rules allow, in pages and in sitemaps. The run waits for the
    /// call. A skipped link counts as out of scope, by the rule `on_link`; another page that has it asks again.
    /// Redirects are not asked about, nor are sitemaps.
    #[must_use]
    pub fn on_link(mut self, choose: impl FnMut(&FoundLink<'_>) -> LinkChoice + Send + 'static) -> Self {
        self.on_link = Some(Box::new(choose));
        self
    }

    /// Sets the most URLs in flight at once; 0 counts as 1.
    #[must_use]
    pub fn concurrency(mut self, most: u32) -> Self {
        self.config.concurrency = Concurrency::Fixed(NonZeroU32::new(most).unwrap_or(NonZeroU32::MIN));
        self
    }

    /// Tunes the number of URLs in flight during the run.
    #[must_use]
    pub fn auto_concurrency(mut self) -> Self {
        self.config.concurrency = Concurrency::Auto;
        self
    }

    /// Sets the order of the outcomes: as they are done, or in the order of the input.
    #[must_use]
    pub fn order(mut self, order: Order) -> Self {
        self.config.order = order;
        self
    }

    /// Sets the outcomes that the run waits for; the rest is cancelled.
    #[must_use]
    pub fn until(mut self, until: Until) -> Self {
        self.config.until = until;
        self
    }

    /// Calls this with each outcome, on a thread of the run, which waits for the call.
    ///
    /// ```no_run
    /// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
    /// let run = fetchall::Fetchall::new(["https://example.com/"])
    ///     .on_done(|outcome| println!("{} {}", outcome.verdict.as_str(), outcome.subject.url()))
    ///     .start()?;
    /// run.finish().await?;
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn on_done(self, callback: impl FnMut(&Outcome) + Send + 'static) -> Self {
        self.sink(Callback::new(callback))
    }

    /// Saves bodies below this folder.
    #[must_use]
    pub fn dir(mut self, dir: impl Into<PathBuf>) -> Self {
        self.config.dir = Some(dir.into());
        self
    }

    /// Sets the program that the backend `processes` starts; it must have the same version. The default is the
    /// `fetchall` that the system finds. A path inherits the environment of this process. A [`ChildProgram`] may
    /// have an environment without the passwords of this one.
    #[must_use]
    pub fn worker_program(mut self, program: impl Into<ChildProgram>) -> Self {
        self.worker_program = program.into();
        self
    }

    /// Sets the addresses that count as public, for `private_addresses`. For tests with all servers on one machine;
    /// other runs should rely on the registries.
    #[doc(hidden)]
    #[must_use]
    pub fn address_classes(mut self, classes: AddressClasses) -> Self {
        self.address_classes = classes;
        self
    }

    /// Adds a sink, beside the stream.
    #[must_use]
    pub fn sink(mut self, sink: impl Sink + 'static) -> Self {
        self.sinks.push(Box::new(sink));
        self
    }

    /// Starts the run on a thread of its own, so that it works under every runtime.
    ///
    /// # Errors
    /// When a list, file or folder cannot be opened, no thread can be started, or a crawl has settings of a list.
    pub fn start(self) -> Result<Run, SetupError> {
        let (plan, parts) = self.plan()?;
        run_on_thread(plan, parts)
    }

    /// Starts the run and keeps its input open: URLs can be added until the [`Feed`] is dropped.
    ///
    /// ```no_run
    /// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
    /// let (run, feed) = fetchall::Fetchall::default().start_fed()?;
    /// let first = feed.add("https://example.com/a").await?;
    /// let second = feed.add("https://example.com/b").await?;
    /// println!("{:?}", second.state());
    /// println!("{} {}", first.await?.verdict.as_str(), second.await?.verdict.as_str());
    /// drop(feed);
    /// run.finish().await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`Fetchall::start`].
    pub fn start_fed(self) -> Result<(Run, Feed), SetupError> {
        let (mut plan, parts) = self.plan()?;
        let (source, sender) = FeedSource::new(plan.source);
        plan.source = Box::new(source);
        let (feed, tickets) = Feed::new(sender);
        plan.reporters.push(Box::new(tickets));
        Ok((run_on_thread(plan, parts)?, feed))
    }

    fn plan(self) -> Result<(Plan, RunHandles), SetupError> {
        if (self.crawls || self.on_link.is_some()) && !self.config.crawl.follow {
            let why = "a crawl needs the settings of a crawl: begin with Config::of_crawl()";
            return Err(SetupError::Setting(why.to_owned()));
        }
        let (stop, states) = (Stop::default(), States::default());
        let (sink, outcomes) = stream();
        let mut sinks = self.sinks;
        sinks.push(sink);
        let reporters = vec![Box::new(states.clone()) as _];
        let (worker_program, address_classes) = (self.worker_program, self.address_classes);
        let inputs = Inputs::from(self.inputs);
        let files = Files::of(&self.config, &inputs, &Document::None).check()?;
        let surroundings = RunIo {
            records: None,
            check_report: None,
            style: TextStyle::default(),
            files,
            sinks,
            worker_program,
            reporters,
            address_classes,
            on_link: self.on_link,
        };
        let plan = app::plan(&self.config, inputs, Document::None, surroundings, stop.clone())?;
        Ok((plan, RunHandles { outcomes, stop, states }))
    }
}

/// The handles that the caller keeps of a run.
struct RunHandles {
    outcomes: OutcomeStream,
    stop: Stop,
    states: States,
}

fn run_on_thread(plan: Plan, parts: RunHandles) -> Result<Run, SetupError> {
    let failed = |e: io::Error| SetupError::Setting(format!("cannot start a run: {e}"));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(failed)?;
    let (tell, end) = oneshot::channel();
    let thread = std::thread::Builder::new()
        .name("fetchall".to_owned())
        .spawn(move || {
            let end = runtime.block_on(engine::run(plan));
            runtime.shutdown_background();
            // Err: the handle of the run was dropped.
            let _ = tell.send(end);
        })
        .map_err(failed)?;
    Ok(Run::new(parts, end, thread))
}
