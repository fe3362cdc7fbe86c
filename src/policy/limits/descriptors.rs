//! How many fetches the limit of open files allows.

/// The descriptors of one fetch. Its name look-up needs one, then its connection. A fetch that saves adds its
/// open file and the descriptors of its rename.
pub const fn of_a_fetch(saves: bool) -> u64 {
    if saves { 2 + RENAME } else { 1 }
}

/// The descriptors of a rename: the old and the new folder.
pub const RENAME: u64 = 2;

/// The descriptors of a runtime: two for its selector, one for its waker and one for signals.
pub const RUNTIME: u64 = 4;

/// The descriptors of one runtime's clients with one idle connection each. Plain HTTP has one client. TLS has
/// one for each of two client generations and one for redirect targets.
pub const IDLE: u64 = 4;

/// The most fetches, up to `wanted`, that need no more than `free` descriptors. `needs` returns the descriptors
/// of that many fetches and must not decrease. The result is at least one: a run needs one fetch.
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
