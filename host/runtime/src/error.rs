//! How a call that did not succeed is told: whose fault, what to do, which budget, in one sentence.

use crate::bindings::opssight::plugin::types::{Failure, FailureClass as WitClass};
use crate::budget::Exhausted;
use crate::context::CallContext;
use crate::egress::Refusal;
use crate::plugin::Plugin;
use crate::text;
use opssight_core::plugins::kinds::NotifyFailure;
use opssight_core::plugins::{CallError, CallTarget, FailureClass, FaultSource};
use std::time::Duration;
use wasmtime::{PoolConcurrencyLimitError, Trap};

const MAX_MESSAGE: usize = 600;
/// Nobody is asked to wait longer than a day.
const MAX_RETRY_MS: u64 = 24 * 60 * 60 * 1_000;

/// What went wrong, before it is put in words.
#[derive(Debug)]
pub(crate) enum Fault {
    /// The guest died, or could not be started.
    Trap(wasmtime::Error),
    /// A budget ran out.
    Exhausted(Exhausted),
    /// The plugin says that it failed.
    Failure(Failure),
    /// Its answer breaks the contract.
    Invalid(String),
    /// It has no such export.
    NotExported,
    /// Its manifest declares no such feed or action.
    NotDeclared(&'static str, String),
    /// It was taken out of service while the call ran.
    Stopped,
    /// Whoever asked went away while the call ran.
    Abandoned,
    /// We failed.
    HostPanic,
}

impl Fault {
    /// It is an answer like any other, after which the instance can be called again.
    pub(crate) fn leaves_the_instance_well(&self) -> bool {
        match self {
            Self::Failure(failure) => failure.class != WitClass::Internal,
            Self::NotDeclared(..) | Self::NotExported => true,
            Self::Trap(_)
            | Self::Exhausted(_)
            | Self::Invalid(_)
            | Self::Stopped
            | Self::Abandoned
            | Self::HostPanic => false,
        }
    }
}

/// Ends a guest whose plugin was taken out of service.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("the plugin was taken out of service")]
pub(crate) struct Stopped;

/// Whose fault, what to do, code, message.
struct Told {
    fault: FaultSource,
    class: FailureClass,
    code: String,
    message: String,
    retry_after_ms: Option<u64>,
}

/// Put it in words. No secret that the call used is in them.
pub(crate) fn call_error(call: &CallContext, fault: Fault) -> CallError {
    let told = match fault {
        Fault::Trap(error) => trapped(call, &error),
        Fault::Exhausted(exhausted) => out_of(exhausted),
        Fault::Failure(failure) => failed(call, failure),
        Fault::Invalid(problem) => plugin(FailureClass::Internal, "plugin.invalid-answer", problem),
        Fault::NotExported => {
            let message = format!("it does not export \"{}\"", call.kind.name());
            plugin(FailureClass::Unsupported, "plugin.not-exported", message)
        }
        Fault::NotDeclared(what, name) => {
            let message = format!("it declares no {what} \"{name}\"");
            plugin(FailureClass::Unsupported, "plugin.not-declared", message)
        }
        Fault::Stopped => stopped(call),
        Fault::Abandoned => Told {
            fault: FaultSource::Host,
            class: FailureClass::Unavailable,
            code: "call.abandoned".to_owned(),
            message: "nobody waited for its answer any more".to_owned(),
            retry_after_ms: None,
        },
        Fault::HostPanic => Told {
            fault: FaultSource::Host,
            class: FailureClass::Trap,
            code: "host.panic".to_owned(),
            message: "the host failed while it ran the call; its log says where".to_owned(),
            retry_after_ms: None,
        },
    };
    CallError {
        plugin: call.target.plugin.clone(),
        version: call.plugin.version.clone(),
        connection: call.target.connection.clone(),
        fault: told.fault,
        class: told.class,
        code: told.code,
        message: text::clean(&call.secrets.scrub(&told.message), MAX_MESSAGE),
        retry_after_ms: told.retry_after_ms,
    }
}

/// There is no such plugin here.
pub(crate) fn not_installed(target: &CallTarget) -> CallError {
    CallError {
        plugin: target.plugin.clone(),
        version: String::new(),
        connection: target.connection.clone(),
        fault: FaultSource::Host,
        class: FailureClass::Unavailable,
        code: "plugin.not-installed".to_owned(),
        message: "it is not installed".to_owned(),
        retry_after_ms: None,
    }
}

/// The host cannot make the call now.
pub(crate) fn unavailable(plugin: &Plugin, target: &CallTarget, code: &str, message: &str) -> CallError {
    CallError {
        version: plugin.version.clone(),
        code: code.to_owned(),
        message: message.to_owned(),
        ..not_installed(target)
    }
}

/// No place for the call became free.
pub(crate) fn busy(plugin: &Plugin, target: &CallTarget, waited: Duration) -> CallError {
    let secs = waited.as_secs();
    let message = format!("the host makes as many calls as it may; this one waited {secs} s for its turn");
    let retry_after_ms = u64::try_from(waited.as_millis()).ok();
    CallError { retry_after_ms, ..unavailable(plugin, target, "host.busy", &message) }
}

/// The connection's breaker is open.
pub(crate) fn breaker_open(plugin: &Plugin, target: &CallTarget, retry_after_ms: u64) -> CallError {
    let message = "the plugin keeps failing for this connection and is left alone for a while";
    CallError {
        fault: FaultSource::Policy,
        retry_after_ms: Some(retry_after_ms),
        ..unavailable(plugin, target, "plugin.breaker-open", message)
    }
}

/// The connection does not let its plugin do this.
pub(crate) fn withheld(plugin: &Plugin, target: &CallTarget, ability: &str) -> CallError {
    let message = format!("the connection withholds \"{}\" from its plugin", text::clean(ability, 120));
    CallError {
        fault: FaultSource::Policy,
        class: FailureClass::Config,
        ..unavailable(plugin, target, "policy.withheld", &message)
    }
}

/// One notification was not sent, in words without secrets. What the gate refused last is not told here: it may have
/// been about another one of the batch.
pub(crate) fn notify_failure(call: &CallContext, failure: Failure) -> NotifyFailure {
    NotifyFailure {
        class: class(failure.class),
        code: text::code(&failure.code),
        message: text::clean(&call.secrets.scrub(&failure.message), MAX_MESSAGE),
        retry_after_ms: failure.retry_after_ms.map(|ms| ms.min(MAX_RETRY_MS)),
    }
}

fn stopped(call: &CallContext) -> Told {
    let reason = call.plugin.stopped().unwrap_or("no reason given");
    Told {
        fault: FaultSource::Policy,
        class: FailureClass::Unavailable,
        code: "plugin.revoked".to_owned(),
        message: format!("this version was taken out of service: {reason}"),
        retry_after_ms: None,
    }
}

fn plugin(class: FailureClass, code: &str, message: String) -> Told {
    Told { fault: FaultSource::Plugin, class, code: code.to_owned(), message, retry_after_ms: None }
}

fn out_of(exhausted: Exhausted) -> Told {
    let told = plugin(FailureClass::Budget, exhausted.code(), exhausted.to_string());
    match exhausted {
        Exhausted::Starved(_) | Exhausted::House(_) => of_the_host(told),
        _ => told,
    }
}

/// The host has no room or no time for it: nobody's plugin is to blame, and later it may go through.
fn of_the_host(told: Told) -> Told {
    Told { fault: FaultSource::Host, class: FailureClass::Unavailable, ..told }
}

fn trapped(call: &CallContext, error: &wasmtime::Error) -> Told {
    if let Some(exhausted) = error.downcast_ref::<Exhausted>() {
        return out_of(*exhausted);
    }
    if error.downcast_ref::<Stopped>().is_some() {
        return stopped(call);
    }
    if error.downcast_ref::<PoolConcurrencyLimitError>().is_some() {
        let message = "the host has no free place for it".to_owned();
        return of_the_host(plugin(FailureClass::Unavailable, "host.busy", message));
    }
    let reason = error.root_cause().to_string();
    // The engine has no public types for these two.
    if reason.contains("fuel allocated for hostcalls") {
        return out_of(Exhausted::Hostcall(call.budget.hostcall_bytes));
    }
    if reason.contains("handle limit") || reason.contains("resource table has no free keys") {
        return out_of(Exhausted::Handles);
    }
    match (error.downcast_ref::<Trap>(), call.last_words()) {
        (Some(Trap::UnreachableCodeReached), Some(words)) => {
            plugin(FailureClass::Trap, "plugin.panic", format!("it panicked: {words}"))
        }
        (Some(Trap::StackOverflow), _) => {
            plugin(FailureClass::Trap, "trap.stack-overflow", "it called itself too deeply".to_owned())
        }
        _ => plugin(FailureClass::Trap, "trap", format!("it died: {reason}")),
    }
}

fn class(class: WitClass) -> FailureClass {
    match class {
        WitClass::Config => FailureClass::Config,
        WitClass::Auth => FailureClass::Auth,
        WitClass::RateLimited => FailureClass::RateLimited,
        WitClass::Upstream => FailureClass::Upstream,
        WitClass::NotFound => FailureClass::NotFound,
        WitClass::Unsupported => FailureClass::Unsupported,
        WitClass::Internal => FailureClass::Internal,
    }
}

fn failed(call: &CallContext, failure: Failure) -> Told {
    let class = class(failure.class);
    // The plugin only saw that its request did not go through. We know why, and that is what helps.
    if !matches!(class, FailureClass::NotFound | FailureClass::Unsupported)
        && let Some(refusal) = call.refusal()
    {
        return refused(&refusal, &failure);
    }
    let fault = match class {
        FailureClass::Config => FaultSource::Policy,
        FailureClass::Auth | FailureClass::RateLimited | FailureClass::Upstream | FailureClass::NotFound => {
            FaultSource::Upstream
        }
        _ => FaultSource::Plugin,
    };
    Told {
        fault,
        class,
        code: text::code(&failure.code),
        message: failure.message,
        retry_after_ms: failure.retry_after_ms.map(|ms| ms.min(MAX_RETRY_MS)),
    }
}

fn refused(refusal: &Refusal, failure: &Failure) -> Told {
    let (fault, class) = refusal.verdict();
    let retry_after_ms = refusal.retry_after_ms().or_else(|| failure.retry_after_ms.map(|ms| ms.min(MAX_RETRY_MS)));
    let message = format!("{refusal} (the plugin says: {})", text::clean(&failure.message, 200));
    Told { fault, class, code: refusal.code().to_owned(), message, retry_after_ms }
}
