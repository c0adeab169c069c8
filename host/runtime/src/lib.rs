//! The plugin host: runs WebAssembly components that can compute and ask, and nothing else.
//!
//! Implements the port [`opssight_core::plugins::Plugins`]. Nothing of WebAssembly leaves this crate. What a call may
//! use is a budget that cannot be left out; what it may reach goes through one gate (`egress`); what it signs in with
//! never enters the sandbox (`credentials`).
#![warn(missing_docs)]
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing))]

pub mod bench;
mod bindings;
mod breakers;
mod budget;
mod cache;
mod calls;
mod checkup;
mod class;
mod config;
mod context;
mod credentials;
mod egress;
mod engine;
mod errands;
mod error;
mod evidence;
mod exports;
mod imports;
mod install;
mod jail;
mod lanes;
mod lifecycle;
mod log_gate;
mod plugin;
mod precheck;
mod rate;
mod registry;
mod shelf;
mod slots;
mod state;
mod stats;
mod sync;
mod text;
mod verify;
mod warm;
mod wasi;

pub use budget::{Budget, Kind};
pub use checkup::{EngineCheckup, check_up};
pub use class::{CompileCap, SizeClass};
pub use config::{RuntimeConfig, UpstreamConfig};
pub use credentials::SHORTEST_SECRET;
pub use egress::Resolver;
pub use evidence::{EvidenceConfig, Record, ReplayError, Replayed, Subject};
pub use install::{InstallError, examine};
pub use jail::{CellLimits, CompileError, Compiler, compile_worker, lock_in};
pub use opssight_core::plugins::{LogLevel as Level, LogLine};
pub use precheck::PrecheckError;
pub use registry::{PluginHost, RuntimeError};
