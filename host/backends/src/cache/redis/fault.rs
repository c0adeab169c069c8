//! What is wrong with a Redis, in words: what may pass, and what does not until somebody mends it.

use ::redis::{ErrorKind, RedisError};
use std::error::Error;

/// What is wrong, as an end of "the Redis at there: ".
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Fault {
    /// It may be well the next time.
    Away(String),
    /// It answers; the configuration or the server has to be changed.
    Wrong(String),
}

/// What a server says of itself is shown up to here.
const SHOWN: usize = 200;

impl Fault {
    pub(super) fn text(&self) -> &str {
        match self {
            Self::Away(text) | Self::Wrong(text) => text,
        }
    }

    pub(super) fn away(text: &str) -> Self {
        Self::Away(text.to_owned())
    }

    pub(super) fn wrong(text: &str) -> Self {
        Self::Wrong(text.to_owned())
    }
}

impl From<&RedisError> for Fault {
    fn from(error: &RedisError) -> Self {
        match error.code() {
            Some(code) => said(code, error.detail().unwrap_or_default()),
            None => unsaid(error),
        }
    }
}

/// It answers with an error.
fn said(code: &str, detail: &str) -> Fault {
    match code {
        "WRONGPASS" => Fault::wrong("the user or the password is wrong; correct them in cache.url"),
        "NOAUTH" => Fault::wrong("it wants a password; write it into cache.url as redis://:password@host"),
        "NOPERM" => Fault::Wrong(format!(
            "this user may not do what is needed; the operators' guide has the rule to give it ({})",
            shown(detail)
        )),
        "DENIED" => Fault::wrong("it takes nobody from another machine; give it a password or end its protected mode"),
        "ERR" if detail.contains("without any password configured") || detail.contains("invalid password") => {
            Fault::wrong("the password is wrong, or it has none; correct it in cache.url")
        }
        "LOADING" => Fault::away("it is loading its data"),
        "READONLY" | "MASTERDOWN" => {
            Fault::away("it is a replica, which takes no writes; name the primary in cache.url")
        }
        "OOM" => Fault::away("its memory is full; raise its maxmemory or let it evict (maxmemory-policy allkeys-lru)"),
        _ => Fault::Away(format!("it says {code} {}", shown(detail))),
    }
}

/// It does not come to an answer.
fn unsaid(error: &RedisError) -> Fault {
    let source = error.source().map(ToString::to_string).unwrap_or_default();
    if source.contains("certificate") {
        return Fault::Wrong(format!(
            "its certificate is not believed; cache.ca_file names its authority ({})",
            shown(&source)
        ));
    }
    if error.kind() == ErrorKind::Parse || source.contains("InvalidContentType") {
        return Fault::wrong("what answers there is no Redis, or rediss:// and redis:// are confused in cache.url");
    }
    if error.is_connection_dropped() && !error.is_connection_refusal() {
        return Fault::away("it hangs up; is that a Redis, and does it speak TLS only if the address is rediss://?");
    }
    if error.is_io_error() {
        return Fault::Away(format!(
            "nobody answers there; is it running, and does cache.url have the right host and port? ({})",
            shown(&source)
        ));
    }
    Fault::Away(format!("it does not make sense: {}", shown(&error.to_string())))
}

fn shown(text: &str) -> String {
    text.chars().filter(|letter| !letter.is_control()).take(SHOWN).collect()
}
