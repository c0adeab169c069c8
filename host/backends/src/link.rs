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

    /// It does not, for now.
    pub fn fails(&self, why: &str) {
        let before = self.lock().replace(why.to_owned());
        if before.as_deref() != Some(why) {
            tracing::warn!(link = self.name, why, "it does not work for now; it is tried again, and nothing is lost");
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

    /// What is wrong, if something is.
    pub fn trouble(&self) -> Option<String> {
        self.lock().clone()
    }

    /// How many went over it, and how many were put aside.
    pub fn counts(&self) -> (u64, u64) {
        (self.moved.load(Ordering::Relaxed), self.aside.load(Ordering::Relaxed))
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<String>> {
        self.trouble.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
