'use client';
import type { DeliveryMetrics, DeliveryReport } from '@opssight/client';
import { ChartNoAxesColumn } from 'lucide-react';
import dynamic from 'next/dynamic';
import { useMemo } from 'react';
import { plural } from '@/lib/format';
import { useNow } from '@/lib/now';
import { useUrlState } from '@/lib/url-state';
import { Button } from '@/ui/button';
import { FilterSelect } from '@/ui/controls';
import { PageHeader, Section } from '@/ui/page';
import { Empty, Loaded, Skeleton } from '@/ui/states';
import { EvidenceTable } from './evidence';
import { choose, METRICS, metricInfo, type MetricInfo } from './metric';
import { useDeployments, useMetrics } from './queries';
import { Tiles } from './tiles';
import { dateOf, windowAround, windowOf, WINDOWS } from './window';

const Chart = dynamic(() => import('./chart'), { ssr: false, loading: () => <Skeleton className="h-[220px] w-full" /> });

export function DeliveryPage() {
  const { get, set } = useUrlState();
  const now = useNow('minute');
  const { from, to } = windowOf(get, now);
  const all = useMetrics({ from, to }, now > 0);
  return (
    <>
      <PageHeader title="Delivery" note="The five DORA metrics, each with the deployments it is made of" />
      <Loaded query={all} skeleton={<Waiting />}>
        {(report) => {
          const row = choose(report.metrics, get('service'), get('environment'));
          return (
            <>
              <Filters report={report} row={row} now={now} />
              {row ? <RowView row={row} from={from} to={to} /> : <NothingDeployed />}
              {report.metrics.length > 1 && (
                <Compare
                  rows={report.metrics}
                  chosen={row}
                  onChoose={({ service, environment }) => {
                    set({ service, environment }, 'push');
                    window.scrollTo({ top: 0 });
                  }}
                />
              )}
            </>
          );
        }}
      </Loaded>
    </>
  );
}

function Filters({ report, row, now }: { report: DeliveryReport; row: DeliveryMetrics | undefined; now: number }) {
  const { get, set } = useUrlState();
  const { choice } = windowOf(get, now);
  const service = row?.service ?? get('service');
  const services = [...new Set(report.metrics.map((metrics) => metrics.service))].sort();
  const environments = report.metrics.filter((metrics) => metrics.service === service).map(({ environment }) => environment).sort();
  return (
    <div role="search" aria-label="What to measure" className="mb-3 grid grid-cols-2 gap-2 sm:flex sm:flex-wrap">
      <FilterSelect label="Service" value={service} onChange={(value) => set({ service: value, environment: '' })} options={services.map((name) => [name, name])} className="max-sm:col-span-2 sm:max-w-64" />
      <FilterSelect label="Environment" value={row?.environment ?? get('environment')} onChange={(environment) => set({ service, environment })} options={environments.map((name) => [name, name])} />
      <FilterSelect label="Window" value={choice} onChange={(value) => set({ window: value === '30' ? '' : value })} options={WINDOWS} />
      {choice === 'custom' && (
        <span className="col-span-2 flex items-center gap-2 text-sm text-muted">
          <input type="date" aria-label="From" className="field" max={dateOf(now)} value={get('from')} onChange={(event) => set({ from: event.target.value })} />
          –
          <input type="date" aria-label="To" className="field" max={dateOf(now)} value={get('to')} onChange={(event) => set({ to: event.target.value })} />
        </span>
      )}
    </div>
  );
}

function RowView({ row, from, to }: { row: DeliveryMetrics; from: string; to: string | undefined }) {
  const { get, set } = useUrlState();
  const { service, environment } = row;
  const detail = useMetrics({ service, environment, from, to });
  // While another row is asked for, the old answer must not stand under the new name.
  const series = detail.data && !detail.isPlaceholderData ? detail.data.series : undefined;
  const info = metricInfo(get('metric'));
  return (
    <div className="space-y-4">
      <section aria-label={`${service}, ${environment}`} className="card overflow-hidden">
        <Tiles metrics={row} series={series} chosen={info.metric} onChoose={(metric) => set({ metric }, 'push')} />
      </section>
      <Section title={info.name} note={info.asks}>
        {series ? <Course info={info} series={series} /> : <Skeleton className="h-[220px] w-full" />}
      </Section>
      <EvidenceTable key={info.metric} info={info} filter={{ metric: info.metric, service, environment, from, to }} />
    </div>
  );
}

