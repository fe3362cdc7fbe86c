//! The other end of the pipes: what a child process does.
//!
//! The worker fetches one URL at a time and always watches its input. When the input ends, the
//! parent is gone or wants no more. The fetch under way then ends too and leaves no partial file
//! behind.

use std::io::{self, Write};
use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Interval, MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use super::frames::{COOKIES, ChildSetup, Done, FrameError, FrameReader, FromWorker, ToWorker, append};
use crate::fetch::{
    BodyStream, CookieJar, DecoderMemory, FetchConfig, FetchServices, FetchSpec, Fetched, Fetcher, Meter, PendingQuota,
    QuotaRequest, Reply, Saving, Throttle,
};
use crate::model::{ErrorKind, Job, JobId};

/// The interval at which a long fetch reports its bytes.
const REPORT: Duration = Duration::from_millis(100);

/// Pieces of a body that may wait to be sent.
const PIECES: usize = 2;

/// Requests that may wait to be sent: one that is waited for, and what is left of bodies.
const REQUESTS: usize = 4;

/// The parent cannot be understood, or the fetcher not be built.
#[derive(Debug, thiserror::Error)]
#[error("the worker process cannot go on: {0}")]
pub struct WorkerError(String);

impl From<FrameError> for WorkerError {
    fn from(e: FrameError) -> Self {
        Self(e.to_string())
    }
}

/// Fetches what the frames of `input` ask for and answers with frames, until `input` ends.
///
/// # Errors
/// When `input` holds something else.
pub async fn serve(input: impl AsyncRead + Unpin, output: impl AsyncWrite + Unpin) -> Result<(), WorkerError> {
    let mut input = FrameReader::new(input);
    let setup = loop {
        match input.next()? {
            Some(ToWorker::Setup(setup)) => break setup,
            Some(_) => return Err(FrameError::OutOfTurn.into()),
            None => {}
        }
        match input.fill().await {
            Err(FrameError::Closed) => return Ok(()),
            filled => filled?,
        }
    };
    let (bodies, pieces) = mpsc::channel(PIECES);
    let (asks, requests) = mpsc::channel(REQUESTS);
    let services = services(&setup, BodyWriter(bodies), asks);
    // The parent gives files their final names.
    let config = Arc::new(FetchConfig { names: false, ..setup.config.into_owned() });
    let cookies = services.cookies.clone();
    let spec = FetchSpec::Http { config: config.clone(), services };
    let meter = Arc::new(Meter::default());
    let fetcher = spec.build(&meter).map_err(|e| WorkerError(e.to_string()))?;
    let mut tick = interval(REPORT);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let (granted, told, unsent) = (None, 0, Vec::new());
    let worker =
        ChildWorker { input, output, pieces, requests, granted, config, fetcher, meter, cookies, told, tick, unsent };
    match worker.run().await {
        // The parent is gone.
        Err(FrameError::Closed | FrameError::Io(_)) => Ok(()),
        ended => ended.map_err(WorkerError::from),
    }
}

/// The services of a child: the parent owns the limits and the destination of a streamed body.
fn services(setup: &ChildSetup<'_>, bodies: BodyWriter, asks: mpsc::Sender<PendingQuota>) -> FetchServices {
    FetchServices {
        throttle: Throttle::asking(asks.clone(), setup.paced, setup.byte_limit),
        cookies: setup.cookies.then(Arc::default),
        decoder_memory: DecoderMemory::asking(asks),
        stream: match setup.config.saving {
            Saving::Stream => Some(BodyStream::new(Arc::new(Mutex::new(bodies)))),
            Saving::Discard | Saving::Dir(_) | Saving::File(..) => None,
        },
        ..FetchServices::new(setup.config.addresses.version)
    }
}

/// Sends a body on instead of writing it. It is written to on a thread that may block.
struct BodyWriter(mpsc::Sender<Vec<u8>>);

