//! Write OpsSight plugins in Rust.
//!
//! A plugin is one WebAssembly component. It says what it is by implementing one trait per kind
//! ([`Health`], [`Source`], [`Webhook`], [`Actions`], [`Notifier`], [`Costs`], [`Inventory`], [`Detector`]) and
//! naming them in [`export!`]:
//!
//! ```ignore
//! use opssight_plugin::{Delivery, Failure, Item, Reception, Webhook};
//! use opssight_plugin::items::PipelineRun;
//!
//! struct MyCi;
//!
//! impl Webhook for MyCi {
//!     fn receive(delivery: Delivery) -> Result<Reception, Failure> {
//!         let run: PipelineRun = parse(&delivery.body)?;
//!         Ok(Reception::of([Item::of(&run, &run.id, delivery.received_at, "CI #12")]))
//!     }
//! }
//!
//! opssight_plugin::export!(MyCi: webhook);
//! ```
//!
//! What a plugin may ask of the host has a module each: [`http`], [`log`], [`settings`], [`state`], [`time`], and, for
//! the few that cannot do without, [`reveal`].
//! A module that is not used is not imported by the built component, and what is not imported cannot be done:
//! that is how an operator's consent is computed from the bytes.
//!
//! The crate also compiles for the machine that you write on. There the host is a stand-in ([`native`]), so that
//! parsing and planning are tested with plain `cargo test`.
#![warn(missing_docs)]

#[doc(hidden)]
pub mod bindings;
mod export;
mod failure;
pub mod http;
mod item;
mod kinds;
pub mod log;
#[cfg(not(target_arch = "wasm32"))]
pub mod native;
pub mod reveal;
pub mod settings;
pub mod state;
#[cfg(test)]
mod tests;
pub mod time;

pub use bindings::host::opssight::plugin::types::{Failure, FailureClass, Item, PageRequest, Series};
pub use kinds::{
    Actions, Batch, CostPage, CostRequest, CostRow, Costs, Delivery, Detector, Finding, Health, Inventory,
    InventoryPage, Invocation, Notification, Notifier, Outcome, Receipt, Reception, Report, Source, Webhook,
};
/// The catalogue of item kinds: what [`Item::of`] takes.
pub use opssight_items as items;

/// A name and a value. Names are lower case, dotted where they nest ("http.status").
pub type Attr = (String, String);
