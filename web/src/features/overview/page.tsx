'use client';
import type { DeliveryMetrics, Overview } from '@opssight/client';
import { ArrowRight, CircleCheck, PartyPopper, TriangleAlert, Workflow } from 'lucide-react';
import Link from 'next/link';
import { useState, type ReactNode } from 'react';
import { choose } from '@/features/delivery/metric';
import { useDeployments, useMetrics } from '@/features/delivery/queries';
import { Tiles } from '@/features/delivery/tiles';
import { windowAround, windowOf } from '@/features/delivery/window';
import { useRuns } from '@/features/pipelines/queries';
import { RunRow } from '@/features/pipelines/run-row';
import { count, duration, percent, plural } from '@/lib/format';
import { useNow } from '@/lib/now';
import { FilterSelect } from '@/ui/controls';
import { Figure, PageHeader, Section } from '@/ui/page';
import { Empty, Loaded, Skeleton, SkeletonRows } from '@/ui/states';
import { Checklist } from './checklist';
import { useOverview } from './queries';

export function OverviewPage() {
  const query = useOverview();
  return (
    <>
      <PageHeader title="Overview" />
      <Loaded query={query} skeleton={<Waiting />}>
        {(overview) => (overview.connections === 0 ? <Checklist overview={overview} /> : <Board overview={overview} />)}
      </Loaded>
    </>
  );
}

function Board({ overview }: { overview: Overview }) {
  return (
    <div className="space-y-4">
      {overview.services.length === 0 && <Checklist overview={overview} />}
      {overview.failed_deliveries > 0 && (
        <Link href="/connections/" className="card flex items-center gap-2.5 px-4 py-2.5 text-sm hover:bg-hover">
          <TriangleAlert size={16} className="text-wait" aria-hidden />
          <span>
            <strong className="font-medium">{plural(overview.failed_deliveries, 'delivery', 'deliveries')}</strong> failed for good and can be replayed.
          </span>
          <ArrowRight size={14} className="ml-auto text-faint" aria-hidden />
        </Link>
      )}
      <Figures overview={overview} />
      <Delivery />
      <div className="grid items-start gap-4 lg:grid-cols-2">
        <Running />
        <Failures />
      </div>
    </div>
  );
}

function Figures({ overview }: { overview: Overview }) {
  const rate = overview.success_rate_24h;
  const cells: [string, ReactNode][] = [
    ['/pipelines/?state=active', <Figure key="a" name="Active runs" value={count(overview.active_runs)} note="queued, waiting or running now" />],
    ['/pipelines/', <Figure key="b" name="Runs" value={count(overview.runs_24h)} note="in the last 24 hours" />],
    [
      '/pipelines/?result=failure',
      <Figure key="c" name="Success rate" value={percent(rate)} note={rate == null ? 'nothing finished in 24 hours' : 'of the last 24 hours'}>
        <span aria-hidden className="mt-2 block h-1 overflow-hidden rounded-full bg-hover">
          <span className="block h-full rounded-full bg-good" style={{ width: `${(rate ?? 0) * 100}%` }} />
        </span>
      </Figure>,
    ],
    ['/pipelines/?state=queued', <Figure key="d" name="Wait for a runner" value={duration(overview.queue_ms_p50_24h)} note="median of the last 24 hours" />],
  ];
  return (
    <section aria-label="Now" className="card grid grid-cols-2 gap-px overflow-hidden bg-line! lg:grid-cols-4">
      {cells.map(([href, figure]) => (
        <Link key={href} href={href} className="bg-panel p-4 hover:bg-hover focus-visible:-outline-offset-2">
          {figure}
        </Link>
      ))}
    </section>
  );
}

