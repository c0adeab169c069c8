//! Adapters of the storage-like ports: the relational store (SQLite or PostgreSQL), the series of the metrics, master keys
//! and Vault, blobs in a folder or a bucket, the in-process bus and Kafka at its edge, rates, values and locks in this
//! process or in Redis, the system's
//! clock and randomness. No rule lives here; each statement stands once, beside its feature.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing))]

mod blobs;
mod bus;
mod cache;
pub mod failpoint;
#[cfg(feature = "kafka")]
pub mod kafka;
mod link;
mod packages;
mod passwords;
mod secrets;
mod series;
mod sessions;
mod sql;
mod system;

pub use blobs::{BlobAccess, BlobAddress, BlobAddressError, FolderBlobs, open_blobs};
pub use bus::LocalBus;
pub use cache::{LocalCache, RedisCache, RedisCheckup, RedisError, RedisOptions};
pub use link::Link;
pub use packages::Packages;
pub use passwords::Argon2Passwords;
pub use secrets::{
    KeyError, KeyId, KeyPlace, KeyRing, SealError, SecretText, Vault, VaultAuth, VaultCheckup, VaultCredentials,
    VaultError, VaultOptions,
};
pub use series::{EmbeddedOptions, EmbeddedSeries, Gate, InfluxSeries, PrometheusSeries, RemoteUrlError};
pub use sessions::SharedSessions;
pub use sql::{
    CHECKED_AT_OPEN_BYTES, Checkup, KeyUse, MoveError, MoveStep, Moved, Moving, OpenError, Place, Rotate, RotateError,
    Rotated, Rotation, SecretsStatus, ServerCheckup, Store, StoreOptions, StoreStatus, UpkeepError, backup,
    check_up_database, check_up_file, database_status, file_holder, file_problems, file_status, move_to_postgres,
    restore, rotate_secrets, secrets_status, undo_move,
};
pub use system::{SystemClock, SystemRandomness};
