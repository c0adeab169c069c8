import type { DeliveryMetrics, DeliverySeries } from '@opssight/client';
import { describe, expect, it } from 'vitest';
import { choose, METRICS, metricInfo } from './metric';
import { windowAround, windowOf } from './window';

const now = Date.parse('2026-11-22T15:30:00Z');
const at = (query: string) => {
  const params = new URLSearchParams(query);
  return windowOf((name) => params.get(name) ?? '', now);
};

describe('the window', () => {
  it.each([
    ['', { choice: '30', from: '2026-10-24T00:00:00Z', to: undefined }],
    ['window=7', { choice: '7', from: '2026-11-16T00:00:00Z', to: undefined }],
    ['window=nonsense', { choice: '30', from: '2026-10-24T00:00:00Z', to: undefined }],
    ['window=custom&from=2021-05-01&to=2021-05-03', { choice: 'custom', from: '2021-05-01T00:00:00Z', to: '2021-05-04T00:00:00Z' }],
    ['window=custom&from=2021-05-03&to=2021-05-01', { choice: 'custom', from: '2021-05-01T00:00:00Z', to: '2021-05-04T00:00:00Z' }],
    ['window=custom&from=2021-13-45', { choice: 'custom', from: '2026-10-24T00:00:00Z', to: undefined }],
  ])('%s', (query, window) => expect(at(query)).toEqual(window));

  it('around a moment', () => {
    expect(windowAround('2021-05-30T10:00:00Z')).toEqual({ window: 'custom', from: '2021-05-01', to: '2021-05-30' });
  });
});

const row = (service: string, environment: string, succeeded: number, failed = 0): DeliveryMetrics => ({
  service, environment, deployment_frequency_per_day: succeeded / 30,
  counts: { succeeded, failed, recovered: 0, rework: 0, changes: 0 },
});

describe('the row to begin with', () => {
  const rows = [row('a', 'staging', 9), row('a', 'production', 9), row('b', 'production', 3)];
  it.each([
    ['', '', 'a production'],
    ['b', '', 'b production'],
    ['a', 'staging', 'a staging'],
  ])('%s %s', (service, environment, chosen) => {
    const found = choose(rows, service, environment);
    expect(`${found?.service} ${found?.environment}`).toBe(chosen);
  });
  it('is none where nothing fits', () => expect(choose(rows, 'c', '')).toBeUndefined());
});

describe('the metrics', () => {
  const series: DeliverySeries = {
    t: [], succeeded: [3, 0], failed: [1, 0], rework: [1, 0], lead_time_ms_p50: [5, null], recovery_time_ms_p50: [null, null],
  };
  it('have a course without inventing zeros', () => {
    expect(METRICS.map((info) => info.course(series))).toEqual([[3, 0], [5, null], [0.25, null], [null, null], [0.25, null]]);
  });
  it('say when nothing is known', () => {
    const empty = row('a', 'p', 0);
    expect(METRICS.map((info) => info.value(empty).value)).toEqual(['0', '–', '–', '–', '–']);
    expect(metricInfo('nonsense').metric).toBe('deployment_frequency');
  });
});
