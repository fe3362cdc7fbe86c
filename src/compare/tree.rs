//! A process and its descendants as `/proc` shows them, looked at again and again; the peaks are kept.
//!
//! On systems without such a `/proc` nothing is seen, and every peak stays absent.

/// The most that was ever seen at one look.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Peaks {
    pub(super) memory: Option<u64>,
    pub(super) threads: Option<u64>,
    pub(super) processes: Option<u64>,
    pub(super) connections: Option<u64>,
}

#[cfg(any(target_os = "linux", test))]
impl Peaks {
    fn raise(&mut self, seen: Peaks) {
        self.memory = self.memory.max(seen.memory);
        self.threads = self.threads.max(seen.threads);
        self.processes = self.processes.max(seen.processes);
        self.connections = self.connections.max(seen.connections);
    }
}

#[cfg(target_os = "linux")]
pub(super) use linux::{descendants, look, look_at_connections};

/// Looks once, and raises the peaks.
#[cfg(all(unix, not(target_os = "linux")))]
pub(super) fn look(_root: u32, _peaks: &mut Peaks) {}

/// Looks at the connections once, and raises their peak.
#[cfg(all(unix, not(target_os = "linux")))]
pub(super) fn look_at_connections(_root: u32, _peaks: &mut Peaks) {}

/// The process and what it started, directly or not.
#[cfg(all(unix, not(target_os = "linux")))]
pub(super) fn descendants(root: u32) -> Vec<u32> {
    vec![root]
}

#[cfg(target_os = "linux")]
mod linux {
    use std::collections::{HashMap, HashSet};
    use std::fs;

    use super::Peaks;

    /// The fields of `/proc/PID/stat` used here.
    struct Stat {
        pid: u32,
        parent: u32,
        threads: u64,
        is_zombie: bool,
    }

    /// Looks once, and raises the peaks.
    pub(in super::super) fn look(root: u32, peaks: &mut Peaks) {
        let tree: Vec<Stat> = tree(root).into_iter().filter(|stat| !stat.is_zombie).collect();
        if tree.is_empty() {
            return;
        }
        let pids = || tree.iter().map(|stat| stat.pid);
        let memory: Vec<u64> = pids().filter_map(memory).collect();
        peaks.raise(Peaks {
            // Of a process that has just ended nothing can be read; without any there is no figure.
            memory: (!memory.is_empty()).then(|| memory.iter().sum()),
            threads: Some(tree.iter().map(|stat| stat.threads).sum()),
            processes: Some(tree.len() as u64),
            connections: None,
        });
    }

    /// Looks at the connections once, and raises their peak.
    pub(in super::super) fn look_at_connections(root: u32, peaks: &mut Peaks) {
        let connections = connections(root, descendants(root).into_iter());
        peaks.raise(Peaks { connections, ..Peaks::default() });
    }

    /// The process and what it started, directly or not.
    pub(in super::super) fn descendants(root: u32) -> Vec<u32> {
        tree(root).iter().map(|stat| stat.pid).collect()
    }

    /// By going through all processes, for not every kernel lists the children of one.
    fn tree(root: u32) -> Vec<Stat> {
        let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
        let mut children: HashMap<u32, Vec<Stat>> = HashMap::new();
        let mut found = Vec::new();
        for entry in entries.flatten() {
            let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
            let Some(stat) = fs::read_to_string(format!("/proc/{pid}/stat")).ok().and_then(|text| parse(pid, &text))
            else {
                continue;
            };
            if pid == root {
                found.push(stat);
            } else {
                children.entry(stat.parent).or_default().push(stat);
            }
        }
        let mut next = 0;
        while let Some(parent) = found.get(next).map(|stat| stat.pid) {
            found.extend(children.remove(&parent).unwrap_or_default());
            next += 1;
        }
        found
    }

    /// proc_pid_stat(5). The name of the program, in parentheses, may itself hold any character.
    fn parse(pid: u32, text: &str) -> Option<Stat> {
        let (_, rest) = text.rsplit_once(')')?;
        let fields: Vec<&str> = rest.split_ascii_whitespace().collect();
        Some(Stat {
            pid,
            is_zombie: matches!(*fields.first()?, "Z" | "X"),
            parent: fields.get(1)?.parse().ok()?,
            threads: fields.get(17)?.parse().ok()?,
        })
    }

    /// Its proportional set size: pages that it shares count by its share of them.
    fn memory(pid: u32) -> Option<u64> {
        let text = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).ok()?;
        let line = text.lines().find_map(|line| line.strip_prefix("Pss:"))?;
        line.split_ascii_whitespace().next()?.parse::<u64>().ok().map(|kib| kib * 1024)
    }

    /// The TCP sockets that these processes hold, each once however many hold it.
    fn connections(root: u32, pids: impl Iterator<Item = u32>) -> Option<u64> {
        let mut tcp = HashSet::new();
        let table = fs::read_to_string(format!("/proc/{root}/net/tcp")).ok()?;
        // Without IPv6 there is no second table.
        let table6 = fs::read_to_string(format!("/proc/{root}/net/tcp6")).unwrap_or_default();
        for line in table.lines().skip(1).chain(table6.lines().skip(1)) {
            let fields: Vec<&str> = line.split_ascii_whitespace().collect();
            if let (Some(state), Some(inode)) = (fields.get(3), fields.get(9))
                && *state != "0A"
                && let Ok(inode) = inode.parse::<u64>()
            {
                tcp.insert(inode);
            }
        }
        let mut held = HashSet::new();
        for pid in pids {
            let Ok(entries) = fs::read_dir(format!("/proc/{pid}/fd")) else { continue };
            let links = entries.flatten().filter_map(|entry| fs::read_link(entry.path()).ok());
            held.extend(
                links
                    .filter_map(|link| link.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?.parse::<u64>().ok()),
            );
        }
        Some(held.intersection(&tcp).count() as u64)
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn a_process_name_with_a_parenthesis_is_parsed() {
            let text = "7 (a) b) S 3 7 7 0 -1 4 0 0 0 0 1 2 3 4 20 0 12 0 9";
            let stat = parse(7, text).expect("it parses");
            assert_eq!((stat.pid, stat.parent, stat.threads, stat.is_zombie), (7, 3, 12, false));
            assert!(parse(7, "7 (a").is_none());
        }

        #[test]
        fn this_process_is_seen() {
            let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
            let _peer = std::net::TcpStream::connect(listener.local_addr().expect("bound")).expect("it listens");
            let mut peaks = Peaks::default();
            look(std::process::id(), &mut peaks);
            look_at_connections(std::process::id(), &mut peaks);
            assert!(peaks.memory.is_some_and(|bytes| bytes > 100_000), "{peaks:?}");
            assert!(peaks.threads.is_some_and(|n| n >= 1) && peaks.processes.is_some_and(|n| n >= 1), "{peaks:?}");
            assert!(peaks.connections.is_some_and(|n| n >= 1), "{peaks:?}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_peak_only_rises_and_what_was_not_seen_lowers_none() {
        let mut peaks = Peaks::default();
        peaks.raise(Peaks { memory: Some(5), threads: Some(2), ..Peaks::default() });
        peaks.raise(Peaks { memory: None, threads: Some(1), processes: Some(1), connections: None });
        assert_eq!(peaks, Peaks { memory: Some(5), threads: Some(2), processes: Some(1), connections: None });
    }
}
