import { describe, expect, it } from 'vitest';
import { safeNext } from './next';
import { deviceLabel } from './queries';
import { rememberedWay } from './way';

describe('where to go after signing in', () => {
  it.each([
    ['/pipelines/?q=a', '/pipelines/?q=a'],
    [null, '/'],
    ['//evil.example', '/'],
    ['/\\evil.example', '/'],
    ['https://evil.example', '/'],
    ['javascript:alert(1)', '/'],
    ['/login/?next=/', '/'],
  ])('%s -> %s', (next, path) => expect(safeNext(next)).toBe(path));
});

describe('the name of a session', () => {
  it('says browser and system', () => {
    expect(deviceLabel('Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/156.0 Safari/537.36')).toBe('Chrome on Linux');
    expect(deviceLabel('Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) Version/19.0 Mobile Safari/604.1')).toBe('Safari on iOS');
    expect(deviceLabel('curl/8')).toBe('Browser on an unknown system');
  });
});

describe('how somebody signs in', () => {
  it('is the secret until there was an account', () => expect(rememberedWay()).toBe('secret'));
});
