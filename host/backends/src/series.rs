//! Adapters of the metrics' port: an embedded store, and remote ones over HTTP. [`Gate`] stands before each: what holds
//! for all of them is decided there, once.

mod embedded;
mod gate;

pub use embedded::{EmbeddedOptions, EmbeddedSeries};
pub use gate::Gate;
