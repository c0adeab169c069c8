//! Two versions on live input: what the active one was given is played to its shadow, and what both did is compared.
//!
//! On a thread of its own at the lowest priority, one call at a time, from a short queue: a shadow that is slower than
//! its plugin misses calls, and never delays one.

use super::stage::Stage;
use crate::plugin::Plugin;
use crate::slots::Slots;
use crate::sync::{lock, read, write};
use opssight_core::id::PluginId;
use opssight_core::plugins::evidence::{CallRecord, Scope, differences};
use opssight_core::plugins::installs::Comparison;
use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, RwLock};
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, mpsc};

/// Calls that wait to be compared, over all plugins.
const WAITING: usize = 16;
/// Comparisons that wait to be taken; older ones are dropped.
const KEPT: usize = 1_000;
/// As nice as can be.
const NICE: i32 = 19;
/// How long a comparison waits for a free place before it is given up, and how often it looks.
const PATIENCE: u32 = 100;
const LOOK: Duration = Duration::from_millis(50);

/// All shadows of this host.
#[derive(Default)]
pub(crate) struct Shadows {
    /// Whether there is any, so that the calls of other hosts do not meet at a lock.
    any: AtomicBool,
    shadows: RwLock<HashMap<String, Arc<Shadow>>>,
    queue: OnceLock<mpsc::Sender<Compare>>,
}

/// One version in the shadow of the active one.
pub(crate) struct Shadow {
    plugin: Arc<Plugin>,
    queue: mpsc::Sender<Compare>,
    done: Mutex<VecDeque<Comparison>>,
    /// It was ended: what still waits is not compared.
    ended: AtomicBool,
}

struct Compare {
    shadow: Arc<Shadow>,
    then: Arc<CallRecord>,
}

impl Shadows {
    /// The shadow that a call of this version is compared with.
    pub(super) fn of(&self, plugin: &Plugin) -> Option<Arc<Shadow>> {
        if !self.any.load(Ordering::Acquire) {
            return None;
        }
        let shadows = read(&self.shadows);
        let shadow = shadows.get(&plugin.manifest.id)?;
        (shadow.plugin.digest != plugin.digest).then(|| Arc::clone(shadow))
    }

    /// Begin, or end with none.
    pub(crate) fn set(&self, id: &PluginId, plugin: Option<Arc<Plugin>>, stage: &Arc<Stage>, slots: &Arc<Slots>) {
        let mut shadows = write(&self.shadows);
        let ended = match plugin {
            None => shadows.remove(id.as_str()),
            Some(plugin) => {
                let queue = self.queue.get_or_init(|| start(Arc::clone(stage), Arc::clone(slots))).clone();
                let shadow = Shadow { plugin, queue, done: Mutex::default(), ended: AtomicBool::new(false) };
                shadows.insert(id.0.clone(), Arc::new(shadow))
            }
        };
        if let Some(ended) = ended {
            ended.ended.store(true, Ordering::Relaxed);
        }
        self.any.store(!shadows.is_empty(), Ordering::Release);
    }

    /// What was compared since the last time.
    pub(crate) fn comparisons(&self, id: &PluginId) -> Vec<Comparison> {
        read(&self.shadows).get(id.as_str()).map(|shadow| lock(&shadow.done).drain(..).collect()).unwrap_or_default()
    }
}

impl Shadow {
    /// A call of the active version. It is left out when too many wait.
    pub(super) fn offer(self: &Arc<Self>, then: Arc<CallRecord>) {
        let compare = Compare { shadow: Arc::clone(self), then };
        if self.queue.try_send(compare).is_err() {
            self.skip();
        }
    }

    fn skip(&self) {
        let plugin = self.plugin.manifest.id.clone();
        metrics::counter!("opssight_plugin_shadow_skipped_total", "plugin" => plugin).increment(1);
    }

    fn compared(&self, then: &CallRecord, difference: Option<String>) {
        let same = if difference.is_none() { "same" } else { "different" };
        let plugin = self.plugin.manifest.id.clone();
        metrics::counter!("opssight_plugin_shadow_compared_total", "plugin" => plugin, "result" => same).increment(1);
        let mut done = lock(&self.done);
        if done.len() == KEPT {
            done.pop_front();
        }
        done.push_back(Comparison {
            call: then.id.clone(),
            connection: then.connection.clone(),
            kind: then.kind.clone(),
            at: then.at,
            difference,
        });
    }
}

/// The thread that compares. It ends with the last shadow's host.
fn start(stage: Arc<Stage>, slots: Arc<Slots>) -> mpsc::Sender<Compare> {
    let (queue, mut waiting) = mpsc::channel::<Compare>(WAITING);
    let work = move || {
        let _allowed = rustix::process::setpriority_process(None, NICE);
        let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
            Ok(runtime) => runtime,
            Err(error) => {
                tracing::error!(%error, "cannot compare versions: there is no executor");
                return;
            }
        };
        runtime.block_on(async move {
            while let Some(compare) = waiting.recv().await {
                one(&stage, &slots, compare).await;
            }
        });
    };
    if let Err(error) = std::thread::Builder::new().name("plugin-shadow".to_owned()).spawn(work) {
        tracing::error!(%error, "cannot compare versions: there is no thread");
    }
    queue
}

async fn one(stage: &Arc<Stage>, slots: &Arc<Slots>, Compare { shadow, then }: Compare) {
    if shadow.ended.load(Ordering::Relaxed) || then.replayable().is_err() {
        return shadow.skip();
    }
    let Some(slot) = spare_slot(slots).await else { return shadow.skip() };
    let task = {
        let (stage, plugin, then) = (Arc::clone(stage), Arc::clone(&shadow.plugin), Arc::clone(&then));
        tokio::spawn(async move {
            let _slot = slot;
            stage.play(plugin, then).await
        })
    };
    let difference = match task.await {
        // At the lowest priority, on a busy machine, time runs out for anybody.
        Ok(Ok(now)) if now.failure().is_some_and(|failure| failure.code == "budget.wall") => return shadow.skip(),
        Ok(Ok(now)) => {
            let differences = differences(&then, &now, Scope::Effects);
            (!differences.is_empty()).then(|| differences.join("; "))
        }
        Ok(Err(error)) => Some(format!("failed to {error}")),
        Err(panic) => {
            tracing::error!(%panic, "a comparison ended in a panic of the host");
            Some("the host failed while it made the call again; its log says where".to_owned())
        }
    };
    if !shadow.ended.load(Ordering::Relaxed) {
        shadow.compared(&then, difference);
    }
}

/// A place that nobody else wants: while calls fill the open ones, the shadow waits.
async fn spare_slot(slots: &Slots) -> Option<OwnedSemaphorePermit> {
    for _ in 0..PATIENCE {
        if let Some(slot) = slots.spare() {
            return Some(slot);
        }
        tokio::time::sleep(LOOK).await;
    }
    None
}
