//! The measurements: rounds of cells, and the medians shown of them.

use serde::Serialize;

use super::records::Sample;

/// The name of the backend that takes one URL after the other.
pub(super) const SEQUENTIAL: &str = "sequential";

/// The observations of one child process, from its start to its end. A value that the system does
/// not report is `None`, never a guess.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Round {
    /// From starting the process to its end.
    pub wall_ms: f64,
    /// The run alone, as the child's own summary has it.
    pub run_ms: f64,
    /// Lines read; the next five add up to it.
    pub urls: u64,
    /// Complete 2xx answers.
    pub ok: u64,
    /// 4xx and 5xx answers.
    pub http_error: u64,
    /// No usable answer.
    pub failed: u64,
    /// Not fetched, on purpose.
    pub skipped: u64,
    /// Stopped first.
    pub cancelled: u64,
    /// Half of the answered fetches took at most this long.
    pub p50_ms: Option<f64>,
    /// 99 of 100 answered fetches took at most this long.
    pub p99_ms: Option<f64>,
    /// The most fetches under way at once, as the child counted them.
    pub peak_concurrency: u64,
    /// Time on a processor in user mode, of the child and the children it waited for.
    pub cpu_user_ms: Option<f64>,
    /// The same in the kernel.
    pub cpu_system_ms: Option<f64>,
    /// Voluntary and involuntary switches of all their threads.
    pub context_switches: Option<u64>,
    /// The largest proportional set size of the process tree that was seen.
    pub peak_memory_bytes: Option<u64>,
    /// The most threads of the tree that were seen.
    pub peak_threads: Option<u64>,
    /// The most processes of the tree that were seen.
    pub peak_processes: Option<u64>,
    /// The most TCP sockets, listening ones aside, that the tree was seen to hold.
    pub peak_connections: Option<u64>,
    /// The number of records that differ from those of the first round of the first cell.
    pub records_differing: u64,
    /// The URL of one of them.
    pub differing_url: Option<String>,
}

impl Round {
    /// User and kernel time for each URL.
    pub fn cpu_ms_per_url(&self) -> Option<f64> {
        Some((self.cpu_user_ms? + self.cpu_system_ms?) / self.urls.max(1) as f64)
    }
}

/// A backend at a concurrency, and its rounds.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Cell {
    /// The backend's name.
    pub backend: String,
    /// The concurrency it was given.
    pub concurrency: u32,
    /// The measured rounds, in order.
    pub rounds: Vec<Round>,
    /// Why it was given up, if it was.
    pub failure: Option<String>,
    /// The timing data in the records of the last round.
    #[serde(skip)]
    pub sample: Sample,
}

impl Cell {
    /// The name in sentences and beside bars.
    pub fn name(&self) -> String {
        if self.is_sequential() { self.backend.clone() } else { format!("{} at {}", self.backend, self.concurrency) }
    }

    /// Whether it takes one URL after the other.
    pub fn is_sequential(&self) -> bool {
        self.backend == SEQUENTIAL
    }

    /// Whether its figures may be compared with others.
    pub fn is_measured(&self) -> bool {
        self.failure.is_none() && !self.rounds.is_empty()
    }

    /// The median of a figure over the rounds that have it.
    pub fn median(&self, figure: impl Fn(&Round) -> Option<f64>) -> Option<f64> {
        let mut values: Vec<f64> = self.rounds.iter().filter_map(figure).collect();
        values.sort_by(f64::total_cmp);
        let middle = values.len() / 2;
        match values.len() {
            0 => None,
            len if len % 2 == 1 => values.get(middle).copied(),
            _ => Some((values.get(middle - 1)? + values.get(middle)?) / 2.0),
        }
    }

    /// The median wall time; endless where nothing was measured.
    pub fn wall_ms(&self) -> f64 {
        self.median(|round| Some(round.wall_ms)).unwrap_or(f64::INFINITY)
    }

    /// The shortest and the longest wall time.
    pub fn wall_range(&self) -> (f64, f64) {
        self.rounds
            .iter()
            .fold((f64::INFINITY, 0.0), |(least, most), round| (round.wall_ms.min(least), round.wall_ms.max(most)))
    }

    /// The spread of the rounds, as a share of the median; `None` with a single round.
    pub fn spread(&self) -> Option<f64> {
        let (least, most) = self.wall_range();
        (self.rounds.len() > 1).then(|| (most - least) / self.wall_ms())
    }

    /// The first round whose records are not those of the first cell.
    pub fn differing(&self) -> Option<&Round> {
        self.rounds.iter().find(|round| round.records_differing > 0)
    }
}

/// Everything that was measured.
#[derive(Debug, Clone, Default)]
pub struct Comparison {
    /// A description of the fetched URLs, for people.
    pub about: String,
    /// When it began, RFC 3339.
    pub started_at: String,
    /// The planned number of rounds of each cell.
    pub rounds: u32,
    /// The number of processors.
    pub processors: Option<usize>,
    /// The cells in the order of measurement.
    pub cells: Vec<Cell>,
    /// Whether it was stopped before its end.
    pub interrupted: bool,
}

