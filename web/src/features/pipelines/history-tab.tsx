'use client';
import type { Pipeline } from '@opssight/client';
import { Workflow } from 'lucide-react';
import Link from 'next/link';
import { useServiceOptions } from '@/features/overview/queries';
import { count, duration, percent } from '@/lib/format';
import { useUrlState } from '@/lib/url-state';
import { FilterSelect } from '@/ui/controls';
import { Empty, Loaded, SkeletonRows } from '@/ui/states';
import { Bars } from './bars';
import { usePipelines } from './queries';
import { daysOf, WindowFilter } from './window-filter';

/** Each pipeline with its last thirty runs, how fast and how reliable it is. */
export function HistoryTab() {
  const { get, set } = useUrlState();
  const query = usePipelines({ service: get('service') || undefined, days: daysOf(get) });
  return (
    <>
      <div className="mb-3 flex flex-wrap gap-2">
        <FilterSelect label="Service" all="All services" value={get('service')} onChange={(service) => set({ service })} options={useServiceOptions()} />
        <WindowFilter />
      </div>
      <section className="card overflow-hidden" aria-label="Pipelines">
        <Loaded query={query} skeleton={<SkeletonRows rows={8} />}>
          {({ items }) =>
            items.length === 0 ? (
              <Empty icon={<Workflow size={20} aria-hidden />} title="No pipeline ran in this window">
                Choose a longer window or another service.
              </Empty>
            ) : (
              <ul className="divide-y divide-line">
                {items.map((pipeline) => (
                  <Row key={`${pipeline.service} ${pipeline.pipeline}`} pipeline={pipeline} />
                ))}
              </ul>
            )
          }
        </Loaded>
      </section>
    </>
  );
}

function Row({ pipeline }: { pipeline: Pipeline }) {
  const href = `/pipelines/?${new URLSearchParams({ service: pipeline.service, pipeline: pipeline.pipeline }).toString()}`;
  const bad = pipeline.success_rate != null && pipeline.success_rate < 0.8;
  return (
    <li className="grid grid-cols-1 items-center gap-x-6 gap-y-2 px-4 py-3 md:grid-cols-[minmax(0,1fr)_auto_280px]">
      <div className="min-w-0">
        <Link href={href} data-row className="truncate text-sm font-medium hover:text-accent hover:underline">
          {pipeline.pipeline}
        </Link>
        <p className="truncate text-xs text-muted">{pipeline.service}</p>
      </div>
      <Bars last={pipeline.last} name={pipeline.pipeline} />
      <dl className="grid grid-cols-3 gap-3 text-sm md:text-right">
        <Stat name="Passed" bad={bad}>
          {percent(pipeline.success_rate)}
        </Stat>
        <Stat name="Median">{duration(pipeline.execution_ms_p50)}</Stat>
        <Stat name="Runs">{count(pipeline.runs)}</Stat>
      </dl>
    </li>
  );
}

function Stat({ name, bad = false, children }: { name: string; bad?: boolean; children: React.ReactNode }) {
  return (
    <div>
      <dt className="text-xs text-faint">{name}</dt>
      <dd className={`tabular-nums ${bad ? 'font-medium text-bad' : ''}`}>{children}</dd>
    </div>
  );
}
