//! What waits is given back, one after the other, for nothing of it will be asked.

use super::{Early, MemoryFrontier};
use crate::model::Subject;

impl MemoryFrontier {
    /// The next: of the hosts that are ready in the order of their turns, then of the others, then what
    /// waits for its time.
    pub(super) fn let_go(&mut self) -> Option<Subject> {
        if let Some(lost) = self.lost.pop_front() {
            self.waiting -= 1;
            return Some(Subject::Bad(Box::new(lost)));
        }
        let ready = self.ready.first_key_value().or(self.troubled.first_key_value()).map(|(_, at)| *at);
        let next = match ready {
            Some(at) => {
                let next = self.pop(at);
                self.list(at);
                next
            }
            None => self.of_others(),
        };
        let Some(next) = next.or_else(|| self.later.pop()) else {
            (self.next, self.room_due, self.early, self.drained) = (None, None, Early::Over, 0);
            return None;
        };
        self.leaves(&next);
        Some(next.into_subject())
    }

    fn of_others(&mut self) -> Option<super::Waiting> {
        while self.drained < self.hosts.len() {
            let at = self.drained;
            if let Some(next) = self.pop(at) {
                return Some(next);
            }
            self.drained += 1;
            if !self.hosts[at].name.is_empty() {
                (self.hosts[at].held, self.hosts[at].next) = (None, None);
                self.list(at);
            }
        }
        None
    }
}
