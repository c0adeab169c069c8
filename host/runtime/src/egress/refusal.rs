//! Why a request did not go through, for three readers: the guest, the operator, and the retry rule.

use crate::evidence::guest_error;
use opssight_core::plugins::evidence::RefusedRequest;
use opssight_core::plugins::{FailureClass, FaultSource};
use wasmtime_wasi_http::Error;

/// A request that did not go through.
#[derive(Debug, Clone, thiserror::Error)]
pub(crate) enum Refusal {
    /// The allow-list says no.
    #[error("the request to {url} is not allowed: {why}")]
    NotAllowed { url: String, why: String },
    /// The name leads, or the literal is, where this connection may not go.
    #[error("{host} leads to {address}, {why}: an administrator can grant that network to the connection")]
    Address { host: String, address: String, why: &'static str },
    /// The manifest says yes, and the connection does not give it.
    #[error("the connection withholds \"{0}\" from the plugin: an administrator can give it back")]
    Withheld(String),
    /// The rule wants a credential that the connection does not have.
    #[error("the connection has no credential \"{0}\"")]
    NoCredential(String),
    /// What the connection has cannot be used.
    #[error("the connection's credential \"{name}\" cannot be used: {why}")]
    BadCredential { name: String, why: String },
    /// The upstream does not take it.
    #[error("the upstream refused the credential \"{name}\" (HTTP {status})")]
    CredentialRefused { name: String, status: u16 },
    /// The upstream asked for patience.
    #[error("the upstream asked for patience, for {} more seconds", .retry_after_ms / 1000)]
    Paused { retry_after_ms: u64 },
    /// The budget of requests is used up.
    #[error("it made more requests than a call may ({0})")]
    TooManyRequests(u32),
    #[error("it sent a larger request body than a call may ({0} bytes)")]
    RequestTooLarge(usize),
    #[error("the answer is larger than a call may take ({0} bytes)")]
    ResponseTooLarge(usize),
    /// Somebody was too slow.
    #[error("{0} did not come in time")]
    Timeout(&'static str),
    /// Nobody answered.
    #[error("{host} could not be reached: {why}")]
    Unreachable { host: String, why: String },
    /// The conversation broke off.
    #[error("{0}")]
    Broken(String),
    /// Our own fault.
    #[error("{0}")]
    Host(&'static str),
    /// A credential of the connection is kept elsewhere, and cannot be had now.
    #[error("the connection's credentials cannot be had now: {0}")]
    Elsewhere(String),
    /// What was refused once, in a replay of that call.
    #[error("{}", .0.message)]
    Recorded(Box<RefusedRequest>),
}

impl Refusal {
    /// A decision of ours, not an accident on the way.
    pub(crate) fn is_denial(&self) -> bool {
        if let Self::Recorded(refused) = self {
            return refused.denial;
        }
        matches!(
            self,
            Self::NotAllowed { .. }
                | Self::Address { .. }
                | Self::Withheld(_)
                | Self::NoCredential(_)
                | Self::TooManyRequests(_)
        )
    }

    /// Machine readable, for errors and metrics.
    pub(crate) fn code(&self) -> &str {
        match self {
            Self::NotAllowed { .. } => "egress.denied",
            Self::Address { .. } => "egress.address",
            Self::Withheld(_) => "egress.withheld",
            Self::NoCredential(_) => "credential.missing",
            Self::BadCredential { .. } => "credential.unusable",
            Self::CredentialRefused { .. } => "credential.refused",
            Self::Paused { .. } => "rate.paused",
            Self::TooManyRequests(_) => "budget.requests",
            Self::RequestTooLarge(_) => "budget.request-bytes",
            Self::ResponseTooLarge(_) => "budget.response-bytes",
            Self::Timeout(_) => "upstream.timeout",
            Self::Unreachable { .. } => "upstream.unreachable",
            Self::Broken(_) => "upstream.broken",
            Self::Host(_) => "host.unavailable",
            Self::Elsewhere(_) => "credential.unavailable",
            Self::Recorded(refused) => &refused.code,
        }
    }

    /// How long to wait before it may go through.
    pub(crate) fn retry_after_ms(&self) -> Option<u64> {
        match self {
            Self::Paused { retry_after_ms } => Some(*retry_after_ms),
            Self::Recorded(refused) => refused.retry_after_ms,
            _ => None,
        }
    }

    /// Whose fault it is, and what to do about it.
    pub(crate) fn verdict(&self) -> (FaultSource, FailureClass) {
        match self {
            Self::NotAllowed { .. }
            | Self::Address { .. }
            | Self::Withheld(_)
            | Self::NoCredential(_)
            | Self::BadCredential { .. } => (FaultSource::Policy, FailureClass::Config),
            Self::CredentialRefused { .. } => (FaultSource::Upstream, FailureClass::Auth),
            Self::Paused { .. } => (FaultSource::Upstream, FailureClass::RateLimited),
            Self::TooManyRequests(_) | Self::RequestTooLarge(_) | Self::ResponseTooLarge(_) => {
                (FaultSource::Plugin, FailureClass::Budget)
            }
            Self::Timeout(_) | Self::Unreachable { .. } | Self::Broken(_) => {
                (FaultSource::Upstream, FailureClass::Upstream)
            }
            Self::Host(_) | Self::Elsewhere(_) => (FaultSource::Host, FailureClass::Unavailable),
            Self::Recorded(refused) => (refused.fault, refused.class),
        }
    }

    /// What the guest is told: a code of `wasi:http`, and none of our reasons.
    pub(crate) fn for_guest(&self) -> Error {
        match self {
            Self::Address { .. } => Error::DestinationIpProhibited,
            Self::RequestTooLarge(limit) => Error::HttpRequestBodySize(u64::try_from(*limit).ok()),
            Self::ResponseTooLarge(limit) => Error::HttpResponseBodySize(u64::try_from(*limit).ok()),
            Self::Timeout(_) => Error::HttpResponseTimeout,
            Self::Unreachable { .. } => Error::ConnectionRefused,
            Self::Broken(_) => Error::HttpResponseIncomplete,
            Self::Host(_) | Self::Elsewhere(_) => Error::InternalError(None),
            Self::Recorded(refused) => guest_error(refused),
            Self::NotAllowed { .. }
            | Self::Withheld(_)
            | Self::NoCredential(_)
            | Self::BadCredential { .. }
            | Self::CredentialRefused { .. }
            | Self::Paused { .. }
            | Self::TooManyRequests(_) => Error::HttpRequestDenied,
        }
    }
}
