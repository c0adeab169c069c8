//! Run a packaged plugin on the real runtime, in this process, against recorded HTTP exchanges.
//!
//! ```no_run
//! # async fn example() -> anyhow::Result<()> {
//! use opssight_testkit::{TestHost, build_plugin};
//!
//! let host = TestHost::new(&build_plugin("opssight-plugin-github")?).await?
//!     .credential("api", "bearer", &[("token", "t0ken-t0ken")])
//!     .exchange("GET", "/user", 200, &[], r#"{"login":"octocat"}"#);
//! let report = host.check().await?;
//! assert_eq!(host.requests()[0].path, "/user");
//! # Ok(())
//! # }
//! ```
//!
//! A plugin's own repository has no workspace of ours around it: there, `build_crate(env!("CARGO_MANIFEST_DIR"))` makes
//! the package of the crate under test.
//!
//! Nothing of the sandbox is left out: the same budgets, the same egress gate, the same host-side credentials. The
//! only grant is the loopback address on which the recorded upstream answers; the setting `base_url` points to it.
#![warn(missing_docs)]

mod build;
mod cassette;
mod fault;
pub mod guests;
mod house;
mod upstream;

pub use build::{build_crate, build_plugin, pack};
pub use cassette::{CassetteMode, ReplayHost, cassettes, replays};
pub use fault::Fault;
pub use house::TestHost;
/// What calls take and give, for plugins, which know of the host only this crate.
pub use opssight_core::plugins;
/// The contract's time, as notifications, bills and items carry it.
pub use opssight_core::time::Timestamp;
/// What a plugin logged, a version of one's choice to replay a record on, and how long a secret must be to be masked.
pub use opssight_runtime::{LogLine, ReplayError, Replayed, SHORTEST_SECRET, Subject};
/// For `#[tokio::test]`: `use opssight_testkit::tokio;`.
pub use tokio;
pub use upstream::{Request, Response};
