//! The hostile corpus: guests and packages that attack the host, each with what the host must do about it, run
//! against the real plugin host and measured.
//!
//! One case is one function in `rows`. It gets an [`Arena`] (a plugin host with everything around it in memory, and
//! upstreams under its control), attacks, and says what happened. Whatever a case does, the host process must live, the
//! API must stay prompt, memory must come back, and a neighbour that ticks must miss nothing: [`measure`] judges that.
//! The numbers 1 to 75 are those of docs/security/hostile-corpus.md; letters are variants of a row, and X cases were
//! added since.
#![expect(clippy::unwrap_used, reason = "a case that cannot be set up is a mistake in this corpus")]
#![expect(clippy::indexing_slicing, reason = "a case that cannot be set up is a mistake in this corpus")]

pub mod arena;
mod attacked;
pub mod case;
mod desk;
mod dice;
pub mod measure;
pub mod mutate;
mod outside;
mod paper;
mod rows;
pub mod run;
pub mod secrets;
mod secure;
pub mod table;
mod wasm;

pub use arena::Arena;
pub use case::{Case, Family, Options};
pub use rows::{cases, neighbours};
pub use wasm::{Ends, thief};
