//! The advice from the figures, and its limits.

use super::figures::{Cell, Comparison, Round};
use crate::page::three;

/// Cells that are no more than this slower than the fastest count as fast as it.
const CLOSE: f64 = 0.05;

/// Figures of CPU and memory that are no more than this apart count as equal.
const ALIKE: f64 = 0.10;

/// A shorter wall time is mostly that of starting the program.
const SHORTEST_MS: f64 = 100.0;

/// The largest share by which rounds of one cell may differ.
const NOISIEST: f64 = 0.5;

/// One line for the head of a page.
pub fn headline(comparison: &Comparison) -> String {
    match judge(comparison) {
        Judgement::Nothing => "Nothing was measured".to_owned(),
        Judgement::Differ(..) => "The records differ, so no time can be compared".to_owned(),
        Judgement::Single(cell) => format!("{} took {}", capital(&cell.name()), seconds(cell.wall_ms())),
        Judgement::Short(_) => "Too short to judge".to_owned(),
        Judgement::Noisy(_) => "Too noisy to judge".to_owned(),
        Judgement::Equal(..) => "No difference beyond noise".to_owned(),
        Judgement::Pick { pick, .. } if pick.is_sequential() => "Nothing was faster than one at a time".to_owned(),
        Judgement::Pick { pick, .. } => {
            let urls = comparison.urls();
            format!("{}: {} for {urls} URLs", capital(&pick.name()), seconds(pick.wall_ms()))
        }
    }
}

/// A recommendation, and sentences about its reliability. It follows from the figures alone: other
/// figures give another text.
pub fn advice(comparison: &Comparison) -> String {
    let mut said = vec![match judge(comparison) {
        Judgement::Nothing => "Nothing was measured to its end, so there is nothing to recommend.".to_owned(),
        Judgement::Differ(cell, round, first) => {
            let n = round.records_differing;
            let which = round.differing_url.as_ref().map_or_else(String::new, |url| format!(" (one is of {url})"));
            let own = std::ptr::eq(cell, first);
            let against = if own { "its own first round".to_owned() } else { first.name() };
            format!(
                "The records differ: {n} of {} {} not those of {against}{which}, so there is nothing to recommend until \
                 that is explained.",
                cell.name(),
                if n == 1 { "is" } else { "are" },
            )
        }
        Judgement::Single(cell) => {
            format!("{} took {}; there is nothing to compare it with.", capital(&cell.name()), seconds(cell.wall_ms()))
        }
        Judgement::Short(fastest) => format!(
            "Too short to judge: {} took {}, which is mostly the start of the program. Compare more URLs, so \
             that each run takes {} at least.",
            fastest.name(),
            seconds(fastest.wall_ms()),
            seconds(SHORTEST_MS)
        ),
        Judgement::Noisy(spread) => format!(
            "Too noisy to judge: rounds of one and the same cell differ by up to {:.0} %, more than {:.0} %. Compare \
             again on a quiet machine, with more URLs or more rounds.",
            spread * 100.0,
            NOISIEST * 100.0
        ),
        Judgement::Equal(pick, cells) => equal(pick, &cells),
        Judgement::Pick { pick, near } => {
            let main = if pick.is_sequential() { sequential(comparison) } else { take(comparison, pick, near) };
            format!("{main}{}.", step(comparison, pick))
        }
    }];
    said.extend(caveats(comparison));
    said.join(" ")
}