/** The five DORA numbers of one service and environment; they are never blended. */
function Delivery() {
  const now = useNow('minute');
  const recent = windowOf(() => '', now);
  const latest = useMetrics({ from: recent.from }, now > 0);
  // Where nothing was deployed of late, the newest thirty days of deployments say more than five dashes.
  const quiet = latest.data?.metrics.length === 0;
  const newest = useDeployments({ limit: 1 }, quiet).data?.pages[0]?.items[0];
  const time = quiet ? (newest?.finished_at ?? newest?.created_at) : undefined;
  const before = time ? windowAround(time) : undefined;
  const { from, to } = before ? windowOf((name) => before[name as keyof typeof before] ?? '', now) : recent;
  const all = useMetrics({ from, to }, now > 0);
  const [chosen, setChosen] = useState('');
  const rows = all.data?.metrics ?? [];
  const row = rows.find((one) => keyOf(one) === chosen) ?? choose(rows, '', '');
  const detail = useMetrics({ service: row?.service, environment: row?.environment, from, to }, row !== undefined);
  return (
    <Section
      title="Delivery"
      note={before ? `30 days to ${before.to}` : 'last 30 days'}
      flush
      actions={
        row && (
          <FilterSelect
            label="Service and environment"
            value={keyOf(row)}
            onChange={setChosen}
            options={rows.map((one) => [keyOf(one), `${one.service} · ${one.environment}`])}
            className="max-w-64"
          />
        )
      }
    >
      <Loaded query={all} skeleton={<div className="p-4"><Skeleton className="h-24" /></div>}>
        {() =>
          row ? (
            <Tiles
              metrics={row}
              series={detail.isPlaceholderData ? undefined : detail.data?.series}
              href={(metric) =>
                `/delivery/?${new URLSearchParams({ service: row.service, environment: row.environment, ...before, metric }).toString()}`
              }
            />
          ) : (
            <p className="px-4 py-6 text-center text-sm text-muted">
              No deployment is known yet. As soon as a connection reports one, its five numbers show up here.
            </p>
          )
        }
      </Loaded>
    </Section>
  );
}

const keyOf = (row: DeliveryMetrics) => `${row.service}\n${row.environment}`;

function Running() {
  const query = useRuns({ state: 'active', limit: 8 });
  return (
    <Section title="Running" flush actions={<All href="/pipelines/?state=active" what="active runs" />}>
      <Loaded query={query} skeleton={<SkeletonRows rows={4} />}>
        {({ pages }) => {
          const runs = pages[0]?.items ?? [];
          return runs.length === 0 ? (
            <Empty icon={<Workflow size={20} aria-hidden />} title="Nothing is running">
              Runs show up here as they start.
            </Empty>
          ) : (
            <ul className="divide-y divide-line">
              {runs.map((run) => (
                <RunRow key={run.id} run={run} compact />
              ))}
            </ul>
          );
        }}
      </Loaded>
    </Section>
  );
}

function Failures() {
  const query = useRuns({ result: 'failure', limit: 8 });
  return (
    <Section title="Recent failures" flush actions={<All href="/pipelines/?result=failure" what="failures" />}>
      <Loaded query={query} skeleton={<SkeletonRows rows={4} />}>
        {({ pages }) => {
          const runs = pages[0]?.items ?? [];
          return runs.length === 0 ? (
            <Empty icon={<CircleCheck size={20} aria-hidden />} title="No failure is known">
              <span className="inline-flex items-center gap-1.5">
                All green <PartyPopper size={14} aria-hidden />
              </span>
            </Empty>
          ) : (
            <ul className="divide-y divide-line">
              {runs.map((run) => (
                <RunRow key={run.id} run={run} compact />
              ))}
            </ul>
          );
        }}
      </Loaded>
    </Section>
  );
}

function All({ href, what }: { href: string; what: string }) {
  return (
    <Link href={href} className="text-xs text-muted hover:text-accent hover:underline">
      All<span className="sr-only"> {what}</span>
    </Link>
  );
}

function Waiting() {
  return (
    <div role="status" aria-label="Loading" className="space-y-4">
      <div className="card grid grid-cols-2 gap-6 p-4 lg:grid-cols-4">
        {[0, 1, 2, 3].map((cell) => (
          <div key={cell} className="space-y-2">
            <Skeleton className="w-1/2" />
            <Skeleton className="h-7 w-1/3" />
            <Skeleton className="h-2.5 w-2/3" />
          </div>
        ))}
      </div>
      <div className="grid gap-4 lg:grid-cols-2">
        <div className="card"><SkeletonRows rows={5} label="Loading runs" /></div>
        <div className="card"><SkeletonRows rows={5} label="Loading failures" /></div>
      </div>
    </div>
  );
}
