//! Ctrl-C while a host is running: it is noted here and acted on where it is safe, so that the host is stopped in
//! order and nothing is left behind.

use anyhow::{Context, Result, bail};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use std::sync::atomic::{AtomicBool, Ordering};

static INTERRUPTED: AtomicBool = AtomicBool::new(false);

/// From now on, note interrupts instead of dying of them.
pub(crate) fn watch() -> Result<()> {
    let mut signals = Signals::new([SIGINT, SIGTERM]).context("watch for Ctrl-C")?;
    std::thread::spawn(move || {
        for _ in signals.forever() {
            INTERRUPTED.store(true, Ordering::SeqCst);
        }
    });
    Ok(())
}

/// Whether there was one.
pub(crate) fn seen() -> bool {
    INTERRUPTED.load(Ordering::SeqCst)
}

/// Fail if there was one.
pub(crate) fn check() -> Result<()> {
    if seen() {
        bail!("interrupted");
    }
    Ok(())
}
