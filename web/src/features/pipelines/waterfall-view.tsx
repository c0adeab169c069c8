'use client';
import type { RunDetail } from '@opssight/client';
import clsx from 'clsx';
import { ChevronRight, Route } from 'lucide-react';
import { useState, type CSSProperties } from 'react';
import { duration, period, spokenDuration } from '@/lib/format';
import { useNow } from '@/lib/now';
import { Badge, tone } from '@/ui/badge';
import { External } from '@/ui/external';
import { isActive, isBad, statusOf, StatusIcon } from '@/ui/status';
import { ExecutionTime, QueueTime } from './elapsed';
import { layOut, place, type JobRow, type StepRow, type Waterfall } from './waterfall';

const GRID = 'grid grid-cols-[minmax(0,1fr)_auto] md:grid-cols-[minmax(180px,280px)_minmax(0,1fr)_128px] gap-x-4';

/** Jobs over time: hatched is waiting, solid is working; the critical path is marked and framed. */
export function WaterfallView({ detail }: { detail: RunDetail }) {
  const moving = isActive(detail.run.state) || detail.jobs.some((job) => isActive(job.state));
  const now = useNow(moving ? 'second' : 'still');
  const waterfall = layOut(detail, now);
  return (
    <div className="relative">
      <div className={clsx(GRID, 'border-b border-line px-4 py-2 text-xs text-faint')}>
        <span className="max-md:hidden">Job</span>
        <Axis waterfall={waterfall} />
        <span className="text-right max-md:hidden">Waited / worked</span>
      </div>
      <ul className="divide-y divide-line">
        {waterfall.rows.map((row) => (
          <JobLine key={row.job.id} row={row} waterfall={waterfall} />
        ))}
      </ul>
    </div>
  );
}

export function Legend() {
  return (
    <ul className="flex flex-wrap items-center gap-x-4 gap-y-1 text-xs text-muted">
      <li className="flex items-center gap-1.5">
        <span aria-hidden className="hatched h-2.5 w-5 rounded-[3px]" style={tone('idle')} /> Waited
      </li>
      <li className="flex items-center gap-1.5">
        <span aria-hidden className="h-2.5 w-5 rounded-[3px] bg-good" /> Worked
      </li>
      <li className="flex items-center gap-1.5">
        <Route size={13} className="text-accent" aria-hidden />
        <span aria-hidden className="h-2.5 w-5 rounded-[3px] bg-good ring-2 ring-accent ring-offset-1 ring-offset-panel" /> Critical path
      </li>
    </ul>
  );
}

function Axis({ waterfall: { ticks, span } }: { waterfall: Waterfall }) {
  return (
    <div aria-hidden className="relative h-4 max-md:col-span-2">
      {ticks.map((tick, index) => (
        <span
          key={tick}
          className={clsx('absolute whitespace-nowrap tabular-nums', index > 0 && (tick / span > 0.94 ? '-translate-x-full' : '-translate-x-1/2'))}
          style={{ left: `${(tick / span) * 100}%` }}
        >
          {tick === 0 ? '0' : period(tick)}
        </span>
      ))}
    </div>
  );
}

function GridLines({ waterfall: { ticks, span } }: { waterfall: Waterfall }) {
  return ticks.map((tick) => (
    <span key={tick} aria-hidden className="absolute inset-y-0 w-px bg-line" style={{ left: `${(tick / span) * 100}%` }} />
  ));
}

