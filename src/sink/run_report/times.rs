//! When URLs were done, and how long they took.

use std::collections::BTreeMap;

use hdrhistogram::Histogram;

use crate::page::svg::ChartColumn;

/// The most slots of the time line.
const SLOTS: i64 = 120;

/// The width of a slot at first, in milliseconds.
const FIRST_WIDTH: i64 = 100;

/// The sums of a slot of time.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct TimeSlot {
    pub urls: u64,
    pub failed: u64,
    pub wire_bytes: u64,
}

/// URLs by the time of their end. Slots double in width as the time grows, so their number is bounded; moments may
/// come in any order.
#[derive(Debug)]
pub(super) struct TimeLine {
    width_ms: i64,
    slots: BTreeMap<i64, TimeSlot>,
    /// The first and the last moment.
    span: Option<(i64, i64)>,
}

impl TimeLine {
    pub fn new() -> Self {
        Self { width_ms: FIRST_WIDTH, slots: BTreeMap::new(), span: None }
    }

    /// Adds a URL that took from one moment to another.
    pub fn add(&mut self, start_ms: i64, end_ms: i64, failed: bool, wire_bytes: u64) {
        let (first, last) = self.span.unwrap_or((start_ms, end_ms));
        let (first, last) = (first.min(start_ms), last.max(end_ms));
        self.span = Some((first, last));
        while last.div_euclid(self.width_ms) - first.div_euclid(self.width_ms) >= SLOTS {
            self.width_ms *= 2;
            let narrow = std::mem::take(&mut self.slots);
            for (at, slot) in narrow {
                self.slot(at.div_euclid(2), slot);
            }
        }
        let slot = TimeSlot { urls: 1, failed: u64::from(failed), wire_bytes };
        self.slot(end_ms.div_euclid(self.width_ms), slot);
    }

    fn slot(&mut self, at: i64, add: TimeSlot) {
        let slot = self.slots.entry(at).or_default();
        slot.urls += add.urls;
        slot.failed += add.failed;
        slot.wire_bytes = slot.wire_bytes.saturating_add(add.wire_bytes);
    }

    /// The first and the last moment, in milliseconds since 1970.
    pub fn span(&self) -> Option<(i64, i64)> {
        self.span
    }

    /// The width of a slot in milliseconds.
    pub fn width_ms(&self) -> i64 {
        self.width_ms
    }

    /// All slots from the first to the last, with those in which nothing was done.
    pub fn slots(&self) -> Vec<TimeSlot> {
        let Some((first, last)) = self.span else { return Vec::new() };
        let range = first.div_euclid(self.width_ms)..=last.div_euclid(self.width_ms);
        range.map(|at| self.slots.get(&at).copied().unwrap_or_default()).collect()
    }
}

/// The upper bounds of the columns of a distribution, in milliseconds. The last column has what is longer.
const BOUNDS_MS: [f64; 19] =
    [1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1e3, 2e3, 5e3, 1e4, 2e4, 5e4, 1e5, 2e5, 5e5, 1e6];

/// Durations of one phase.
#[derive(Debug)]
pub(super) struct PhaseTimes {
    /// Microseconds. `None` if the library refuses its own documented arguments.
    quantiles: Option<Histogram<u64>>,
    columns: [u64; BOUNDS_MS.len() + 1],
    longest_ms: f64,
}

impl PhaseTimes {
    pub fn new() -> Self {
        Self { quantiles: Histogram::new(3).ok(), columns: [0; BOUNDS_MS.len() + 1], longest_ms: 0.0 }
    }

    pub fn add(&mut self, ms: f64) {
        if !(0.0..1e12).contains(&ms) {
            return;
        }
        self.longest_ms = self.longest_ms.max(ms);
        self.columns[BOUNDS_MS.partition_point(|bound| *bound <= ms)] += 1;
        if let Some(histogram) = &mut self.quantiles {
            // It grows as needed.
            let _ = histogram.record((ms * 1000.0).round() as u64);
        }
    }

    pub fn count(&self) -> u64 {
        self.columns.iter().sum()
    }

    pub fn longest_ms(&self) -> f64 {
        self.longest_ms
    }

    /// The time within which this share of all was done.
    pub fn quantile(&self, share: f64) -> f64 {
        let at = self.quantiles.as_ref().map_or(0, |histogram| histogram.value_at_quantile(share));
        (at as f64 / 1000.0).min(self.longest_ms)
    }

    /// The columns from the first with a count to the last, and the number of the first.
    pub fn columns(&self) -> (usize, Vec<ChartColumn>) {
        let first = self.columns.iter().position(|n| *n > 0).unwrap_or(0);
        let last = self.columns.iter().rposition(|n| *n > 0).map_or(first, |last| last + 1);
        let column = |n: &u64| ChartColumn { value: *n as f64, part: 0.0 };
        (first, self.columns[first..last].iter().map(column).collect())
    }

    /// The lower bound of a column in milliseconds.
    pub fn bound_ms(column: usize) -> f64 {
        column.checked_sub(1).and_then(|at| BOUNDS_MS.get(at)).copied().unwrap_or(0.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_of_time_are_bounded_in_any_order() {
        let mut line = TimeLine::new();
        assert!(line.slots().is_empty());
        for n in 0..1000_i64 {
            // Late and early by turns, over five hours.
            let at = if n % 2 == 0 { n } else { 1000 - n } * 18_000;
            line.add(at - 50, at, n % 10 == 0, 3);
        }
        let slots = line.slots();
        assert!((60..=SLOTS as usize).contains(&slots.len()), "{}", slots.len());
        assert_eq!(slots.iter().map(|slot| slot.urls).sum::<u64>(), 1000);
        assert_eq!(slots.iter().map(|slot| slot.wire_bytes).sum::<u64>(), 3000);
        assert_eq!(slots.iter().map(|slot| slot.failed).sum::<u64>(), 100);
        assert_eq!(line.width_ms() % FIRST_WIDTH, 0);
        // Years between two runs are two slots far from each other.
        line.add(0, 400_000_000_000_000, false, 0);
        assert!(line.slots().len() <= SLOTS as usize);
    }

    #[test]
    fn a_duration_is_in_the_column_of_its_bounds() {
        let mut times = PhaseTimes::new();
        for ms in [0.5, 1.0, 1.999, 2.0, 1e7, -1.0, f64::NAN] {
            times.add(ms);
        }
        assert_eq!(times.count(), 5);
        let (first, columns) = times.columns();
        assert_eq!((first, columns.len()), (0, BOUNDS_MS.len() + 1));
        let counts: Vec<f64> = columns.iter().map(|column| column.value).collect();
        assert_eq!((counts[0], counts[1], counts[2], counts[19]), (1.0, 2.0, 1.0, 1.0));
        assert_eq!([0, 1, 2, 19].map(PhaseTimes::bound_ms), [0.0, 1.0, 2.0, 1e6]);
        assert_eq!((times.quantile(1.0), times.longest_ms()), (1e7, 1e7));
        assert!((times.quantile(0.5) - 1.999).abs() < 0.01);
    }
}
