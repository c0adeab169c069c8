//! The host as a process of its own, so that its CPU is its own: sandboxed as users run it, or with native parsing.

use crate::native::Native;
use clap::ValueEnum;
use opssight_backends::SystemClock;
use opssight_core::plugins::Plugins;
use opssight_runtime::{PluginHost, RuntimeConfig};
use opssight_server::config::{Config, LogConfig, Role, Roles, SecretUrl};
use opssight_server::{Telemetry, data, start, start_with};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

/// The variable that has the address of an empty database.
const POSTGRES: &str = "OPSSIGHT_TEST_POSTGRES";

/// The address of an empty database, if `cargo xtask bench` started one.
#[expect(clippy::disallowed_methods, reason = "the chore that starts a bench says where its server is")]
pub(crate) fn postgres() -> Option<String> {
    std::env::var(POSTGRES).ok()
}

/// The variable of another server, as `cargo xtask bench` sets it.
#[expect(clippy::disallowed_methods, reason = "the chore that starts a bench says where its servers are")]
fn server(name: &str) -> String {
    std::env::var(name).expect("cargo xtask bench starts it")
}

/// PostgreSQL, Redis and a broker, and these roles.
fn on_servers(config: &mut Config, roles: &str) {
    config.store.url = postgres().map(SecretUrl::from);
    config.cache.url = Some(SecretUrl::from(server("OPSSIGHT_TEST_REDIS")));
    config.bus.url = Some(format!("kafka://{}", server("OPSSIGHT_TEST_KAFKA")));
    config.bus.replicas = Some(1);
    let roles = roles.split(',').map(|role| Role::from_str(role, true).expect("a role"));
    config.server.roles = Roles(roles.collect());
}

/// `host sandbox|native|postgres|servers:ROLES DATA PLUGINS`
pub(crate) fn run(args: &[String]) {
    let mut config = Config::default();
    config.server.listen = ([127, 0, 0, 1], 0).into();
    config.server.data = PathBuf::from(&args[1]);
    config.plugins.dir = Some(PathBuf::from(&args[2]));
    config.plugins.dev = true;
    // With what the host itself needs this is the cap that `noisy` is held to.
    config.plugins.memory_mib = 256;
    config.hooks.rate_per_second = std::num::NonZeroU32::MAX;
    config.hooks.burst = std::num::NonZeroU32::MAX;
    config.log.filter = "warn".to_owned();
    if args[0] == "postgres" {
        config.store.url = postgres().map(SecretUrl::from);
    }
    if let Some(roles) = args[0].strip_prefix("servers:") {
        on_servers(&mut config, roles);
    }
    let native = args[0] == "native";
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async move {
        let log = LogConfig { filter: "warn".to_owned(), ..LogConfig::default() };
        let telemetry = Telemetry::install(&log).expect("telemetry");
        let running = if native {
            let (store, bus) = data::open(&config).await.expect("a store");
            let host = PluginHost::open(
                RuntimeConfig::new(&config.server.data),
                store.clone(),
                store.clone(),
                Arc::new(SystemClock),
            )
            .expect("a plugin host");
            let plugins: Arc<dyn Plugins> = Arc::new(Native(host.clone()));
            start_with(config, telemetry, (store.clone(), store), bus, plugins, host).await
        } else {
            start(config, telemetry).await
        };
        let running = running.expect("the host starts");
        println!("{} {}", running.url, running.admin_secret.as_deref().unwrap_or("-"));
        std::future::pending::<()>().await;
    });
}

/// A host process of the bench.
pub(crate) struct Host {
    child: Child,
    pub(crate) url: String,
    pub(crate) secret: String,
}

impl Host {
    pub(crate) fn start(kind: &str, data: &Path, plugins: &Path) -> Host {
        let mut child = Command::new(std::env::current_exe().expect("this program"))
            .args(["host", kind])
            .arg(data)
            .arg(plugins)
            .stdout(Stdio::piped())
            .spawn()
            .expect("the host starts");
        let mut line = String::new();
        BufReader::new(child.stdout.take().expect("its output")).read_line(&mut line).expect("a line");
        let (url, secret) = line.trim().split_once(' ').expect("address and secret");
        Host { url: url.to_owned(), secret: secret.to_owned(), child }
    }

    /// CPU nanoseconds used so far, all threads.
    pub(crate) fn cpu_ns(&self) -> u64 {
        cpu_ns(self.child.id())
    }

    pub(crate) fn is_running(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// Resident memory, MiB.
    pub(crate) fn rss_mib(&self) -> f64 {
        self.memory_mib("VmRSS:")
    }

    /// Its peak.
    pub(crate) fn peak_rss_mib(&self) -> f64 {
        self.memory_mib("VmHWM:")
    }

    fn memory_mib(&self, field: &str) -> f64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).expect("its status");
        let line = status.lines().find(|line| line.starts_with(field)).expect("a field of memory");
        let kib: f64 = line.split_whitespace().nth(1).and_then(|kib| kib.parse().ok()).expect("a number");
        kib / 1024.0
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// CPU nanoseconds of a process, from the scheduler's own count of every thread: finer than the clock ticks of `stat`.
pub(crate) fn cpu_ns(pid: u32) -> u64 {
    let tasks = std::fs::read_dir(format!("/proc/{pid}/task")).expect("its threads");
    tasks
        .filter_map(|task| std::fs::read_to_string(task.ok()?.path().join("schedstat")).ok())
        .filter_map(|text| text.split_whitespace().next()?.parse::<u64>().ok())
        .sum()
}
