import type { LiveEvent, Run, RunDetail } from '@opssight/client';
import type { InfiniteData, QueryClient, QueryKey } from '@tanstack/react-query';

/**
 * What an event makes stale. The first word of every query key is the noun it shows, so that an event names nouns.
 * An event of a kind that this page does not know makes everything stale: late, but never wrong.
 */
export function staleAfter(event: Pick<LiveEvent, 'type' | 'subject' | 'source' | 'data'>): QueryKey[] {
  const data = event.data as Record<string, unknown>;
  const text = (name: string) => (typeof data[name] === 'string' ? [data[name] as string] : []);
  const connection = event.source.match(/^\/connections\/(.+)$/)?.[1];
  const of = (word: string) => event.type.includes(`.${word}.`);
  if (of('pipelinerun')) return [['runs'], ['run', event.subject], ['overview'], ['pipelines'], ['flaky']];
  if (of('taskrun') || of('testcaserun') || of('testsuiterun')) {
    const runs = [...text('run'), ...text('run_id')];
    return runs.length ? runs.map((run) => ['run', run]) : [['run']];
  }
  if (of('service') || of('environment') || of('deployment'))
    return [['deployments'], ['deployment', event.subject], ['metrics'], ['evidence'], ['overview']];
  if (of('change') || of('repository') || of('branch') || of('review')) return [['changes'], ['metrics'], ['evidence']];
  if (of('artifact') || of('release')) return [];
  if (of('delivery')) return [['deliveries'], ['delivery', event.subject], ...(connection ? [['connection', connection]] : []), ['overview']];
  if (of('connection')) return [['connections'], ['connection', connection ?? event.subject], ['overview']];
  if (of('plugin')) return [['plugins']];
  return [[]];
}

/** Runs that an event touched a moment ago, to light up their rows. */
const touched = new Map<string, number>();
const LIGHT_MS = 2_000;

export const isFresh = (id: string) => Date.now() - (touched.get(id) ?? 0) < LIGHT_MS;

function touch(id: string): void {
  const now = Date.now();
  touched.set(id, now);
  if (touched.size > 500) for (const [old, at] of touched) if (now - at > LIGHT_MS) touched.delete(old);
}

const RUN_FIELDS = ['state', 'result', 'started_at', 'finished_at', 'queue_ms', 'execution_ms'] as const;

/** The run with what the event says about it; the same object when it says nothing new. */
export function patchRun<R extends Run>(run: R, data: Record<string, unknown>): R {
  // A late event must not take a finished run back to running.
  if (run.state === 'finished' && data['state'] !== 'finished') return run;
  const changes = RUN_FIELDS.filter((field) => data[field] !== undefined && data[field] !== run[field]);
  return changes.length ? { ...run, ...Object.fromEntries(changes.map((field) => [field, data[field]])) } : run;
}

/** Shows at once what the event itself says; the rest follows when the stale queries come back. */
export function applyEvent(client: QueryClient, event: LiveEvent): void {
  if (!event.type.includes('.pipelinerun.')) return;
  const data = event.data as Record<string, unknown>;
  touch(event.subject);
  client.setQueriesData<InfiniteData<{ items: Run[] }>>({ queryKey: ['runs'] }, (old) => {
    if (!old) return old;
    let changed = false;
    const pages = old.pages.map((page) => {
      const items = page.items.map((run) => {
        const next = run.id === event.subject ? patchRun(run, data) : run;
        if (next !== run) changed = true;
        return next;
      });
      return { ...page, items };
    });
    return changed ? { ...old, pages } : old;
  });
  client.setQueryData<RunDetail>(['run', event.subject], (old) => {
    if (!old) return old;
    const run = patchRun(old.run, data);
    return run === old.run ? old : { ...old, run };
  });
}

/**
 * Gathers what is stale and asks again in bursts: at once after a quiet time, then at most every `stepMs`, however
 * many events a busy hour brings. A tab that nobody sees only gathers.
 */
export class Refresher {
  private readonly keys = new Map<string, QueryKey>();
  private timer: ReturnType<typeof setTimeout> | undefined;
  private last = -Infinity;
  private seen = true;

  constructor(
    private readonly refresh: (key: QueryKey) => void,
    private readonly firstMs = 60,
    private readonly stepMs = 300,
    private readonly now: () => number = () => performance.now(),
  ) {}

  add(keys: QueryKey[]): void {
    for (const key of keys) this.keys.set(JSON.stringify(key), key);
    this.schedule();
  }

  /** Whether somebody looks; what was gathered meanwhile is asked for at once. */
  look(seen: boolean): void {
    this.seen = seen;
    this.schedule();
  }

  private schedule(): void {
    if (this.keys.size === 0 || !this.seen) return;
    const wait = Math.max(this.firstMs, this.last + this.stepMs - this.now());
    this.timer ??= setTimeout(() => this.flush(), wait);
  }

  stop(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    this.keys.clear();
  }

  private flush(): void {
    this.timer = undefined;
    this.last = this.now();
    const keys = [...this.keys.values()];
    this.keys.clear();
    for (const key of keys) this.refresh(key);
  }
}
