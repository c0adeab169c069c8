//! Adapters of the storage-like ports: the relational store (SQLite or PostgreSQL), the series of the
//! metrics, the sealing of credentials, the in-process bus, the system's clock and randomness. No rule lives here; each statement stands once, beside its feature.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing))]

mod bus;
mod packages;
mod sealer;
mod series;
mod sql;
mod system;

pub use bus::LocalBus;
pub use packages::PackageFiles;
pub use sealer::{MASTER_KEY_BYTES, SealError, Sealer};
pub use series::{EmbeddedOptions, EmbeddedSeries, Gate, InfluxSeries, PrometheusSeries, RemoteUrlError};
pub use sql::{
    MoveError, OpenError, Store, StoreOptions, StoreStatus, UpkeepError, backup, database_status, file_status,
    move_to_postgres, restore,
};
pub use system::{SystemClock, SystemRandomness};
