//! How large a plugin is, and what follows from it: what its code may look like, what compiling it may cost, and
//! whether its instances are kept between calls.
//!
//! The numbers were measured with real guests (docs/decisions/0009-compile-jail.md) and hold several times what those
//! need. A small package gets narrow limits, because compile bombs are small.

use std::fmt;
use std::time::Duration;

/// No package is larger than this.
pub(crate) const MAX_BYTES: usize = 32 << 20;

/// Plugins by the size of their package: each toolchain has its typical one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum SizeClass {
    /// Compiled languages (Rust): 0.1 to 1 MB.
    Small,
    /// Small interpreters (QuickJS): about 1.6 MB.
    Medium,
    /// Large interpreters (CPython, SpiderMonkey): 12 to 19 MB.
    #[default]
    Large,
}

/// What the code of a class may look like.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ShapeLimits {
    /// Of the package.
    pub(crate) bytes: usize,
    /// Components within components.
    pub(crate) nesting: u64,
    pub(crate) modules: u64,
    /// After everything is instantiated, components and modules.
    pub(crate) instances: u64,
    pub(crate) functions: u64,
    /// Of one function, bytes.
    pub(crate) body: u64,
    /// Of one function. Branches times locals is what a register allocator suffers from.
    pub(crate) locals: u64,
    /// Defined in all modules.
    pub(crate) tables: u64,
    /// Defined in all modules.
    pub(crate) memories: u64,
}

/// What compiling a package of a class may cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct CompileLimits {
    pub(crate) memory_mib: u64,
    pub(crate) cpu: Duration,
    pub(crate) wall: Duration,
    /// Of the result.
    pub(crate) code_bytes: usize,
}

/// The operator's ceiling on what compiling one plugin may cost. What is left out is not lowered.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct CompileCap {
    /// Memory, MiB.
    pub memory_mib: Option<u64>,
    /// CPU time, seconds.
    pub cpu_secs: Option<u64>,
    /// Time from start to end, seconds.
    pub wall_secs: Option<u64>,
}

impl CompileCap {
    /// A ceiling on memory (MiB) and on CPU time (seconds).
    pub fn new(memory_mib: Option<u64>, cpu_secs: Option<u64>) -> Self {
        Self { memory_mib, cpu_secs, wall_secs: None }
    }
}

impl SizeClass {
    /// All of them, the smallest first.
    pub const ALL: [Self; 3] = [Self::Small, Self::Medium, Self::Large];

    /// As it stands in configuration, metrics and messages.
    pub fn name(self) -> &'static str {
        match self {
            Self::Small => "small",
            Self::Medium => "medium",
            Self::Large => "large",
        }
    }

    /// The class of a package of so many bytes; none when it is larger than any plugin may be.
    pub(crate) fn of(bytes: usize) -> Option<Self> {
        Self::ALL.into_iter().find(|class| bytes <= class.shape().bytes)
    }

    /// An interpreter takes milliseconds to start, so that its instances are kept for a while.
    pub(crate) fn keeps_instances(self) -> bool {
        self != Self::Small
    }

    pub(crate) fn shape(self) -> ShapeLimits {
        match self {
            Self::Small => ShapeLimits {
                bytes: 1_280 << 10,
                nesting: 4,
                modules: 16,
                instances: 64,
                functions: 10_000,
                body: 256 << 10,
                locals: 512,
                tables: 8,
                memories: 4,
            },
            Self::Medium => ShapeLimits { bytes: 4 << 20, functions: 20_000, body: 512 << 10, ..Self::Small.shape() },
            Self::Large => ShapeLimits {
                bytes: MAX_BYTES,
                nesting: 4,
                modules: 100,
                instances: 128,
                functions: 60_000,
                body: 1 << 20,
                locals: 1_000,
                tables: 16,
                memories: 4,
            },
        }
    }

    /// What compiling may cost, within the operator's ceiling.
    pub(crate) fn compile(self, cap: &CompileCap) -> CompileLimits {
        let (memory_mib, cpu, wall, code_mib) = match self {
            Self::Small => (1_024, 20, 60, 32),
            Self::Medium => (1_536, 60, 180, 64),
            Self::Large => (3_072, 300, 900, 256),
        };
        let least = |own: u64, cap: Option<u64>| cap.map_or(own, |cap| cap.min(own)).max(1);
        CompileLimits {
            memory_mib: least(memory_mib, cap.memory_mib),
            cpu: Duration::from_secs(least(cpu, cap.cpu_secs)),
            wall: Duration::from_secs(least(wall, cap.wall_secs)),
            code_bytes: code_mib << 20,
        }
    }
}

impl fmt::Display for SizeClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::{CompileCap, SizeClass};
    use std::time::Duration;

    #[test]
    fn each_toolchain_falls_into_its_class() {
        let table = [
            (0, Some(SizeClass::Small)),
            (812_163, Some(SizeClass::Small)),
            (1_630_563, Some(SizeClass::Medium)),
            (13_176_395, Some(SizeClass::Large)),
            (32 << 20, Some(SizeClass::Large)),
            ((32 << 20) + 1, None),
        ];
        for (bytes, class) in table {
            assert_eq!(SizeClass::of(bytes), class, "{bytes} bytes");
        }
    }

    #[test]
    fn an_operator_can_lower_what_compiling_may_cost_but_not_raise_it() {
        let own = SizeClass::Small.compile(&CompileCap::default());
        let cap = CompileCap { memory_mib: Some(100), cpu_secs: Some(10_000), wall_secs: Some(0) };
        let capped = SizeClass::Small.compile(&cap);
        assert_eq!((capped.memory_mib, capped.cpu, capped.wall), (100, own.cpu, Duration::from_secs(1)));
    }
}
