//! Lists that are named by URL: each is fetched as a run of one URL, into a file without a name.

use std::fs::File;
use std::io::{self, Seek};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use http::StatusCode;
use tokio::runtime;

use super::{FIRST_MOMENTS, backend};
use crate::config::{BackendKind, Compression, Config, InputFormat, Order};
use crate::engine::{self, Plan, Stop, StopConditions, StopLevel};
use crate::fetch::{BodyStream, FetchConfig, FetchServices, FetchSpec, Saving};
use crate::model::{ChildProgram, ErrorKind, Facts, FetchError, Needs, Outcome, Verdict};
use crate::policy::limits::pacer::{AllHostLimits, SharedPacer};
use crate::policy::retry::Limits;
use crate::schedule::Rules;
use crate::sink::Callback;
use crate::source::{Input, ListOpener, ListSource, RemoteList};

/// Fetches lists with the settings of the run. They make no record.
pub(super) struct ListFetcher {
    fetch: Arc<FetchConfig>,
    services: FetchServices,
    retry: Limits,
    host_limits: AllHostLimits,
    pacer: Option<SharedPacer>,
    seed: u64,
    stop: Stop,
}

impl ListFetcher {
    /// `fetch` has the settings of the run; `services` and `pacer` are shared with it.
    pub(super) fn new(
        config: &Config,
        fetch: &FetchConfig,
        services: &FetchServices,
        host_limits: AllHostLimits,
        pacer: Option<SharedPacer>,
    ) -> Self {
        let compression = match fetch.compression {
            Compression::Raw => Compression::Auto,
            other => other,
        };
        let fetch = FetchConfig {
            remote_time: false,
            refresh: false,
            head: false,
            dry_run: false,
            skip_existing: false,
            // For its retries, as any stream.
            needs: Needs::VALIDATORS,
            compression,
            saving: Saving::Stream,
            ..fetch.clone()
        };
        let retry = Limits {
            retries: config.retry,
            on: config.retry_on.clone(),
            max_wait: config.retry_max_wait,
            streams: true,
        };
        let seed = fetch.run;
        Self {
            fetch: Arc::new(fetch),
            services: services.clone(),
            retry,
            host_limits,
            pacer,
            seed,
            stop: Stop::default(),
        }
    }

    /// A run of this URL alone, which writes the body to `file` and its outcome to `outcome`.
    fn plan(&self, url: &str, file: File, outcome: Arc<Mutex<Option<Outcome>>>) -> Result<Plan, String> {
        let input = Input::Url(url.to_owned(), 1);
        let source = ListSource::new(vec![input], InputFormat::Auto).map_err(|error| error.to_string())?;
        let backend = backend(BackendKind::Sequential).map_err(|error| error.to_string())?;
        let stream = Some(BodyStream::new(Arc::new(Mutex::new(file))));
        let spec =
            FetchSpec::Http { config: self.fetch.clone(), services: FetchServices { stream, ..self.services.clone() } };
        let schedule = Rules {
            concurrency: 1,
            first_moments: FIRST_MOMENTS,
            host_limits: self.host_limits.clone(),
            pacer: self.pacer.clone(),
            retry: self.retry.clone(),
            jitter: self.seed,
        };
        let note = Callback::new(move |ended: &Outcome| {
            *outcome.lock().unwrap_or_else(PoisonError::into_inner) = Some(ended.clone());
        });
        Ok(Plan {
            source: Box::new(source),
            schedule,
            crawl: None,
            fleet: None,
            skip_duplicates: false,
            backend: (backend.make)(),
            backend_limit: 1,
            spec,
            names: None,
            sinks: vec![Box::new(note)],
            reporters: Vec::new(),
            order: Order::Completed,
            ends: StopConditions::default(),
            auto: false,
            warnings: Vec::new(),
            beyond_one_origin: None,
            worker_program: ChildProgram::default(),
            grace: std::time::Duration::ZERO,
            stop: self.stop.clone(),
        })
    }

    /// Fetches the URL once, with retries as long as no part of the body has come.
    fn run(&self, url: &str, file: File) -> Result<Outcome, String> {
        let outcome = Arc::default();
        let plan = self.plan(url, file, Arc::clone(&outcome))?;
        let run = || {
            let runtime = runtime::Builder::new_current_thread().enable_all().build();
            let runtime = runtime.map_err(|error| format!("cannot start a runtime: {error}"))?;
            Ok(runtime.block_on(engine::run(plan)).fault.map(|fault| fault.to_string()))
        };
        // On a thread of its own, for the caller may be inside a runtime already.
        let ended = thread::scope(|scope| scope.spawn(run).join());
        let fault = ended.unwrap_or_else(|_| Err("the fetch of the list died: a defect of fetchall".to_owned()))?;
        let outcome = outcome.lock().unwrap_or_else(PoisonError::into_inner).take();
        match (fault, outcome) {
            (Some(fault), _) => Err(fault),
            (None, Some(outcome)) => Ok(outcome),
            (None, None) => Err("the fetch of the list has no outcome: a defect of fetchall".to_owned()),
        }
    }
}

impl ListOpener for ListFetcher {
    fn open(&self, url: &str) -> Result<RemoteList, FetchError> {
        let broken = |why: String| FetchError::new(ErrorKind::Internal, why);
        let local = |error: io::Error| FetchError::new(ErrorKind::Io, format!("cannot keep it in a file: {error}"));
        let mut tries = 0;
        loop {
            let mut file = tempfile::tempfile().map_err(local)?;
            let outcome = self.run(url, file.try_clone().map_err(local)?).map_err(broken)?;
            tries += 1;
            match outcome.verdict {
                Verdict::Ok => {
                    file.rewind().map_err(local)?;
                    let asked = outcome.subject.seed().map(|seed| seed.url.clone());
                    let Facts { final_url, content_type, .. } = *outcome.facts;
                    let url = final_url.or(asked).ok_or_else(|| broken("an outcome without a URL".to_owned()))?;
                    return Ok(RemoteList { file, url, content_type });
                }
                // A part of the body came, and could not be gone on with: it is fetched from the beginning.
                Verdict::Failed(error) if error.kind == ErrorKind::Truncated && tries <= self.retry.retries => {}
                Verdict::Failed(error) => return Err(error),
                Verdict::HttpError => return Err(status(outcome.facts.status)),
                Verdict::Cancelled | Verdict::Skipped(_) => {
                    return Err(FetchError::new(ErrorKind::Cancelled, "the run was stopped first"));
                }
            }
        }
    }

    fn interrupt(&self) {
        self.stop.raise(StopLevel::Abort);
    }
}

fn status(status: Option<u16>) -> FetchError {
    let code = status.and_then(|status| StatusCode::from_u16(status).ok());
    let text = code.map_or_else(|| "an error".to_owned(), |code| code.to_string());
    FetchError::new(ErrorKind::HttpStatus, format!("the server answered {text}"))
}
