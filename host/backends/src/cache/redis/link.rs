//! The one connection, and the breaker in front of it. The first command that fails or takes too long opens the
//! breaker; then nobody waits any more, until the keeper has found a Redis that works.

use super::RedisError;
use super::door::{Came, Door};
use super::fault::Fault;
use ::redis::aio::MultiplexedConnection;
use ::redis::{Cmd, FromRedisValue, RedisResult, ScriptInvocation};
use opssight_core::cache::CacheError;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::Instant;

/// The gauge: 1 while Redis is used, 0 while this host is on its own.
const UP: &str = "opssight_redis_up";
/// How often a connection that nobody uses is tried.
const CHECK: Duration = Duration::from_secs(1);
/// How soon it is looked for after it went away, doubled each time up to the longest.
const SOON: Duration = Duration::from_millis(200);
const LATE: Duration = Duration::from_secs(2);
/// One that stayed for so long is trusted again.
const STAYED: Duration = Duration::from_secs(10);

pub(super) struct Link {
    door: Door,
    patience: Duration,
    state: Mutex<State>,
    lost: Notify,
}

struct State {
    line: Line,
    /// Counts connections, so that what fails late on an old one does not end the new one.
    turn: u64,
}

#[derive(Clone)]
enum Line {
    Up { redis: MultiplexedConnection, version: String },
    Down { why: String },
}

impl Link {
    /// The first try decides whether the configuration is right.
    pub(super) async fn open(door: Door, patience: Duration) -> Result<Self, RedisError> {
        let line = match door.come_in().await {
            Ok(Came { redis, version }) => Line::Up { redis, version },
            Err(Fault::Wrong(why)) => return Err(RedisError::Unusable { at: door.at().to_owned(), why }),
            Err(Fault::Away(why)) => {
                tracing::warn!(
                    redis = door.at(),
                    why,
                    "Redis is away; this host goes on by itself, with limits of its own"
                );
                Line::Down { why }
            }
        };
        metrics::describe_gauge!(UP, "whether Redis is used (1) or this host is on its own (0)");
        metrics::gauge!(UP).set(if matches!(line, Line::Up { .. }) { 1.0 } else { 0.0 });
        Ok(Self { door, patience, state: Mutex::new(State { line, turn: 0 }), lost: Notify::new() })
    }

    pub(super) fn status(&self) -> Result<String, String> {
        match &self.state().line {
            Line::Up { version, .. } => Ok(format!("Redis {version} at {}", self.door.at())),
            Line::Down { why } => Err(format!("{}: {why}", self.door.at())),
        }
    }

    pub(super) async fn ask<T: FromRedisValue>(&self, command: &Cmd) -> Result<T, CacheError> {
        self.within(|mut redis| async move { command.query_async(&mut redis).await }).await
    }

    pub(super) async fn run<T: FromRedisValue>(&self, script: &ScriptInvocation<'_>) -> Result<T, CacheError> {
        self.within(|mut redis| async move { script.invoke_async(&mut redis).await }).await
    }

    async fn within<T, F>(&self, work: impl FnOnce(MultiplexedConnection) -> F) -> Result<T, CacheError>
    where
        F: Future<Output = RedisResult<T>>,
    {
        let (redis, turn) = self.line().map_err(CacheError)?;
        let fault = match tokio::time::timeout(self.patience, work(redis)).await {
            Ok(Ok(value)) => return Ok(value),
            Ok(Err(error)) => Fault::from(&error),
            Err(_) => self.impatient(),
        };
        self.fall(turn, &fault);
        Err(CacheError(fault.text().to_owned()))
    }

    fn line(&self) -> Result<(MultiplexedConnection, u64), String> {
        let state = self.state();
        match &state.line {
            Line::Up { redis, .. } => Ok((redis.clone(), state.turn)),
            Line::Down { why } => Err(why.clone()),
        }
    }

    /// Look after the connection, for ever.
    pub(super) async fn keep(self: Arc<Self>) {
        let mut wait = SOON;
        loop {
            let since = Instant::now();
            self.watch().await;
            wait = if since.elapsed() >= STAYED { SOON } else { wait };
            tokio::time::sleep(wait).await;
            wait = wait.saturating_mul(2).min(LATE);
            match self.door.come_in().await {
                Ok(came) => self.rise(came),
                Err(fault) => self.still_down(&fault),
            }
        }
    }

    /// As long as it is up.
    async fn watch(&self) {
        while let Ok((mut redis, turn)) = self.line() {
            tokio::select! {
                () = self.lost.notified() => continue,
                () = tokio::time::sleep(CHECK) => {}
            }
            let probed = tokio::time::timeout(self.patience, self.door.probe(&mut redis)).await;
            if let Err(fault) = probed.unwrap_or_else(|_| Err(self.impatient())) {
                self.fall(turn, &fault);
            }
        }
    }

    fn impatient(&self) -> Fault {
        Fault::Away(format!("it does not answer within {} ms", self.patience.as_millis()))
    }

    /// From up to down, once, whoever notices it first.
    fn fall(&self, turn: u64, fault: &Fault) {
        let mut state = self.state();
        if state.turn != turn || matches!(state.line, Line::Down { .. }) {
            return;
        }
        state.line = Line::Down { why: fault.text().to_owned() };
        drop(state);
        metrics::gauge!(UP).set(0.0);
        tracing::warn!(
            redis = self.door.at(),
            why = fault.text(),
            "Redis is away; this host goes on by itself, with limits of its own"
        );
        self.lost.notify_one();
    }

    fn rise(&self, came: Came) {
        let mut state = self.state();
        state.turn = state.turn.wrapping_add(1);
        state.line = Line::Up { redis: came.redis, version: came.version };
        drop(state);
        metrics::gauge!(UP).set(1.0);
        tracing::info!(redis = self.door.at(), "Redis is back; limits are shared again");
    }

    /// Said by whoever is asked how it is; the log has it once.
    fn still_down(&self, fault: &Fault) {
        self.state().line = Line::Down { why: fault.text().to_owned() };
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
