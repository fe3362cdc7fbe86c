//! The retry budget of a host, so that an outage does not double the load.

/// The cost of a retry; a first attempt earns 1. So retries are at most a fifth of the first attempts.
const COST: u32 = 5;

/// The budget of a new host: ten retries.
const ALLOWANCE: u32 = 10 * COST;

/// The most that a host saves up: a hundred retries.
const MOST: u32 = 100 * COST;

/// The retry budget of one host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RetryBudget(u32);

impl Default for RetryBudget {
    fn default() -> Self {
        Self(ALLOWANCE)
    }
}

impl RetryBudget {
    /// Adds the share of a first attempt.
    pub fn earn(&mut self) {
        self.0 = (self.0 + 1).min(MOST);
    }

    /// Gives back the cost of a retry that got an answer: the host is alive.
    pub fn give_back(&mut self) {
        self.0 = (self.0 + COST).min(MOST);
    }

    /// Takes the cost of a retry, if there is enough.
    pub fn take(&mut self) -> bool {
        match self.0.checked_sub(COST) {
            Some(rest) => {
                self.0 = rest;
                true
            }
            None => false,
        }
    }

    /// Whether there is less than a new host has.
    pub fn is_spent(&self) -> bool {
        self.0 < ALLOWANCE
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn host_has_ten_retries_and_one_more_per_five_first_attempts() {
        let mut budget = RetryBudget::default();
        assert_eq!((0..50).filter(|_| budget.take()).count(), 10);
        assert!(budget.is_spent());
        (0..49).for_each(|_| budget.earn());
        assert_eq!((0..50).filter(|_| budget.take()).count(), 9);
    }

    #[test]
    fn answered_retry_costs_nothing_and_savings_are_bounded() {
        let mut budget = RetryBudget::default();
        for _ in 0..1000 {
            assert!(budget.take());
            budget.give_back();
        }
        (0..100_000).for_each(|_| budget.earn());
        assert_eq!((0..1000).filter(|_| budget.take()).count(), 100);
    }
}