enum Judgement<'a> {
    Nothing,
    /// A cell, its round, and the cell whose records are the measure.
    Differ(&'a Cell, &'a Round, &'a Cell),
    Single(&'a Cell),
    /// The fastest cell took too little time.
    Short(&'a Cell),
    /// Rounds of a cell differ by this share.
    Noisy(f64),
    /// No cell is faster than another beyond noise; the one that costs least, and all.
    Equal(&'a Cell, Vec<&'a Cell>),
    /// The one to take, and how many are as fast as the fastest.
    Pick {
        pick: &'a Cell,
        near: usize,
    },
}

fn judge(comparison: &Comparison) -> Judgement<'_> {
    let cells: Vec<&Cell> = comparison.measured().collect();
    let differing = cells.iter().find_map(|cell| Some((*cell, cell.differing()?)));
    // The measure is the first cell that was measured at all, be it that it failed later.
    let first = comparison.cells.iter().find(|cell| !cell.rounds.is_empty());
    if let (Some((cell, round)), Some(first)) = (differing, first) {
        return Judgement::Differ(cell, round, first);
    }
    let Some(fastest) = cells.iter().copied().min_by(|a, b| a.wall_ms().total_cmp(&b.wall_ms())) else {
        return Judgement::Nothing;
    };
    if let [only] = cells[..] {
        return Judgement::Single(only);
    }
    if fastest.wall_ms() < SHORTEST_MS {
        return Judgement::Short(fastest);
    }
    if let Some(spread) = spread(&cells).filter(|spread| *spread > NOISIEST) {
        return Judgement::Noisy(spread);
    }
    let near: Vec<&Cell> = cells.iter().copied().filter(|cell| as_fast(cell, fastest)).collect();
    let pick = cheapest(near.clone()).unwrap_or(fastest);
    if near.len() == cells.len() { Judgement::Equal(pick, cells) } else { Judgement::Pick { pick, near: near.len() } }
}

/// Returns the largest share by which the rounds of one cell differ; `None` if each has a single one.
fn spread(cells: &[&Cell]) -> Option<f64> {
    cells.iter().filter_map(|cell| cell.spread()).max_by(f64::total_cmp)
}

/// Whether the figures do not show that `cell` is slower: it is close, or some round of it was
/// faster than some round of the other.
fn as_fast(cell: &Cell, other: &Cell) -> bool {
    cell.wall_ms() <= other.wall_ms() * (1.0 + CLOSE) || cell.wall_range().0 <= other.wall_range().1
}

/// The least CPU; of those alike the least memory; of those alike the lowest concurrency.
fn cheapest(mut cells: Vec<&Cell>) -> Option<&Cell> {
    for cost in [cpu as fn(&Cell) -> Option<f64>, memory] {
        let least = cells.iter().filter_map(|cell| cost(cell)).min_by(f64::total_cmp);
        if let Some(least) = least {
            cells.retain(|cell| cost(cell).is_some_and(|cost| cost <= least * (1.0 + ALIKE)));
        }
    }
    cells.into_iter().min_by_key(|cell| cell.concurrency)
}

fn cpu(cell: &Cell) -> Option<f64> {
    cell.median(Round::cpu_ms_per_url)
}

fn memory(cell: &Cell) -> Option<f64> {
    cell.median(|round| round.peak_memory_bytes.map(|bytes| bytes as f64))
}

fn equal(pick: &Cell, cells: &[&Cell]) -> String {
    let walls = || cells.iter().map(|cell| cell.wall_ms());
    let (least, most) = (walls().fold(f64::INFINITY, f64::min), walls().fold(0.0, f64::max));
    let why = match cost(pick) {
        Some(cost) => format!("which is among the cheapest ({cost})"),
        None => "the lowest concurrency of them".to_owned(),
    };
    format!(
        "There is no difference beyond noise: all {} took {} to {}, so take {}, {why}.",
        cells.len(),
        seconds(least),
        seconds(most),
        pick.name(),
    )
}

fn sequential(comparison: &Comparison) -> String {
    let wall = comparison.measured().find(|cell| cell.is_sequential()).map_or(0.0, Cell::wall_ms);
    let others = comparison.measured().filter(|cell| !cell.is_sequential());
    let rival = others.min_by(|a, b| a.wall_ms().total_cmp(&b.wall_ms()));
    let rival = rival.map_or_else(String::new, |cell| {
        format!(" (the best of them, {}, took {})", cell.name(), seconds(cell.wall_ms()))
    });
    format!("Take sequential: it took {}, and fetching several at once was not faster{rival}", seconds(wall))
}

fn take(comparison: &Comparison, pick: &Cell, near: usize) -> String {
    let speed_up = comparison.measured().find(|cell| cell.is_sequential()).map_or_else(String::new, |base| {
        let times = base.wall_ms() / pick.wall_ms();
        format!(" ({times:.1} times as fast as sequential)")
    });
    let wall = seconds(pick.wall_ms());
    let cost = cost(pick);
    if near == 1 {
        let cost = cost.map_or_else(String::new, |cost| format!(", {cost}"));
        return format!(
            "Take {}: it was the fastest with {wall}{speed_up}{cost}, and no other came within 5 % or noise of it",
            pick.name()
        );
    }
    let cost = cost.map_or_else(String::new, |cost| format!(" ({cost})"));
    format!(
        "Take {}: it took {wall}{speed_up} and costs least{cost} of the {near} that are as fast as the fastest within \
         5 % or noise",
        pick.name()
    )
}

/// Describes the effect of the next concurrency with the same backend, or of the last step if there is no next.
fn step(comparison: &Comparison, pick: &Cell) -> String {
    let same = || comparison.measured().filter(|cell| cell.backend == pick.backend);
    let higher = same().filter(|cell| cell.concurrency > pick.concurrency).min_by_key(|cell| cell.concurrency);
    if let Some(higher) = higher {
        return format!("; going on from {} to {} {}", pick.concurrency, higher.concurrency, change(pick, higher));
    }
    let lower = same().filter(|cell| cell.concurrency < pick.concurrency).max_by_key(|cell| cell.concurrency);
    lower.map_or_else(String::new, |lower| {
        let is_gain = lower.wall_ms() > pick.wall_ms() * (1.0 + 2.0 * CLOSE) && !as_fast(lower, pick);
        // With a slot for each URL there is nothing more to start.
        let more = if is_gain && u64::from(pick.concurrency) < comparison.urls() {
            ", so a higher concurrency may bring more"
        } else {
            ""
        };
        format!("; the last step, from {} to {}, {}{more}", lower.concurrency, pick.concurrency, change(lower, pick))
    })
}

fn change(from: &Cell, to: &Cell) -> String {
    let share = (to.wall_ms() / from.wall_ms() - 1.0) * 100.0;
    if as_fast(from, to) && as_fast(to, from) {
        "brought nothing beyond noise".to_owned()
    } else if share < 0.0 {
        format!("saved {:.0} % of the time", -share)
    } else {
        format!("took {share:.0} % more time")
    }
}

/// Lists the caveats that a reader must know before believing the sentence.
fn caveats(comparison: &Comparison) -> Vec<String> {
    let mut said = Vec::new();
    let measured: Vec<&Cell> = comparison.measured().collect();
    let is_unjudged = matches!(judge(comparison), Judgement::Short(_) | Judgement::Noisy(_));
    if measured.len() > 1 {
        match spread(&measured) {
            // The first sentence has the reason.
            Some(_) if is_unjudged => {}
            Some(spread) => {
                let spread = spread * 100.0;
                said.push(format!(
                    "Rounds of one and the same cell differ by up to {spread:.0} %: smaller differences are noise."
                ));
            }
            None => said.push("One round cannot tell a difference from noise: measure more.".to_owned()),
        }
    }
    let bad = |round: &Round| round.http_error + round.failed;
    let rounds = || measured.iter().flat_map(|cell| &cell.rounds);
    let (least, most) = (rounds().map(bad).min().unwrap_or(0), rounds().map(bad).max().unwrap_or(0));
    if most > 0 {
        let n = if least == most { most.to_string() } else { format!("{least} to {most}") };
        said.push(format!("{n} of {} URLs failed; what they took is part of these times.", comparison.urls()));
    }
    let failed: Vec<String> = comparison.cells.iter().filter(|cell| cell.failure.is_some()).map(Cell::name).collect();
    if !failed.is_empty() {
        said.push(format!(
            "{} failed and {} left out.",
            failed.join(", "),
            if failed.len() == 1 { "is" } else { "are" }
        ));
    }
    if comparison.interrupted {
        let done: usize = comparison.cells.iter().map(|cell| cell.rounds.len()).sum();
        let of = comparison.cells.len() * comparison.rounds as usize;
        said.push(format!("It was stopped early, after {done} of {of} measurements."));
    }
    said
}

fn cost(cell: &Cell) -> Option<String> {
    Some(format!("{} ms of CPU per URL", three(cpu(cell)?)))
}

fn seconds(ms: f64) -> String {
    format!("{} s", three(ms / 1000.0))
}

fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}

#[cfg(test)]
#[path = "advice_tests.rs"]
mod tests;
