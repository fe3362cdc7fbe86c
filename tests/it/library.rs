//! A run as a library call: a stream, a feed, tickets, states, and every way to wait.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use fetchall::config::{Config, Order, Until};
use fetchall::engine::StopLevel;
use fetchall::model::{Outcome, Verdict};
use fetchall::source::Input;
use fetchall::{Fetchall, JobState};
use futures::StreamExt;

use crate::support::act::{Act, Script};
use crate::support::fault::FaultServer;

/// `/never` hangs, `/slow` takes its time, everything else is there at once.
fn server() -> FaultServer {
    let slow = Act::Delayed(Duration::from_millis(150), Box::new(Act::KeepAliveOk(b"slow\n".to_vec())));
    let script = Script::new().on("slow", slow).on("never", Act::Stalled);
    FaultServer::start(script.otherwise(Act::KeepAliveOk(b"hello\n".to_vec())))
}

fn name(outcome: &Outcome) -> &str {
    outcome.subject.url().rsplit('/').next().unwrap_or_default()
}

#[tokio::test]
async fn the_stream_is_as_completed_and_gather_is_in_order() {
    let server = server();
    let urls = || ["slow", "a", "b"].map(|path| server.url(path));
    let streamed: Vec<_> = Fetchall::new(urls()).start().unwrap().map(|o| name(&o).to_owned()).collect().await;
    assert_eq!(streamed.last().map(String::as_str), Some("slow"), "{streamed:?}");
    let (gathered, end) = Fetchall::new(urls()).start().unwrap().gather().await.unwrap();
    assert_eq!(gathered.iter().map(name).collect::<Vec<_>>(), ["slow", "a", "b"]);
    assert_eq!(end.summary.counts.ok, 3);
    let run = Fetchall::new(urls()).order(Order::Input).start().unwrap();
    let ordered: Vec<_> = run.map(|o| name(&o).to_owned()).collect().await;
    assert_eq!(ordered, ["slow", "a", "b"]);
}

#[tokio::test]
async fn urls_can_be_added_and_each_has_a_ticket() {
    let server = server();
    let (run, feed) = Fetchall::new([server.url("first")]).start_fed().unwrap();
    let a = feed.add(server.url("a")).await.unwrap();
    let bad = feed.add("no url").await.unwrap();
    let other = feed.clone();
    let b = other.add(server.url("b")).await.unwrap();
    let outcome = a.await.unwrap();
    assert_eq!((name(&outcome), &outcome.verdict), ("a", &Verdict::Ok));
    assert!(matches!(bad.await.unwrap().verdict, Verdict::Failed(_)));
    drop((feed, other));
    let (outcomes, end) = run.gather().await.unwrap();
    assert_eq!((outcomes.len(), end.summary.input_complete), (4, true));
    assert_eq!(b.state(), JobState::Done);
    assert_eq!(outcomes[1].subject.origin().to_string(), "added:1");
}

#[tokio::test]
async fn line_of_a_list_called_added_has_no_ticket() {
    let server = server();
    let list = Input::Reader("added".to_owned(), Box::new(std::io::Cursor::new(server.url("listed"))));
    let (run, feed) = Fetchall::default().input(list).start_fed().unwrap();
    let ticket = feed.add(server.url("fed")).await.unwrap();
    assert_eq!(name(&ticket.await.unwrap()), "fed");
    drop(feed);
    assert_eq!(run.count().await, 2);
}

#[tokio::test]
async fn a_producer_that_is_faster_than_the_run_waits() {
    let server = server();
    let (run, feed) = Fetchall::default().concurrency(4).start_fed().unwrap();
    let adding = tokio::spawn(async move {
        for n in 0..3000 {
            feed.add(server.url(&format!("{n}"))).await.unwrap();
        }
        server
    });
    let counted = run.count().await;
    assert_eq!(counted, 3000);
    adding.await.unwrap().join();
}

#[tokio::test]
async fn states_go_from_pending_over_running_to_done_or_cancelled() {
    let server = server();
    let urls = ["never", "a", "b"].map(|path| server.url(path));
    let run = Fetchall::new(urls).concurrency(1).start().unwrap();
    server.wait_until("the first", |log| !log.requests.is_empty());
    assert_eq!([run.state(0), run.state(2), run.state(99)], [JobState::Running, JobState::Pending, JobState::Pending]);
    let stop = run.stop();
    stop.raise(StopLevel::Abort);
    let states = Arc::new(Mutex::new(Vec::new()));
    let end = run.finish().await.unwrap();
    assert_eq!(end.summary.counts.cancelled, 3);
    let kept = Arc::clone(&states);
    let done = Fetchall::new([server.url("a")]).on_done(move |o| kept.lock().unwrap().push(o.verdict.clone()));
    let mut run = done.start().unwrap();
    assert!(run.next().await.is_some());
    assert_eq!(run.state(0), JobState::Done);
    run.finish().await.unwrap();
    assert_eq!(*states.lock().unwrap(), [Verdict::Ok]);
}

#[tokio::test]
async fn a_stopped_run_takes_no_more_and_leaves_no_ticket_waiting() {
    let server = server();
    let (run, feed) = Fetchall::default().concurrency(1).start_fed().unwrap();
    let running = feed.add(server.url("never")).await.unwrap();
    server.wait_until("it", |log| !log.requests.is_empty());
    let pending = feed.add(server.url("a")).await.unwrap();
    assert_eq!(running.state(), JobState::Running);
    run.stop().raise(StopLevel::Abort);
    let end = run.finish().await.unwrap();
    assert_eq!(running.state(), JobState::Cancelled);
    assert_eq!(running.await.unwrap().verdict, Verdict::Cancelled);
    assert_eq!(pending.state(), JobState::Cancelled);
    // Read and cancelled, or never read: in no case does it wait for ever.
    assert!(pending.await.is_ok_and(|o| o.verdict == Verdict::Cancelled) || end.summary.counts.read == 1);
    assert!(feed.add(server.url("late")).await.is_err());
}

#[tokio::test]
async fn the_first_success_or_max_duration_cancels_the_rest() {
    let server = server();
    let urls = ["never", "a"].map(|path| server.url(path));
    let run = Fetchall::new(urls.clone()).until(Until::FirstSuccess).start().unwrap();
    let (outcomes, _) = run.gather().await.unwrap();
    let verdicts: Vec<_> = outcomes.iter().map(|o| o.verdict.as_str()).collect();
    assert_eq!(verdicts, ["cancelled", "ok"]);
    let config = Config { max_duration: Some(Duration::from_millis(200)), ..Config::default() };
    let (outcomes, _) = Fetchall::new(urls).config(config).start().unwrap().gather().await.unwrap();
    let verdicts: Vec<_> = outcomes.iter().map(|o| o.verdict.as_str()).collect();
    assert_eq!(verdicts, ["cancelled", "ok"]);
}

#[tokio::test]
async fn a_run_that_is_dropped_ends() {
    let server = server();
    let run = Fetchall::new([server.url("never")]).start().unwrap();
    server.wait_until("it", |log| !log.requests.is_empty());
    drop(run);
    server.wait_until("the end", |log| log.open == 0);
}
