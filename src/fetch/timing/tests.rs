//! Tests of the layer around the connector, without a network.

use std::future::poll_fn;

use hyper_util::client::legacy::connect::Connected;
use tokio::time::sleep;
use tower_layer::Layer as _;
use tower_service::Service;

use super::*;
use crate::fetch::gate::Http1Origins;

const TO_CONNECT: Duration = Duration::from_secs(10);
const HANDSHAKE: Duration = Duration::from_secs(6);

#[derive(Clone)]
struct Slow;

struct Http1;

impl Connection for Http1 {
    fn connected(&self) -> Connected {
        Connected::new()
    }
}

impl Service<()> for Slow {
    type Response = Http1;
    type Error = ClientError;
    type Future = Pin<Box<dyn Future<Output = Result<Http1, ClientError>> + Send>>;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), ClientError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, (): ()) -> Self::Future {
        Box::pin(async {
            sleep(HANDSHAKE).await;
            Ok(Http1)
        })
    }
}

#[tokio::test(start_paused = true)]
async fn limits_count_from_the_end_of_the_wait_for_what_an_origin_speaks() {
    let gates = Arc::new(Gates::new(TO_CONNECT, None, &Http1Origins::default()));
    let layer = ConnectLayer { opened: Arc::default(), timeout: None, gates: Some(gates) };
    let started = Instant::now();
    let connects = (0..20).map(|_| {
        let mut service = layer.layer(Slow);
        let opened = layer.opened.clone();
        MARKS.scope(Marks::default(), async move {
            mark_origin(Some(1));
            let by = || MARKS.with(|m| m.connected_by(TO_CONNECT));
            poll_fn(|cx| {
                let ready = Service::<()>::poll_ready(&mut service, cx);
                assert!(by().is_some(), "who waits counts as connecting");
                ready
            })
            .await
            .unwrap();
            let waited = started.elapsed();
            assert!(opened.load(Relaxed) < 20, "nobody connects yet who waits");
            let connecting = service.call(());
            assert_eq!(by(), Some(started + waited + TO_CONNECT));
            tokio::time::timeout(TO_CONNECT, connecting).await.unwrap().unwrap();
            assert_eq!(by(), Some(started + waited + HANDSHAKE));
            assert!(!MARKS.with(Marks::reused));
            let mut timing = Timing::default();
            MARKS.with(|m| m.add_to(&mut timing));
            assert_eq!(timing.connect, Some(HANDSHAKE), "the wait is no part of the connection");
            waited
        })
    });
    let waited = futures_util::future::join_all(connects).await;
    assert_eq!(waited.iter().min(), Some(&Duration::ZERO));
    let longest = waited.into_iter().max().unwrap();
    assert!(longest > Duration::ZERO && longest <= TO_CONNECT / 8, "{longest:?}");
    assert_eq!(layer.opened.load(Relaxed), 20);
}