function JobLine({ row, waterfall }: { row: JobRow; waterfall: Waterfall }) {
  const { job, critical, queue, work, steps } = row;
  const [open, setOpen] = useState(isBad(job.result));
  const status = statusOf(job.state, job.result);
  const panel = `steps-${job.id}`;
  return (
    <li className={clsx(job.result === 'skip' && 'opacity-70')}>
      <div className={clsx(GRID, 'items-center px-4 py-1.5 hover:bg-hover')}>
        <div className="flex min-w-0 items-center gap-1.5">
          <button
            type="button"
            data-row
            disabled={steps.length === 0}
            aria-expanded={steps.length ? open : undefined}
            aria-controls={open ? panel : undefined}
            onClick={() => setOpen(!open)}
            className="-ml-1 flex min-w-0 items-center gap-1.5 rounded-md px-1 py-1 text-left text-sm font-medium"
          >
            <ChevronRight
              size={14}
              aria-hidden
              className={clsx('shrink-0 text-faint transition-transform', open && steps.length > 0 && 'rotate-90', steps.length === 0 && 'invisible')}
            />
            <StatusIcon status={status} size={15} />
            <span className="truncate" title={job.name}>
              {job.name}
            </span>
          </button>
          {critical && (
            <span title="On the critical path" className="shrink-0 text-accent">
              <Route size={14} aria-hidden />
              <span className="sr-only">On the critical path.</span>
            </span>
          )}
          {job.flaky && (
            <Badge tone="wait" title="Passed and failed for the same commit">
              flaky
            </Badge>
          )}
        </div>
        <div className="relative h-6 max-md:order-last max-md:col-span-2">
          <GridLines waterfall={waterfall} />
          {queue && (
            <span
              title={`Waited ${duration(queue.to - queue.from)}`}
              className="hatched absolute top-1.5 h-3 rounded-[3px] opacity-80"
              style={{ ...tone('idle'), ...place(queue, waterfall.span) }}
            />
          )}
          {work && (
            <span
              title={`${status.word}, worked ${duration(work.to - work.from)}`}
              className={clsx('absolute top-1 h-4 rounded-[3px]', critical && 'ring-2 ring-accent ring-offset-1 ring-offset-panel', work.open && 'pulse')}
              style={{ background: `var(--${status.tone})`, ...place(work, waterfall.span) } as CSSProperties}
            />
          )}
          <span className="sr-only">
            Waited {spokenDuration(job.queue_ms)}, worked {spokenDuration(job.execution_ms)}.
          </span>
        </div>
        <div className="flex items-center justify-end gap-2 text-xs text-muted tabular-nums">
          <span className="whitespace-nowrap">
            {job.result === 'skip' ? (
              'not needed'
            ) : (
              <>
                <span className="text-faint">
                  <QueueTime of={job} />
                </span>{' '}
                / <ExecutionTime of={job} />
              </>
            )}
          </span>
          <External href={job.url} className="inline-flex items-center text-xs text-muted hover:text-accent">
            Log
          </External>
        </div>
      </div>
      {open && steps.length > 0 && (
        <div id={panel} className="border-t border-line bg-sunken py-1">
          {(job.runner || job.labels.length > 0) && (
            <p className="px-4 py-1 pl-11 text-xs text-faint">
              {job.runner && <>Runner {job.runner}. </>}
              {job.labels.length > 0 && <>Asked for {job.labels.join(', ')}.</>}
            </p>
          )}
          <ol aria-label={`Steps of ${job.name}`}>
            {steps.map((step) => (
              <StepLine key={step.step.number} row={step} waterfall={waterfall} />
            ))}
          </ol>
        </div>
      )}
    </li>
  );
}

function StepLine({ row: { step, bar }, waterfall }: { row: StepRow; waterfall: Waterfall }) {
  const status = statusOf(step.state, step.result);
  return (
    <li className={clsx(GRID, 'items-center px-4 py-0.5 text-xs', isBad(step.result) && 'font-medium')}>
      <div className="flex min-w-0 items-center gap-1.5 pl-7">
        <StatusIcon status={status} size={12} />
        <span className="truncate text-muted" title={step.name}>
          {step.name}
        </span>
      </div>
      <div className="relative h-3 max-md:order-last max-md:col-span-2 md:h-4">
        <GridLines waterfall={waterfall} />
        {bar && (
          <span
            title={duration(bar.to - bar.from)}
            className={clsx('absolute top-0.5 h-2 rounded-[2px] opacity-80 md:top-1', bar.open && 'pulse')}
            style={{ background: `var(--${status.tone})`, ...place(bar, waterfall.span) }}
          />
        )}
      </div>
      <span className="text-right text-faint tabular-nums">{bar ? duration(bar.to - bar.from) : '–'}</span>
    </li>
  );
}
