'use client';
import type { DeliveryMetrics, DeliverySeries, Metric } from '@opssight/client';
import clsx from 'clsx';
import Link from 'next/link';
import type { ReactNode } from 'react';
import { Figure } from '@/ui/page';
import { METRICS, type MetricInfo } from './metric';
import { Spark } from './spark';

const GRID = 'grid grid-cols-2 gap-px overflow-hidden bg-line sm:grid-cols-3 xl:grid-cols-5';

/** The five numbers. On the delivery page they choose what is shown below; on the overview they lead there. */
export function Tiles({
  metrics,
  series,
  chosen,
  onChoose,
  href,
}: {
  metrics: DeliveryMetrics;
  series: DeliverySeries | undefined;
  chosen?: Metric;
  onChoose?: (metric: Metric) => void;
  href?: (metric: Metric) => string;
}) {
  return (
    <div className={GRID} role={onChoose ? 'group' : undefined} aria-label={onChoose ? 'Metric' : undefined}>
      {METRICS.map((info, index) => {
        const inside = <Inside info={info} metrics={metrics} series={series} />;
        const look = clsx(
          'flex flex-col justify-between bg-panel p-4 text-left hover:bg-hover focus-visible:-outline-offset-2',
          index === METRICS.length - 1 && 'max-sm:col-span-2',
        );
        return onChoose ? (
          <button
            key={info.metric}
            type="button"
            aria-pressed={info.metric === chosen}
            onClick={() => onChoose(info.metric)}
            className={clsx(look, info.metric === chosen && 'shadow-[inset_0_2px_0_var(--accent)]')}
          >
            {inside}
          </button>
        ) : (
          <Link key={info.metric} href={href?.(info.metric) ?? '/delivery/'} className={look}>
            {inside}
          </Link>
        );
      })}
      <Filler />
    </div>
  );
}

/** The sixth cell of a grid of three columns, so that no gap shows through. */
function Filler(): ReactNode {
  return <div aria-hidden className="hidden bg-panel sm:block xl:hidden" />;
}

function Inside({ info, metrics, series }: { info: MetricInfo; metrics: DeliveryMetrics; series: DeliverySeries | undefined }) {
  const { value, unit } = info.value(metrics);
  return (
    <>
      <Figure name={info.name} value={value} unit={unit} note={info.of(metrics)} />
      <div className="mt-3 w-full">{series ? <Spark values={info.course(series)} /> : <div className="h-7" />}</div>
    </>
  );
}
