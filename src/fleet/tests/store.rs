//! A store in memory for several workers.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard};

use crate::model::{HostPace, LeaseId, ReturnedUrl};
use crate::queue::{
    Added, Committed, LeasedUrl, ListClaim, QueueError, Queued, RefusedLine, Renewal, SharedLeases, SharedQueue,
    SharedRequest, SharedRest,
};

#[derive(Default)]
struct Contents {
    seen: HashSet<u128>,
    /// The URLs of each host, with their attempts.
    waiting: BTreeMap<Box<str>, VecDeque<(Queued, u32)>>,
    owners: HashMap<Box<str>, String>,
    paces: HashMap<Box<str>, HostPace>,
    leased: HashMap<LeaseId, (String, Queued, u32)>,
    wanted: HashSet<Box<str>>,
    lost: HashMap<String, Vec<Box<str>>>,
    committed: Vec<String>,
    /// The places of lines that are no URLs.
    refused: Vec<String>,
    notes: Vec<Box<str>>,
    lists: HashMap<String, bool>,
    next_lease: i64,
    is_paused: bool,
    failures: usize,
    calls: HashMap<&'static str, usize>,
}

/// The store of all workers.
pub(super) struct Store(Mutex<Contents>);

impl Store {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self(Mutex::default()))
    }

    fn lock(&self) -> MutexGuard<'_, Contents> {
        self.0.lock().unwrap()
    }

    pub(super) fn worker(self: &Arc<Self>, name: &str) -> Box<dyn SharedQueue> {
        Box::new(StoreQueue { store: self.clone(), name: name.to_owned(), notes: 0 })
    }

    /// The URLs whose outcomes are committed, sorted.
    pub(super) fn committed(&self) -> Vec<String> {
        let mut urls = self.lock().committed.clone();
        urls.sort_unstable();
        urls
    }

    /// The places of the lines that are no URLs.
    pub(super) fn refused(&self) -> Vec<String> {
        self.lock().refused.clone()
    }

    /// How many hosts and URLs are leased.
    pub(super) fn leased(&self) -> (usize, usize) {
        let contents = self.lock();
        (contents.owners.len(), contents.leased.len())
    }

    pub(super) fn calls_of(&self, name: &'static str) -> usize {
        self.lock().calls.get(name).copied().unwrap_or_default()
    }

    /// The lease of a host expires.
    pub(super) fn lose(&self, host: &str) {
        let mut contents = self.lock();
        let owner = contents.owners.remove(host).expect("an owner");
        contents.take_back(|_, url| url.host() == host);
        contents.lost.entry(owner).or_default().push(host.into());
    }

    /// The next calls fail, so many of them.
    pub(super) fn fail(&self, failures: usize) {
        self.lock().failures = failures;
    }

    pub(super) fn pause(&self, is_paused: bool) {
        self.lock().is_paused = is_paused;
    }
}

impl Contents {
    fn take_back(&mut self, which: impl Fn(&str, &Queued) -> bool) {
        let back: Vec<_> = self.leased.extract_if(|_, (owner, url, _)| which(owner, url)).collect();
        for (_, (_, url, attempts)) in back {
            self.waiting.entry(url.host().into()).or_default().push_front((url, attempts));
        }
    }

    fn rest(&self) -> SharedRest {
        let is_loading = self.lists.values().any(|is_loaded| !is_loaded);
        match (self.is_paused, self.waiting.values().all(VecDeque::is_empty)) {
            (true, _) => SharedRest::Paused,
            (false, true) if self.leased.is_empty() && !is_loading && !self.lists.is_empty() => SharedRest::Drained,
            _ => SharedRest::Waits,
        }
    }
}

struct StoreQueue {
    store: Arc<Store>,
    name: String,
    notes: usize,
}

impl StoreQueue {
    fn call(&self, name: &'static str) -> Result<MutexGuard<'_, Contents>, QueueError> {
        let mut contents = self.store.lock();
        *contents.calls.entry(name).or_default() += 1;
        if contents.failures > 0 {
            contents.failures -= 1;
            return Err(QueueError("the store is away".to_owned()));
        }
        Ok(contents)
    }
}

impl SharedQueue for StoreQueue {
    fn add(&mut self, batch: &[Queued]) -> Result<Added, QueueError> {
        let mut contents = self.call("add")?;
        let mut added = Added::default();
        for url in batch {
            if url.key.is_some_and(|key| !contents.seen.insert(key.0)) {
                added.seen += 1;
                continue;
            }
            added.new += 1;
            contents.waiting.entry(url.host().into()).or_default().push_back((url.clone(), 0));
        }
        Ok(added)
    }

    fn add_refused(&mut self, lines: &[RefusedLine]) -> Result<(), QueueError> {
        let mut contents = self.call("add_refused")?;
        for line in lines {
            if !contents.refused.contains(&line.place) {
                contents.refused.push(line.place.clone());
            }
        }
        Ok(())
    }

