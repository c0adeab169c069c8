//! `cargo xtask museum`: every plugin binary that was ever released must still load, and do what it did then.
//!
//! An exhibit is a folder of `museum` with `plugin.wasm` and `calls.json`, as `opssight plugin test --record` writes
//! them. It is never changed: `SHA256SUMS` says what each was, and a new release is a new folder. A package of many
//! megabytes is kept as `plugin.wasm.br` (Brotli) and unpacked for the visit.

mod sums;

use crate::host;
use crate::process::{self, say};
use crate::test::Count;
use crate::workspace::Workspace;
use anyhow::{Context, Result, ensure};
use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// No plugin is larger: the host installs none that is.
const LARGEST: u64 = 64 << 20;

/// Visit every exhibit. The last line says how they are.
pub(crate) fn run(workspace: &Workspace) -> Result<ExitCode> {
    host::build(workspace)?;
    let Count { passed, failed } = visit(workspace)?;
    say(&format!("{} binaries, {failed} broken", passed + failed));
    Ok(if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// All exhibits as a stage of `cargo xtask test`.
pub(crate) fn stage(workspace: &Workspace) -> Result<Count> {
    visit(workspace)
}

fn visit(workspace: &Workspace) -> Result<Count> {
    let museum = workspace.root.join("museum");
    let exhibits = exhibits(&museum)?;
    ensure!(!exhibits.is_empty(), "there is nothing in {}", museum.display());
    sums::check(&museum, &exhibits).context("compare the exhibits with what they were; they are never changed")?;
    let desk = tempfile::tempdir().context("make a folder for unpacked packages")?;
    let mut count = Count::default();
    for name in exhibits {
        let folder = museum.join(&name);
        let package = package(&folder, desk.path())?;
        let mut replay = workspace.command(&workspace.opssight().to_string_lossy());
        replay.args(["plugin", "replay"]).arg(folder.join("calls.json")).arg("--package").arg(package);
        let (status, said) = process::tee(&mut replay)?;
        let identical = said.lines().filter(|line| line.contains(": identical (")).count();
        let is_well = status.success() && identical > 0;
        say(&format!("    {} {name}: {identical} calls are identical", if is_well { "ok    " } else { "BROKEN" }));
        *(if is_well { &mut count.passed } else { &mut count.failed }) += 1;
    }
    Ok(count)
}

fn exhibits(museum: &Path) -> Result<BTreeSet<String>> {
    let entries = fs::read_dir(museum).with_context(|| format!("list {}", museum.display()))?;
    let mut names = BTreeSet::new();
    for entry in entries {
        let entry = entry?;
        if entry.path().is_dir() {
            names.insert(entry.file_name().to_string_lossy().into_owned());
        }
    }
    Ok(names)
}

/// The package of an exhibit, unpacked onto the desk if it is kept packed.
fn package(folder: &Path, desk: &Path) -> Result<PathBuf> {
    let (plain, packed) = (folder.join("plugin.wasm"), folder.join("plugin.wasm.br"));
    if plain.is_file() {
        return Ok(plain);
    }
    let doing = || format!("unpack {}", packed.display());
    let mut bytes = brotli_decompressor::Decompressor::new(File::open(&packed).with_context(doing)?, 64 << 10);
    let unpacked = desk.join("plugin.wasm");
    let mut file = File::create(&unpacked).with_context(|| format!("make {}", unpacked.display()))?;
    let size = io::copy(&mut bytes.by_ref().take(LARGEST + 1), &mut file).with_context(doing)?;
    ensure!(size <= LARGEST, "{}: it is larger than any plugin", doing());
    Ok(unpacked)
}
