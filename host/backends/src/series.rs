//! Adapters of the metrics' port: an embedded store, and remote ones over HTTP. [`Gate`] stands before each: what holds
//! for all of them is decided there, once.

mod embedded;
mod gate;
mod influx;
mod prometheus;
mod remote;

pub use embedded::{EmbeddedOptions, EmbeddedSeries};
pub use gate::Gate;
pub use influx::InfluxSeries;
pub use prometheus::PrometheusSeries;
pub use remote::RemoteUrlError;
