'use client';
import type { Run } from '@opssight/client';
import clsx from 'clsx';
import { Hourglass, Timer } from 'lucide-react';
import Link from 'next/link';
import { isFresh } from '@/features/live/apply';
import { runHref } from '@/lib/path-id';
import { Branch, Commit } from '@/ui/ref';
import { statusOf, StatusIcon } from '@/ui/status';
import { Ago } from '@/ui/time';
import { ExecutionTime, QueueTime } from './elapsed';

/** What a run is called: its title, else its pipeline. */
export const runTitle = (run: Run) => run.title || run.pipeline || `Run ${run.upstream_id}`;

/** One run in a list. The whole row is the link; `compact` leaves out what a narrow card has no room for. */
export function RunRow({ run, compact = false }: { run: Run; compact?: boolean }) {
  const status = statusOf(run.state, run.result);
  return (
    <li
      data-run={run.id}
      className={clsx(
        'relative grid items-center gap-x-4 px-4 py-2.5 focus-within:bg-hover hover:bg-hover',
        compact
          ? 'grid-cols-[16px_minmax(0,1fr)_auto]'
          : 'grid-cols-[16px_minmax(0,1fr)_auto] lg:grid-cols-[16px_minmax(0,1fr)_190px_76px_84px_72px]',
        isFresh(run.id) && 'fresh',
      )}
    >
      <StatusIcon status={status} />
      <div className="min-w-0">
        <p className="flex min-w-0 items-baseline gap-2">
          <Link
            href={runHref(run.id)}
            prefetch={false}
            data-row
            className="row-link truncate text-sm font-medium after:absolute after:inset-0 focus-visible:outline-none focus-visible:after:outline-2 focus-visible:after:-outline-offset-2 focus-visible:after:outline-accent"
          >
            {runTitle(run)}
          </Link>
          {run.attempt > 1 && (
            <span className="shrink-0 text-xs text-faint" title={`Attempt ${run.attempt}`}>
              attempt {run.attempt}
            </span>
          )}
        </p>
        <p className="mt-px flex min-w-0 flex-wrap items-center gap-x-2 text-xs text-muted">
          <span className="max-w-full truncate">{run.service}</span>
          {run.title && run.pipeline && <span className="truncate">{run.pipeline}</span>}
          {run.number != null && <span className="text-faint tabular-nums">#{run.number}</span>}
          {run.actor && !compact && (
            <span className="truncate text-faint max-sm:hidden">
              {run.trigger ? `${run.trigger.replaceAll('_', ' ')} by ` : 'by '}
              {run.actor}
            </span>
          )}
        </p>
      </div>
      {!compact && (
        <>
          <div className="hidden min-w-0 flex-col gap-0.5 lg:flex">
            {run.branch && <Branch name={run.branch} />}
            {run.commit && <Commit id={run.commit} />}
          </div>
          <Length icon={<Hourglass size={12} aria-hidden />} name="Waited">
            <QueueTime of={run} />
          </Length>
          <Length icon={<Timer size={12} aria-hidden />} name="Worked">
            <ExecutionTime of={run} />
          </Length>
        </>
      )}
      <div className="flex flex-col items-end text-right text-xs text-muted">
        <Ago time={run.created_at ?? run.started_at} className="whitespace-nowrap" />
        <span className={clsx('whitespace-nowrap text-faint tabular-nums', !compact && 'lg:hidden')}>
          <ExecutionTime of={run} />
        </span>
      </div>
    </li>
  );
}

function Length({ icon, name, children }: { icon: React.ReactNode; name: string; children: React.ReactNode }) {
  return (
    <span className="hidden items-center gap-1.5 text-xs text-muted tabular-nums lg:flex" title={name}>
      <span className="text-faint">{icon}</span>
      <span className="sr-only">{name} </span>
      {children}
    </span>
  );
}
