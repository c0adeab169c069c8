import { describe, expect, it } from 'vitest';
import { PLACES } from './places';
import { matches } from './palette-match';
import { meaning, SHORTCUTS } from './shortcuts';

const press = (key: string, more: Partial<{ ctrlKey: boolean; metaKey: boolean; altKey: boolean }> = {}) => ({
  key, ctrlKey: false, metaKey: false, altKey: false, ...more,
});

describe('keys', () => {
  it('open the palette also while typing', () => {
    expect(meaning(press('k', { ctrlKey: true }), true, undefined)).toEqual({ do: 'palette' });
    expect(meaning(press('k', { metaKey: true }), false, undefined)).toEqual({ do: 'palette' });
  });
  it('are letters while typing', () => {
    for (const key of ['g', '/', '?', 'j', 'k']) expect(meaning(press(key), true, undefined)).toBeUndefined();
  });
  it('leave the browser its own', () => {
    expect(meaning(press('j', { ctrlKey: true }), false, undefined)).toBeUndefined();
  });
  it('g waits for the next key, but not for ever', () => {
    expect(meaning(press('g'), false, undefined)).toEqual({ do: 'wait' });
    expect(meaning(press('p'), false, 300)).toEqual({ do: 'go', key: 'p' });
    expect(meaning(press('p'), false, 5_000)).toBeUndefined();
  });
  it('every place has a key of its own and is in the help', () => {
    const keys = PLACES.map((place) => place.key);
    expect(new Set(keys).size).toBe(keys.length);
    const help = SHORTCUTS.find((group) => group.group === 'Go to')?.keys;
    expect(help?.map(([key, name]) => [key, name])).toEqual(PLACES.map((place) => [`g ${place.key}`, place.name]));
  });
});

describe('the palette', () => {
  it.each([
    ['', 'Pipelines', true],
    ['pip', 'Pipelines Go to', true],
    ['theme dark', 'Use the dark theme', true],
    ['opssight', 'acme/opssight-web', true],
    ['peline', 'Pipelines', false],
  ])('%s in %s: %s', (typed, text, found) => expect(matches(typed, text)).toBe(found));
});
