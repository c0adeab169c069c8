import type { DeliveryMetrics, DeliverySeries, Metric } from '@opssight/client';
import { duration, percent, perDay, plural } from '@/lib/format';

/** The five DORA metrics: what they are called, what they say, how they are drawn. */
export type MetricInfo = {
  metric: Metric;
  name: string;
  /** What it answers. */
  asks: string;
  value: (m: DeliveryMetrics) => { value: string; unit?: string };
  /** What the number is made of. */
  of: (m: DeliveryMetrics) => string;
  /** Its course over the days; null where there is nothing to say. */
  course: (s: DeliverySeries) => (number | null)[];
  draw: 'bars' | 'points';
  format: (value: number) => string;
  /** Distances between the lines of its scale. */
  steps: readonly number[];
};

const S = 1_000;
const M = 60 * S;
const H = 60 * M;
const D = 24 * H;
const COUNTS = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000];
const SHARES = [0.01, 0.02, 0.05, 0.1, 0.2, 0.25, 0.5];
const TIMES = [S, 5 * S, 15 * S, 30 * S, M, 2 * M, 5 * M, 10 * M, 15 * M, 30 * M, H, 2 * H, 3 * H, 6 * H, 12 * H, D, 2 * D, 5 * D, 10 * D, 30 * D, 90 * D];

const finished = (m: DeliveryMetrics) => m.counts.succeeded + m.counts.failed;
const share = (parts: readonly number[], s: DeliverySeries) =>
  parts.map((part, day) => {
    const all = (s.succeeded[day] ?? 0) + (s.failed[day] ?? 0);
    return all > 0 ? part / all : null;
  });
const nullable = (values: readonly (number | null | undefined)[]) => values.map((value) => value ?? null);

export const METRICS: readonly MetricInfo[] = [
  {
    metric: 'deployment_frequency',
    name: 'Deployment frequency',
    asks: 'How often do changes reach users?',
    value: (m) => perDay(m.deployment_frequency_per_day),
    of: (m) => plural(m.counts.succeeded, 'deployment'),
    course: (s) => s.succeeded,
    draw: 'bars',
    format: (n) => plural(Math.round(n), 'deployment'),
    steps: COUNTS,
  },
  {
    metric: 'change_lead_time',
    name: 'Change lead time',
    asks: 'How long from the first commit to users?',
    value: (m) => ({ value: duration(m.change_lead_time_ms_p50), unit: m.change_lead_time_ms_p50 == null ? undefined : 'median' }),
    of: (m) => `${plural(m.counts.changes, 'change')} delivered`,
    course: (s) => nullable(s.lead_time_ms_p50),
    draw: 'points',
    format: duration,
    steps: TIMES,
  },
  {
    metric: 'change_fail_rate',
    name: 'Change fail rate',
    asks: 'How many deployments break something?',
    value: (m) => ({ value: percent(m.change_fail_rate) }),
    of: (m) => `${m.counts.failed} of ${plural(finished(m), 'deployment')}`,
    course: (s) => share(s.failed, s),
    draw: 'bars',
    format: percent,
    steps: SHARES,
  },
  {
    metric: 'failed_deployment_recovery_time',
    name: 'Recovery time',
    asks: 'How long until a failed deployment is repaired?',
    value: (m) => ({
      value: duration(m.failed_deployment_recovery_time_ms_p50),
      unit: m.failed_deployment_recovery_time_ms_p50 == null ? undefined : 'median',
    }),
    of: (m) => `${m.counts.recovered} of ${m.counts.failed} recovered`,
    course: (s) => nullable(s.recovery_time_ms_p50),
    draw: 'points',
    format: duration,
    steps: TIMES,
  },
  {
    metric: 'deployment_rework_rate',
    name: 'Rework rate',
    asks: 'How many deployments repair an earlier one?',
    value: (m) => ({ value: percent(m.deployment_rework_rate) }),
    of: (m) => `${m.counts.rework} of ${plural(finished(m), 'deployment')}`,
    course: (s) => share(s.rework, s),
    draw: 'bars',
    format: percent,
    steps: SHARES,
  },
];

export const metricInfo = (name: string): MetricInfo =>
  METRICS.find(({ metric }) => metric === name) ?? (METRICS[0] as MetricInfo);

/** The row to begin with: the one in the address, else where most is deployed, production before others. */
export function choose(rows: readonly DeliveryMetrics[], service: string, environment: string): DeliveryMetrics | undefined {
  const fits = rows.filter((row) => (!service || row.service === service) && (!environment || row.environment === environment));
  const weight = (row: DeliveryMetrics) => finished(row) + (/^prod/i.test(row.environment) ? 0.5 : 0);
  return [...fits].sort((a, b) => weight(b) - weight(a))[0];
}
