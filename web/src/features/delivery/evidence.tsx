'use client';
import type { Evidence } from '@opssight/client';
import { FileSearch } from 'lucide-react';
import Link from 'next/link';
import { duration } from '@/lib/format';
import { runHref } from '@/lib/path-id';
import { External } from '@/ui/external';
import { More } from '@/ui/more';
import { Section } from '@/ui/page';
import { Commit } from '@/ui/ref';
import { Empty, Loaded, SkeletonRows } from '@/ui/states';
import { StatusIcon } from '@/ui/status';
import { Ago } from '@/ui/time';
import type { MetricInfo } from './metric';
import { outcomeOf } from './outcome';
import { useEvidence, type EvidenceFilter } from './queries';

/** The deployments and changes that one number is made of, and why each counts. */
export function EvidenceTable({ info, filter }: { info: MetricInfo; filter: EvidenceFilter }) {
  const query = useEvidence(filter);
  return (
    <Section title="Evidence" note="what this number is made of" flush>
      <Loaded query={query} skeleton={<SkeletonRows rows={5} />}>
        {({ pages }) => {
          const items = pages.flatMap((page) => page.items);
          if (items.length === 0)
            return (
              <Empty icon={<FileSearch size={20} aria-hidden />} title="Nothing counts towards this number">
                {info.metric === 'failed_deployment_recovery_time'
                  ? 'No deployment failed in this window, so there was nothing to recover from.'
                  : 'No deployment in this window is part of it.'}
              </Empty>
            );
          return (
            <>
              <ul className="divide-y divide-line" data-evidence={info.metric}>
                {items.map((item, index) => (
                  <Row key={`${item.deployment.id} ${item.change?.id ?? index}`} item={item} />
                ))}
              </ul>
              <More query={query} shown={items.length} auto={false} />
            </>
          );
        }}
      </Loaded>
    </Section>
  );
}

function Row({ item: { deployment, change, value_ms, because } }: { item: Evidence }) {
  return (
    <li className="grid grid-cols-[16px_minmax(0,1fr)_auto] items-start gap-x-3 px-4 py-2.5">
      <StatusIcon status={outcomeOf(deployment.outcome)} className="mt-0.5" />
      <div className="min-w-0">
        <p className="truncate text-sm font-medium">
          {change ? (
            <>
              {change.title ?? 'Change'} <span className="font-normal text-faint">#{change.number}</span>
            </>
          ) : (
            <>
              {deployment.service} to {deployment.environment}
            </>
          )}
        </p>
        <p className="text-xs text-muted first-letter:uppercase">{because}</p>
        <p className="mt-0.5 flex flex-wrap items-center gap-x-3 gap-y-1 text-xs">
          {deployment.commit && <Commit id={deployment.commit} />}
          {change && <External href={change.url} className="inline-flex items-center text-xs text-muted hover:text-accent hover:underline">Change</External>}
          <External href={deployment.url} className="inline-flex items-center text-xs text-muted hover:text-accent hover:underline">Deployment</External>
          {deployment.run && (
            <Link href={runHref(deployment.run)} prefetch={false} className="text-muted hover:text-accent hover:underline">
              Run
            </Link>
          )}
        </p>
      </div>
      <div className="text-right text-xs text-muted">
        {value_ms != null && <p className="text-sm font-medium text-text tabular-nums">{duration(value_ms)}</p>}
        <Ago time={deployment.finished_at ?? deployment.created_at} />
      </div>
    </li>
  );
}
