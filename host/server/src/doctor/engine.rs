//! Whether plugins can be compiled and run.

use super::{Finding, failed};
use crate::config::Config;
use crate::runtime::runtime;
use opssight_runtime::check_up;

pub(super) async fn look(config: &Config) -> Vec<Finding> {
    if !config.plugins.enabled {
        return vec![Finding::warning("plugins", "plugins.enabled is false: no plugin is called")];
    }
    let runtime = match runtime(config) {
        Ok(runtime) => runtime,
        Err(error) => return vec![Finding::failing("plugins", failed(error.as_ref()))],
    };
    let Ok(found) = tokio::task::spawn_blocking(move || check_up(&runtime)).await else {
        return vec![Finding::failing("plugins", "the plugin engine panicked")];
    };
    let found = match found {
        Ok(found) => found,
        Err(error) => return vec![Finding::failing("plugins", failed(&error))],
    };
    let engine = if found.is_pooled {
        Finding::ok("plugins", "the engine starts")
    } else {
        let detail = "no room for the instance pool: plugins run from ordinary memory and start slower";
        Finding::warning("plugins", detail).mend("lift the limit on addresses (`ulimit -v`, vm.overcommit_memory)")
    };
    let compiling = match found.compiles {
        Ok(()) => Finding::ok("plugins compile", "in a process of its own, locked in"),
        Err(error) => Finding::failing("plugins compile", error.to_string()),
    };
    vec![engine, compiling]
}
