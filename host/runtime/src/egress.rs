//! The one way out. For each request: is this URL allowed to this plugin for this connection, do all addresses
//! behind its name lie where it may go, does the upstream ask for patience, and what does the host sign it with?

mod account;
mod address;
mod client;
mod decode;
mod gate;
mod network;
mod refusal;
mod resolve;
mod rule;
pub(crate) mod template;

pub(crate) use account::{Account, Accounts, IN_FLIGHT};
pub(crate) use client::{Timeouts, certificates, exchange, vet_address};
pub(crate) use gate::{Outgoing, send};
pub(crate) use refusal::Refusal;
pub use resolve::Resolver;
pub(crate) use resolve::SystemResolver;
pub(crate) use rule::covers;
