'use client';
import type { Change } from '@opssight/client';
import { GitMerge, GitPullRequest, GitPullRequestClosed, GitPullRequestDraft } from 'lucide-react';
import { useServiceOptions } from '@/features/overview/queries';
import { duration } from '@/lib/format';
import { useNow } from '@/lib/now';
import { useUrlState } from '@/lib/url-state';
import { FilterSelect } from '@/ui/controls';
import { External } from '@/ui/external';
import { More } from '@/ui/more';
import { PageHeader } from '@/ui/page';
import { Branch } from '@/ui/ref';
import { Empty, Loaded } from '@/ui/states';
import { StatusIcon, type Status } from '@/ui/status';
import { Ago } from '@/ui/time';
import { useChanges } from './queries';

const STATES = [
  ['open', 'Open'],
  ['merged', 'Merged'],
  ['closed', 'Closed'],
] as const;

export function ChangesPage() {
  const { get, set } = useUrlState();
  const state = STATES.find(([value]) => value === get('state'))?.[0];
  const query = useChanges({ service: get('service') || undefined, state, limit: 50 });
  const filtered = Boolean(get('service') || state);
  return (
    <>
      <PageHeader title="Changes" note="Pull and merge requests on their way to users" />
      <div role="search" aria-label="Filter changes" className="mb-3 flex flex-wrap gap-2">
        <FilterSelect label="Service" all="All services" value={get('service')} onChange={(service) => set({ service })} options={useServiceOptions()} />
        <FilterSelect label="State" all="Any state" value={state ?? ''} onChange={(value) => set({ state: value })} options={STATES} />
      </div>
      <section className="card overflow-hidden" aria-label="Changes">
        <Loaded query={query}>
          {({ pages }) => {
            const items = pages.flatMap((page) => page.items);
            if (items.length === 0)
              return (
                <Empty icon={<GitPullRequest size={20} aria-hidden />} title={filtered ? 'No change matches' : 'No changes yet'}>
                  {filtered ? 'Loosen a filter to see more.' : 'Pull and merge requests show up here as soon as a connection reports one.'}
                </Empty>
              );
            return (
              <>
                <ul className="divide-y divide-line">
                  {items.map((change) => (
                    <Row key={change.id} change={change} />
                  ))}
                </ul>
                <More query={query} shown={items.length} />
              </>
            );
          }}
        </Loaded>
      </section>
    </>
  );
}

function statusOf(change: Change): Status {
  if (change.state === 'merged') return { word: 'Merged', tone: 'odd', icon: GitMerge };
  if (change.state === 'closed') return { word: 'Closed', tone: 'bad', icon: GitPullRequestClosed };
  if (change.draft) return { word: 'Draft', tone: 'idle', icon: GitPullRequestDraft };
  return { word: 'Open', tone: 'good', icon: GitPullRequest };
}

const between = (from: string | null | undefined, to: string | null | undefined) =>
  from && to ? Math.max(0, Date.parse(to) - Date.parse(from)) : undefined;

function Row({ change }: { change: Change }) {
  const status = statusOf(change);
  const now = useNow('minute');
  const stretches: [string, number | undefined][] = [
    ['First review', between(change.created_at, change.first_review_at)],
    ['Approval', between(change.created_at, change.approved_at)],
    change.state === 'open'
      ? ['Open for', change.created_at && now > 0 ? Math.max(0, now - Date.parse(change.created_at)) : undefined]
      : [change.state === 'merged' ? 'Merge' : 'Close', between(change.created_at, change.merged_at ?? change.closed_at)],
  ];
  return (
    <li className="grid grid-cols-[16px_minmax(0,1fr)_auto] items-center gap-x-3 px-4 py-2.5 hover:bg-hover md:grid-cols-[16px_minmax(0,1fr)_auto_72px]">
      <StatusIcon status={status} />
      <div className="min-w-0">
        <p className="flex min-w-0 items-baseline gap-2 text-sm">
          <span className="truncate font-medium">{change.title ?? 'Untitled'}</span>
          <External href={change.url} className="inline-flex shrink-0 items-center text-xs text-faint hover:text-accent hover:underline">
            #{change.number}
          </External>
        </p>
        <p className="flex min-w-0 flex-wrap items-center gap-x-3 text-xs text-muted">
          <span className="truncate">{change.service}</span>
          <span>
            {status.word}
            {change.author && <> · by {change.author}</>}
          </span>
          {change.head && <Branch name={change.head} />}
        </p>
      </div>
      <dl className="hidden gap-5 text-right md:flex">
        {stretches.map(([name, ms]) => (
          <div key={name} className="w-20">
            <dt className="text-xs text-faint">{name}</dt>
            <dd className="text-xs tabular-nums">{ms === undefined ? '–' : duration(ms)}</dd>
          </div>
        ))}
      </dl>
      <Ago time={change.created_at} className="text-right text-xs text-muted" />
    </li>
  );
}
