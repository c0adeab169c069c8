//! What a process does to itself before it touches bytes of a stranger. There is no way back out of it.

use rustix::process::{Resource, Rlimit, setrlimit};
use std::io;

/// How much a locked-in process may still use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CellLimits {
    /// Memory on top of what the process has when it locks itself in, MiB.
    pub memory_mib: u64,
    /// CPU time, seconds.
    pub cpu_secs: u64,
}

/// Address space that is reserved and never written to, for a handful of threads.
const RESERVED: u64 = 512 << 20;

/// Steps nicer than whoever started it.
const NICE: i32 = 15;

/// Lock this process in. Between the two halves of it `prepare` makes what the work needs and could not get later:
/// threads above all. With its answer comes what should be known about a cell that is not as tight as it could be.
///
/// Call this first thing in a process, while it has one thread and nothing open. What it is certainly not given
/// anyway (variables, a working directory) is up to whoever starts it.
pub fn lock_in<T>(limits: CellLimits, prepare: impl FnOnce() -> io::Result<T>) -> io::Result<(T, Option<String>)> {
    let_go()?;
    let prepared = prepare()?;
    confine(limits)?;
    Ok((prepared, filter::apply().err()))
}

/// Leave behind whatever was inherited.
fn let_go() -> io::Result<()> {
    close_inherited()?;
    // It dies with the host that waits for it.
    #[cfg(target_os = "linux")]
    rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL))?;
    // It fails for the leader of a group only, and such a one was started by hand.
    let _session = rustix::process::setsid();
    // When memory runs out all the same, the kernel takes this process and not the host.
    #[cfg(target_os = "linux")]
    let _chosen_first = std::fs::write("/proc/self/oom_score_adj", "1000");
    // Where it is not allowed, it runs at the host's own priority.
    let _nicer = rustix::process::nice(NICE);
    #[cfg(target_os = "linux")]
    rustix::thread::set_no_new_privs(true)?;
    Ok(())
}

fn confine(limits: CellLimits) -> io::Result<()> {
    let Used { space, data } = used();
    let more = limits.memory_mib.saturating_mul(1 << 20);
    // What can be written to is what counts: the allocator reserves address space for each thread, sometimes before and
    // sometimes after this, and makes it writable as it needs it.
    let writable = data.saturating_add(more);
    limit(Resource::Data, writable, writable)?;
    let reserved = space.saturating_add(more).saturating_add(RESERVED);
    limit(Resource::As, reserved, reserved)?;
    // At the first it is told to end, and the signal says why; at the second it is ended.
    limit(Resource::Cpu, limits.cpu_secs, limits.cpu_secs.saturating_add(2))?;
    limit(Resource::Core, 0, 0)?;
    limit(Resource::Fsize, 0, 0)?;
    // The three that are open stay open.
    limit(Resource::Nofile, 3, 3)?;
    // Root is not bound by this one; the filter binds it as well.
    limit(Resource::Nproc, 0, 0)
}

/// Never more than what the process already has to live with.
fn limit(resource: Resource, current: u64, maximum: u64) -> io::Result<()> {
    let inherited = rustix::process::getrlimit(resource).maximum.unwrap_or(u64::MAX);
    let (current, maximum) = (current.min(inherited), maximum.min(inherited));
    Ok(setrlimit(resource, Rlimit { current: Some(current), maximum: Some(maximum) })?)
}

/// What the program itself takes, which differs from build to build.
struct Used {
    /// Address space, bytes.
    space: u64,
    /// Of that, what is writable and its own.
    data: u64,
}

fn used() -> Used {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let bytes = |field: usize| {
        let pages: u64 = statm.split_whitespace().nth(field).and_then(|pages| pages.parse().ok()).unwrap_or(0);
        pages.saturating_mul(rustix::param::page_size() as u64)
    };
    Used { space: bytes(0), data: bytes(5) }
}

/// Whatever the host had open when it started us: nothing of ours is open yet but the three standard streams.
#[cfg(target_os = "linux")]
fn close_inherited() -> io::Result<()> {
    #[expect(unsafe_code, reason = "no crate closes a range of descriptors safely")]
    // SAFETY: this is called first thing in the process, when nothing in it owns a descriptor beyond the standard
    // streams, so that none is closed under anybody's hands.
    let closed = unsafe { libc::syscall(libc::SYS_close_range, 3_u32, u32::MAX, 0_u32) };
    if closed == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

#[cfg(not(target_os = "linux"))]
fn close_inherited() -> io::Result<()> {
    Ok(())
}

/// The system calls that computing, reading and writing take. Everything else answers "not permitted": connecting,
/// opening, starting and tracing among it, and whatever later kernels invent.
#[cfg(target_os = "linux")]
mod filter {
    use seccompiler::{
        BackendError, BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
        SeccompRule, TargetArch,
    };
    use std::fmt::Display;

    const ALLOWED: [libc::c_long; 36] = [
        libc::SYS_read,
        libc::SYS_readv,
        libc::SYS_write,
        libc::SYS_writev,
        libc::SYS_close,
        libc::SYS_fstat,
        libc::SYS_lseek,
        libc::SYS_mmap,
        libc::SYS_munmap,
        libc::SYS_mremap,
        libc::SYS_mprotect,
        libc::SYS_madvise,
        libc::SYS_brk,
        libc::SYS_futex,
        libc::SYS_membarrier,
        libc::SYS_sched_yield,
        libc::SYS_sched_getaffinity,
        libc::SYS_rseq,
        libc::SYS_set_robust_list,
        libc::SYS_get_robust_list,
        libc::SYS_rt_sigaction,
        libc::SYS_rt_sigprocmask,
        libc::SYS_rt_sigreturn,
        libc::SYS_sigaltstack,
        libc::SYS_restart_syscall,
        libc::SYS_clock_gettime,
        libc::SYS_clock_nanosleep,
        libc::SYS_nanosleep,
        libc::SYS_gettimeofday,
        libc::SYS_getrandom,
        libc::SYS_getrusage,
        libc::SYS_getpid,
        libc::SYS_gettid,
        libc::SYS_exit,
        libc::SYS_exit_group,
        libc::SYS_getcpu,
    ];

    /// On all threads. The error says why there is none.
    pub(super) fn apply() -> Result<(), String> {
        let arch = std::env::consts::ARCH;
        let arch: TargetArch =
            arch.try_into().map_err(|_| format!("there is no system call filter for processors of the kind {arch}"))?;
        let program = program(arch).map_err(|error| none(&error))?;
        seccompiler::apply_filter_all_threads(&program).map_err(|error| none(&error))
    }

    fn program(arch: TargetArch) -> Result<BpfProgram, BackendError> {
        let mut rules: std::collections::BTreeMap<i64, Vec<SeccompRule>> =
            ALLOWED.into_iter().map(|call| (call, Vec::new())).collect();
        // A process that aborts sends the signal to itself; it may send none to others.
        let own = u64::from(std::process::id());
        let own = SeccompCondition::new(0, SeccompCmpArgLen::Dword, SeccompCmpOp::Eq, own)?;
        rules.insert(libc::SYS_tgkill, vec![SeccompRule::new(vec![own])?]);
        let denied = SeccompAction::Errno(libc::EPERM as u32);
        SeccompFilter::new(rules, denied, SeccompAction::Allow, arch)?.try_into()
    }

    fn none(error: &dyn Display) -> String {
        format!("the system takes no system call filter: {error}")
    }
}

#[cfg(not(target_os = "linux"))]
mod filter {
    pub(super) fn apply() -> Result<(), String> {
        Err("this system has no system call filter".to_owned())
    }
}
