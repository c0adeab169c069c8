'use client';
import type { RunDetail } from '@opssight/client';
import clsx from 'clsx';
import { ArrowRight, ChevronLeft, Layers } from 'lucide-react';
import Link from 'next/link';
import { useEffect } from 'react';
import { duration, plural } from '@/lib/format';
import { runHref, usePathId } from '@/lib/path-id';
import { Badge } from '@/ui/badge';
import { CopyButton } from '@/ui/copy';
import { External } from '@/ui/external';
import { Fact, Figure, Section } from '@/ui/page';
import { Branch, Commit } from '@/ui/ref';
import { Empty, Loaded, Skeleton, SkeletonRows } from '@/ui/states';
import { isActive, StatusBadge, statusOf, StatusIcon } from '@/ui/status';
import { Ago } from '@/ui/time';
import { CriticalPath } from './critical-path';
import { ExecutionTime, QueueTime } from './elapsed';
import { useRun } from './queries';
import { RunActions } from './run-actions';
import { runTitle } from './run-row';
import { Legend, WaterfallView } from './waterfall-view';

export function RunPage() {
  const query = useRun(usePathId());
  return (
    <>
      <Link href="/pipelines/" className="mb-3 inline-flex items-center gap-1 text-sm text-muted hover:text-text">
        <ChevronLeft size={14} aria-hidden /> Pipelines
      </Link>
      <Loaded query={query} skeleton={<Waiting />}>
        {(detail) => <RunView detail={detail} />}
      </Loaded>
    </>
  );
}

function RunView({ detail }: { detail: RunDetail }) {
  const { run, jobs } = detail;
  const title = runTitle(run);
  useEffect(() => {
    document.title = `${title} · OpsSight`;
  }, [title]);
  return (
    <div className="space-y-4">
      <Header detail={detail} />
      <NewerAttempt detail={detail} />
      {detail.failure && <FailureCard failure={detail.failure} jobs={jobs} />}
      <div className="card grid grid-cols-2 gap-4 p-4 sm:grid-cols-4">
        <Figure name="Waited for a runner" value={<QueueTime of={run} />} note="Asked for until the first job began" />
        <Figure name="Worked" value={<ExecutionTime of={run} />} note="First job's start until the end" />
        <Figure name="Jobs" value={jobs.length} note={jobsNote(detail)} />
        <Figure name="Critical path" value={detail.critical_path.length || '–'} note={plural(detail.critical_path.length, 'job in a chain', 'jobs in a chain')} />
      </div>
      <Section title="Jobs" actions={<Legend />} flush>
        {jobs.length > 0 ? (
          <WaterfallView detail={detail} />
        ) : (
          <Empty icon={<Layers size={20} aria-hidden />} title="No job is known yet">
            {isActive(run.state) ? 'Jobs show up here as they are created.' : 'The upstream never told about the jobs of this run.'}
          </Empty>
        )}
      </Section>
      {detail.critical_path.length > 1 && (
        <Section title="Critical path">
          <CriticalPath steps={detail.critical_path} />
        </Section>
      )}
    </div>
  );
}

function jobsNote({ jobs }: RunDetail): string {
  const moving = jobs.filter((job) => isActive(job.state)).length;
  const failed = jobs.filter((job) => statusOf(job.state, job.result).tone === 'bad').length;
  if (failed) return `${failed} failed`;
  if (moving) return `${moving} not finished`;
  return jobs.length ? 'All finished' : 'None known yet';
}

