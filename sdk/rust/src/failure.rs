//! Failures: one constructor per class, because what the host does next is decided by the class alone.

use crate::{Failure, FailureClass};

macro_rules! constructors {
    ($($(#[$doc:meta])* $name:ident = $class:ident;)*) => {
        impl Failure {
            $(
                $(#[$doc])*
                ///
                /// `code` is for machines and starts with the plugin's name ("github.bad-payload"); `message` is one
                /// sentence for a person: what failed, where, and what would mend it. Never put a secret in it.
                pub fn $name(code: impl Into<String>, message: impl Into<String>) -> Self {
                    Self::new(FailureClass::$class, code, message)
                }
            )*
        }
    };
}

constructors! {
    /// The settings of the connection are wrong: a person must change them.
    config = Config;
    /// The upstream refused the credential: a person must renew it.
    auth = Auth;
    /// The upstream asked for patience. Say how long with [`Failure::retry_after`].
    rate_limited = RateLimited;
    /// The upstream failed or could not be reached: the host tries again with back-off.
    upstream = Upstream;
    /// The thing asked for is not there: the host does not try again.
    not_found = NotFound;
    /// The plugin does not know this input (event, feed, action): the host does not try again.
    unsupported = Unsupported;
    /// The plugin itself failed.
    internal = Internal;
}

impl Failure {
    /// A failure of a class.
    pub fn new(class: FailureClass, code: impl Into<String>, message: impl Into<String>) -> Self {
        Self { class, code: code.into(), message: message.into(), retry_after_ms: None, attrs: Vec::new() }
    }

    /// How long the upstream asked us to wait, milliseconds.
    #[must_use]
    pub fn retry_after(mut self, ms: u64) -> Self {
        self.retry_after_ms = Some(ms);
        self
    }

    /// A further fact, for the log and the operator.
    #[must_use]
    pub fn attr(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.attrs.push((name.into(), value.into()));
        self
    }
}
