//! Plugins as the rest of the house sees them: what they declare ([`manifest`]), how they are called
//! ([`Plugins`]) and how a call fails ([`CallError`]). The runtime implements the port; nothing here knows WebAssembly.

pub mod abilities;
pub mod breaker;
mod call;
pub mod catalogue;
mod digest;
mod error;
pub mod evidence;
pub mod installs;
pub mod kinds;
pub mod manifest;
mod reference;
mod stats;
pub mod trust;

pub use abilities::{Ability, Wants, WantsChange};
pub use call::{
    ActionInvocation, ActionOutcome, Budget, CallPriority, CallTarget, CallUsage, Called, Credential, CredentialSource,
    Credentials, Grants, HealthReport, InstalledPlugin, PageRequest, PluginState, Plugins, PullBatch, RawDelivery,
    RawItem, Reception, StateWrite, VerifyError, WebhookDelivery,
};
pub use digest::digest_of;
pub(crate) use digest::digest_text;
pub use error::{CallError, FailureClass, FaultSource};
pub use manifest::Manifest;
pub use reference::{SecretReference, SecretUnavailable, is_plain_segment};
pub use stats::{ConnectionFault, KindStats, LogLevel, LogLine, PluginStats};
