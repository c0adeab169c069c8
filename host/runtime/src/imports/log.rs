//! `opssight:plugin/log`: lines that are counted, cut, cleaned and named before anybody sees them.

use crate::bindings::opssight::plugin::log::{Host, Level as WitLevel};
use crate::context::CallContext;
use crate::plugin::Admitted;
use crate::state::HostState;
use crate::text;
use opssight_core::plugins::{LogLevel as Level, LogLine};
use std::fmt::Write;

/// One line, its fields included, in bytes.
const LINE: usize = 4 << 10;
/// Fields of one line.
const FIELDS: usize = 32;

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
    if call.may_log(message.len().min(LINE)) {
        emit(call, level, message, fields);
    }
}

/// The call is over: say how many lines were too many.
pub(crate) fn close(call: &CallContext) {
    let dropped = call.take_dropped();
    if dropped > 0 {
        if !call.tape.is_playing() {
            call.plugin.drop_lines(u64::from(dropped));
        }
        emit(call, Level::Warn, &format!("{dropped} lines of this call were dropped"), &[]);
    }
}

fn emit(call: &CallContext, level: Level, message: &str, fields: &[(String, String)]) {
    // Cut before anything looks at it: one message may be as large as the boundary lets through.
    let mut line = start(message).to_owned();
    for (name, value) in fields.iter().take(FIELDS) {
        if line.len() > 2 * LINE {
            break;
        }
        // Writing to a string cannot fail.
        let _written = write!(line, " {}={}", start(name), start(value));
    }
    let line = text::clean(&call.secrets.scrub(&line), LINE);
    call.tape.log(level, &line);
    if call.tape.is_playing() {
        return;
    }
    match call.plugin.admit_line(line.len()) {
        Admitted::No => {}
        Admitted::Yes => publish(call, level, line),
        Admitted::After(dropped) => {
            publish(call, Level::Warn, format!("{dropped} lines dropped: the plugin logs too much"));
            publish(call, level, line);
        }
    }
}

/// To the host's log, and to what people look at.
fn publish(call: &CallContext, level: Level, line: String) {
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

/// As much of it as can matter.
fn start(text: &str) -> &str {
    let mut end = text.len().min(2 * LINE);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or_default()
}
