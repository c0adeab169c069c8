//! How to read more than GitHub shows at once.
//!
//! A filtered list of workflow runs ends after 1,000 entries, an unfiltered one after 40,000, without a word. So
//! history is read through windows on `created` that are cut until each holds less, newest first.

/// The most entries of a filtered list.
const CAP: u64 = 1_000;
/// What a window should hold after a cut: less than the cap, because runs are not spread evenly.
const AIM: u64 = 800;

/// A stretch of time in seconds since the Unix epoch, both ends included, as GitHub's `created=a..b` has it.
pub(super) type Window = (i64, i64);

/// Whether a list of `total` entries may have lost some.
pub(super) fn is_capped(total: u64) -> bool {
    total >= CAP
}

/// Cut a window that would hold `total` entries into equal ones, oldest first. One second cannot be cut.
pub(super) fn cut(window: Window, total: u64) -> Vec<Window> {
    let (from, to) = window;
    let seconds = to - from + 1;
    let parts = i64::try_from(total.div_ceil(AIM)).unwrap_or(i64::MAX).max(2).min(seconds);
    if parts < 2 {
        return vec![window];
    }
    let edge =
        |part: i64| from + i64::try_from(i128::from(seconds) * i128::from(part) / i128::from(parts)).unwrap_or(seconds);
    (0..parts).map(|part| (edge(part), edge(part + 1) - 1)).collect()
}

#[cfg(test)]
mod tests {
    use super::cut;

    #[test]
    fn the_parts_of_a_window_meet_without_gap_or_overlap() {
        for window in [(0, 1), (0, 2), (10, 86_400), (1_700_000_000, 1_702_592_000)] {
            for total in [1_000, 1_600, 30_000, 1_000_000] {
                let parts = cut(window, total);
                assert!(parts.len() >= 2, "{window:?} {total}");
                assert_eq!((parts[0].0, parts[parts.len() - 1].1), window);
                assert!(parts.iter().all(|(from, to)| from <= to));
                assert!(parts.windows(2).all(|pair| pair[0].1 + 1 == pair[1].0), "{parts:?}");
            }
        }
        assert_eq!(cut((5, 5), 30_000), [(5, 5)]);
    }
}
