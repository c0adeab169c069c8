//! Connections: a configured plugin, with its settings, credentials and grants.

mod judge;
mod manage;
mod store;
mod webhook;

pub use judge::Problem;
pub use manage::{ConnectionError, Connections, Made, NewConnection, Patch};
pub use store::{CheckOutcome, Connection, ConnectionHealth, ConnectionStatus, ConnectionStore, FeedStatus, Inserted};
