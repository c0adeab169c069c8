import { describe, expect, it } from 'vitest';
import { ago, bytes, count, duration, micros, percent, perDay, period, plural, shortCommit, spokenDuration } from './format';

describe('duration', () => {
  it.each([
    [undefined, '–'],
    [0, '0 ms'],
    [840, '840 ms'],
    [1_000, '1 s'],
    [1_250, '1.3 s'],
    [42_400, '42 s'],
    [59_999, '1m 00s'],
    [184_000, '3m 04s'],
    [3_599_900, '1h 00m'],
    [4_320_000, '1h 12m'],
    [183_600_000, '2d 3h'],
    [30 * 86_400_000, '30 d'],
    [-5_000, '-5 s'],
  ])('%s is %s', (ms, text) => expect(duration(ms)).toBe(text));

  it('is short as a rhythm', () => {
    expect([60_000, 300_000, 3_600_000, 5_400_000, 21_600_000, 86_400_000].map(period)).toEqual(['1m', '5m', '1h', '1h 30m', '6h', '1d']);
  });

  it('is spoken in whole words', () => {
    expect(spokenDuration(184_000)).toBe('3 minutes 4 seconds');
    expect(spokenDuration(200)).toBe('under a second');
    expect(spokenDuration(3_600_000)).toBe('1 hour');
  });
});

describe('ago', () => {
  const now = Date.parse('2026-11-22T12:00:00Z');
  it.each([
    ['2026-11-22T11:59:58Z', 'now'],
    ['2026-11-22T11:59:48Z', '12s ago'],
    ['2026-11-22T11:55:00Z', '5m ago'],
    ['2026-11-22T09:00:00Z', '3h ago'],
    ['2026-11-16T12:00:00Z', '6d ago'],
    ['2026-03-14T12:00:00Z', '14 Mar'],
    ['2021-03-14T12:00:00Z', '14 Mar 2021'],
    ['2026-11-22T12:05:00Z', 'in 5m'],
    ['nonsense', '–'],
    [undefined, '–'],
  ])('%s is %s', (time, text) => expect(ago(time, now)).toBe(text));
});

describe('numbers', () => {
  it.each([
    [1, '100%'], [0, '0%'], [0.982, '98.2%'], [0.9999, '99.9%'], [0.00001, '0.1%'], [0.5, '50%'], [0.034, '3.4%'], [null, '–'],
  ])('percent %s is %s', (share, text) => expect(percent(share)).toBe(text));

  it.each([
    [3.2, '3.2', 'per day'], [0.2, '1.4', 'per week'], [0.0667, '2', 'per 30 days'], [0, '0', 'per day'], [142.3, '142', 'per day'],
  ])('rate %s', (rate, value, unit) => expect(perDay(rate)).toEqual({ value, unit }));

  it('counts, sizes and small times', () => {
    expect([count(999), count(1_204), count(12_400), count(3_100_000)]).toEqual(['999', '1,204', '12.4k', '3.1M']);
    expect([bytes(980), bytes(20_600), bytes(3_145_728)]).toEqual(['980 B', '20.1 KiB', '3 MiB']);
    expect([micros(68), micros(1_240), micros(43_000), micros(3_400_000)]).toEqual(['68 µs', '1.2 ms', '43 ms', '3.4 s']);
    expect([plural(1, 'run'), plural(3, 'run')]).toEqual(['1 run', '3 runs']);
  });

  it('shortens only hashes', () => {
    expect(shortCommit('ec26c3e57ca3a959ca5aad62de7213c562f8c821')).toBe('ec26c3e');
    expect(shortCommit('release-2026-11')).toBe('release-2026-11');
  });
});
