//! The text of a page, read once its body is complete.
//!
//! A tree of a page takes milliseconds, so a thread that may block builds it, and no more trees than cores are built at
//! once.

use std::sync::Arc;
use std::thread;

use futures::future::BoxFuture;
use http::HeaderMap;
use tokio::sync::Semaphore;

use super::observer::{BodyObserver, ObserverRequest};
use crate::extract::{FIRST_BYTES, LARGEST_PAGE, PAGE_STACK, PageHead, ReadPage, page_text};
use crate::model::{FetchError, Found, Needs, PageText};

/// Returns the observer of a page, if the run needs its text or the digest of that.
pub(crate) fn observer(head: PageHead, needs: Needs, permits: Arc<Semaphore>) -> Option<Box<dyn BodyObserver>> {
    let wants_text = needs.contains(Needs::TEXT);
    let is_needed = wants_text || needs.contains(Needs::TEXT_DIGEST);
    is_needed.then(|| Box::new(PageBody { head, wants_text, permits, state: PageState::First(Vec::new()) }) as _)
}

/// The body of a page.
struct PageBody {
    head: PageHead,
    /// Whether the text itself is needed, beside its digest.
    wants_text: bool,
    permits: Arc<Semaphore>,
    state: PageState,
}

enum PageState {
    /// Fewer bytes have come than decide whether it is a page.
    First(Vec<u8>),
    /// It is no page.
    Other,
    Page(Vec<u8>),
    /// It is longer than a page may be.
    TooLong,
}

impl PageBody {
    /// Decides whether the body is a page.
    fn begin(&mut self) {
        if let PageState::First(bytes) = &mut self.state {
            let bytes = std::mem::take(bytes);
            self.state = if self.head.is_page(&bytes) { PageState::Page(bytes) } else { PageState::Other };
        }
    }
}

impl BodyObserver for PageBody {
    fn decoded(&mut self, bytes: &[u8]) -> ObserverRequest {
        match &mut self.state {
            PageState::First(first) => {
                first.extend_from_slice(bytes);
                if first.len() >= FIRST_BYTES {
                    self.begin();
                }
            }
            PageState::Page(page) if page.len() + bytes.len() > LARGEST_PAGE => self.state = PageState::TooLong,
            PageState::Page(page) => page.extend_from_slice(bytes),
            PageState::Other | PageState::TooLong => {}
        }
        ObserverRequest::More
    }

    fn end(&mut self, _trailers: Option<&HeaderMap>, _found: &mut Found) -> Result<(), FetchError> {
        self.begin();
        Ok(())
    }

    fn conclude<'a>(&'a mut self, found: &'a mut Found) -> Option<BoxFuture<'a, ()>> {
        let body = match std::mem::replace(&mut self.state, PageState::Other) {
            PageState::First(_) | PageState::Other => return None,
            PageState::Page(body) => Some(body),
            PageState::TooLong => None,
        };
        Some(Box::pin(async move {
            let (text, digest) = match body {
                Some(body) => read(self.head.clone(), body, &self.permits).await,
                None => (PageText::failed(format!("the page is larger than {LARGEST_PAGE} bytes")), None),
            };
            found.text_sha256 = digest;
            found.text = self.wants_text.then(|| Box::new(text));
        }))
    }
}

/// Reads the text of a page on a thread that may block.
async fn read(head: PageHead, body: Vec<u8>, permits: &Semaphore) -> ReadPage {
    // Err: the semaphore is never closed.
    let _permit = permits.acquire().await;
    let read = tokio::task::spawn_blocking(move || read_on_large_stack(head, body)).await;
    read.unwrap_or_else(|_| (PageText::failed("the run ended before the page was read"), None))
}

/// Reads it on a thread of its own: an overflow of the stack would end the process.
fn read_on_large_stack(head: PageHead, body: Vec<u8>) -> ReadPage {
    let thread = thread::Builder::new().name("page".to_owned()).stack_size(PAGE_STACK);
    match thread.spawn(move || page_text(&head, &body)) {
        Ok(thread) => thread.join().unwrap_or_else(|_| (PageText::failed("the page cannot be read"), None)),
        Err(e) => (PageText::failed(format!("no thread can be started: {e}")), None),
    }
}
