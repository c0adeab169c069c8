import { describe, expect, it } from 'vitest';
import { ProblemError } from '@opssight/client';
import { shouldRetry } from './api';
import { idOf } from './path-id';
import { withParams } from './url-state';

describe('the id in an address', () => {
  it.each([
    ['/pipelines/run-7/', 'run-7'],
    ['/pipelines/run%2F7/', 'run/7'],
    ['/pipelines/_/', ''],
    ['/pipelines/', ''],
    ['/connections/%E0%A4%A/', '%E0%A4%A'],
  ])('%s -> %s', (path, id) => expect(idOf(path)).toBe(id));
});

describe('state in the address', () => {
  it('changes what it is told, keeps the rest, drops what is empty', () => {
    expect(withParams('/pipelines/', '?q=a&state=active', { q: 'b c', state: '' })).toBe('/pipelines/?q=b+c');
    expect(withParams('/pipelines/', '?q=a', { q: undefined })).toBe('/pipelines/');
    expect(withParams('/', '', { tab: 'flaky' })).toBe('/?tab=flaky');
  });
});

describe('asking again', () => {
  const problem = (status: number) => new ProblemError({ status });
  it.each([
    [0, 0, true], [0, 503, true], [0, 429, true], [0, 500, false], [0, 404, false], [0, 422, false], [2, 503, false],
  ])('after %s failures with %s: %s', (failures, status, again) => {
    expect(shouldRetry(failures, problem(status))).toBe(again);
  });
});
