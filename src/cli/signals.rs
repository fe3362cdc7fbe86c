//! The signals that end a run, and those that a run outlives.

use std::io;

#[cfg(unix)]
use tokio::signal::unix::{Signal, SignalKind, signal};

/// Ctrl-C, the request to terminate, and the end of the terminal. A signal that was ignored when
/// the program started stays ignored: `nohup` and the shell ask for that.
#[cfg(unix)]
pub(super) struct Signals {
    ending: Vec<Signal>,
    _too_large: Signal,
}

#[cfg(unix)]
impl Signals {
    pub(super) fn new() -> io::Result<Self> {
        Self::of(ending())
    }

    /// Catches every signal that would end the program, for a command that has files to remove.
    pub(super) fn all() -> io::Result<Self> {
        use rustix::process::Signal;
        let more = [Signal::QUIT, Signal::USR1, Signal::USR2, Signal::ALARM, Signal::XCPU];
        Self::of(ending().chain(more.map(|signal| SignalKind::from_raw(signal.as_raw()))))
    }

    fn of(kinds: impl Iterator<Item = SignalKind>) -> io::Result<Self> {
        let ending = kinds.filter(|kind| !is_ignored(*kind)).map(signal);
        Ok(Self { ending: ending.collect::<io::Result<_>>()?, _too_large: too_large()? })
    }

    /// Waits for the next signal.
    pub(super) async fn next(&mut self) {
        std::future::poll_fn(|cx| {
            let arrived = self.ending.iter_mut().any(|signal| signal.poll_recv(cx).is_ready());
            if arrived { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
        })
        .await;
    }
}

/// Keeps the signals of [`Signals`] from ending this process while it exists: a worker process
/// leaves them to its parent.
#[cfg(unix)]
pub(super) struct LeftToParent {
    _signals: Vec<Signal>,
}

#[cfg(unix)]
impl LeftToParent {
    pub(super) fn new() -> io::Result<Self> {
        let mut signals = ending().map(signal).collect::<io::Result<Vec<_>>>()?;
        signals.push(too_large()?);
        Ok(Self { _signals: signals })
    }
}

#[cfg(unix)]
fn ending() -> impl Iterator<Item = SignalKind> {
    [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()].into_iter()
}

/// `ulimit -f` sends this signal. While it is caught, a file that may not grow is an error of that file.
#[cfg(unix)]
fn too_large() -> io::Result<Signal> {
    signal(SignalKind::from_raw(rustix::process::Signal::XFSZ.as_raw()))
}

/// Whether a signal is ignored, as the parent process may have arranged before it started this one.
#[cfg(unix)]
#[expect(unsafe_code, reason = "no safe call tells the disposition of a signal without changing it")]
fn is_ignored(kind: SignalKind) -> bool {
    use nix::libc;
    let mut current = std::mem::MaybeUninit::<libc::sigaction>::zeroed();
    // SAFETY: without a new action sigaction(2) only writes the current one, to memory of its type.
    let result = unsafe { libc::sigaction(kind.as_raw_value(), std::ptr::null(), current.as_mut_ptr()) };
    // SAFETY: zeroes are a valid value of this type of integers, whether or not the call filled it in.
    result == 0 && unsafe { current.assume_init() }.sa_sigaction == libc::SIG_IGN
}

#[cfg(not(unix))]
pub(super) struct Signals;

#[cfg(not(unix))]
impl Signals {
    pub(super) fn new() -> io::Result<Self> {
        Ok(Self)
    }

    pub(super) fn all() -> io::Result<Self> {
        Self::new()
    }

    /// Waits for the next Ctrl-C.
    pub(super) async fn next(&mut self) {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending().await
        }
    }
}