function Header({ detail: { run, attempts, actions } }: { detail: RunDetail }) {
  return (
    <header className="flex flex-wrap items-start justify-between gap-x-6 gap-y-3">
      <div className="min-w-0 grow basis-80 space-y-2">
        <div className="flex flex-wrap items-center gap-2">
          <StatusBadge status={statusOf(run.state, run.result)} />
          {run.number != null && <span className="text-sm text-faint tabular-nums">#{run.number}</span>}
          {attempts.length > 1 && <Attempts run={run} attempts={attempts} />}
        </div>
        <h1 className="text-xl font-semibold tracking-tight break-words">{runTitle(run)}</h1>
        <dl className="flex flex-wrap gap-x-6 gap-y-2">
          <Fact name="Service">
            <Link href={`/pipelines/?service=${encodeURIComponent(run.service)}`} className="hover:text-accent hover:underline">
              {run.service}
            </Link>
          </Fact>
          {run.pipeline && <Fact name="Pipeline">{run.pipeline}</Fact>}
          {run.branch && (
            <Fact name="Branch" className="max-w-full">
              <Branch name={run.branch} />
            </Fact>
          )}
          {run.commit && (
            <Fact name="Commit">
              <span className="inline-flex items-center">
                <Commit id={run.commit} />
                <CopyButton value={run.commit} label="Copy commit" />
              </span>
            </Fact>
          )}
          {run.changes && run.changes.length > 0 && <Fact name="For">{run.changes.map((number) => `#${number}`).join(', ')}</Fact>}
          {(run.actor || run.trigger) && (
            <Fact name="Caused by">
              {[run.actor, run.trigger?.replaceAll('_', ' ')].filter(Boolean).join(', ')}
            </Fact>
          )}
          <Fact name="Created">
            <Ago time={run.created_at} />
          </Fact>
        </dl>
      </div>
      <div className="flex flex-wrap items-center gap-2">
        <External href={run.url}>Open upstream</External>
        <RunActions run={run} actions={actions} />
      </div>
    </header>
  );
}

function Attempts({ run, attempts }: Pick<RunDetail, 'run' | 'attempts'>) {
  return (
    <nav aria-label="Attempts" className="inline-flex items-center gap-0.5 rounded-[7px] border border-line bg-sunken p-0.5 text-xs">
      <span className="px-1.5 text-faint">Attempt</span>
      {attempts.map((attempt) => (
        <Link
          key={attempt.id}
          href={runHref(attempt.id)}
          prefetch={false}
          aria-current={attempt.id === run.id ? 'page' : undefined}
          className={clsx(
            'inline-flex h-6 items-center gap-1 rounded-[5px] px-1.5 font-medium tabular-nums',
            attempt.id === run.id ? 'bg-raised shadow-[0_0_0_1px_var(--line-strong)]' : 'text-muted hover:text-text',
          )}
        >
          <StatusIcon status={statusOf(attempt.state, attempt.result)} size={12} />
          {attempt.attempt}
        </Link>
      ))}
    </nav>
  );
}

function NewerAttempt({ detail: { run, attempts } }: { detail: RunDetail }) {
  const newest = attempts.at(-1);
  if (!newest || newest.attempt <= run.attempt) return null;
  return (
    <Link
      href={runHref(newest.id)}
      prefetch={false}
      className="card flex items-center gap-2 px-4 py-2.5 text-sm hover:bg-hover"
    >
      <StatusIcon status={statusOf(newest.state, newest.result)} />
      This is attempt {run.attempt}. There is a newer one, attempt {newest.attempt}: {statusOf(newest.state, newest.result).word.toLowerCase()}.
      <ArrowRight size={14} className="ml-auto text-faint" aria-hidden />
    </Link>
  );
}

function FailureCard({ failure, jobs }: { failure: NonNullable<RunDetail['failure']>; jobs: RunDetail['jobs'] }) {
  const job = jobs.find((candidate) => candidate.name === failure.job || candidate.id === failure.job);
  return (
    <section aria-label="Why it failed" className="card flex flex-wrap items-center gap-x-3 gap-y-2 border-l-[3px]! border-l-bad! px-4 py-3">
      <Badge tone="bad">{failure.class}</Badge>
      <p className="min-w-0 grow basis-60 text-sm break-words first-letter:uppercase">
        {failure.summary}
        {job?.execution_ms != null && <span className="text-muted"> after {duration(job.execution_ms)}</span>}
      </p>
      {job && <External href={job.url}>Open the log</External>}
    </section>
  );
}

function Waiting() {
  return (
    <div role="status" aria-label="Loading" className="space-y-4">
      <Skeleton className="h-5 w-24" />
      <Skeleton className="h-6 w-2/3" />
      <Skeleton className="w-1/2" />
      <div className="card">
        <SkeletonRows rows={6} />
      </div>
    </div>
  );
}
