//! One child process: its start, its observation, its end on request, and its usage.

use std::io;
use std::process::{Command, ExitStatus};
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;

use super::tree::Peaks;

/// The usual interval between two looks at the tree. A look that takes long is followed by a longer
/// pause, so that looking takes no more than a quarter of a processor.
#[cfg(unix)]
const PAUSE: Duration = Duration::from_millis(20);

/// At first the interval is shorter: a short run would be over before the first look.
const FIRST_PAUSE: Duration = Duration::from_millis(2);

/// With fewer looks than this a peak would be a figure of the start and not of the run.
#[cfg(unix)]
const LOOKS: u32 = 3;

/// After the signals, how long a child may take to end before it is killed.
#[cfg(unix)]
const LAST_WORDS: Duration = Duration::from_secs(2);

/// The observations of a child from outside.
#[derive(Debug)]
pub(super) struct ProcessReport {
    pub(super) status: ExitStatus,
    pub(super) wall: Duration,
    pub(super) usage: Option<Usage>,
    pub(super) peaks: Peaks,
}

/// The usage that the system adds up for a child and for the children that it waited for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Usage {
    pub(super) user_ms: f64,
    pub(super) system_ms: f64,
    pub(super) switches: u64,
}

/// Runs a child to its end, or ends it when `stop` says so. Only one may run at a time: the system
/// counts all children together, so the usage is the difference of before and after.
#[cfg(unix)]
pub(super) fn run(command: &mut Command, stop: &CancellationToken) -> io::Result<ProcessReport> {
    use std::os::unix::process::CommandExt as _;

    use rustix::process::{Pid, WaitId, WaitIdOptions, waitid};

    // A group of its own: Ctrl-C at the terminal reaches this program alone, which then ends the child.
    command.process_group(0);
    let before = usage();
    let began = Instant::now();
    let mut child = command.spawn()?;
    let pid = Pid::from_child(&child);
    let mut peaks = Peaks::default();
    let (mut looks, mut looks_at_connections) = (0_u32, 0_u32);
    let ended = std::thread::scope(|scope| {
        let watcher = std::thread::current();
        let waiter = scope.spawn(move || {
            // It is left unreaped, so that its id stays its own while others still use it.
            let options = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
            while waitid(WaitId::Pid(pid), options).is_err_and(|error| error == rustix::io::Errno::INTR) {}
            let at = Instant::now();
            watcher.unpark();
            at
        });
        let mut ending = ChildTermination::default();
        let mut pause = FIRST_PAUSE;
        // The system's table of connections may hold thousands of others. Reading it may take far
        // longer than all the rest, so it has a pace of its own.
        let mut connections_due = began;
        while !waiter.is_finished() {
            let begun = Instant::now();
            if stop.is_cancelled() {
                ending.press(pid);
            }
            super::tree::look(child.id(), &mut peaks);
            looks += 1;
            let looked = Instant::now();
            if looked >= connections_due {
                super::tree::look_at_connections(child.id(), &mut peaks);
                looks_at_connections += 1;
                connections_due = Instant::now() + looked.elapsed() * 6;
            }
            std::thread::park_timeout(pause.max((looked - begun) * 3));
            pause = PAUSE.min(pause * 2);
        }
        waiter.join().unwrap_or_else(|_| Instant::now())
    });
    if stop.is_cancelled() {
        // Kills the rest of its process group, which may be empty.
        let _ = rustix::process::kill_process_group(pid, rustix::process::Signal::KILL);
    }
    let status = child.wait()?;
    let usage = before.zip(usage()).map(|(before, after)| Usage {
        user_ms: after.user_ms - before.user_ms,
        system_ms: after.system_ms - before.system_ms,
        switches: after.switches.saturating_sub(before.switches),
    });
    if looks_at_connections < LOOKS {
        peaks.connections = None;
    }
    let peaks = if looks < LOOKS { Peaks::default() } else { peaks };
    Ok(ProcessReport { status, wall: ended - began, usage, peaks })
}

/// Runs a child to its end, or ends it when `stop` says so.
#[cfg(not(unix))]
pub(super) fn run(command: &mut Command, stop: &CancellationToken) -> io::Result<ProcessReport> {
    let began = Instant::now();
    let mut child = command.spawn()?;
    let peaks = Peaks::default();
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break status;
        }
        if stop.is_cancelled() {
            child.kill()?;
        }
        std::thread::park_timeout(FIRST_PAUSE);
    };
    Ok(ProcessReport { status, wall: began.elapsed(), usage: None, peaks })
}

/// The stage of ending a child.
#[cfg(unix)]
#[derive(Default)]
struct ChildTermination {
    since: Option<Instant>,
    asked: u32,
}

#[cfg(unix)]
impl ChildTermination {
    /// Asks the child to end. The second request ends it at once. The last step ends all processes that it started.
    fn press(&mut self, pid: rustix::process::Pid) {
        use rustix::process::{Pid, Signal, kill_process};
        let since = *self.since.get_or_insert_with(Instant::now);
        // The child may have ended just now; until it is reaped, no other process has its id.
        if self.asked < 2 {
            let _ = kill_process(pid, Signal::TERM);
            self.asked += 1;
        } else if since.elapsed() > LAST_WORDS {
            let root = u32::try_from(pid.as_raw_nonzero().get()).unwrap_or(0);
            for id in super::tree::descendants(root) {
                if let Some(id) = i32::try_from(id).ok().and_then(Pid::from_raw) {
                    let _ = kill_process(id, Signal::KILL);
                }
            }
        }
    }
}

/// Returns the usage of all reaped children so far, with the children that they had waited for.
#[cfg(unix)]
fn usage() -> Option<Usage> {
    use nix::sys::resource::{UsageWho, getrusage};
    use nix::sys::time::TimeVal;
    let used = getrusage(UsageWho::RUSAGE_CHILDREN).ok()?;
    let ms = |time: TimeVal| time.tv_sec() as f64 * 1000.0 + time.tv_usec() as f64 / 1000.0;
    let switches = used.voluntary_context_switches() + used.involuntary_context_switches();
    Some(Usage {
        user_ms: ms(used.user_time()),
        system_ms: ms(used.system_time()),
        switches: u64::try_from(switches).unwrap_or(0),
    })
}
