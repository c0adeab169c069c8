//! Compiling where it can do no harm: in a child process that can compute, read what it is given and write the result,
//! and nothing else.
//!
//! wasmtime promises that running a guest harms nobody, but not that compiling one does not: it may take any amount of
//! memory and time. So the host never compiles by itself. It starts its own program once more with the hidden command
//! `compile-worker` ([`worker`]), gives it the component on its standard input, and takes the code from its standard
//! output ([`warden`]). The child locks itself in before it reads the first byte ([`cell`]).

mod cell;
mod warden;
mod worker;

pub use cell::{CellLimits, lock_in};
pub use worker::compile_worker;

use crate::class::{CompileCap, CompileLimits, SizeClass};
use crate::sync::lock;
use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::Mutex;
use std::time::Instant;
use wasmtime::Engine;

/// Who compiles.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub enum Compiler {
    /// The host itself, without any limit: for tests and benches, where every component is one's own.
    #[default]
    InProcess,
    /// A child process in the jail. The program must call [`compile_worker`] with the two numbers that are appended
    /// to these arguments.
    Worker {
        /// What to start.
        program: PathBuf,
        /// Its first arguments.
        args: Vec<OsString>,
    },
}

impl Compiler {
    /// A child process: this program with these first arguments.
    pub fn worker<A: Into<OsString>>(program: impl Into<PathBuf>, args: impl IntoIterator<Item = A>) -> Self {
        Self::Worker { program: program.into(), args: args.into_iter().map(Into::into).collect() }
    }
}

/// Why there is no compiled code. Fits after "failed to install it:".
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CompileError {
    /// More memory than its class may use.
    #[error("compiling it takes more memory than compiling a plugin of its size may ({0} MiB)")]
    Memory(u64),
    /// More CPU time than its class may use.
    #[error("compiling it takes more CPU time than compiling a plugin of its size may ({0} s)")]
    Cpu(u64),
    /// Not ready in time.
    #[error("compiling it took longer than compiling a plugin of its size may ({0} s)")]
    Slow(u64),
    /// The result is too large.
    #[error("it compiles to more code than a plugin of its size may have ({0} MiB)")]
    Code(usize),
    /// The compiler died of it.
    #[error("the compiler died of it: {0}")]
    Crashed(String),
    /// The compiler says why it cannot be compiled.
    #[error("it does not fit this host: {0}")]
    Refused(String),
    /// The jail does not work, whatever is compiled in it.
    #[error("the host cannot compile: {0}; its log and the guide's section \"Compiling plugins\" say more")]
    Jail(String),
}

impl CompileError {
    /// As it stands in answers of the API and in metrics.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Memory(_) => "compile-memory",
            Self::Cpu(_) => "compile-cpu",
            Self::Slow(_) => "compile-slow",
            Self::Code(_) => "compile-code",
            Self::Crashed(_) => "compile-crash",
            Self::Refused(_) => "does-not-fit",
            Self::Jail(_) => "compile-jail",
        }
    }
}

/// One component to compile.
pub(crate) struct Job<'a> {
    /// The plugin's id, for whoever watches.
    pub(crate) plugin: &'a str,
    pub(crate) class: SizeClass,
    pub(crate) bytes: &'a [u8],
}

/// The compiler with its limits. One compilation of each class at a time: together they stay within the sum of the
/// classes' memory, and a small plugin does not wait for a large one.
pub(crate) struct Workshop {
    compiler: Compiler,
    cap: CompileCap,
    lanes: [Mutex<()>; SizeClass::ALL.len()],
}

impl Workshop {
    pub(crate) fn new(compiler: Compiler, cap: CompileCap) -> Self {
        if matches!(compiler, Compiler::InProcess) {
            tracing::debug!("plugins are compiled in the host's own process");
        }
        Self { compiler, cap, lanes: Default::default() }
    }

    /// Wait for one's turn, in which one may look into the cache once more.
    pub(crate) fn turn(&self, class: SizeClass) -> std::sync::MutexGuard<'_, ()> {
        let [small, medium, large] = &self.lanes;
        lock(match class {
            SizeClass::Small => small,
            SizeClass::Medium => medium,
            SizeClass::Large => large,
        })
    }

    /// Compile. Blocks for seconds, or for minutes if it is large.
    pub(crate) fn compile(&self, engine: &Engine, job: &Job<'_>) -> Result<Vec<u8>, CompileError> {
        let class = job.class.name();
        let compiling = metrics::gauge!("opssight_plugin_compiling", "class" => class);
        compiling.increment(1.0);
        let start = Instant::now();
        let outcome = self.run(engine, job);
        compiling.decrement(1.0);
        let seconds = start.elapsed().as_secs_f64();
        let ended = outcome.as_ref().err().map_or("ok", CompileError::code);
        metrics::histogram!("opssight_plugin_compile_seconds", "class" => class, "outcome" => ended).record(seconds);
        match &outcome {
            Ok(code) => tracing::info!(
                plugin.id = job.plugin,
                class,
                seconds,
                bytes = job.bytes.len(),
                code_bytes = code.len(),
                "plugin compiled"
            ),
            Err(error) => {
                tracing::warn!(plugin.id = job.plugin, class, seconds, code = error.code(), %error, "plugin not compiled");
            }
        }
        outcome
    }

    fn run(&self, engine: &Engine, job: &Job<'_>) -> Result<Vec<u8>, CompileError> {
        match &self.compiler {
            Compiler::InProcess => engine.precompile_component(job.bytes).map_err(|error| refused(&error)),
            Compiler::Worker { program, args } => warden::compile(program, args, &self.limits(job.class), job),
        }
    }

    fn limits(&self, class: SizeClass) -> CompileLimits {
        class.compile(&self.cap)
    }
}

fn refused(error: &wasmtime::Error) -> CompileError {
    CompileError::Refused(crate::text::clean(&format!("{error:#}"), 500))
}
