//! Compiling in a child process: what it cannot do, and what becomes of components that are meant to hurt it.

use crate::guests::{NOOP, checking, manifest, package_of};
use crate::harness::{HandClock, Memory, NOW, target};
use opssight_core::plugins::Plugins;
use opssight_runtime::{CompileCap, CompileError, Compiler, InstallError, PluginHost, RuntimeConfig, SizeClass};
use serde_json::json;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tempfile::TempDir;

const WORKER: &str = env!("CARGO_BIN_EXE_opssight-compile-worker");

fn open(data: &Path, set: impl FnOnce(&mut RuntimeConfig)) -> Arc<PluginHost> {
    let mut config = RuntimeConfig::new(data);
    config.max_concurrent_calls = 4;
    config.compiler = Compiler::worker(WORKER, [""; 0]);
    set(&mut config);
    let memory = Arc::new(Memory::default());
    PluginHost::open(config, memory.clone(), memory, Arc::new(HandClock(Mutex::new(NOW)))).unwrap()
}

/// Why a package cannot be compiled by this host, and that the host is well afterwards.
fn failure(set: impl FnOnce(&mut RuntimeConfig), package: &[u8]) -> (CompileError, String) {
    let data = TempDir::new().unwrap();
    let host = open(data.path(), set);
    let error = host.install(package).unwrap_err();
    let files = std::fs::read_dir(data.path().join("aot")).unwrap().count();
    assert_eq!(files, 0, "nothing is kept of a compilation that failed");
    assert!(host.installed().is_empty());
    let InstallError::Compile(reason) = error else { panic!("{error}") };
    let text = reason.to_string();
    (reason, text)
}

/// Within every limit of a small plugin, and yet dear: many functions, each with as many locals and branches as it may
/// have, so that each local has another value at each branch.
fn expensive(functions: usize) -> Vec<u8> {
    let (locals, branches) = (500, 1_500);
    let branch = |at: usize| {
        let (to, from) = (at % locals, (at * 7 + 3) % locals);
        let sum = format!("(i32.add (local.get {to}) (local.get {from}))");
        format!("(block (br_if 0 (local.get {from})) (local.set {to} {sum})) ")
    };
    let branches: String = (0..branches).map(branch).collect();
    let function = format!("(func (local {}) (loop {branches} (br_if 0 (local.get 0))))", "i32 ".repeat(locals));
    let functions = function.repeat(functions);
    let module = NOOP.replacen("(module", &format!("(module {functions}"), 1);
    package_of(&module, &["health", "webhook"], &manifest(json!({})))
}

#[tokio::test]
async fn a_plugin_compiled_in_the_jail_runs_and_is_loaded_from_the_cache_by_a_host_that_cannot_compile() {
    let data = TempDir::new().unwrap();
    let package = checking("", "(i32.const 1024)", json!({}));
    {
        let host = open(data.path(), |_| {});
        host.install(&package).unwrap();
        host.check(&target(json!({}), Default::default())).await.unwrap();
    }
    // The code fits: the child compiles for the very engine that the host runs.
    let host = open(data.path(), |config| config.compiler = Compiler::worker("/does/not/exist", [""; 0]));
    host.install(&package).unwrap();
    host.check(&target(json!({}), Default::default())).await.unwrap();
}

#[test]
fn the_child_inherits_nothing_and_can_reach_nothing() {
    let probe = |config: &mut RuntimeConfig| config.compiler = Compiler::worker(WORKER, ["probe"]);
    let data = TempDir::new().unwrap();
    // The host has more open than the three that a child is given.
    let _open: Vec<_> = (0..10).map(|_| std::fs::File::open("/dev/null").unwrap()).collect();
    let told = match open(data.path(), probe).install(&checking("", "(i32.const 1024)", json!({}))).unwrap_err() {
        InstallError::DoesNotFit(told) => told,
        other => panic!("{other}"),
    };
    assert!(told.contains("descriptors=3 variables=0 directory=/ "), "{told}");
    for what in ["connect", "listen", "datagram", "open", "create", "start", "thread"] {
        assert!(told.contains(&format!("{what}=PermissionDenied")), "{told}");
    }
    assert!(!told.contains("remark="), "{told}");
}

