//! The live view of a run: `/metrics` for Prometheus, `/healthz`, and a page with the buttons pause and resume.
//!
//! The reporter counts events; a thread of its own answers requests from these counts. It serves a bounded number of
//! connections, each for a bounded time, so neither a slow nor a hostile client delays the run.

mod live_run;
mod metrics;
mod server;

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::{fmt, io};

use super::Reporter;
use crate::model::Event;
use live_run::LiveRun;
use server::ServerThread;

/// Pauses or resumes the run.
pub type PauseSwitch = Box<dyn Fn(bool) + Send + Sync>;

/// Shows a run on an address while it goes on.
pub struct LiveView {
    run: Arc<LiveRun>,
    /// It ends with the reporter.
    server: ServerThread,
}

impl LiveView {
    /// Serves on this listener. A client that has `token` may pause the run.
    ///
    /// # Errors
    /// When the server cannot start.
    pub fn start(listener: TcpListener, token: &str, pause: PauseSwitch) -> io::Result<Self> {
        let run = Arc::new(LiveRun::new());
        let server = ServerThread::start(listener, Arc::clone(&run), token, pause)?;
        Ok(Self { run, server })
    }

    /// The address on which it serves.
    pub fn address(&self) -> SocketAddr {
        self.server.address()
    }
}

impl fmt::Debug for LiveView {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LiveView").field("address", &self.address()).finish_non_exhaustive()
    }
}

impl Reporter for LiveView {
    fn event(&mut self, event: &Event<'_>) {
        self.run.event(event);
    }

    fn watches_jobs(&self) -> bool {
        true
    }

    fn watches_progress(&self) -> bool {
        true
    }

    fn watches_hosts(&self) -> bool {
        true
    }
}