impl Comparison {
    /// The cells whose figures may be compared.
    pub fn measured(&self) -> impl Iterator<Item = &Cell> {
        self.cells.iter().filter(|cell| cell.is_measured())
    }

    /// The cells as they are shown.
    pub fn rows(&self) -> Vec<Row<'_>> {
        let sequential = self.measured().find(|cell| cell.is_sequential()).map(Cell::wall_ms);
        self.cells.iter().map(|cell| Row::of(cell, sequential)).collect()
    }

    /// The most lines that any child read.
    pub fn urls(&self) -> u64 {
        self.cells.iter().flat_map(|cell| &cell.rounds).map(|round| round.urls).max().unwrap_or(0)
    }
}

/// The medians of a cell, in the units in which they are shown.
#[derive(Debug, Clone, Serialize)]
pub struct Row<'a> {
    /// The cell.
    #[serde(skip)]
    pub cell: &'a Cell,
    /// Wall time.
    pub wall_s: Option<f64>,
    /// The speed as a multiple of sequential.
    pub speed_up: Option<f64>,
    /// URLs a second of wall time.
    pub urls_per_s: Option<f64>,
    /// Median latency.
    pub p50_ms: Option<f64>,
    /// The latency that 99 of 100 kept.
    pub p99_ms: Option<f64>,
    /// User and kernel time for each URL.
    pub cpu_ms_per_url: Option<f64>,
    /// Peak memory of the tree.
    pub peak_memory_mib: Option<f64>,
    /// Context switches.
    pub context_switches: Option<f64>,
    /// Peak of threads.
    pub peak_threads: Option<f64>,
    /// Peak of processes.
    pub peak_processes: Option<f64>,
    /// Peak of connections.
    pub peak_connections: Option<f64>,
    /// Peak of fetches under way.
    pub peak_concurrency: Option<f64>,
    /// Whether the records of every round are those of the first cell.
    pub same_records: Option<bool>,
}

impl<'a> Row<'a> {
    fn of(cell: &'a Cell, sequential: Option<f64>) -> Self {
        const MIB: f64 = 1024.0 * 1024.0;
        let count = |figure: fn(&Round) -> Option<u64>| cell.median(|round| figure(round).map(|n| n as f64));
        let wall_ms = cell.median(|round| Some(round.wall_ms));
        Self {
            cell,
            wall_s: wall_ms.map(|ms| ms / 1000.0),
            speed_up: sequential.zip(wall_ms).map(|(base, ms)| base / ms),
            urls_per_s: cell.median(|round| Some(round.urls as f64 / round.wall_ms * 1000.0)),
            p50_ms: cell.median(|round| round.p50_ms),
            p99_ms: cell.median(|round| round.p99_ms),
            cpu_ms_per_url: cell.median(Round::cpu_ms_per_url),
            peak_memory_mib: count(|round| round.peak_memory_bytes).map(|bytes| bytes / MIB),
            context_switches: count(|round| round.context_switches),
            peak_threads: count(|round| round.peak_threads),
            peak_processes: count(|round| round.peak_processes),
            peak_connections: count(|round| round.peak_connections),
            peak_concurrency: count(|round| Some(round.peak_concurrency)),
            same_records: (!cell.rounds.is_empty()).then(|| cell.differing().is_none()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cell(backend: &str, walls: &[f64]) -> Cell {
        let rounds = walls.iter().map(|&wall_ms| Round { wall_ms, urls: 10, ..Round::default() }).collect();
        Cell { backend: backend.to_owned(), concurrency: 5, rounds, ..Cell::default() }
    }

    #[test]
    fn a_median_is_not_moved_by_one_slow_round() {
        assert_eq!(cell("async", &[100.0, 900.0, 110.0]).wall_ms(), 110.0);
        assert_eq!(cell("async", &[100.0, 200.0]).wall_ms(), 150.0);
        assert_eq!(cell("async", &[]).median(|round| Some(round.wall_ms)), None);
        assert_eq!(cell("async", &[100.0]).spread(), None);
        assert_eq!(cell("async", &[90.0, 100.0, 110.0]).spread(), Some(0.2));
    }

    #[test]
    fn speed_up_is_over_sequential_and_absent_without_it() {
        let mut comparison = Comparison { cells: vec![cell("async", &[100.0])], ..Comparison::default() };
        assert_eq!(comparison.rows()[0].speed_up, None);
        comparison.cells.push(cell(SEQUENTIAL, &[400.0]));
        assert_eq!(comparison.rows()[0].speed_up, Some(4.0));
        assert_eq!(comparison.rows()[0].urls_per_s, Some(100.0));
        assert_eq!(comparison.rows()[0].peak_memory_mib, None, "what was not seen is not guessed");
    }
}
