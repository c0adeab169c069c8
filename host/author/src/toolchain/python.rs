//! Python: the SDK's build module runs in a virtual environment that this tool keeps, with the compiler pinned.

use crate::process;
use crate::project::Project;
use crate::talk::Talk;
use anyhow::{Context, Result, bail};
use etcetera::BaseStrategy;
use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::process::Command;

const MEND: &str = "install Python 3.10 or newer, with its venv module";
/// What turns Python into a component. The SDK's README names the same version.
const COMPILER: &str = "componentize-py==0.25.1";
/// How often somebody who waits for the environment looks whether it is there.
const LOOK: Duration = Duration::from_millis(100);

pub(super) async fn build(project: &Project, talk: &mut Talk) -> Result<Vec<u8>> {
    let python = process::find("python3", MEND)?;
    let cache = etcetera::choose_base_strategy().context("find the cache folder")?.cache_dir();
    let folder = cache.join("opssight").join("python").join(COMPILER.replace("==", "-"));
    let python = environment(&python, &folder, talk).await?;
    let made = project.output()?.join("component.wasm");
    let mut command = Command::new(python);
    command.current_dir(&project.folder).args(["-m", "opssight_plugin.build", "--out"]).arg(&made);
    command.env("PYTHONPATH", sdk(&project.folder)?).env("PYTHONDONTWRITEBYTECODE", "1");
    process::run(&mut command, "componentize it").await?;
    fs::read(&made).with_context(|| format!("read {}", made.display()))
}

/// The folder that holds the package `opssight_plugin`: the project's own copy, or the one of a repository around it.
fn sdk(folder: &Path) -> Result<PathBuf> {
    let places = std::iter::once(folder.join("vendor")).chain(folder.ancestors().map(|above| above.join("sdk/python")));
    let found = places.into_iter().find(|place| place.join("opssight_plugin").is_dir());
    found.with_context(|| format!("find the SDK: {} has no vendor/opssight_plugin", folder.display()))
}

/// The interpreter of a virtual environment with the compiler in it. Made once for each version of the compiler, in
/// the user's cache folder: it has 70 MB, and every project wants the same. Of several builds that come at once, one
/// makes it and the others wait.
async fn environment(python: &Path, folder: &Path, talk: &mut Talk) -> Result<PathBuf> {
    let interpreter = folder.join(if cfg!(windows) { "Scripts/python.exe" } else { "bin/python" });
    // Written last, so that an environment that was only half made is seen.
    let complete = folder.join("complete");
    let is_there = || complete.is_file() && interpreter.is_file();
    if is_there() {
        return Ok(interpreter);
    }
    // Beside the folder, because making the environment empties it. The lock goes with the file, however this ends.
    let _lock = lock(&folder.with_added_extension("lock"), talk).await?;
    if is_there() {
        return Ok(interpreter);
    }
    check_version(python).await?;
    talk.note(&format!("making a virtual environment with {COMPILER} in {}", folder.display()));
    fs::create_dir_all(folder).with_context(|| format!("make {}", folder.display()))?;
    let mend = "make a virtual environment (Debian has it in python3-venv)";
    process::run(Command::new(python).args(["-m", "venv", "--clear"]).arg(folder), mend).await?;
    let pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", COMPILER];
    process::run(Command::new(&interpreter).args(pip), "install the compiler").await?;
    fs::write(&complete, COMPILER).with_context(|| format!("write {}", complete.display()))?;
    Ok(interpreter)
}

/// The SDK is written for 3.10.
async fn check_version(python: &Path) -> Result<()> {
    let ask = "import platform; print(platform.python_version())";
    let said = process::run(Command::new(python).args(["-c", ask]), "ask Python for its version").await?;
    let version = String::from_utf8_lossy(&said.stdout).trim().to_owned();
    let mut parts = version.split('.').map_while(|part| part.parse::<u32>().ok());
    if (parts.next(), parts.next()) < (Some(3), Some(10)) {
        bail!("use Python {version} ({}): it is too old; {MEND}", python.display());
    }
    Ok(())
}

/// Held until the file is dropped. Asked for again and again instead of waited for, so that Ctrl-C is heard meanwhile.
async fn lock(path: &Path, talk: &mut Talk) -> Result<File> {
    let doing = || format!("lock {}", path.display());
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).with_context(|| format!("make {}", folder.display()))?;
    }
    let file = File::create(path).with_context(doing)?;
    let mut is_told = false;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::Error(error)) => return Err(error).with_context(doing),
            Err(TryLockError::WouldBlock) => {
                if !is_told {
                    talk.note("waiting for another build, which makes the virtual environment");
                    is_told = true;
                }
                tokio::time::sleep(LOOK).await;
            }
        }
    }
}

#[cfg(all(test, unix))]
mod tests;
