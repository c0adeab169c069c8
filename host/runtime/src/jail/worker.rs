//! The child's side: bytes in, code out.

use super::cell::{self, CellLimits};
use crate::class::SizeClass;
use crate::engine;
use rayon::{ThreadPool, ThreadPoolBuilder};
use std::fmt::Display;
use std::io::{self, Read, Write};
use wasmtime::Engine;

/// The compiler says no; why stands on standard error.
pub(super) const REFUSED: u8 = 10;
/// The compiler says that it has no memory left.
pub(super) const NO_MEMORY: u8 = 11;
/// The jail could not be entered, or the pipes are gone; why stands on standard error.
pub(super) const NO_JAIL: u8 = 12;

/// More threads would each want an arena of the allocator, and compilations are few.
const THREADS: usize = 4;

/// How it ended, and what is to be said about it.
struct Ended(u8, String);

/// Compile one component from standard input to standard output, locked in, and answer with the process's exit code.
///
/// Call this first thing in a process that does nothing else: it closes whatever else is open, and what it gives up
/// does not come back.
pub fn compile_worker(limits: CellLimits) -> u8 {
    let Ended(code, remark) = work(limits).unwrap_or_else(|ended| ended);
    if !remark.is_empty() {
        // If standard error is gone, nobody is left who would want to know.
        let _heard = writeln!(io::stderr(), "{remark}");
    }
    code
}

fn work(limits: CellLimits) -> Result<Ended, Ended> {
    let ((engine, threads), remark) =
        cell::lock_in(limits, prepare).map_err(|error| no_jail("lock itself in", &error))?;
    let component = read().map_err(|error| no_jail("read the component", &error))?;
    let code = threads.install(|| engine.precompile_component(&component)).map_err(|error| {
        let code = if is_out_of_memory(&error) { NO_MEMORY } else { REFUSED };
        Ended(code, format!("{error:#}"))
    })?;
    let mut out = io::stdout().lock();
    out.write_all(&code).and_then(|()| out.flush()).map_err(|error| no_jail("hand over the code", &error))?;
    Ok(Ended(0, remark.unwrap_or_default()))
}

fn prepare() -> io::Result<(Engine, ThreadPool)> {
    // Without a pool of instances, because nothing runs here. The code does not depend on it.
    let engine = Engine::new(&engine::config(None)).map_err(|error| io::Error::other(format!("{error:#}")))?;
    let threads = std::thread::available_parallelism().map_or(1, usize::from).min(THREADS);
    let threads = ThreadPoolBuilder::new().num_threads(threads).build().map_err(io::Error::other)?;
    Ok((engine, threads))
}

fn read() -> io::Result<Vec<u8>> {
    let most = SizeClass::Large.shape().bytes as u64;
    let mut component = Vec::new();
    io::stdin().lock().take(most).read_to_end(&mut component)?;
    Ok(component)
}

fn is_out_of_memory(error: &wasmtime::Error) -> bool {
    error.is::<wasmtime::error::OutOfMemory>()
        || error.chain().any(|cause| {
            cause.downcast_ref::<io::Error>().is_some_and(|cause| cause.kind() == io::ErrorKind::OutOfMemory)
        })
}

fn no_jail(what: &str, error: &dyn Display) -> Ended {
    Ended(NO_JAIL, format!("cannot {what}: {error}"))
}
