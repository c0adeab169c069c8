//! Chance that is the same everywhere.

/// A generator that is small and quick (xorshift64*).
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    /// Of one throw of many: the same whatever the throws before it were.
    pub(crate) fn of(seed: u64, number: u64) -> Self {
        let mut dice = Self::new(seed.rotate_left(32) ^ number.wrapping_mul(0xd6e8_feb8_6659_fd93));
        // Neighbouring seeds begin alike.
        for _ in 0..4 {
            dice.roll();
        }
        dice
    }

    pub(crate) fn roll(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 16
    }

    /// Below `limit`.
    pub(crate) fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.roll()).unwrap_or(0) % limit.max(1)
    }

    pub(crate) fn byte(&mut self) -> u8 {
        u8::try_from(self.roll() & 0xff).unwrap_or(0)
    }

    pub(crate) fn pick<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[self.below(of.len())]
    }
}

/// Some bytes changed, cut, doubled or put elsewhere.
pub(crate) fn mutated(dice: &mut Dice, whole: &[u8]) -> Vec<u8> {
    let mut bytes = whole.to_vec();
    if bytes.is_empty() {
        return vec![dice.byte()];
    }
    match dice.below(8) {
        0 => bytes.truncate(dice.below(whole.len())),
        1 => {
            let (at, length) = (dice.below(whole.len()), dice.below(64));
            let piece = bytes[at..(at + length).min(bytes.len())].to_vec();
            let to = if dice.below(2) == 0 { at } else { dice.below(whole.len()) };
            bytes.splice(to..to, piece);
        }
        2 => {
            let (at, length) = (dice.below(whole.len()), dice.below(16));
            bytes.drain(at..(at + length).min(whole.len()));
        }
        3 => {
            // A number where a number may stand: lengths, pointers and times are what bounds are made of.
            const WORDS: [u64; 12] = [
                0,
                1,
                0x7f,
                0x80,
                0xff,
                0xffff,
                0x7fff_ffff,
                0x8000_0000,
                0xffff_ffff,
                i64::MAX.unsigned_abs(),
                i64::MIN.unsigned_abs(),
                u64::MAX,
            ];
            let (at, word) = (dice.below(whole.len()) & !3, dice.pick(&WORDS).to_le_bytes());
            let length = if dice.below(3) == 0 { 8 } else { 4 };
            for (byte, new) in bytes.iter_mut().skip(at).zip(&word[..length]) {
                *byte = *new;
            }
        }
        _ => {
            for _ in 0..=dice.below(8) {
                let at = dice.below(bytes.len());
                bytes[at] = if dice.below(4) == 0 { 0xff } else { dice.byte() };
            }
        }
    }
    bytes
}
