//! The compile worker as it ships: the host's own binary, started once more.

use crate::harness::{Client, Start, plugins};
use std::io::{Read, Write};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

fn worker(memory_mib: &str, cpu_secs: &str) -> Child {
    Command::new(env!("CARGO_BIN_EXE_opssight"))
        .args(["compile-worker", memory_mib, cpu_secs])
        .env_clear()
        .current_dir("/")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary starts")
}

fn compile(mut child: Child, component: &[u8]) -> (ExitStatus, Vec<u8>, String) {
    let mut stdin = child.stdin.take().expect("its input");
    let component = component.to_vec();
    let feeder = std::thread::spawn(move || drop(stdin.write_all(&component)));
    let mut code = Vec::new();
    child.stdout.take().expect("its output").read_to_end(&mut code).expect("its output");
    let mut said = String::new();
    child.stderr.take().expect("its words").read_to_string(&mut said).expect("its words");
    feeder.join().expect("fed");
    (child.wait().expect("its end"), code, said)
}

fn proc(pid: u32, file: &str) -> String {
    std::fs::read_to_string(format!("/proc/{pid}/{file}")).unwrap_or_default()
}

#[test]
fn it_writes_the_code_and_nothing_else() {
    let github = std::fs::read(plugins().join("github.wasm")).expect("the plugin");
    let (status, code, said) = compile(worker("1024", "30"), &github);
    assert!(status.success(), "{status} {said}");
    assert!(code.starts_with(b"\x7fELF") && said.is_empty(), "{said}");
    let (status, code, said) = compile(worker("1024", "30"), b"no component");
    assert_eq!((status.code(), code.len()), (Some(10), 0), "{said}");
    assert!(!said.is_empty());
}

#[test]
fn it_is_ended_by_its_own_limits() {
    let github = std::fs::read(plugins().join("github.wasm")).expect("the plugin");
    // Its threads reserve address space of their own while it locks itself in; that must not be room to grow into.
    for memory_mib in ["1", "8", "16", "16", "16", "16", "16", "16", "16", "16"] {
        let (status, code, said) = compile(worker(memory_mib, "30"), &github);
        assert!(!status.success() && code.is_empty(), "{memory_mib} MiB: {status} {said}");
    }
}

#[test]
fn it_is_locked_in_before_it_has_read_a_byte() {
    let mut child = worker("512", "20");
    let pid = child.id();
    let deadline = Instant::now() + Duration::from_secs(20);
    while !proc(pid, "status").contains("Seccomp:\t2") {
        assert!(Instant::now() < deadline, "no filter: {}", proc(pid, "status"));
        std::thread::sleep(Duration::from_millis(10));
    }
    assert!(proc(pid, "status").contains("NoNewPrivs:\t1"));
    assert_eq!(proc(pid, "oom_score_adj").trim(), "1000", "it goes before the host does");
    let limits = proc(pid, "limits");
    let limit = |name: &str| {
        let line = limits.lines().find(|line| line.starts_with(name)).expect("a limit");
        line[name.len()..].split_whitespace().next().expect("a number").to_owned()
    };
    for (name, most) in [
        ("Max cpu time", "20"),
        ("Max file size", "0"),
        ("Max core file size", "0"),
        ("Max open files", "3"),
        ("Max processes", "0"),
    ] {
        assert_eq!(limit(name), most, "{name}");
    }
    assert_ne!(limit("Max address space"), "unlimited");
    // A session of its own, and nicer than we are. The name may hold spaces; what follows it may not.
    let stat = proc(pid, "stat");
    let fields: Vec<&str> = stat.rsplit(") ").next().expect("fields").split(' ').collect();
    assert_eq!(fields[3], pid.to_string(), "{stat}");
    assert!(fields[16].parse::<i32>().expect("a nice value") >= 10, "{stat}");
    assert_eq!(std::fs::read_dir(format!("/proc/{pid}/fd")).expect("descriptors").count(), 3);
    child.kill().expect("killed");
    child.wait().expect("its end");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_host_compiles_in_it_and_an_operator_can_say_no() {
    let dir = tempfile::tempdir().expect("a folder");
    let data = dir.path().join("data");
    let host = Start::on(&data).start();
    let client = Client::sign_in(&host, host.admin_secret.as_deref().expect("a secret")).await;
    assert_eq!(client.get("/api/v1/plugins/github").await["id"], "github");
    assert!(host.log().contains("plugin compiled") && host.log().contains("code_bytes"), "{}", host.log());
    assert_eq!(host.terminate(), 0);
    assert_eq!(compiled(&data), 1);
    // With a ceiling that is too low nothing can be compiled, and the host runs all the same.
    let data = dir.path().join("other");
    let host = Start::on(&data).env("OPSSIGHT_PLUGINS__COMPILE_MEMORY_MIB", "16").start();
    assert!(host.log().contains("more memory than compiling a plugin of its size may (16 MiB)"), "{}", host.log());
    assert_eq!((host.terminate(), compiled(&data)), (0, 0));
}

fn compiled(data: &Path) -> usize {
    std::fs::read_dir(data.join("aot")).expect("a folder").count()
}
