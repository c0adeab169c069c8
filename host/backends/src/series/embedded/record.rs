//! A roll-up as it lies in its store: short where there is little to tell, as of a single point.
//!
//! `count`, microseconds from the bucket's begin to the first point and from there to the last as varints (LEB128); a byte
//! that says which numbers follow; the first value; and of the last, the smallest, the largest, the sum, and what a counter
//! dropped, those that do not follow from what stands before them. Numbers are 64 bits, little endian.

use opssight_core::metrics::Point;
use opssight_core::metrics::rollups::Rollup;
use opssight_core::time::Timestamp;

/// Of a roll-up whose bucket begins at `start`.
pub(super) fn encode(rollup: &Rollup, start: i64) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(32);
    varint(rollup.count, &mut bytes);
    varint(rollup.first.at.0.abs_diff(start), &mut bytes);
    if rollup.count > 1 {
        varint(rollup.last.at.since(rollup.first.at).unsigned_abs(), &mut bytes);
    }
    let mut mask = 0;
    let mut numbers = Vec::with_capacity(6);
    numbers.push(rollup.first.value);
    let told = [rollup.last.value, rollup.min, rollup.max, rollup.sum, rollup.dropped];
    for (n, value) in told.into_iter().enumerate() {
        if value.to_bits() != guess(n, rollup.first.value, rollup.last.value).to_bits() {
            mask |= 1_u8 << n;
            numbers.push(value);
        }
    }
    bytes.push(mask);
    bytes.extend(numbers.iter().flat_map(|value| value.to_le_bytes()));
    bytes
}

/// None if these bytes are no roll-up.
pub(super) fn decode(bytes: &[u8], start: i64) -> Option<Rollup> {
    let mut rest = bytes;
    let count = read(&mut rest)?;
    let first_at = start.checked_add_unsigned(read(&mut rest)?)?;
    let last_at = if count > 1 { first_at.checked_add_unsigned(read(&mut rest)?)? } else { first_at };
    let (mask, mut rest) = rest.split_first()?;
    let mut next = || {
        let (value, after) = rest.split_first_chunk::<8>()?;
        rest = after;
        Some(f64::from_le_bytes(*value))
    };
    let first = next()?;
    let mut last = first;
    let mut told = [0.0; 5];
    for (n, value) in told.iter_mut().enumerate() {
        *value = if mask & (1 << n) != 0 { next()? } else { guess(n, first, last) };
        if n == 0 {
            last = *value;
        }
    }
    let [_, min, max, sum, dropped] = told;
    let point = |at, value| Point { at: Timestamp(at), value };
    Some(Rollup { count, sum, min, max, first: point(first_at, first), last: point(last_at, last), dropped })
}

/// What the last value, the smallest, the largest, the sum and the drop are unless they are told.
fn guess(n: usize, first: f64, last: f64) -> f64 {
    match n {
        1 => first.min(last),
        2 => first.max(last),
        4 => 0.0,
        _ => first,
    }
}

fn varint(mut value: u64, bytes: &mut Vec<u8>) {
    while let [low, ..] = value.to_le_bytes()
        && value >= 0x80
    {
        bytes.push(low | 0x80);
        value >>= 7;
    }
    let [low, ..] = value.to_le_bytes();
    bytes.push(low);
}

fn read(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0_u64;
    for shift in (0..64).step_by(7) {
        let (byte, rest) = bytes.split_first()?;
        *bytes = rest;
        value |= u64::from(byte & 0x7f).checked_shl(shift)?;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const START: i64 = 1_790_000_000_000_000;

    fn of(points: &[(i64, f64)]) -> Rollup {
        let point = |(at, value): &(i64, f64)| Rollup::of(Point { at: Timestamp(START + at), value: *value });
        Rollup::all(points.iter().map(point)).unwrap()
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]
        #[test]
        fn a_record_comes_back(mut points in prop::collection::vec((1..86_400_000_000_i64, -1e300..1e300), 1..20)) {
            points.sort_by_key(|(at, _)| *at);
            let rollup = of(&points);
            let bytes = encode(&rollup, START);
            prop_assert_eq!(decode(&bytes, START), Some(rollup));
            for cut in 0..bytes.len() {
                prop_assert_eq!(decode(&bytes[..cut], START), None);
            }
        }
    }

    #[test]
    fn little_is_told_shortly() {
        assert_eq!(encode(&of(&[(5_000_000, 1.0)]), START).len(), 1 + 4 + 1 + 8);
        assert_eq!(encode(&of(&[(5_000_000, 1.0), (20_000_000, 2.0)]), START).len(), 1 + 4 + 4 + 1 + 3 * 8);
    }
}
