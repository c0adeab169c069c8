'use client';
import { ShieldCheck } from 'lucide-react';
import Link from 'next/link';
import { useServiceOptions } from '@/features/overview/queries';
import { plural } from '@/lib/format';
import { runHref } from '@/lib/path-id';
import { useUrlState } from '@/lib/url-state';
import { Badge } from '@/ui/badge';
import { FilterSelect } from '@/ui/controls';
import { Empty, Loaded, SkeletonRows } from '@/ui/states';
import { Ago } from '@/ui/time';
import { useFlakyJobs } from './queries';
import { daysOf, WindowFilter } from './window-filter';

/** Jobs that passed and failed for the same commit. */
export function FlakyTab() {
  const { get, set } = useUrlState();
  const query = useFlakyJobs({ service: get('service') || undefined, days: daysOf(get) });
  return (
    <>
      <div className="mb-3 flex flex-wrap gap-2">
        <FilterSelect label="Service" all="All services" value={get('service')} onChange={(service) => set({ service })} options={useServiceOptions()} />
        <WindowFilter />
      </div>
      <section className="card overflow-hidden" aria-label="Flaky jobs">
        <Loaded query={query} skeleton={<SkeletonRows rows={5} />}>
          {({ items }) =>
            items.length === 0 ? (
              <Empty icon={<ShieldCheck size={20} aria-hidden />} title="No flaky job in this window">
                A job is flaky when it both passed and failed for the same commit.
              </Empty>
            ) : (
              <ul className="divide-y divide-line">
                {items.map((job) => (
                  <li key={`${job.service} ${job.pipeline} ${job.job}`} className="flex flex-wrap items-center gap-x-6 gap-y-1 px-4 py-3">
                    <div className="min-w-0 grow basis-60">
                      <p className="truncate text-sm font-medium">{job.job}</p>
                      <p className="truncate text-xs text-muted">
                        {job.service} · {job.pipeline}
                      </p>
                    </div>
                    <Badge tone="wait">{plural(job.commits, 'commit')}</Badge>
                    <p className="flex gap-3 text-sm">
                      <Link data-row href={runHref(job.failed_run)} prefetch={false} className="text-bad hover:underline">
                        Failed run
                      </Link>
                      <Link href={runHref(job.passed_run)} prefetch={false} className="text-good hover:underline">
                        Passed run
                      </Link>
                    </p>
                    <Ago time={job.last_at} className="w-16 text-right text-xs text-muted" />
                  </li>
                ))}
              </ul>
            )
          }
        </Loaded>
      </section>
    </>
  );
}
