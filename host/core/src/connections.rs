//! Connections: a configured plugin, with its settings, credentials and grants.

mod manage;
mod store;
mod webhook;

pub use manage::{ConnectionError, Connections, Made, NewConnection, Patch, Problem};
pub use store::{CheckOutcome, Connection, ConnectionHealth, ConnectionStatus, ConnectionStore, FeedStatus, Inserted};
