'use client';
import type { Deployment, DeploymentOutcome } from '@opssight/client';
import { Rocket } from 'lucide-react';
import Link from 'next/link';
import { useOverview, useServiceOptions } from '@/features/overview/queries';
import { duration } from '@/lib/format';
import { runHref } from '@/lib/path-id';
import { useUrlState } from '@/lib/url-state';
import { Badge } from '@/ui/badge';
import { FilterSelect } from '@/ui/controls';
import { External } from '@/ui/external';
import { More } from '@/ui/more';
import { PageHeader } from '@/ui/page';
import { Branch, Commit } from '@/ui/ref';
import { Empty, Loaded, SkeletonRows } from '@/ui/states';
import { StatusIcon } from '@/ui/status';
import { Ago } from '@/ui/time';
import { OUTCOME_OPTIONS, outcomeOf } from './outcome';
import { useDeployments } from './queries';

export function DeploymentsPage() {
  const { get, set } = useUrlState();
  const outcome = OUTCOME_OPTIONS.find(([value]) => value === get('outcome'))?.[0] as DeploymentOutcome | undefined;
  const query = useDeployments({
    service: get('service') || undefined,
    environment: get('environment') || undefined,
    outcome,
    limit: 50,
  });
  const overview = useOverview();
  const environments = [
    ...new Set(
      (overview.data?.services ?? []).filter(({ service }) => !get('service') || service === get('service')).flatMap((service) => service.environments),
    ),
  ].sort();
  const filtered = Boolean(get('service') || get('environment') || outcome);
  return (
    <>
      <PageHeader title="Deployments" />
      <div role="search" aria-label="Filter deployments" className="mb-3 flex flex-wrap gap-2">
        <FilterSelect label="Service" all="All services" value={get('service')} onChange={(service) => set({ service })} options={useServiceOptions()} />
        <FilterSelect label="Environment" all="All environments" value={get('environment')} onChange={(environment) => set({ environment })} options={environments.map((name) => [name, name])} />
        <FilterSelect label="Outcome" all="Any outcome" value={outcome ?? ''} onChange={(value) => set({ outcome: value })} options={OUTCOME_OPTIONS} />
      </div>
      <section className="card overflow-hidden" aria-label="Deployments">
        <Loaded query={query}>
          {({ pages }) => {
            const items = pages.flatMap((page) => page.items);
            if (items.length === 0)
              return (
                <Empty icon={<Rocket size={20} aria-hidden />} title={filtered ? 'No deployment matches' : 'No deployments yet'}>
                  {filtered ? 'Loosen a filter to see more.' : 'Deployments show up here as soon as a connection reports one.'}
                </Empty>
              );
            return (
              <>
                <ul className="divide-y divide-line">
                  {items.map((deployment) => (
                    <Row key={deployment.id} deployment={deployment} />
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

function Row({ deployment }: { deployment: Deployment }) {
  const took =
    deployment.created_at && deployment.finished_at ? Date.parse(deployment.finished_at) - Date.parse(deployment.created_at) : undefined;
  return (
    <li className="grid grid-cols-[16px_minmax(0,1fr)_auto] items-center gap-x-3 px-4 py-2.5 hover:bg-hover md:grid-cols-[16px_minmax(0,1fr)_200px_110px_80px]">
      <StatusIcon status={outcomeOf(deployment.outcome)} />
      <div className="min-w-0">
        <p className="flex min-w-0 flex-wrap items-center gap-x-2 gap-y-0.5 text-sm">
          <span className="truncate font-medium">{deployment.service}</span>
          <span className="flex items-center gap-2">
            <span className="text-faint">to</span>
            <Badge tone={deployment.production ? 'odd' : 'idle'} title={deployment.production ? 'Production' : undefined}>
              {deployment.environment}
            </Badge>
          </span>
          {deployment.rework && (
            <Badge tone="wait" title="It repaired what an earlier deployment broke">
              rework
            </Badge>
          )}
        </p>
        <p className="text-xs text-muted">
          {outcomeOf(deployment.outcome).word}
          {deployment.actor && <> · by {deployment.actor}</>}
          {took !== undefined && took >= 0 && <> · in {duration(took)}</>}
        </p>
      </div>
      <div className="hidden min-w-0 flex-col gap-0.5 md:flex">
        {deployment.ref && <Branch name={deployment.ref} />}
        {deployment.commit && <Commit id={deployment.commit} />}
      </div>
      <p className="flex items-center gap-3 text-xs max-md:order-last max-md:col-start-2">
        {deployment.run && (
          <Link data-row href={runHref(deployment.run)} prefetch={false} className="text-muted hover:text-accent hover:underline">
            Run
          </Link>
        )}
        <External href={deployment.url} className="inline-flex items-center text-xs text-muted hover:text-accent hover:underline">
          Upstream
        </External>
      </p>
      <Ago time={deployment.created_at} className="text-right text-xs text-muted" />
    </li>
  );
}
