//! The compile worker alone, for this crate's tests. What ships is `opssight compile-worker`, which does the same.
//!
//! With `probe` before the two numbers it locks itself in and tells, as a compiler's refusal, what it can still do.

use opssight_runtime::{CellLimits, compile_worker, lock_in};
use std::io::Write;
use std::process::{Command, ExitCode};

fn main() -> ExitCode {
    let mut args: Vec<String> = std::env::args().skip(1).collect();
    let probing = args.first().is_some_and(|first| first == "probe");
    if probing {
        args.remove(0);
    }
    let mut numbers = args.iter().map(|number| number.parse::<u64>().ok());
    let (Some(Some(memory_mib)), Some(Some(cpu_secs))) = (numbers.next(), numbers.next()) else {
        return ExitCode::from(2);
    };
    let limits = CellLimits { memory_mib, cpu_secs };
    ExitCode::from(if probing { probe(limits) } else { compile_worker(limits) })
}

/// The exit code by which a worker says that it refuses a component; what it wrote on standard error is the reason.
const REFUSED: u8 = 10;

fn probe(limits: CellLimits) -> u8 {
    let before = || {
        let count = |path: &str| std::fs::read_dir(path).map_or(0, |entries| entries.count());
        let directory = std::env::current_dir().unwrap_or_default();
        // One more for the directory that is being read.
        let inherited = count("/proc/self/fd") - 1;
        Ok(format!("descriptors={inherited} variables={} directory={}", std::env::vars().count(), directory.display()))
    };
    let Ok((before, remark)) = lock_in(limits, before) else { return 12 };
    let tried = [
        ("connect", std::net::TcpStream::connect("127.0.0.1:9").err()),
        ("listen", std::net::TcpListener::bind("127.0.0.1:0").err()),
        ("datagram", std::net::UdpSocket::bind("127.0.0.1:0").err()),
        ("open", std::fs::File::open("/etc/hostname").err()),
        ("create", std::fs::File::create("/tmp/opssight-probe").err()),
        ("start", Command::new("/bin/true").spawn().err()),
        ("thread", std::thread::Builder::new().spawn(|| ()).err()),
    ];
    let mut told = before;
    for (what, error) in tried {
        let answer = error.map_or_else(|| "allowed".to_owned(), |error| format!("{:?}", error.kind()));
        told.push_str(&format!(" {what}={answer}"));
    }
    if let Some(remark) = remark {
        told.push_str(&format!(" remark={remark}"));
    }
    let _told = writeln!(std::io::stderr(), "{told}");
    REFUSED
}
