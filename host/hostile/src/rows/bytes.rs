//! Row 20: broken packages, at random from a seed.

use crate::arena::Arena;
use crate::case::{Case, Ran, case};
use crate::dice::{Dice, mutated};
use crate::mutate::Mutator;
use anyhow::{bail, ensure};
use opssight_core::plugins::Plugins;
use opssight_core::plugins::installs::PluginRuntime;
use opssight_testkit::guests::{NOOP, manifest, package_of};
use serde_json::json;

pub(super) const CASES: &[Case] = &[
    case!(Bytes "20" "malformed-bytes", "thousands of packages with some bytes changed, cut or doubled" => "a typed error for each, no panic", mutants).cpu(120_000),
    case!(Bytes "20c" "mutator", "a few thousand packages, components, manifests, guests' and upstreams' answers with something changed" => "a typed error or a sound answer for each; `--mutate 30m` goes on for so long", some_mutants).cpu(120_000),
    case!(Bytes "20b" "random-bytes", "files that are nothing at all, and prefixes of a real one" => "a typed error for each", nonsense),
];

async fn mutants(arena: &Arena) -> Ran {
    let whole = package_of(NOOP, &["health", "webhook"], &manifest(arena.asks(json!({}))));
    let mut dice = Dice::new(arena.options.seed);
    let (mut refused, mut ran) = (0, 0);
    for number in 0..arena.options.mutants {
        let mutant = mutated(&mut dice, &whole);
        match arena.load(&mutant).await {
            Err(refusal) if refusal.code == "host.panic" || refusal.code == "compile-crash" => {
                bail!("mutant {number} of seed {}: {}: {refusal}", arena.options.seed, refusal.code);
            }
            Err(_) => refused += 1,
            Ok(digest) => {
                // It is well formed by chance: then it is a guest like any other.
                ran += 1;
                arena.host.activate(&arena.plugin(), Some(&digest));
                let mut target = arena.plain();
                target.connection = format!("{}-{number}", target.connection).into();
                if let Err(error) = arena.host.check(&target).await
                    && error.code.starts_with("host.")
                {
                    bail!("mutant {number} of seed {}: {error}", arena.options.seed);
                }
                arena.host.activate(&arena.plugin(), None);
                arena.host.unload(&digest);
            }
        }
    }
    Ok(format!("{refused} refused, {ran} ran"))
}

async fn some_mutants(arena: &Arena) -> Ran {
    let mut mutator = Mutator::open(arena, arena.options.seed).await?;
    for number in 0..u64::from(arena.options.mutants) * 2 {
        if let Some(found) = mutator.attack(number).await {
            bail!("{} {number} of seed {}: {}", found.target, arena.options.seed, found.why);
        }
    }
    let ended =
        |how: &str| mutator.tally.iter().filter(|(name, _)| name.contains(how)).map(|(_, count)| count).sum::<u64>();
    let (refused, taken) = (ended("refused"), ended("taken") + ended("ran") + ended("read"));
    // What is always refused, or always taken, is not changed where it counts.
    ensure!(refused > 0 && taken > 0, "{:?}", mutator.tally);
    let said = format!("{} attacks: {refused} refused, {taken} taken", mutator.tally.values().sum::<u64>());
    mutator.close();
    Ok(said)
}

async fn nonsense(arena: &Arena) -> Ran {
    let whole = package_of(NOOP, &["health"], &manifest(arena.asks(json!({}))));
    let mut dice = Dice::new(arena.options.seed ^ 0x55);
    let mut tried = 0;
    for length in 0..whole.len().min(600) {
        let mut files = vec![whole[..length].to_vec(), whole[length..].to_vec()];
        files.push((0..length).map(|_| dice.byte()).collect());
        // The beginning of a component, and then anything.
        let mut headed = b"\0asm\x0d\0\x01\0".to_vec();
        headed.extend((0..length).map(|_| dice.byte()));
        files.push(headed);
        for file in files.into_iter().filter(|file| *file != whole) {
            tried += 1;
            if arena.host.examine(&file).is_ok() {
                bail!("a file of {} bytes that is none was read", file.len());
            }
            // The seal is looked for before anything else is.
            let _no_panic = arena.host.signature(&file);
        }
    }
    Ok(format!("{tried} refused"))
}
