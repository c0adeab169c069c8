import type { LiveOptions, LiveState, Run } from '@opssight/client';
import { QueryClient } from '@tanstack/react-query';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { applyEvent, patchRun, Refresher, staleAfter } from './apply';
import { LiveHub, type FromHub } from './hub';

const event = (type: string, subject: string, data: Record<string, unknown> = {}) => ({
  specversion: '1.0', id: '1', type, source: '/connections/c1', subject, time: '2026-11-22T12:00:00Z', data,
});

describe('what an event makes stale', () => {
  it.each([
    ['dev.cdevents.pipelinerun.finished.0.3.0', 'run'],
    ['dev.cdevents.taskrun.started.0.3.0', 'run'],
    ['dev.cdevents.service.deployed.0.3.0', 'metrics'],
    ['dev.cdevents.change.merged.0.3.0', 'changes'],
    ['dev.opssight.delivery.failed', 'deliveries'],
    ['dev.opssight.connection.changed', 'connections'],
  ])('%s -> %s', (type, noun) => expect(staleAfter(event(type, 'x')).map((key) => key[0])).toContain(noun));

  it('a job names its run', () => {
    expect(staleAfter(event('dev.cdevents.taskrun.finished.0.3.0', 'j', { run: 'r1' }))).toEqual([['run', 'r1']]);
  });

  it('an unknown kind makes everything stale', () => {
    expect(staleAfter(event('dev.opssight.weather.changed', 'x'))).toEqual([[]]);
  });
});

const run = (id: string, state: Run['state']): Run => ({
  id, state, connection: 'c', upstream_id: '1', attempt: 1, service: 'a/b',
});

describe('patching what is shown', () => {
  it('changes the run in every list and its page', () => {
    const client = new QueryClient();
    client.setQueryData(['runs', {}], { pages: [{ items: [run('a', 'running'), run('b', 'queued')] }], pageParams: [''] });
    client.setQueryData(['run', 'a'], { run: run('a', 'running') });
    applyEvent(client, event('dev.cdevents.pipelinerun.finished.0.3.0', 'a', { state: 'finished', result: 'success' }));
    const list = client.getQueryData<{ pages: { items: Run[] }[] }>(['runs', {}]);
    expect(list?.pages[0]?.items.map((r) => [r.id, r.state, r.result])).toEqual([['a', 'finished', 'success'], ['b', 'queued', undefined]]);
    expect(client.getQueryData<{ run: Run }>(['run', 'a'])?.run.result).toBe('success');
  });

  it('never takes a finished run back', () => {
    const done = { ...run('a', 'finished'), result: 'success' as const };
    expect(patchRun(done, { state: 'running' })).toBe(done);
  });
});

describe('asking again in bursts', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it('asks once for many events and then at most once per step', () => {
    const asked: string[] = [];
    const refresher = new Refresher((key) => asked.push(key.join('/')), 60, 1_000, () => Date.now());
    for (let i = 0; i < 100; i++) refresher.add([['runs'], ['run', 'a']]);
    vi.advanceTimersByTime(60);
    expect(asked).toEqual(['runs', 'run/a']);
    refresher.add([['runs']]);
    vi.advanceTimersByTime(900);
    expect(asked).toHaveLength(2);
    vi.advanceTimersByTime(100);
    expect(asked).toHaveLength(3);
  });

  it('waits while nobody looks', () => {
    const asked: string[] = [];
    const refresher = new Refresher((key) => asked.push(key.join('/')), 60, 1_000, () => Date.now());
    refresher.look(false);
    refresher.add([['runs']]);
    refresher.add([['overview']]);
    vi.advanceTimersByTime(60_000);
    expect(asked).toEqual([]);
    refresher.look(true);
    vi.advanceTimersByTime(60);
    expect(asked).toEqual(['runs', 'overview']);
  });
});

describe('the hub', () => {
  function hub() {
    let options!: LiveOptions;
    let now = 0;
    const log: string[] = [];
    const live = new LiveHub(
      (given) => {
        options = given;
        log.push('start');
        return { wake: () => log.push('wake'), stop: () => log.push('stop') };
      },
      () => now,
    );
    return {
      live, log,
      say: (id: string) => options.onMessage({ id, event: 'message', data: id }),
      state: (state: LiveState) => options.onState(state),
      pass: (ms: number) => (now += ms),
    };
  }
  const tab = () => {
    const got: string[] = [];
    return { got, postMessage: (m: FromHub) => void got.push(m.type === 'state' ? m.state : m.message.data) };
  };

  it('holds one stream for all tabs and lets go of it with the last', () => {
    const { live, log, say, state } = hub();
    const [a, b] = [tab(), tab()];
    live.handle(a, { type: 'join' });
    state('live');
    live.handle(b, { type: 'join' });
    say('1');
    live.handle(a, { type: 'leave' });
    say('2');
    live.handle(b, { type: 'leave' });
    expect(a.got).toEqual(['connecting', 'live', '1']);
    expect(b.got).toEqual(['live', '1', '2']);
    expect(log).toEqual(['start', 'stop']);
  });

  it('tells a new tab what happened while it was loading, and no more', () => {
    const { live, say, state, pass } = hub();
    live.handle(tab(), { type: 'join' });
    state('live');
    say('old');
    pass(20_000);
    say('new');
    const late = tab();
    live.handle(late, { type: 'join' });
    expect(late.got).toEqual(['live', 'new']);
  });
});
