//! Evidence: a call is recorded while it runs, and can be made again from its record. Whatever a guest learns from
//! outside comes through a [`Tape`], which either asks the world and writes down the answer, or reads the answer from a
//! record and asks nobody.
//!
//! The decision what to keep is made when the call is over. Until then the tape holds references (bodies are counted,
//! not copied), so that a call that succeeds costs little more than one copy of its input.

mod develop;
mod exchange;
mod keep;
mod player;
mod recorder;
mod redact;
mod replay;
mod shadow;
mod stage;
mod state;
mod tape;

pub(crate) use exchange::guest_error;
pub(crate) use keep::{Evidence, settle};
pub use keep::{EvidenceConfig, Record};
pub use replay::{ReplayError, Replayed, Subject};
pub(crate) use stage::Stage;
pub(crate) use tape::{Request, Tape};
