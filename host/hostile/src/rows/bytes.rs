//! Row 20: broken packages, at random from a seed.

use crate::arena::Arena;
use crate::case::{Case, Ran, case};
use anyhow::bail;
use opssight_core::plugins::Plugins;
use opssight_core::plugins::installs::PluginRuntime;
use opssight_testkit::guests::{NOOP, manifest, package_of};
use serde_json::json;

pub(super) const CASES: &[Case] = &[
    case!(Bytes "20" "malformed-bytes", "thousands of packages with some bytes changed, cut or doubled" => "a typed error for each, no panic", mutants).cpu(120_000),
    case!(Bytes "20b" "random-bytes", "files that are nothing at all, and prefixes of a real one" => "a typed error for each", nonsense),
];

/// A generator that is small, quick and the same everywhere (xorshift64*).
pub(super) struct Dice(u64);

impl Dice {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub(super) fn roll(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 16
    }

    /// Below `limit`.
    pub(super) fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.roll()).unwrap_or(0) % limit.max(1)
    }
}

fn mutate(dice: &mut Dice, whole: &[u8]) -> Vec<u8> {
    let mut bytes = whole.to_vec();
    match dice.below(8) {
        0 => bytes.truncate(dice.below(whole.len())),
        1 => {
            let (at, length) = (dice.below(whole.len()), dice.below(64));
            let piece = bytes[at..(at + length).min(bytes.len())].to_vec();
            bytes.splice(at..at, piece);
        }
        2 => {
            let (at, length) = (dice.below(whole.len()), dice.below(16));
            bytes.drain(at..(at + length).min(whole.len()));
        }
        _ => {
            for _ in 0..=dice.below(8) {
                let at = dice.below(bytes.len());
                bytes[at] = if dice.below(4) == 0 { 0xff } else { u8::try_from(dice.roll() & 0xff).unwrap_or(0) };
            }
        }
    }
    bytes
}

async fn mutants(arena: &Arena) -> Ran {
    let whole = package_of(NOOP, &["health", "webhook"], &manifest(arena.asks(json!({}))));
    let mut dice = Dice::new(arena.options.seed);
    let (mut refused, mut ran) = (0, 0);
    for number in 0..arena.options.mutants {
        let mutant = mutate(&mut dice, &whole);
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

async fn nonsense(arena: &Arena) -> Ran {
    let whole = package_of(NOOP, &["health"], &manifest(arena.asks(json!({}))));
    let mut dice = Dice::new(arena.options.seed ^ 0x55);
    let mut tried = 0;
    for length in 0..whole.len().min(600) {
        let mut files = vec![whole[..length].to_vec(), whole[length..].to_vec()];
        files.push((0..length).map(|_| u8::try_from(dice.roll() & 0xff).unwrap_or(0)).collect());
        // The beginning of a component, and then anything.
        let mut headed = b"\0asm\x0d\0\x01\0".to_vec();
        headed.extend((0..length).map(|_| u8::try_from(dice.roll() & 0xff).unwrap_or(0)));
        files.push(headed);
        for file in files.into_iter().filter(|file| *file != whole) {
            tried += 1;
            if arena.host.read(&file).is_ok() {
                bail!("a file of {} bytes that is none was read", file.len());
            }
            // The seal is looked for before anything else is.
            let _no_panic = arena.host.signature(&file);
        }
    }
    Ok(format!("{tried} refused"))
}
