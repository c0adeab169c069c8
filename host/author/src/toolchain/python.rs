//! Python: the SDK's build module runs in a virtual environment that this tool keeps, with the compiler pinned.

use crate::process;
use crate::project::Project;
use crate::talk::Talk;
use anyhow::{Context, Result, bail};
use etcetera::BaseStrategy;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What turns Python into a component. The SDK's README names the same version.
const COMPILER: &str = "componentize-py==0.25.1";

pub(super) fn build(project: &Project, talk: &mut Talk) -> Result<Vec<u8>> {
    let python = environment(talk)?;
    let made = project.output()?.join("component.wasm");
    let mut command = Command::new(python);
    command.current_dir(&project.folder).args(["-m", "opssight_plugin.build", "--out"]).arg(&made);
    command.env("PYTHONPATH", sdk(&project.folder)?).env("PYTHONDONTWRITEBYTECODE", "1");
    process::run(&mut command, "componentize it")?;
    fs::read(&made).with_context(|| format!("read {}", made.display()))
}

/// The folder that holds the package `opssight_plugin`: the project's own copy, or the one of a repository around it.
fn sdk(folder: &Path) -> Result<PathBuf> {
    let places = std::iter::once(folder.join("vendor")).chain(folder.ancestors().map(|above| above.join("sdk/python")));
    let found = places.into_iter().find(|place| place.join("opssight_plugin").is_dir());
    found.with_context(|| format!("find the SDK: {} has no vendor/opssight_plugin", folder.display()))
}

/// The interpreter of a virtual environment with the compiler in it. Made once for each version of the compiler, in
/// the user's cache folder: it has 70 MB, and every project wants the same.
fn environment(talk: &mut Talk) -> Result<PathBuf> {
    let python = process::find("python3", "install Python 3.10 or newer, with its venv module")?;
    let cache = etcetera::choose_base_strategy().context("find the cache folder")?.cache_dir();
    let folder = cache.join("opssight").join("python").join(COMPILER.replace("==", "-"));
    let interpreter = folder.join(if cfg!(windows) { "Scripts/python.exe" } else { "bin/python" });
    // Written last, so that an environment that was only half made is seen.
    let complete = folder.join("complete");
    if complete.is_file() && interpreter.is_file() {
        return Ok(interpreter);
    }
    let version = "import sys; sys.exit(sys.version_info < (3, 10))";
    if process::run(Command::new(&python).args(["-c", version]), "ask Python for its version").is_err() {
        bail!("use this python3: it is too old; install Python 3.10 or newer");
    }
    talk.note(&format!("making a virtual environment with {COMPILER} in {}", folder.display()));
    fs::create_dir_all(&folder).with_context(|| format!("make {}", folder.display()))?;
    let mend = "make a virtual environment (Debian has it in python3-venv)";
    process::run(Command::new(&python).args(["-m", "venv", "--clear"]).arg(&folder), mend)?;
    let pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", COMPILER];
    process::run(Command::new(&interpreter).args(pip), "install the compiler")?;
    fs::write(&complete, COMPILER).with_context(|| format!("write {}", complete.display()))?;
    Ok(interpreter)
}
