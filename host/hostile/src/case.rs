//! What a case is.

use crate::Arena;
use futures::future::BoxFuture;
use opssight_core::plugins::{CallError, Called};

/// What is attacked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Family {
    /// Processor time.
    Cpu,
    /// Memory, tables and stack.
    Memory,
    /// The compiler.
    Compile,
    /// The reader of packages.
    Bytes,
    /// What a component may import.
    Imports,
    /// Compiled code on disk.
    Cache,
    /// What crosses between guest and host.
    Boundary,
    /// Numbers, times and texts that others rely on.
    Values,
    /// Handles.
    Handles,
    /// Functions of the host.
    Storm,
    /// Logs.
    Log,
    /// Credentials.
    Secrets,
    /// The plugin's own store.
    State,
    /// Items, events and pages.
    Events,
    /// Where requests go.
    Egress,
    /// What requests and answers look like.
    Http,
    /// Waiting.
    Time,
    /// Dying again and again.
    Traps,
    /// Files.
    Files,
    /// Packages and who vouches for them.
    Packages,
    /// Telling people.
    Notifier,
}

impl Family {
    /// For people.
    pub fn name(self) -> &'static str {
        match self {
            Self::Cpu => "cpu",
            Self::Memory => "memory",
            Self::Compile => "compile",
            Self::Bytes => "bytes",
            Self::Imports => "imports",
            Self::Cache => "cache",
            Self::Boundary => "boundary",
            Self::Values => "values",
            Self::Handles => "handles",
            Self::Storm => "storm",
            Self::Log => "log",
            Self::Secrets => "secrets",
            Self::State => "state",
            Self::Events => "events",
            Self::Egress => "egress",
            Self::Http => "http",
            Self::Time => "time",
            Self::Traps => "traps",
            Self::Files => "files",
            Self::Packages => "packages",
            Self::Notifier => "notifier",
        }
    }
}

/// How thorough a run is.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// What random choices begin with.
    pub seed: u64,
    /// Broken packages of case 20, and a tenth of it of poisoned cache files in case 24.
    pub mutants: u32,
}

impl Default for Options {
    fn default() -> Self {
        Self { seed: 1, mutants: 2_000 }
    }
}

/// What happened, in a few words; an error is what should not have happened.
pub type Ran = anyhow::Result<String>;

/// The code that a call failed with, or "ok".
pub(crate) fn code<T>(outcome: &Result<Called<T>, CallError>) -> &str {
    outcome.as_ref().map_or_else(|error| error.code.as_str(), |_| "ok")
}

/// One attack.
#[derive(Clone, Copy)]
pub struct Case {
    /// "26", "74c", "X3".
    pub row: &'static str,
    /// Short.
    pub name: &'static str,
    /// What is attacked.
    pub family: Family,
    /// What the guest does, or whoever sends the package.
    pub attack: &'static str,
    /// What the host must do.
    pub must: &'static str,
    /// Resident memory may grow by so much while it runs, MiB.
    pub rss_mib: u64,
    /// The host process and its children may use so much processor time, milliseconds.
    pub cpu_ms: u64,
    pub(crate) run: for<'a> fn(&'a Arena) -> BoxFuture<'a, Ran>,
}

impl Case {
    /// Less memory than the rule of all cases.
    pub(crate) const fn rss(mut self, mib: u64) -> Self {
        self.rss_mib = mib;
        self
    }

    /// Less processor time than the rule of all cases.
    pub(crate) const fn cpu(mut self, ms: u64) -> Self {
        self.cpu_ms = ms;
        self
    }

    /// Attack.
    pub async fn run(&self, arena: &Arena) -> Ran {
        (self.run)(arena).await
    }
}

/// `case!(Cpu "1" "loop-start", "what the guest does" => "what the host must do", function)`
macro_rules! case {
    ($family:ident $row:literal $name:literal, $attack:literal => $must:literal, $run:path) => {
        $crate::case::Case {
            row: $row,
            name: $name,
            family: $crate::case::Family::$family,
            attack: $attack,
            must: $must,
            rss_mib: 100,
            cpu_ms: 20_000,
            run: |arena| Box::pin($run(arena)),
        }
    };
}
pub(crate) use case;
