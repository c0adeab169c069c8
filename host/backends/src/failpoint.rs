//! Named steps at which a test can let the process die, as if its machine had lost power: there is no other way to be
//! killed exactly between a commit and the answer. Only the feature `failpoints` has them, which no image is built with.

/// This step was reached. The process ends here if a test wants it to.
#[cfg(not(feature = "failpoints"))]
#[inline]
pub fn reached(_doing: &str, _step: &str) {}

#[cfg(feature = "failpoints")]
pub use wanted::reached;

#[cfg(feature = "failpoints")]
mod wanted {
    use std::collections::HashMap;
    use std::io::Write;
    use std::sync::{LazyLock, Mutex, PoisonError};

    /// `3 settle the delivery: kept` dies when that step is reached for the third time.
    const DIE_AT: &str = "OPSSIGHT_FAILPOINT";
    /// A file to which each step is written when it is reached for the first time.
    const NOTE_IN: &str = "OPSSIGHT_FAILPOINT_LOG";

    static PLAN: LazyLock<Option<Plan>> = LazyLock::new(Plan::of_environment);

    /// What a test wants.
    struct Plan {
        die_at: Option<(u32, String)>,
        note_in: Option<String>,
        reached: Mutex<HashMap<String, u32>>,
    }

    impl Plan {
        #[expect(clippy::disallowed_methods, reason = "it is no setting: only tests know of it")]
        fn of_environment() -> Option<Self> {
            let die_at = std::env::var(DIE_AT).ok().and_then(|text| read(&text));
            let note_in = std::env::var(NOTE_IN).ok();
            let wanted = die_at.is_some() || note_in.is_some();
            wanted.then(|| Self { die_at, note_in, reached: Mutex::default() })
        }

        fn reached(&self, step: String) {
            let mut reached = self.reached.lock().unwrap_or_else(PoisonError::into_inner);
            let times = reached.entry(step.clone()).or_default();
            *times = times.saturating_add(1);
            if *times == 1
                && let Some(path) = &self.note_in
                && let Ok(mut file) = std::fs::OpenOptions::new().create(true).append(true).open(path)
            {
                // Only the test that asked for it misses a line.
                let _noted = writeln!(file, "{step}");
            }
            if self.die_at.as_ref().is_some_and(|(nth, at)| nth == times && *at == step) {
                // No destructor runs and nothing is flushed.
                std::process::abort();
            }
        }
    }

    fn read(text: &str) -> Option<(u32, String)> {
        let (nth, step) = text.split_once(' ')?;
        Some((nth.parse().ok()?, step.to_owned()))
    }

    /// This step of doing something was reached. The process ends here if a test wants it to.
    pub fn reached(doing: &str, step: &str) {
        if let Some(plan) = PLAN.as_ref() {
            plan.reached(format!("{doing}: {step}"));
        }
    }

    #[cfg(test)]
    mod tests {
        use super::read;

        #[test]
        fn a_step_has_a_number_and_a_name() {
            assert_eq!(read("3 settle the delivery: kept"), Some((3, "settle the delivery: kept".to_owned())));
            assert_eq!(read("settle"), None);
            assert_eq!(read("x settle"), None);
        }
    }
}