function Course({ info, series }: { info: MetricInfo; series: DeliveryReport['series'] }) {
  const t = useMemo(() => series.t.map((time) => Date.parse(time) / 1_000), [series]);
  const values = useMemo(() => info.course(series), [info, series]);
  const told = values.flatMap((value, day) => (value === null || value === 0 ? [] : [[series.t[day]?.slice(0, 10) ?? '', info.format(value)] as const]));
  return (
    <>
      <Chart t={t} values={values} draw={info.draw} format={info.format} steps={info.steps} label={`${info.name} per day: ${plural(told.length, 'day')} with a value. The table below holds the numbers.`} />
      <details className="mt-2 text-xs text-muted">
        <summary className="w-fit rounded">Numbers behind this chart</summary>
        {told.length === 0 ? (
          <p className="py-2">No day in this window has a value.</p>
        ) : (
          <table className="mt-2 w-full max-w-sm">
            <caption className="sr-only">{info.name} per day (UTC)</caption>
            <thead>
              <tr className="text-left text-faint">
                <th scope="col" className="py-1 font-normal">Day (UTC)</th>
                <th scope="col" className="py-1 text-right font-normal">{info.name}</th>
              </tr>
            </thead>
            <tbody>
              {told.map(([day, value]) => (
                <tr key={day} className="border-t border-line tabular-nums">
                  <td className="py-1">{day}</td>
                  <td className="py-1 text-right">{value}</td>
                </tr>
              ))}
            </tbody>
          </table>
        )}
      </details>
    </>
  );
}

function Compare({ rows, chosen, onChoose }: { rows: DeliveryMetrics[]; chosen: DeliveryMetrics | undefined; onChoose: (row: DeliveryMetrics) => void }) {
  return (
    <Section title="Services and environments" note="never blended" className="mt-4" flush>
      <div className="overflow-x-auto" tabIndex={0} role="region" aria-label="All services and environments">
        <table className="w-full text-sm">
          <thead>
            <tr className="text-left text-xs text-faint">
              <th scope="col" className="px-4 py-2 font-normal">Service</th>
              {METRICS.map((info) => (
                <th key={info.metric} scope="col" className="px-4 py-2 text-right font-normal whitespace-nowrap">{info.name}</th>
              ))}
            </tr>
          </thead>
          <tbody>
            {rows.map((row) => (
              <tr key={`${row.service} ${row.environment}`} aria-current={row === chosen || undefined} className={`border-t border-line hover:bg-hover ${row === chosen ? 'bg-hover' : ''}`}>
                <th scope="row" className="px-4 py-2 text-left font-normal">
                  <button type="button" data-row onClick={() => onChoose(row)} className="rounded text-left hover:text-accent hover:underline">
                    <span className="font-medium">{row.service}</span> <span className="text-muted">{row.environment}</span>
                  </button>
                </th>
                {METRICS.map((info) => {
                  const { value, unit } = info.value(row);
                  return (
                    <td key={info.metric} className="px-4 py-2 text-right whitespace-nowrap tabular-nums">
                      {value} {unit && unit !== 'median' && <span className="text-xs text-faint">{unit}</span>}
                    </td>
                  );
                })}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </Section>
  );
}

/** Nothing in this window: say so, and where there is something. */
function NothingDeployed() {
  const { get, set } = useUrlState();
  const newest = useDeployments({ service: get('service') || undefined, environment: get('environment') || undefined, limit: 1 });
  const deployment = newest.data?.pages[0]?.items[0];
  const time = deployment?.finished_at ?? deployment?.created_at;
  return (
    <section className="card">
      <Empty
        icon={<ChartNoAxesColumn size={20} aria-hidden />}
        title="No deployment in this window"
        action={time && <Button look="primary" onClick={() => set(windowAround(time), 'push')}>Show the 30 days to {time.slice(0, 10)}</Button>}
      >
        {deployment
          ? 'The newest deployment is older than that.'
          : 'Delivery is measured from deployments. As soon as a connection reports one, its numbers show up here.'}
      </Empty>
    </section>
  );
}

function Waiting() {
  return (
    <div role="status" aria-label="Loading" className="space-y-4">
      <Skeleton className="h-8 w-80" />
      <div className="card grid grid-cols-2 gap-6 p-4 sm:grid-cols-5">
        {METRICS.map((info) => (
          <div key={info.metric} className="space-y-2">
            <Skeleton className="w-2/3" />
            <Skeleton className="h-7 w-1/2" />
            <Skeleton className="h-7" />
          </div>
        ))}
      </div>
      <div className="card p-4">
        <Skeleton className="h-[220px]" />
      </div>
    </div>
  );
}
