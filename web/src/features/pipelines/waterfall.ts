import type { CriticalStep, Job, Run, Step } from '@opssight/client';

/** A stretch of time, milliseconds since the origin. `open`: it goes on. */
export type Bar = { from: number; to: number; open: boolean };
export type StepRow = { step: Step; bar: Bar | undefined };
export type JobRow = { job: Job; critical: boolean; queue: Bar | undefined; work: Bar | undefined; steps: StepRow[] };
export type Waterfall = { origin: number; span: number; rows: JobRow[]; ticks: number[] };

type Times = { created_at?: string | null; started_at?: string | null; finished_at?: string | null; state: Job['state'] };

/** A run that has been silent for longer than this has lost its end, not worked for years. */
const SILENCE_MS = 24 * 3_600_000;

/** Where the bars of a run's jobs and steps go. Times that contradict each other never make a bar run backwards. */
export function layOut(
  { run, jobs, critical_path }: { run: Run; jobs: Job[]; critical_path: Pick<CriticalStep, 'job'>[] },
  now: number,
): Waterfall {
  const known = (jobs.length ? jobs : [run]).flatMap((thing) => times(thing));
  const origin = known.length ? Math.min(...known) : now;
  const latest = known.length ? Math.max(...known) : now;
  const moving = [run, ...jobs].some((thing) => thing.state !== 'finished');
  const end = moving && now - latest < SILENCE_MS ? Math.max(now, latest) : latest;
  const span = Math.max(1_000, end - origin);
  const critical = new Set(critical_path.map((link) => link.job));

  const bar = (from: number | undefined, to: number | undefined, open: boolean): Bar | undefined => {
    if (from === undefined) return undefined;
    const stop = to ?? (open ? end : from);
    return { from: from - origin, to: Math.max(from, stop) - origin, open: to === undefined && open };
  };

  const rows = jobs.map((job): JobRow => {
    // Upstreams give a skipped job the moment at which they decided; it neither waited nor worked.
    const created = job.result === 'skip' ? undefined : at(job.created_at);
    const waiting = job.state === 'queued' || job.state === 'waiting';
    const started = waiting || job.result === 'skip' ? undefined : at(job.started_at);
    const queue = created !== undefined && (started !== undefined || waiting) ? bar(created, started, waiting) : undefined;
    return {
      job,
      critical: critical.has(job.id),
      queue: queue && queue.to > queue.from ? queue : undefined,
      work: bar(started, at(job.finished_at), job.state === 'running'),
      steps: job.steps.map((step) => ({
        step,
        bar: bar(at(step.started_at), at(step.finished_at), step.state === 'running'),
      })),
    };
  });
  return { origin, span, rows, ticks: ticks(span) };
}

function at(time: string | null | undefined): number | undefined {
  const ms = time ? Date.parse(time) : NaN;
  return Number.isNaN(ms) ? undefined : ms;
}

function times(thing: Times): number[] {
  return [thing.created_at, thing.started_at, thing.finished_at].map(at).filter((ms): ms is number => ms !== undefined);
}

const S = 1_000;
const M = 60 * S;
const H = 60 * M;
const STEPS = [S, 2 * S, 5 * S, 10 * S, 15 * S, 30 * S, M, 2 * M, 5 * M, 10 * M, 15 * M, 30 * M, H, 2 * H, 3 * H, 6 * H, 12 * H, 24 * H];

/** Round moments for the axis, from 0, at most `most` of them. */
export function ticks(span: number, most = 6): number[] {
  const step = STEPS.find((candidate) => span / candidate <= most) ?? Math.ceil(span / most / (24 * H)) * 24 * H;
  return Array.from({ length: Math.floor(span / step) + 1 }, (_, index) => index * step);
}

/** A part of the span as CSS left and width; short bars stay visible. */
export function place(bar: Bar, span: number): { left: string; width: string } {
  const left = Math.min(99.6, (bar.from / span) * 100);
  return { left: `${left.toFixed(3)}%`, width: `${Math.max(0.4, Math.min(100 - left, ((bar.to - bar.from) / span) * 100)).toFixed(3)}%` };
}
