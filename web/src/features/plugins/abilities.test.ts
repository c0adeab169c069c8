import { describe, expect, it } from 'vitest';
import { without } from './abilities';

const ability = (key: string, terms?: string | null) => ({ key, terms, says: key, risk: 'safe', can_be_withheld: true });

describe('what an update adds', () => {
  it.each([
    ['act rerun', 'for the role operator', []],
    ['act rerun', 'for the role viewer', ['act rerun']],
    ['act rerun', undefined, ['act rerun']],
    ['use state', null, []],
    ['use mail', undefined, ['use mail']],
  ])('%s %s', (key, terms, added) => {
    const now = [ability('act rerun', 'for the role operator'), ability('use state')];
    expect(without([ability(key, terms)], now).map((one) => one.key)).toEqual(added);
  });
});