impl Write for BodyWriter {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        self.0.blocking_send(data.to_vec()).map_err(|_| io::Error::from(io::ErrorKind::BrokenPipe))?;
        Ok(data.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

struct ChildWorker<R, W> {
    input: FrameReader<R>,
    output: W,
    pieces: mpsc::Receiver<Vec<u8>>,
    requests: mpsc::Receiver<PendingQuota>,
    /// The sender that passes a grant of the parent to the fetch.
    granted: Option<oneshot::Sender<()>>,
    config: Arc<FetchConfig>,
    fetcher: Arc<dyn Fetcher>,
    meter: Arc<Meter>,
    /// Those of the parent and those that answers have set.
    cookies: Option<Arc<CookieJar>>,
    /// Body bytes already reported to the parent.
    told: u64,
    tick: Interval,
    unsent: Vec<u8>,
}

impl<R: AsyncRead + Unpin, W: AsyncWrite + Unpin> ChildWorker<R, W> {
    /// Ends with the error that ends it, be it only the end of the input.
    async fn run(mut self) -> Result<(), FrameError> {
        loop {
            match self.input.next()? {
                Some(ToWorker::Job(job)) => {
                    let job = job.into_job();
                    self.fetch(&job).await?;
                }
                Some(ToWorker::Cookies(set)) => {
                    if let Some(jar) = &self.cookies {
                        jar.put(set);
                    }
                }
                // It crossed the answer.
                Some(ToWorker::Abort | ToWorker::Granted) => {}
                Some(ToWorker::AreYouThere) => {
                    append(&FromWorker::Here, &mut self.unsent)?;
                    self.send().await?;
                }
                Some(ToWorker::Setup(_)) => return Err(FrameError::OutOfTurn),
                None => self.input.fill().await?,
            }
        }
    }

    async fn fetch(&mut self, job: &Job) -> Result<(), FrameError> {
        let abort = CancellationToken::new();
        // Reads the frames that came with the job itself.
        self.hear(&abort)?;
        let fetcher = self.fetcher.clone();
        let known = self.cookies.as_ref().map(|jar| jar.clock());
        let mut fetching = pin!(super::or_failed(fetcher.fetch(job, &abort), Reply::Finished));
        let reply = loop {
            let heard = tokio::select! {
                biased;
                reply = &mut fetching => break reply,
                heard = self.input.fill() => match heard {
                    Ok(()) => match self.hear(&abort) {
                        // The parent sent a ping.
                        Ok(()) if !self.unsent.is_empty() => self.send().await,
                        heard => heard,
                    },
                    Err(e) => Err(e),
                },
                Some((request, tell)) = self.requests.recv() => self.ask(&request, tell).await,
                Some(piece) = self.pieces.recv() => self.send_piece(&piece).await,
                _ = self.tick.tick() => self.report().await,
            };
            if let Err(e) = heard {
                abort.cancel();
                // The fetch removes its partial file before this process ends.
                fetching.await;
                return Err(e);
            }
        };
        while let Ok(piece) = self.pieces.try_recv() {
            self.send_piece(&piece).await?;
        }
        // The requester has given up, but the bytes read are still charged.
        while let Ok((request, _)) = self.requests.try_recv() {
            if let QuotaRequest::Bytes(bytes) = request {
                append(&FromWorker::Bytes(bytes), &mut self.unsent)?;
            }
        }
        if let Some(known) = known {
            self.append_cookies(known).await?;
        }
        let received = self.untold();
        if let Err((lost, _)) = self.append_done(job.seed.id, received, reply) {
            if let Reply::Finished(Fetched { finished_body: Some(body), .. }) = lost.reply
                && let Some(folder) = self.config.saving.folder()
            {
                body.remove(folder);
            }
            let why = "what is known of the answer is too long to tell".to_owned();
            let lost = Reply::Finished(super::failed(ErrorKind::Internal, why));
            self.append_done(job.seed.id, received, lost).map_err(|(_, e)| e)?;
        }
        self.send().await
    }

    /// Appends the result of a job. An error gives it back.
    fn append_done(&mut self, id: JobId, received: u64, reply: Reply) -> Result<(), (Box<Done>, FrameError)> {
        let done = FromWorker::Done(Box::new(Done { id, received, reply }));
        match (append(&done, &mut self.unsent), done) {
            (Err(e), FromWorker::Done(done)) => Err((done, e)),
            _ => Ok(()),
        }
    }

    /// Tells the parent which cookies have been set after that moment.
    async fn append_cookies(&mut self, mut known: u64) -> Result<(), FrameError> {
        let Some(jar) = self.cookies.clone() else { return Ok(()) };
        loop {
            let (set, clock) = jar.since(known, COOKIES);
            known = clock;
            if set.is_empty() {
                return Ok(());
            }
            append(&FromWorker::Cookies(set), &mut self.unsent)?;
            if self.unsent.len() >= COOKIES {
                self.send().await?;
            }
        }
    }

    /// Handles the frames that the parent sends during a fetch.
    fn hear(&mut self, abort: &CancellationToken) -> Result<(), FrameError> {
        while let Some(frame) = self.input.next()? {
            match frame {
                ToWorker::Abort => abort.cancel(),
                ToWorker::AreYouThere => append(&FromWorker::Here, &mut self.unsent)?,
                // Err: the fetch that waited for it has ended.
                ToWorker::Granted => drop(self.granted.take().map(|tell| tell.send(()))),
                ToWorker::Job(_) | ToWorker::Setup(_) | ToWorker::Cookies(_) => return Err(FrameError::OutOfTurn),
            }
        }
        Ok(())
    }

    async fn ask(&mut self, request: &QuotaRequest, tell: oneshot::Sender<()>) -> Result<(), FrameError> {
        let frame = match request {
            QuotaRequest::Request(host) => FromWorker::Request(host),
            QuotaRequest::Bytes(bytes) => FromWorker::Bytes(*bytes),
            QuotaRequest::Memory(host, kib) => FromWorker::Memory(host, *kib),
        };
        self.granted = Some(tell);
        if matches!(request, QuotaRequest::Bytes(_)) {
            // The bytes received since the last report count no later than this grant, and cost no
            // write of their own.
            self.append_untold()?;
        }
        append(&frame, &mut self.unsent)?;
        self.send().await
    }

    async fn send_piece(&mut self, piece: &[u8]) -> Result<(), FrameError> {
        append(&FromWorker::Body(piece), &mut self.unsent)?;
        self.send().await
    }

    async fn report(&mut self) -> Result<(), FrameError> {
        if self.append_untold()? { self.send().await } else { Ok(()) }
    }

    /// Whether there is anything to report.
    fn append_untold(&mut self) -> Result<bool, FrameError> {
        match self.untold() {
            0 => Ok(false),
            bytes => append(&FromWorker::Received(bytes), &mut self.unsent).map(|()| true),
        }
    }

    fn untold(&mut self) -> u64 {
        let all = self.meter.wire_bytes();
        all - std::mem::replace(&mut self.told, all)
    }

    async fn send(&mut self) -> Result<(), FrameError> {
        self.output.write_all(&self.unsent).await?;
        self.output.flush().await?;
        self.unsent.clear();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;
    use std::time::Instant;

    use super::super::frames::JobFrame;
    use super::*;
    use crate::config::IpVersion;
    use crate::model::{Seed, SourcePos, Via};

    /// A server that never answers: nothing accepts its connections.
    fn silent() -> TcpListener {
        TcpListener::bind("127.0.0.1:0").unwrap()
    }

    fn told(server: &TcpListener, messages: &[fn(&Job) -> ToWorker<'_>]) -> Vec<u8> {
        let (config, services) = (FetchConfig::plain(), FetchServices::new(IpVersion::Any));
        let mut input = Vec::new();
        append(&ToWorker::Setup(Box::new(ChildSetup::new(&config, &services))), &mut input).unwrap();
        let url = url::Url::parse(&format!("http://{}/", server.local_addr().unwrap())).unwrap();
        let origin = SourcePos { list: Arc::from("l"), line: 1 };
        let seed = Seed { id: JobId(7), ..Seed::new(url, Via::List(origin)) };
        let job = Job::new(seed, None, Instant::now());
        for message in messages {
            append(&message(&job), &mut input).unwrap();
        }
        input
    }

    fn job(job: &Job) -> ToWorker<'_> {
        ToWorker::Job(Box::new(JobFrame::new(job)))
    }

    #[tokio::test]
    async fn a_message_in_one_piece_with_a_job_is_read() {
        let server = silent();
        let (mut ours, theirs) = tokio::io::duplex(64 * 1024);
        let (output, answers) = tokio::io::duplex(64 * 1024);
        ours.write_all(&told(&server, &[job, |_| ToWorker::Abort])).await.unwrap();
        let serving = tokio::spawn(serve(theirs, output));
        let mut answers = FrameReader::new(answers);
        let done = loop {
            match answers.next::<FromWorker<'_>>().unwrap() {
                Some(FromWorker::Done(done)) => break done.id,
                Some(_) => {}
                None => {
                    tokio::time::timeout(Duration::from_secs(20), answers.fill()).await.expect("an answer").unwrap()
                }
            }
        };
        assert_eq!(done, JobId(7));
        drop(ours);
        serving.await.unwrap().unwrap();
    }

    #[tokio::test]
    async fn a_job_too_early_and_half_a_message_are_errors() {
        let server = silent();
        let (mut ours, theirs) = tokio::io::duplex(64 * 1024);
        ours.write_all(&told(&server, &[job, job])).await.unwrap();
        assert!(serve(theirs, tokio::io::sink()).await.is_err());
        let (mut ours, theirs) = tokio::io::duplex(64 * 1024);
        let input = told(&server, &[]);
        ours.write_all(&input[..input.len() - 1]).await.unwrap();
        drop(ours);
        assert!(serve(theirs, tokio::io::sink()).await.is_err());
    }
}
