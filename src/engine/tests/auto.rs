//! `--concurrency auto`, against a server of so many workers.

use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::*;
use crate::model::{Subject, Timing, Verdict};

/// Takes every job at once; so many at a time are served, in 20 ms each.
struct Served {
    workers: usize,
    most: Arc<Mutex<usize>>,
}

impl Backend for Served {
    fn run(
        self: Box<Self>,
        mut jobs: mpsc::Receiver<Box<Job>>,
        returned: mpsc::Sender<Returned>,
        _: RunContext,
    ) -> BoxFuture<'static, Result<(), BackendError>> {
        Box::pin(async move {
            let workers = Arc::new(Semaphore::new(self.workers));
            let mut served = JoinSet::new();
            loop {
                tokio::select! {
                    job = jobs.recv() => {
                        let Some(job) = job else { break };
                        let (workers, returned) = (workers.clone(), returned.clone());
                        served.spawn(async move {
                            let began = tokio::time::Instant::now();
                            let worker = workers.acquire().await.unwrap();
                            tokio::time::sleep(Duration::from_millis(20)).await;
                            drop(worker);
                            let total = Some(began.elapsed());
                            let timing = Timing { total, queued: Some(Duration::ZERO), ..Timing::default() };
                            let subject = Subject::Job(job);
                            let outcome = Outcome { subject, facts: Box::default(), timing, verdict: Verdict::Ok };
                            returned.send(Returned::Finished(outcome)).await.unwrap();
                        });
                    }
                    Some(ended) = served.join_next() => ended.unwrap(),
                }
                let mut most = self.most.lock().unwrap();
                *most = served.len().max(*most);
            }
            served.join_all().await;
            Ok(())
        })
    }
}

#[test]
fn as_many_are_out_as_bring_something_and_the_summary_says_why() {
    let mut case = Case::urls(8_000);
    let most = Arc::default();
    case.backend = Some(Box::new(Served { workers: 20, most: Arc::clone(&most) }));
    (case.schedule.concurrency, case.auto) = (512, true);
    let (end, outcomes) = paused(async {
        let began = tokio::time::Instant::now();
        let ended = case.run(Stop::default()).await;
        // The best of all: 20 at a time, 20 ms each.
        assert!(began.elapsed() < Duration::from_millis(8_000 / 20 * 20 * 12 / 10), "{:?}", began.elapsed());
        ended
    });
    assert_accounted(&end.summary, &outcomes);
    let auto = end.summary.auto.expect("it was asked for");
    assert!((18..=40).contains(&auto.limit), "{auto:?}");
    assert!(auto.why.starts_with("more brought no more"), "{auto:?}");
    let most = *most.lock().unwrap();
    assert!(most <= 64, "{most} were out at once");
}
