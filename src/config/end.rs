//! The end of a run, the order of its records, and the failures that count.

/// The order of the records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// In the order of completion.
    Completed,
    /// In the order of the input: each as soon as its turn has come.
    Input,
}

/// The condition that completes a run. When it holds, the rest is cancelled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Until {
    /// All of its URLs.
    All,
    /// The first that has an answer or failed.
    FirstCompleted,
    /// The first that is ok.
    FirstSuccess,
    /// The first that is not: an error status or a failure.
    FirstError,
}

/// Which failures, error statuses among them, make the whole run a failed one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FailOn {
    /// One is enough.
    Any,
    /// Only that nothing is good although something was fetched.
    All,
    /// None.
    Never,
    /// This number, or more.
    Count(u32),
    /// This percentage, or more, of the good and the failed URLs.
    Percent(u8),
}

impl FailOn {
    /// Whether a run with so many good URLs and so many failures is a failed one. Good are the ok ones, and those whose
    /// body an earlier run saved.
    pub fn failed(self, good: u64, failures: u64) -> bool {
        failures > 0
            && match self {
                FailOn::Any => true,
                FailOn::All => good == 0,
                FailOn::Never => false,
                FailOn::Count(least) => failures >= u64::from(least),
                FailOn::Percent(least) => {
                    u128::from(failures) * 100 >= u128::from(least) * (u128::from(good) + u128::from(failures))
                }
            }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_count_as_asked() {
        let cases = [
            (FailOn::Any, 9, 1, true),
            (FailOn::All, 1, 9, false),
            (FailOn::All, 0, 9, true),
            (FailOn::Never, 0, 9, false),
            (FailOn::Count(2), 9, 1, false),
            (FailOn::Count(2), 9, 2, true),
            (FailOn::Percent(10), 9, 1, true),
            (FailOn::Percent(10), 10, 1, false),
            (FailOn::Percent(0), u64::MAX, 1, true),
        ];
        for (fail_on, ok, failures, failed) in cases {
            assert_eq!(fail_on.failed(ok, failures), failed, "{fail_on:?} of {ok} and {failures}");
            assert!(!fail_on.failed(ok, 0), "{fail_on:?}");
        }
    }
}
