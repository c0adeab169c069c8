//! `opssight:plugin/log`: lines that are counted, cut, cleaned and named before anybody sees them.

use crate::bindings::opssight::plugin::log::{Host, Level as WitLevel};
use crate::context::{CallContext, LogQuota};
use crate::plugin::LogLine;
use crate::state::HostState;
use crate::text;
use std::fmt::Write;

/// One line, its fields included, in bytes.
const LINE: usize = 4 << 10;

/// How loud a line is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Level {
    Trace,
    Debug,
    Info,
    Warn,
    Error,
}

impl Host for HostState {
    fn log(&mut self, level: WitLevel, message: String, fields: Vec<(String, String)>) -> wasmtime::Result<()> {
        self.within_host_calls()?;
        let level = match level {
            WitLevel::Trace => Level::Trace,
            WitLevel::Debug => Level::Debug,
            WitLevel::Info => Level::Info,
            WitLevel::Warn => Level::Warn,
            WitLevel::Error => Level::Error,
        };
        write(&self.call, level, &message, &fields);
        Ok(())
    }
}

/// Write one line, if the call may still write lines.
pub(crate) fn write(call: &CallContext, level: Level, message: &str, fields: &[(String, String)]) {
    match call.may_log(message.len().min(LINE)) {
        LogQuota::Dropped => {}
        LogQuota::Ok => emit(call, level, message, fields),
        LogQuota::Last => {
            emit(call, level, message, fields);
            emit(call, Level::Warn, "further lines of this call are dropped", &[]);
        }
    }
}

fn emit(call: &CallContext, level: Level, message: &str, fields: &[(String, String)]) {
    let mut line = message.to_owned();
    for (name, value) in fields.iter().take(32) {
        // Writing to a string cannot fail.
        let _written = write!(line, " {name}={value}");
    }
    let line = text::clean(&call.secrets.scrub(&line), LINE);
    let plugin = call.plugin.manifest.id.as_str();
    let connection = call.target.connection.as_str();
    macro_rules! event {
        ($level:ident) => {
            tracing::$level!(target: "opssight::plugin", { plugin.id = plugin, connection.id = connection }, "{line}")
        };
    }
    match level {
        Level::Trace => event!(trace),
        Level::Debug => event!(debug),
        Level::Info => event!(info),
        Level::Warn => event!(warn),
        Level::Error => event!(error),
    }
    let at = call.services.clock.now();
    call.plugin.remember(LogLine { at, level, connection: call.target.connection.clone(), message: line });
}