#[test]
fn a_component_that_takes_too_much_cpu_time_ends_the_child_and_not_the_host() {
    let start = Instant::now();
    let (reason, text) = failure(|config| config.compile_cap.cpu_secs = Some(1), &expensive(40));
    assert_eq!(reason, CompileError::Cpu(1));
    assert_eq!(reason.code(), "compile-cpu");
    assert!(text.contains("more CPU time than compiling a plugin of its size may (1 s)"), "{text}");
    assert!(start.elapsed() < Duration::from_secs(30), "{:?}", start.elapsed());
}

#[test]
fn a_component_that_takes_too_much_memory_ends_the_child_and_not_the_host() {
    let before = resident_mib();
    let (reason, text) = failure(|config| config.compile_cap.memory_mib = Some(40), &expensive(40));
    assert_eq!(reason, CompileError::Memory(40), "{text}");
    assert_eq!(reason.code(), "compile-memory");
    assert!(resident_mib() < before + 200, "the host itself took none of it");
}

#[test]
fn a_child_that_does_not_answer_is_killed() {
    let sleeper = |config: &mut RuntimeConfig| {
        config.compiler = Compiler::worker("/bin/sleep", ["600"]);
        config.compile_cap = CompileCap::default();
        config.compile_cap.wall_secs = Some(1);
    };
    let start = Instant::now();
    let (reason, _) = failure(sleeper, &checking("", "(i32.const 1024)", json!({})));
    assert_eq!(reason, CompileError::Slow(1));
    assert!(start.elapsed() < Duration::from_secs(20), "{:?}", start.elapsed());
}

#[test]
fn how_a_child_ended_is_said_in_words() {
    let package = checking("", "(i32.const 1024)", json!({}));
    let shell = |script: &'static str| {
        move |config: &mut RuntimeConfig| config.compiler = Compiler::worker("/bin/sh", ["-c", script])
    };
    let cases = [
        ("kill -SEGV $$", "compile-crash", "signal 11"),
        ("echo gone wrong >&2; exit 7", "compile-crash", "exit code 7: gone wrong"),
        ("echo cannot lock itself in >&2; exit 12", "compile-jail", "cannot lock itself in"),
        ("exit 11", "compile-memory", "more memory"),
        ("exec head -c 40000000 /dev/zero", "compile-code", "more code"),
    ];
    for (script, code, says) in cases {
        let (reason, text) = failure(shell(script), &package);
        assert_eq!(reason.code(), code, "{script}: {text}");
        assert!(text.contains(says), "{script}: {text}");
    }
    let missing = |config: &mut RuntimeConfig| config.compiler = Compiler::worker("/does/not/exist", [""; 0]);
    assert!(failure(missing, &package).1.contains("/does/not/exist cannot be started"));
}

#[test]
fn what_does_not_compile_is_refused_with_the_compilers_own_words() {
    let data = TempDir::new().unwrap();
    let host = open(data.path(), |_| {});
    // Well formed, but it adds a number to nothing.
    let broken = r#"(component
        (core module (func i32.add drop))
        (instance $none)
        (export "opssight:plugin/health@1.0.0" (instance $none)))"#;
    let manifest = serde_json::from_value(manifest(json!({}))).unwrap();
    let package = opssight_package::embed(&wat::parse_str(broken).unwrap(), &manifest).unwrap();
    let error = host.install(&package).unwrap_err();
    assert!(matches!(error, InstallError::DoesNotFit(_)), "{error}");
    assert!(error.to_string().contains("type mismatch"), "{error}");
}

#[test]
fn an_operator_can_forbid_sizes() {
    let data = TempDir::new().unwrap();
    let host = open(data.path(), |config| {
        config.largest = SizeClass::Small;
        config.compiler = Compiler::worker("/does/not/exist", [""; 0]);
    });
    let data = "x".repeat(2 << 20);
    let module = NOOP.replacen("(module", &format!(r#"(module (data (i32.const 0) "{data}")"#), 1);
    let module = module.replace("(memory (export \"memory\") 1)", "(memory (export \"memory\") 64)");
    let package = package_of(&module, &["health", "webhook"], &manifest(json!({})));
    let refusal = host.examine(&package).unwrap_err();
    assert_eq!(refusal.code, "class");
    assert!(
        refusal.message.contains("it is a medium plugin, and this host takes small ones at most"),
        "{}",
        refusal.message
    );
    assert!(matches!(host.install(&package).unwrap_err(), InstallError::Class { .. }));
}

fn resident_mib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() / 1024
}
