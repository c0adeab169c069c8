//! Rows 24 and 25: compiled code on disk is native code; whoever can write there must not be able to run some.

use crate::arena::Arena;
use crate::case::{Case, Ran, case};
use crate::dice::Dice;
use anyhow::{Context, Result, ensure};
use opssight_core::plugins::installs::PluginRuntime;
use opssight_testkit::guests::checking;
use serde_json::json;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

pub(super) const CASES: &[Case] = &[
    case!(Cache "24" "poisoned-cache", "16 bytes of a compiled plugin are changed on disk, again and again" => "notice each, compile again, run nothing of it", poisoned).cpu(60_000),
    case!(Cache "25" "stale-cache", "compiled files are cut, emptied, swapped and replaced" => "notice each, compile again", stale),
];

fn compiled(folder: &Path, files: &mut BTreeMap<PathBuf, Vec<u8>>) -> Result<()> {
    for entry in std::fs::read_dir(folder).context("list the compiled plugins")? {
        let path = entry?.path();
        if path.is_dir() {
            compiled(&path, files)?;
        } else if path.extension().is_some_and(|extension| extension == "cwasm") {
            files.insert(path.clone(), std::fs::read(&path)?);
        }
    }
    Ok(())
}

/// The files that loading a package has made.
async fn made_by(arena: &Arena, package: &[u8]) -> Result<Vec<(PathBuf, Vec<u8>)>> {
    let (mut before, mut after) = (BTreeMap::new(), BTreeMap::new());
    compiled(&arena.data.path().join("aot"), &mut before)?;
    arena.load(package).await?;
    compiled(&arena.data.path().join("aot"), &mut after)?;
    let new: Vec<_> = after.into_iter().filter(|(path, _)| !before.contains_key(path)).collect();
    ensure!(!new.is_empty(), "loading a package left no compiled file: the cache is somewhere else now, look there");
    Ok(new)
}

/// Load the package from the cache as it is now: the guest must say what it always says, and the file must be whole
/// again, which it only is when it was not believed.
async fn again(arena: &Arena, package: &[u8], file: &Path, whole: &[u8], how: &str) -> Result<()> {
    let digest = opssight_core::plugins::digest_of(package);
    arena.host.unload(&digest);
    arena.load(package).await.with_context(|| format!("load it after its compiled file was {how}"))?;
    arena.host.activate(&arena.plugin(), Some(&digest));
    let called = arena.check().await.with_context(|| format!("call it after its compiled file was {how}"))?;
    ensure!(called.value.summary == "whole", "it says {:?} after {how}", called.value.summary);
    let now = std::fs::read(file).with_context(|| format!("read the compiled file after it was {how}"))?;
    ensure!(now == whole, "a compiled file that was {how} is still in use");
    Ok(())
}

fn says(arena: &Arena, word: &str) -> Vec<u8> {
    let data = format!(r#"(data (i32.const 4096) "{word}")"#);
    let body =
        "(i32.store (i32.const 2056) (i32.const 4096)) (i32.store (i32.const 2060) (i32.const 5)) (i32.const 2048)";
    checking(&data, body, arena.asks(json!({})))
}

async fn poisoned(arena: &Arena) -> Ran {
    let package = says(arena, "whole");
    let files = made_by(arena, &package).await?;
    let mut dice = Dice::new(arena.options.seed);
    let tries = (arena.options.mutants / 10).max(50);
    for number in 0..tries {
        for (file, whole) in &files {
            let mut poisoned = whole.clone();
            for _ in 0..16 {
                let at = dice.below(poisoned.len());
                poisoned[at] ^= 1 << dice.below(8);
            }
            if poisoned == *whole {
                continue;
            }
            std::fs::write(file, &poisoned)?;
            again(arena, &package, file, whole, &format!("poisoned for the {number}th time")).await?;
        }
    }
    Ok(format!("{tries} of {tries} compiled again"))
}

async fn stale(arena: &Arena) -> Ran {
    let (package, other) = (says(arena, "whole"), says(arena, "other"));
    let (files, others) = (made_by(arena, &package).await?, made_by(arena, &other).await?);
    for ((file, whole), (_, other)) in files.iter().zip(&others) {
        let half = whole.len() / 2;
        let mut shifted = whole.clone();
        shifted.rotate_left(1);
        let ways: [(&str, Vec<u8>); 6] = [
            ("emptied", Vec::new()),
            ("cut", whole[..half].to_vec()),
            ("lengthened", [whole.as_slice(), b"x"].concat()),
            ("shifted", shifted),
            ("replaced by another plugin's", other.clone()),
            ("replaced by an executable", b"\x7fELF\x02\x01\x01".repeat(1_000)),
        ];
        for (how, bytes) in ways {
            std::fs::write(file, bytes)?;
            again(arena, &package, file, whole, how).await?;
        }
    }
    Ok("6 of 6 compiled again".to_owned())
}