    fn lease(&mut self, request: &SharedRequest) -> Result<SharedLeases, QueueError> {
        let name = self.name.clone();
        let mut contents = self.call("lease")?;
        let mut leases = SharedLeases::default();
        let hosts: Vec<_> =
            contents.waiting.iter().filter(|(_, urls)| !urls.is_empty()).map(|(host, _)| host.clone()).collect();
        let hosts = if contents.is_paused { Vec::new() } else { hosts };
        for host in hosts {
            match contents.owners.get(&host) {
                Some(owner) if *owner != name => continue,
                Some(_) => {}
                None => {
                    contents.owners.insert(host.clone(), name.clone());
                    let pace = contents.paces.remove(&host).unwrap_or_default();
                    leases.hosts.push(HostPace { host: host.clone(), ..pace });
                }
            }
            let mut room = request.per_host.min(request.most - leases.urls.len());
            while room > 0
                && let Some((url, attempts)) = contents.waiting.get_mut(&host).and_then(VecDeque::pop_front)
            {
                room -= 1;
                contents.next_lease += 1;
                let lease = LeaseId(contents.next_lease);
                contents.leased.insert(lease, (name.clone(), url.clone(), attempts));
                leases.urls.push(LeasedUrl { lease, attempts, url });
            }
        }
        leases.rest = contents.rest();
        leases.notes = contents.notes[self.notes..].to_vec();
        let known = contents.notes.len();
        drop(contents);
        self.notes = known;
        Ok(leases)
    }

    fn lease_host(&mut self, host: &str) -> Result<Option<HostPace>, QueueError> {
        let mut contents = self.call("lease_host")?;
        if contents.owners.contains_key(host) {
            contents.wanted.insert(host.into());
            return Ok(None);
        }
        contents.owners.insert(host.into(), self.name.clone());
        contents.wanted.remove(host);
        let pace = contents.paces.remove(host).unwrap_or_default();
        Ok(Some(HostPace { host: host.into(), ..pace }))
    }

    fn complete(&mut self, done: &[Committed]) -> Result<Vec<LeaseId>, QueueError> {
        let mut contents = self.call("complete")?;
        let mut late = Vec::new();
        for outcome in done {
            match contents.leased.remove(&outcome.lease) {
                Some((_, url, _)) => contents.committed.push(url.url.to_string()),
                None => late.push(outcome.lease),
            }
        }
        Ok(late)
    }

    fn release(&mut self, back: &[ReturnedUrl]) -> Result<(), QueueError> {
        let mut contents = self.call("release")?;
        for ReturnedUrl { lease, attempts } in back {
            if let Some((_, url, _)) = contents.leased.remove(lease) {
                contents.waiting.entry(url.host().into()).or_default().push_front((url, *attempts));
            }
        }
        Ok(())
    }

    fn release_hosts(&mut self, paces: &[HostPace]) -> Result<(), QueueError> {
        let mut contents = self.call("release_hosts")?;
        for pace in paces {
            contents.owners.remove(&pace.host);
            contents.paces.insert(pace.host.clone(), pace.clone());
        }
        Ok(())
    }

    fn store_pace(&mut self, paces: &[HostPace]) -> Result<(), QueueError> {
        let mut contents = self.call("store_pace")?;
        contents.paces.extend(paces.iter().map(|pace| (pace.host.clone(), pace.clone())));
        Ok(())
    }

    fn renew(&mut self) -> Result<Renewal, QueueError> {
        let name = self.name.clone();
        let mut contents = self.call("renew")?;
        let lost = contents.lost.remove(&name).unwrap_or_default();
        let wanted = contents.wanted.iter().filter(|host| contents.owners.get(*host) == Some(&name)).cloned().collect();
        Ok(Renewal { lost, wanted, is_paused: contents.is_paused, has_reconnected: false })
    }

    fn tell_all(&mut self, notes: &[Box<str>]) -> Result<(), QueueError> {
        let mut contents = self.call("tell_all")?;
        for note in notes {
            if !contents.notes.contains(note) {
                contents.notes.push(note.clone());
            }
        }
        Ok(())
    }

    fn claim_list(&mut self, _name: &str, digest: &str) -> Result<ListClaim, QueueError> {
        let mut contents = self.call("claim_list")?;
        Ok(match contents.lists.get(digest) {
            None => {
                contents.lists.insert(digest.to_owned(), false);
                ListClaim::Load
            }
            Some(false) => ListClaim::Loading,
            Some(true) => ListClaim::Loaded,
        })
    }

    fn list_loaded(&mut self, digest: &str) -> Result<(), QueueError> {
        self.call("list_loaded")?.lists.insert(digest.to_owned(), true);
        Ok(())
    }

    fn leave(&mut self) -> Result<(), QueueError> {
        let name = self.name.clone();
        let mut contents = self.call("leave")?;
        contents.take_back(|owner, _| owner == name);
        contents.owners.retain(|_, owner| *owner != name);
        Ok(())
    }
}
