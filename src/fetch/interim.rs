//! Interim responses (1xx; RFC 9110, section 15.2): passed over, but not for ever.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

use ::http::{Extensions, Request};
use tokio::sync::Notify;

use super::answer::ClientError;

/// The most before a response. Each is as bounded as a head is. reqwest lets nobody count them: what
/// goes through it is bounded by the time without an answer.
const MOST: u32 = 100;

/// There were more.
#[derive(Debug, thiserror::Error)]
#[error("more than {MOST} interim responses (1xx) and no other")]
pub(super) struct TooMany;

#[derive(Debug, Default)]
struct Seen {
    count: AtomicU32,
    enough: Notify,
}

/// Counts those of one connection. What tells of them is made once: a request costs a copy of it.
#[derive(Debug)]
pub(super) struct Interim {
    seen: Arc<Seen>,
    extensions: Extensions,
}

impl Interim {
    pub(super) fn new() -> Self {
        let seen = Arc::<Seen>::default();
        let mut request = Request::new(());
        let counted = seen.clone();
        hyper::ext::on_informational(&mut request, move |_| {
            if counted.count.fetch_add(1, Relaxed) >= MOST {
                counted.enough.notify_one();
            }
        });
        Self { seen, extensions: request.into_parts().0.extensions }
    }

    /// What the next request has with it; its count begins at 0.
    pub(super) fn begin(&self) -> Extensions {
        self.seen.count.store(0, Relaxed);
        self.extensions.clone()
    }

    /// Waits for a response, and not for one that comes behind too many others.
    pub(super) async fn bound<T, E: Into<ClientError>>(
        &self,
        response: impl Future<Output = Result<T, E>>,
    ) -> Result<T, ClientError> {
        tokio::pin!(response);
        loop {
            let answered = tokio::select! {
                biased;
                answered = &mut response => Some(answered),
                // It may be left over from the request before.
                () = self.seen.enough.notified() => None,
            };
            if self.seen.count.load(Relaxed) > MOST {
                return Err(TooMany.into());
            }
            if let Some(answered) = answered {
                return answered.map_err(Into::into);
            }
        }
    }
}
