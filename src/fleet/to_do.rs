//! Messages to the queue thread, and the work that they ask for. Messages that wait are done together.

use tokio::sync::oneshot;

use crate::model::{HostPace, ReturnedUrl};
use crate::queue::{Committed, Queued, RefusedLine};

/// Gets the end of the thread.
pub(super) type ThreadEnd = oneshot::Sender<Result<(), String>>;

/// A message to the queue thread.
pub(super) enum ToThread {
    /// Links.
    Add(Vec<Queued>),
    /// Lines that are no URLs.
    Refuse(Vec<RefusedLine>),
    /// Texts for all workers.
    Notes(Vec<Box<str>>),
    /// Outcomes.
    Complete(Vec<Committed>),
    /// URLs that are not done.
    GiveBack(Vec<ReturnedUrl>),
    /// The pace of hosts that stay.
    StorePace(Vec<HostPace>),
    /// Hosts that go.
    ReleaseHosts(Vec<HostPace>),
    /// A host to lease.
    LeaseHost(Box<str>),
    /// The URLs of a list are all added, or the rest of it cannot be read.
    ListEnded,
    /// The run is over.
    Finish(ThreadEnd),
}

/// The work of one turn, in this order: links are added before the outcome of their page is committed, and a host goes
/// after its URLs.
#[derive(Default)]
pub(super) struct ToDo {
    pub(super) notes: Vec<Box<str>>,
    pub(super) add: Vec<Queued>,
    pub(super) refuse: Vec<RefusedLine>,
    pub(super) complete: Vec<Committed>,
    pub(super) back: Vec<ReturnedUrl>,
    pub(super) store: Vec<HostPace>,
    pub(super) release: Vec<HostPace>,
    pub(super) lease_hosts: Vec<Box<str>>,
    pub(super) list_ended: bool,
    pub(super) finish: Option<ThreadEnd>,
}

impl ToDo {
    /// Adds a message. Returns whether no other message may be done together with it: a host that goes may come back.
    pub(super) fn put(&mut self, message: ToThread) -> bool {
        match message {
            ToThread::Add(urls) => self.add.extend(urls),
            ToThread::Refuse(lines) => self.refuse.extend(lines),
            ToThread::Notes(notes) => self.notes.extend(notes),
            ToThread::Complete(done) => self.complete.extend(done),
            ToThread::GiveBack(back) => self.back.extend(back),
            ToThread::StorePace(paces) => self.store.extend(paces),
            ToThread::ReleaseHosts(paces) => self.release.extend(paces),
            ToThread::LeaseHost(host) => {
                self.lease_hosts.push(host);
                return true;
            }
            ToThread::ListEnded => self.list_ended = true,
            ToThread::Finish(reply) => {
                self.finish = Some(reply);
                return true;
            }
        }
        false
    }

    /// How much there is to do.
    pub(super) fn len(&self) -> usize {
        self.add.len() + self.refuse.len() + self.complete.len() + self.back.len() + self.release.len()
    }
}
