//! Tests of the times and counts of opening a connection, without a network.

use tokio::time::sleep;

use super::*;
use crate::fetch::connect::alpn_gate::Http1Origins;
use crate::fetch::connect::connect_context::{CONNECT, ConnectContext};
use crate::model::Timing;

const TO_CONNECT: Duration = Duration::from_secs(10);
const HANDSHAKE: Duration = Duration::from_secs(6);

#[tokio::test(start_paused = true)]
async fn limits_begin_when_the_wait_for_the_protocol_ends() {
    let gate = Arc::new(AlpnGate::new(TO_CONNECT, None, &Http1Origins::default()));
    let opened = AtomicUsize::new(0);
    let started = Instant::now();
    let connects = (0..20).map(|_| {
        CONNECT.scope(ConnectContext::default(), async {
            let by = || CONNECT.with(|marks| marks.connected_by(TO_CONNECT));
            let open = async {
                let waited = started.elapsed();
                assert_eq!(by(), Some(started + waited + TO_CONNECT));
                sleep(HANDSHAKE).await;
                Ok(waited)
            };
            let mut connecting = std::pin::pin!(in_turn(Some((&gate, 1)), &opened, open, |_| false));
            let waited = std::future::poll_fn(|cx| {
                let polled = connecting.as_mut().poll(cx);
                assert!(by().is_some(), "who waits counts as connecting");
                polled
            });
            let waited = waited.await.unwrap();
            assert_eq!(by(), Some(started + waited + HANDSHAKE));
            let mut timing = Timing::default();
            CONNECT.with(|marks| marks.add_to(&mut timing));
            assert_eq!(timing.connect, Some(HANDSHAKE), "the wait is no part of the connection");
            waited
        })
    });
    let waited = futures::future::join_all(connects).await;
    assert_eq!(waited.iter().min(), Some(&Duration::ZERO));
    let longest = waited.into_iter().max().unwrap();
    assert!(longest > Duration::ZERO && longest <= TO_CONNECT / 8, "{longest:?}");
    assert_eq!(opened.into_inner(), 20);
}

#[tokio::test(start_paused = true)]
async fn only_the_first_connects_before_the_protocol_is_known() {
    let gate = Arc::new(AlpnGate::new(TO_CONNECT, None, &Http1Origins::default()));
    let opened = AtomicUsize::new(0);
    let one =
        || CONNECT.scope(ConnectContext::default(), in_turn(Some((&gate, 1)), &opened, sleep_a_little(), |()| false));
    let (first, second) = (one(), one());
    let mut both = std::pin::pin!(futures::future::join(first, second));
    assert!(futures::FutureExt::now_or_never(&mut both).is_none());
    assert_eq!(opened.load(Relaxed), 1);
    let (first, second) = both.await;
    first.and(second).unwrap();
    assert_eq!(opened.load(Relaxed), 2);
}

async fn sleep_a_little() -> Result<(), ClientError> {
    sleep(Duration::from_millis(10)).await;
    Ok(())
}
