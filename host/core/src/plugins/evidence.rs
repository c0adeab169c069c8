//! Evidence: what one call was given, what it asked of the world and what it answered, in one document. The same
//! document is the bug report, the regression test and what a later version is compared with.
//!
//! A call of a plugin is a pure function of its input, its settings and the answers that it was given on the way. All
//! of these are in a [`CallRecord`], so that it can be made again anywhere, offline, byte for byte.

mod blob;
mod compare;
mod record;
mod store;

pub use blob::Blob;
pub(crate) use blob::{bytes, maybe_bytes};
pub use compare::{Difference, Scope, compare, differences};
pub use record::{
    Asked, CallRecord, ClockReadings, Exchange, ExchangeAnswer, FORMAT, LoggedLine, NotReplayable, Outcome,
    RecordError, RefusedRequest,
};
pub use store::{CallQuery, CallSummary, EvidenceStore, KeepCalls, OutcomeFilter};
