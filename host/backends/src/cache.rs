//! What hosts may lose: rates, values with a time to live, locks that run out. In this process, or in a Redis that
//! several hosts share.

mod local;
mod redis;

pub use self::redis::{RedisCache, RedisCheckup, RedisError, RedisOptions};
pub use local::LocalCache;
use opssight_core::time::Randomness;

/// A name for the holder of a lock that nobody else has.
fn owner(random: &dyn Randomness) -> String {
    let mut bytes = [0_u8; 16];
    random.fill(&mut bytes);
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
