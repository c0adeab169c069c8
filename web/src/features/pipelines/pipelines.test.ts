import type { Job, Run } from '@opssight/client';
import { describe, expect, it } from 'vitest';
import { barHeights, barsInWords } from './bar-heights';
import { runQuery } from './filters';
import { layOut, place, ticks } from './waterfall';

const T0 = Date.parse('2026-11-22T12:00:00Z');
const time = (s: number) => new Date(T0 + s * 1_000).toISOString();

function job(id: string, created: number, started?: number, finished?: number): Job {
  return {
    id, upstream_id: id, name: id, labels: [], steps: [], flaky: false,
    state: finished !== undefined ? 'finished' : started !== undefined ? 'running' : 'queued',
    created_at: time(created),
    started_at: started === undefined ? undefined : time(started),
    finished_at: finished === undefined ? undefined : time(finished),
  };
}
const run = (state: Run['state']): Run => ({ id: 'r', connection: 'c', upstream_id: '1', attempt: 1, service: 'a/b', state, created_at: time(-5) });

describe('the waterfall', () => {
  it('splits a job into waiting and working', () => {
    const { rows, span, origin } = layOut(
      { run: run('finished'), jobs: [job('a', 0, 10, 40), job('b', 40, 42, 100)], critical_path: [{ job: 'b' }] },
      T0 + 1e9,
    );
    expect([origin, span]).toEqual([T0, 100_000]);
    expect(rows[0]).toMatchObject({ critical: false, queue: { from: 0, to: 10_000 }, work: { from: 10_000, to: 40_000 } });
    expect(rows[1]).toMatchObject({ critical: true, queue: { from: 40_000, to: 42_000 }, work: { from: 42_000, to: 100_000 } });
  });

  it('lets what goes on reach the present', () => {
    const { rows, span } = layOut({ run: run('running'), jobs: [job('a', 0, 10), job('b', 20)], critical_path: [] }, T0 + 60_000);
    expect(span).toBe(60_000);
    expect(rows[0]?.work).toEqual({ from: 10_000, to: 60_000, open: true });
    expect(rows[1]).toMatchObject({ queue: { from: 20_000, to: 60_000, open: true }, work: undefined });
  });

  it('does not stretch a run that was lost years ago', () => {
    expect(layOut({ run: run('running'), jobs: [job('a', 0, 10)], critical_path: [] }, T0 + 1e12).span).toBe(10_000);
  });

  it('never runs backwards', () => {
    const { rows } = layOut({ run: run('finished'), jobs: [job('a', 30, 10, 5)], critical_path: [] }, T0 + 1e9);
    expect(rows[0]?.queue).toBeUndefined();
    expect(rows[0]?.work).toEqual({ from: 5_000, to: 5_000, open: false });
  });

  it('survives a run of which nothing is known', () => {
    const empty: Run = { ...run('queued'), created_at: undefined };
    expect(layOut({ run: empty, jobs: [], critical_path: [] }, T0)).toMatchObject({ rows: [], span: 1_000 });
    const bare: Job = { ...job('a', 0), created_at: undefined, state: 'finished', result: 'skip' };
    expect(layOut({ run: run('finished'), jobs: [bare], critical_path: [] }, T0).rows[0]).toMatchObject({ queue: undefined, work: undefined });
  });

  it('has few and round ticks', () => {
    expect(ticks(95_000)).toEqual([0, 30_000, 60_000, 90_000]);
    expect(ticks(1_000)).toEqual([0, 1_000]);
    for (const span of [1_500, 7e4, 3e6, 4e7, 9e8, 3e10]) expect(ticks(span).length).toBeLessThanOrEqual(7);
  });

  it('keeps every bar inside and visible', () => {
    expect(place({ from: 0, to: 50, open: false }, 100)).toEqual({ left: '0.000%', width: '50.000%' });
    expect(place({ from: 100, to: 100, open: false }, 100)).toEqual({ left: '99.600%', width: '0.400%' });
  });
});

describe('bars', () => {
  it('one long run does not flatten the others', () => {
    expect(barHeights([10, 10, 10, 1_000], 30)).toEqual([10, 10, 10, 30]);
  });
  it('unknown lengths are low, not gone', () => {
    expect(barHeights([undefined, undefined], 30)).toEqual([6, 6]);
    expect(barHeights([undefined, 5], 30)).toEqual([6, 30]);
  });
});

describe('bars in words', () => {
  it('are counted', () => {
    expect(barsInWords(['Success', 'Failed', 'Success'])).toBe('2 success, 1 failed');
    expect(barsInWords([])).toBe('none');
  });
});

describe('filters from the address', () => {
  it('take what is known and leave the rest', () => {
    const params = new URLSearchParams('q=fix&state=active&result=exploded&tab=runs&foo=1');
    expect(runQuery((name) => params.get(name) ?? '')).toEqual({ limit: 50, q: 'fix', state: 'active' });
  });
});
