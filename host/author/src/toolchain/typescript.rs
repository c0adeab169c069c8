//! TypeScript: the SDK's own build script bundles the sources and puts a JavaScript engine around them.

use crate::process;
use crate::project::Project;
use crate::talk::Talk;
use anyhow::{Context, Result, bail};
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use tokio::process::Command;

/// The build script, as a path below a `node_modules`.
const SCRIPT: &str = "node_modules/@opssight/plugin/bin/opssight-plugin-build.mjs";
/// Here while npm is at work, and after that when it was interrupted: then what it was to install is there in part.
const INSTALLING: &str = "node_modules/.opssight-installing";
const LEAST_NODE: u32 = 20;

pub(super) async fn build(project: &Project, talk: &mut Talk) -> Result<Vec<u8>> {
    let node = node().await?;
    let script = match script(&project.folder) {
        Some(script) => script,
        None => {
            let npm = process::find("npm", "install npm; it comes with Node.js")?;
            install(&npm, &project.folder, talk).await?;
            script(&project.folder)
                .context("find @opssight/plugin in node_modules: package.json must name it among its devDependencies")?
        }
    };
    let made = project.output()?.join("component.wasm");
    let mut command = Command::new(node);
    command.current_dir(&project.folder).arg(script).arg("--out").arg(&made);
    process::run(&mut command, "bundle and componentize it").await?;
    fs::read(&made).with_context(|| format!("read {}", made.display()))
}

async fn node() -> Result<PathBuf> {
    let mend = format!("install Node.js {LEAST_NODE} or newer, with npm");
    let node = process::find("node", &mend)?;
    let said = process::run(Command::new(&node).arg("--version"), "ask node for its version").await?;
    let version = String::from_utf8_lossy(&said.stdout).trim().trim_start_matches('v').to_owned();
    let major = version.split('.').next().and_then(|major| major.parse::<u32>().ok());
    if major.is_none_or(|major| major < LEAST_NODE) {
        bail!("use Node.js {version} ({}): it is too old; {mend}", node.display());
    }
    Ok(node)
}

/// Where the packages of a project or of a workspace around it are. None also when they were installed only in part: the
/// script that is there says nothing about all that it needs.
fn script(folder: &Path) -> Option<PathBuf> {
    if folder.join(INSTALLING).exists() {
        return None;
    }
    folder.ancestors().map(|folder| folder.join(SCRIPT)).find(|script| script.is_file())
}

/// No package of ours needs a script to run when it is installed, so none may.
async fn install(npm: &Path, folder: &Path, talk: &mut Talk) -> Result<()> {
    talk.note("installing the packages that package.json names");
    let mark = folder.join(INSTALLING);
    if let Some(packages) = mark.parent() {
        fs::create_dir_all(packages).with_context(|| format!("make {}", packages.display()))?;
    }
    fs::write(&mark, "").with_context(|| format!("write {}", mark.display()))?;
    let mut command = Command::new(npm);
    command.current_dir(folder).args(["install", "--ignore-scripts", "--no-audit", "--no-fund"]);
    process::run(&mut command, "install its packages").await?;
    match fs::remove_file(&mark) {
        // npm may have made the folder anew.
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        removed => removed.with_context(|| format!("remove {}", mark.display())),
    }
}

#[cfg(all(test, unix))]
mod tests;
