//! The sessions of a worker: one for each partition.
//!
//! A session is the fencing token: it owns hosts, and calls that name another one have no effect. It ends when its
//! deadline is over. After a broken connection the worker moves what it has to a new session, so a call that arrives
//! late over the old connection has no effect.

/// The session of a worker at one partition.
#[derive(Default)]
pub(super) struct Session {
    number: u32,
    /// Whether a call has named it, so that the server may know it.
    is_used: bool,
    /// Whether the server has answered with it.
    is_known: bool,
    /// Sessions before it that may still own hosts.
    old: Vec<u32>,
}

impl Session {
    /// The name of the session of a worker.
    pub(super) fn name(&self, worker: &str) -> String {
        format!("{worker}.{}", self.number)
    }

    /// The names of the sessions before this one that may own hosts.
    pub(super) fn old_names(&self, worker: &str) -> Vec<String> {
        self.old.iter().map(|number| format!("{worker}.{number}")).collect()
    }

    /// Whether the server may know the session or one before it.
    pub(super) fn may_own(&self) -> bool {
        self.is_used || !self.old.is_empty()
    }

    /// Whether the server knows the session.
    pub(super) fn is_known(&self) -> bool {
        self.is_known
    }

    /// Notes that a call names it.
    pub(super) fn use_it(&mut self) {
        self.is_used = true;
    }

    /// Notes that the server knows it.
    pub(super) fn is_accepted(&mut self) {
        self.is_known = true;
    }

    /// Begins the next session. The server may still know this one.
    pub(super) fn begin_next(&mut self) {
        if self.is_used {
            self.old.push(self.number);
        }
        self.number += 1;
        (self.is_used, self.is_known) = (true, false);
    }

    /// Notes that the server has moved all hosts to this session, or that there were none.
    pub(super) fn adopted(&mut self, has_hosts: bool) {
        self.old.clear();
        self.is_known = has_hosts;
    }

    /// Begins a session after the server has ended this one.
    pub(super) fn lost(&mut self) {
        let number = self.number + 1;
        *self = Self { number, ..Self::default() };
    }
}
