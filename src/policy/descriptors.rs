//! How many fetches the limit of open files allows.

/// What a fetch may hold: what its name look-up opens, then a connection; and, where bodies are
/// saved, the file that it writes and what its rename holds.
pub const fn of_a_fetch(saves: bool) -> u64 {
    if saves { 2 + RENAME } else { 1 }
}

/// What a rename holds: the folders of the old name and of the new one.
pub const RENAME: u64 = 2;

/// What a runtime holds: its selector twice, what wakes it, what tells it of signals.
pub const RUNTIME: u64 = 4;

/// What the clients of one runtime hold when they keep one idle connection each: one over plain
/// HTTP, and over TLS one for each of two generations of clients and one for what redirects lead to.
pub const IDLE: u64 = 4;

/// The most fetches, up to `wanted`, that need no more than `free`; `needs` says what so many need
/// and grows with them. One is always allowed: without any there is no run.
pub fn most(free: u64, wanted: u32, needs: impl Fn(u64) -> u64) -> u32 {
    let (mut fits, mut too_many) = (1, u64::from(wanted) + 1);
    while too_many - fits > 1 {
        let middle = fits + (too_many - fits) / 2;
        if needs(middle) <= free {
            fits = middle;
        } else {
            too_many = middle;
        }
    }
    u32::try_from(fits).unwrap_or(wanted)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn as_many_as_fit_and_no_more(free in 0_u64..5000, wanted in 1_u32..3000, each in 1_u64..9, base in 0_u64..50) {
            let needs = |fetches: u64| base + each * fetches;
            let most = most(free, wanted, needs);
            prop_assert!((1..=wanted).contains(&most));
            prop_assert!(most == 1 || needs(u64::from(most)) <= free);
            prop_assert!(most == wanted || needs(u64::from(most) + 1) > free);
        }
    }

    #[test]
    fn the_largest_wish_is_no_trouble() {
        assert_eq!(most(1 << 20, u32::MAX, |fetches| 2 * fetches), 1 << 19);
        assert_eq!(most(0, u32::MAX, |fetches| fetches), 1);
        assert_eq!(most(u64::MAX, u32::MAX, |fetches| fetches), u32::MAX);
    }
}
