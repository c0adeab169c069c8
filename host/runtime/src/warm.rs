//! Instances that are kept between calls, for plugins that bring an interpreter: starting one takes longer than most
//! of its calls.
//!
//! What a plugin remembers from one call to the next must not reach anybody else, and what one call may use must not
//! depend on the calls before it. So an instance serves one version of a plugin, for one connection with the settings
//! and grants that it was made for; every call has its own budget, quota and context; and an instance is thrown away
//! after any fault, after so many calls, after a while, and when it leaves behind more than it came with.

mod leftovers;

use crate::context::CallContext;
use crate::plugin::Plugin;
use crate::state::HostState;
use crate::sync::lock;
use opssight_core::id::ConnectionId;
use opssight_core::plugins::Grants;
use opssight_core::time::{Clock, Timestamp};
use serde_json::Value;
use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;
use wasmtime::Store;
use wasmtime::component::Instance;

/// So many calls, and then a fresh one: what an interpreter hoards is gone with it.
const MOST_CALLS: u32 = 200;
/// No instance is older.
const MOST_SECS: i64 = 600;
/// A connection that is called from many sides keeps so many; more at once are fresh.
const MOST_OF_ONE_CONNECTION: usize = 4;
/// An instance whose memory has grown beyond this is not kept.
const MOST_BYTES: usize = 96 << 20;
/// How often those that are too old are looked for, if no call finds them.
const EVERY: Duration = Duration::from_secs(60);

/// An instance with the store that it lives in.
pub(crate) struct Lived {
    pub(crate) store: Store<HostState>,
    pub(crate) instance: Instance,
    calls: u32,
    born: Timestamp,
}

impl Lived {
    /// It was just made, for this call.
    pub(crate) fn new(store: Store<HostState>, instance: Instance) -> Self {
        let born = store.data().call.services.clock.now();
        Self { store, instance, calls: 0, born }
    }

    fn is_old(&self, now: Timestamp) -> bool {
        self.calls >= MOST_CALLS || now.since(self.born) >= MOST_SECS * 1_000_000
    }
}

/// For whom it is kept.
struct Kept {
    plugin: Arc<Plugin>,
    connection: ConnectionId,
    settings: Arc<Value>,
    grants: Arc<Grants>,
    lived: Lived,
}

impl Kept {
    fn is_of(&self, call: &CallContext) -> bool {
        Arc::ptr_eq(&self.plugin, &call.plugin) && self.connection == call.target.connection
    }

    /// The plugin may have made something of them that it remembers.
    fn same_circumstances(&self, call: &CallContext) -> bool {
        let (settings, grants) = (&call.target.settings, &call.target.grants);
        (Arc::ptr_eq(&self.settings, settings) || self.settings == *settings)
            && (Arc::ptr_eq(&self.grants, grants) || self.grants == *grants)
    }
}

fn bytes(kept: &[Kept]) -> usize {
    kept.iter().map(|kept| kept.lived.store.data().memory_bytes).sum()
}

/// All that are kept, the least recently used first.
pub(crate) struct WarmInstances {
    most: usize,
    kept: Mutex<Vec<Kept>>,
}

impl WarmInstances {
    pub(crate) fn new(most: usize) -> Self {
        Self { most, kept: Mutex::default() }
    }

    /// One that may serve this call, ready for it.
    pub(crate) fn take(&self, call: &Arc<CallContext>) -> Option<Lived> {
        let now = call.services.clock.now();
        let (mut found, dropped) = {
            let mut kept = lock(&self.kept);
            // Whatever cannot serve this connection any more goes at once.
            let of_no_use =
                |kept: &mut Kept| kept.lived.is_old(now) || (kept.is_of(call) && !kept.same_circumstances(call));
            let dropped: Vec<Kept> = kept.extract_if(.., of_no_use).collect();
            let fits =
                |kept: &Kept| kept.is_of(call) && kept.lived.store.data().memory_bytes <= call.budget.memory_bytes;
            let found = kept.iter().rposition(fits).map(|at| kept.remove(at).lived);
            self.tell(&kept);
            (found, dropped)
        };
        // Giving memory back takes time that others need not wait for.
        drop(dropped);
        if let Some(lived) = &mut found {
            lived.store.set_hostcall_fuel(call.budget.hostcall_bytes);
            lived.store.set_epoch_deadline(1);
            lived.store.data_mut().serve(Arc::clone(call));
        }
        metrics::counter!("opssight_plugin_warm_calls_total", "how" => if found.is_some() { "warm" } else { "fresh" })
            .increment(1);
        found
    }

