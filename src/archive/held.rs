//! Records that wait for the outcome of their page.

use std::collections::HashMap;

use super::group::RecordGroup;

/// The most bytes of held records in memory. Beyond that they wait in temporary files.
const MOST_IN_MEMORY: usize = 8 * 1024 * 1024;

/// Records by the number under which they are held.
#[derive(Default)]
pub(super) struct HeldGroups {
    last: u64,
    groups: HashMap<u64, RecordGroup>,
    memory: usize,
}

impl HeldGroups {
    /// Whether so many more bytes fit into the memory.
    pub(super) fn has_room(&self, memory: usize) -> bool {
        self.memory + memory <= MOST_IN_MEMORY
    }

    /// Holds records. Returns their number.
    pub(super) fn add(&mut self, group: RecordGroup) -> u64 {
        self.memory += group.memory();
        self.last += 1;
        self.groups.insert(self.last, group);
        self.last
    }

    /// Takes records out, if there are any of this number.
    pub(super) fn take(&mut self, number: u64) -> Option<RecordGroup> {
        let group = self.groups.remove(&number)?;
        self.memory -= group.memory();
        Some(group)
    }
}
