'use client';
import type { Run } from '@opssight/client';
import { duration } from '@/lib/format';
import { useNow } from '@/lib/now';

/** The time since then, ticking. */
export function Elapsed({ since }: { since: string | null | undefined }) {
  const now = useNow('second');
  return since ? <>{duration(Math.max(0, Math.floor((now - Date.parse(since)) / 1_000) * 1_000))}</> : <>–</>;
}

type Timed = Pick<Run, 'state' | 'created_at' | 'started_at' | 'queue_ms' | 'execution_ms'>;

/** How long a run or job waited, or has been waiting. */
export function QueueTime({ of }: { of: Timed }) {
  if (of.queue_ms != null) return <>{duration(of.queue_ms)}</>;
  return of.state === 'queued' || of.state === 'waiting' ? <Elapsed since={of.created_at} /> : <>–</>;
}

/** How long a run or job worked, or has been working. */
export function ExecutionTime({ of }: { of: Timed }) {
  if (of.execution_ms != null) return <>{duration(of.execution_ms)}</>;
  return of.state === 'running' ? <Elapsed since={of.started_at} /> : <>–</>;
}
