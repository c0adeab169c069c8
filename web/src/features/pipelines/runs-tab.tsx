'use client';
import { Cable, FilterX, SearchX } from 'lucide-react';
import Link from 'next/link';
import { useOverview, useServiceOptions } from '@/features/overview/queries';
import { useUrlState } from '@/lib/url-state';
import { Badge } from '@/ui/badge';
import { Button, buttonClass } from '@/ui/button';
import { FilterSelect, FilterText } from '@/ui/controls';
import { More } from '@/ui/more';
import { Empty, Loaded, SkeletonRows } from '@/ui/states';
import { FILTERS, isFiltered, RESULT_OPTIONS, runQuery, STATE_OPTIONS } from './filters';
import { usePipelines, useRuns } from './queries';
import { RunRow } from './run-row';

export function RunsTab() {
  const { get } = useUrlState();
  const query = useRuns(runQuery(get));
  return (
    <>
      <Filters />
      <section className="card overflow-hidden" aria-label="Runs" aria-busy={query.isFetching}>
        <Loaded query={query} skeleton={<SkeletonRows rows={10} />}>
          {({ pages }) => {
            const runs = pages.flatMap((page) => page.items);
            if (runs.length === 0) return <NoRuns />;
            return (
              <>
                <div
                  aria-hidden
                  className="hidden grid-cols-[16px_minmax(0,1fr)_190px_76px_84px_72px] gap-x-4 border-b border-line px-4 py-2 text-xs text-faint lg:grid"
                >
                  <span />
                  <span>Run</span>
                  <span>Branch and commit</span>
                  <span>Waited</span>
                  <span>Worked</span>
                  <span className="text-right">Created</span>
                </div>
                <ul className="divide-y divide-line">
                  {runs.map((run) => (
                    <RunRow key={run.id} run={run} />
                  ))}
                </ul>
                <More query={query} shown={runs.length} />
              </>
            );
          }}
        </Loaded>
      </section>
    </>
  );
}

function Filters() {
  const { get, set } = useUrlState();
  const services = useServiceOptions();
  const pipelines = usePipelines({ service: get('service') || undefined, days: 90 });
  const names = [...new Set((pipelines.data?.items ?? []).map(({ pipeline }) => pipeline))].sort();
  const clear = () => set(Object.fromEntries(FILTERS.map((name) => [name, ''])));
  return (
    <div role="search" aria-label="Filter runs" className="mb-3 grid grid-cols-2 gap-2 sm:flex sm:flex-wrap sm:items-center">
      <FilterText
        search
        label="Search runs"
        placeholder="Title, branch, commit, number…"
        value={get('q')}
        onChange={(q) => set({ q })}
        className="col-span-2 sm:w-56"
      />
      <FilterSelect label="Service" all="All services" value={get('service')} onChange={(service) => set({ service, pipeline: '' })} options={services} className="sm:max-w-44" />
      <FilterSelect label="Pipeline" all="All pipelines" value={get('pipeline')} onChange={(pipeline) => set({ pipeline })} options={names.map((name) => [name, name])} className="sm:max-w-40" />
      <FilterText label="Branch" placeholder="Branch" value={get('branch')} onChange={(branch) => set({ branch })} className="sm:w-28" />
      <FilterSelect label="State" all="Any state" value={get('state')} onChange={(state) => set({ state })} options={STATE_OPTIONS} />
      <FilterSelect label="Result" all="Any result" value={get('result')} onChange={(result) => set({ result })} options={RESULT_OPTIONS} />
      {(['connection', 'commit', 'trigger', 'actor'] as const).map(
        (name) =>
          get(name) && (
            <button key={name} type="button" onClick={() => set({ [name]: '' })} title={`Remove the filter ${name}`}>
              <Badge tone="accent">
                {name}: {get(name).slice(0, 24)} ×
              </Badge>
            </button>
          ),
      )}
      {isFiltered(get) && (
        <Button look="quiet" icon={<FilterX size={14} aria-hidden />} onClick={clear}>
          Clear
        </Button>
      )}
    </div>
  );
}

function NoRuns() {
  const { get, set } = useUrlState();
  const overview = useOverview();
  if (isFiltered(get)) {
    return (
      <Empty
        icon={<SearchX size={20} aria-hidden />}
        title="No run matches"
        action={<Button onClick={() => set(Object.fromEntries(FILTERS.map((name) => [name, ''])))}>Clear all filters</Button>}
      >
        There are runs, but none with all of these filters.
      </Empty>
    );
  }
  const connected = (overview.data?.connections ?? 0) > 0;
  return (
    <Empty
      icon={<Cable size={20} aria-hidden />}
      title="No runs yet"
      action={
        <Link href={connected ? '/connections/' : '/connections/?add=1'} className={buttonClass('primary')}>
          {connected ? 'Look at the connections' : 'Add a connection'}
        </Link>
      }
    >
      {connected
        ? 'Nothing has been delivered yet. The first run shows up here by itself.'
        : 'Connect a CI system and its runs show up here by themselves.'}
    </Empty>
  );
}
