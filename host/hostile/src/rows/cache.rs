//! Rows 24 and 25: compiled code on disk is native code; whoever can write there must not be able to run some.

use crate::arena::Arena;
use crate::case::{Case, Ran, case};
use crate::dice::Dice;
use crate::paper::{log_bytes, log_since};
use anyhow::{Context as _, Result, bail, ensure};
use aws_lc_rs::hmac::{Context, HMAC_SHA256, Key};
use opssight_core::plugins::installs::PluginRuntime;
use opssight_testkit::guests::checking;
use serde_json::json;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use wasmtime::{Config, Engine};

pub(super) const CASES: &[Case] = &[
    case!(Cache "24" "poisoned-cache", "16 bytes of a compiled plugin are changed on disk, again and again" => "tell of each in the log, once; compile again, run nothing of it", poisoned).cpu(60_000),
    case!(Cache "25" "stale-cache", "compiled files are cut, emptied, swapped, replaced, and written under the host's own key by an engine with other flags" => "tell of each in the log, once, as what it is; compile again", stale),
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
/// again, which it only is when it was not believed. What the host's log says of it, once.
async fn again(arena: &Arena, package: &[u8], file: &Path, whole: &[u8], how: &str) -> Result<String> {
    let (digest, before) = (opssight_core::plugins::digest_of(package), log_bytes());
    arena.host.unload(&digest);
    arena.load(package).await.with_context(|| format!("load it after its compiled file was {how}"))?;
    arena.host.activate(&arena.plugin(), Some(&digest));
    let called = arena.check().await.with_context(|| format!("call it after its compiled file was {how}"))?;
    ensure!(called.value.summary == "whole", "it says {:?} after {how}", called.value.summary);
    let now = std::fs::read(file).with_context(|| format!("read the compiled file after it was {how}"))?;
    ensure!(now == whole, "a compiled file that was {how} is still in use");
    let log = log_since(before);
    let told: Vec<&str> = log.lines().filter(|line| line.contains("is not what this host wrote")).collect();
    let [told] = told.as_slice() else { bail!("the log speaks {} times of a file that was {how}", told.len()) };
    let problem = told.split_once("problem=\"").and_then(|(_, rest)| rest.split_once('"'));
    let (problem, _) = problem.filter(|_| told.contains(" ERROR ")).with_context(|| format!("the log says {told}"))?;
    Ok(problem.to_owned())
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
    let (mut dice, mut told) = (Dice::new(arena.options.seed), BTreeMap::new());
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
            let problem = again(arena, &package, file, whole, &format!("poisoned for the {number}th time")).await?;
            *told.entry(problem).or_insert(0) += 1;
        }
    }
    let told: Vec<String> = told.into_iter().map(|(problem, count)| format!("{count} x {problem}")).collect();
    Ok(format!("each compiled again, with a line of the log: {}", told.join(", ")))
}

/// Before the code stand a mark, the key's name, the code's length and the HMAC.
const HEADER: usize = 8 + 8 + 8 + 32;

/// A compiled file as this host would write it: under its own key, which whoever reads the data directory can read.
fn sealed(arena: &Arena, file: &Path, whole: &[u8], code: &[u8]) -> Result<Vec<u8>> {
    let key = std::fs::read(arena.data.path().join("aot.key")).context("read the host's key")?;
    let name = file.file_name().and_then(|name| name.to_str()).context("the file has no name")?;
    let length = (code.len() as u64).to_le_bytes();
    let mut tag = Context::with_key(&Key::new(HMAC_SHA256, &key));
    for part in [(name.len() as u64).to_le_bytes().as_slice(), name.as_bytes(), &length, code] {
        tag.update(part);
    }
    Ok([&whole[..16], &length, tag.sign().as_ref(), code].concat())
}

/// The same component, compiled by an engine that interrupts nobody.
fn compiled_otherwise(package: &[u8]) -> Result<Vec<u8>> {
    Ok(Engine::new(&Config::new())?.precompile_component(package)?)
}

async fn stale(arena: &Arena) -> Ran {
    let (package, other) = (says(arena, "whole"), says(arena, "other"));
    let (files, others) = (made_by(arena, &package).await?, made_by(arena, &other).await?);
    let again_elsewhere = package.clone();
    let otherwise = tokio::task::spawn_blocking(move || compiled_otherwise(&again_elsewhere)).await??;
    let mut tried = 0;
    for ((file, whole), (_, other)) in files.iter().zip(&others) {
        let half = whole.len() / 2;
        let mut shifted = whole.clone();
        shifted.rotate_left(1);
        ensure!(sealed(arena, file, whole, &whole[HEADER..])? == *whole, "compiled files are written otherwise now");
        let ways: [(&str, &str, Vec<u8>); 7] = [
            ("emptied", "truncated", Vec::new()),
            ("cut", "truncated", whole[..half].to_vec()),
            ("lengthened", "poisoned", [whole.as_slice(), b"x"].concat()),
            ("shifted", "foreign", shifted),
            ("replaced by another plugin's", "poisoned", other.clone()),
            ("replaced by an executable", "foreign", b"\x7fELF\x02\x01\x01".repeat(1_000)),
            ("compiled with other flags", "does-not-fit", sealed(arena, file, whole, &otherwise)?),
        ];
        for (how, wanted, bytes) in ways {
            std::fs::write(file, bytes)?;
            let problem = again(arena, &package, file, whole, how).await?;
            ensure!(problem == wanted, "a file that was {how} is called {problem}");
            tried += 1;
        }
    }
    Ok(format!("{tried} of {tried} compiled again"))
}
