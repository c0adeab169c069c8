//! A line to a system outside that comes and goes: whether it is well, and what went over it. What is wrong is said once
//! when it begins and once when it is over.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

/// A line to a system outside.
#[derive(Debug)]
pub struct Link {
    name: String,
    trouble: Mutex<Option<String>>,
    moved: AtomicU64,
    aside: AtomicU64,
}

impl Link {
    /// A line of which nothing bad is known yet.
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), trouble: Mutex::new(None), moved: AtomicU64::new(0), aside: AtomicU64::new(0) }
    }

    /// What it is called in logs and metrics.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// It works.
    pub fn is_well(&self) {
        if self.lock().take().is_some() {
            tracing::info!(link = self.name, "it works again, and goes on where it was");
        }
    }

    /// It does not, for now. Reasons carry numbers and addresses that change all the time: another one is for those who
    /// look closely.
    pub fn fails(&self, why: &str) {
        match self.lock().replace(why.to_owned()).as_deref() {
            None => {
                tracing::warn!(
                    link = self.name,
                    why,
                    "it does not work for now; it is tried again, and nothing is lost"
                );
            }
            Some(before) if before != why => tracing::debug!(link = self.name, why, "it still does not work"),
            Some(_) => {}
        }
    }

    /// So many more went over it.
    pub fn moves(&self, count: usize) {
        self.moved.fetch_add(count as u64, Ordering::Relaxed);
    }

    /// One more was put aside.
    pub fn puts_aside(&self) {
        self.aside.fetch_add(1, Ordering::Relaxed);
    }

    /// Whether it works, as far as is known. Why not is for the log: who asks may be anybody.
    pub fn is_up(&self) -> bool {
        self.lock().is_none()
    }

    /// How many went over it, and how many were put aside.
    pub fn counts(&self) -> (u64, u64) {
        (self.moved.load(Ordering::Relaxed), self.aside.load(Ordering::Relaxed))
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<String>> {
        self.trouble.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use tracing::span::{Attributes, Id, Record};
    use tracing::{Event, Level, Metadata, Subscriber};

    /// What was said, by level.
    #[derive(Clone, Default)]
    struct Heard(Arc<Mutex<Vec<Level>>>);

    impl Subscriber for Heard {
        fn enabled(&self, _: &Metadata<'_>) -> bool {
            true
        }
        fn new_span(&self, _: &Attributes<'_>) -> Id {
            Id::from_u64(1)
        }
        fn record(&self, _: &Id, _: &Record<'_>) {}
        fn record_follows_from(&self, _: &Id, _: &Id) {}
        fn event(&self, event: &Event<'_>) {
            self.0.lock().unwrap().push(*event.metadata().level());
        }
        fn enter(&self, _: &Id) {}
        fn exit(&self, _: &Id) {}
    }

    #[test]
    fn what_is_wrong_is_said_when_it_begins_and_when_it_is_over() {
        let heard = Heard::default();
        tracing::subscriber::with_default(heard.clone(), || {
            let link = Link::new("a place");
            link.is_well();
            link.fails("no answer after 100 ms");
            link.fails("no answer after 100 ms");
            link.fails("no answer after 200 ms");
            link.is_well();
            link.is_well();
        });
        assert_eq!(*heard.0.lock().unwrap(), [Level::WARN, Level::DEBUG, Level::INFO]);
    }
}