    /// Keep it for the next call of the same connection, unless it is better thrown away.
    pub(crate) fn put(&self, mut lived: Lived) {
        lived.calls += 1;
        let call = Arc::clone(&lived.store.data().call);
        let state = lived.store.data_mut();
        let is_short = call.services.memory.is_short();
        if self.most == 0 || is_short || state.memory_bytes > MOST_BYTES || !leftovers::are_harmless(&mut state.table) {
            return;
        }
        // Nothing of the call stays with it: neither its overlay nor the credentials that were read for it.
        state.serve(Arc::new(call.blank()));
        let one = Kept {
            plugin: Arc::clone(&call.plugin),
            connection: call.target.connection.clone(),
            settings: Arc::clone(&call.target.settings),
            grants: Arc::clone(&call.target.grants),
            lived,
        };
        let now = call.services.clock.now();
        let dropped = {
            let mut kept = lock(&self.kept);
            // Looked at under the lock: whoever takes the plugin off the shelf says so before it looks in here.
            if call.plugin.is_retired() || call.plugin.stopped().is_some() || one.lived.is_old(now) {
                vec![one]
            } else {
                let of_this = kept.iter().filter(|kept| kept.is_of(&call)).count();
                let oldest = if of_this >= MOST_OF_ONE_CONNECTION {
                    kept.iter().position(|kept| kept.is_of(&call))
                } else {
                    (kept.len() >= self.most).then_some(0)
                };
                let dropped = oldest.map(|at| kept.remove(at)).into_iter().collect();
                kept.push(one);
                self.tell(&kept);
                dropped
            }
        };
        drop(dropped);
    }

    /// This version will not be called any more.
    pub(crate) fn drop_version(&self, plugin: &Arc<Plugin>) {
        self.drop_those(|kept| Arc::ptr_eq(&kept.plugin, plugin));
    }

    /// Memory is short. False: there is nothing left to throw away.
    pub(crate) fn drop_oldest(&self) -> bool {
        let oldest = {
            let mut kept = lock(&self.kept);
            let oldest = if kept.is_empty() { None } else { Some(kept.remove(0)) };
            self.tell(&kept);
            oldest
        };
        oldest.is_some()
    }

    /// What they hold together.
    pub(crate) fn bytes(&self) -> usize {
        bytes(&lock(&self.kept))
    }

    /// The connection is gone, or is not what it was.
    pub(crate) fn forget(&self, connection: &ConnectionId) {
        self.drop_those(|kept| kept.connection == *connection);
    }

    /// Until the host is gone, throw away what is too old and was not called for.
    pub(crate) async fn drop_old(warm: Weak<Self>, clock: Arc<dyn Clock>) {
        loop {
            tokio::time::sleep(EVERY).await;
            let Some(warm) = warm.upgrade() else { return };
            let now = clock.now();
            warm.drop_those(|kept| kept.lived.is_old(now));
        }
    }

    fn drop_those(&self, which: impl Fn(&Kept) -> bool) {
        let dropped: Vec<Kept> = {
            let mut kept = lock(&self.kept);
            let dropped = kept.extract_if(.., |kept| which(kept)).collect();
            self.tell(&kept);
            dropped
        };
        drop(dropped);
    }

    fn tell(&self, kept: &[Kept]) {
        #[expect(clippy::cast_precision_loss, reason = "gauges of counts and bytes")]
        let (count, bytes) = (kept.len() as f64, bytes(kept) as f64);
        metrics::gauge!("opssight_plugin_warm_instances").set(count);
        metrics::gauge!("opssight_plugin_warm_bytes").set(bytes);
    }
}
