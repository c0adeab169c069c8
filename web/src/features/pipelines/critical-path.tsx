'use client';
import type { CriticalStep } from '@opssight/client';
import { duration, percent } from '@/lib/format';
import { tone } from '@/ui/badge';

/** The chain of jobs that decided how long the run took, each with its share. */
export function CriticalPath({ steps }: { steps: CriticalStep[] }) {
  const total = steps.reduce((sum, step) => sum + step.queue_ms + step.execution_ms, 0);
  const waited = steps.reduce((sum, step) => sum + step.queue_ms, 0);
  return (
    <div>
      <p className="mb-3 text-sm text-muted">
        These jobs decided how long the run took: <strong className="text-text">{duration(total)}</strong>
        {waited > 0 && (
          <>
            , of which <strong className="text-text">{duration(waited)}</strong> ({percent(waited / total)}) was waiting for a runner
          </>
        )}
        . Making any other job faster changes nothing.
      </p>
      <ol className="space-y-2">
        {steps.map((step, index) => {
          const share = total > 0 ? (step.queue_ms + step.execution_ms) / total : 0;
          const queueShare = total > 0 ? step.queue_ms / total : 0;
          return (
            <li key={step.job} className="grid grid-cols-[20px_minmax(0,1fr)_auto] items-center gap-x-2 gap-y-1 text-sm">
              <span className="text-xs text-faint tabular-nums">{index + 1}.</span>
              <span className="truncate">{step.name}</span>
              <span className="text-xs text-muted tabular-nums">
                {step.queue_ms > 0 && <span className="text-faint">{duration(step.queue_ms)} + </span>}
                {duration(step.execution_ms)} · {percent(share)}
              </span>
              <span aria-hidden className="col-start-2 col-end-4 flex h-1.5 overflow-hidden rounded-full bg-hover">
                <span className="hatched h-full border-0!" style={{ ...tone('idle'), width: `${queueShare * 100}%` }} />
                <span className="h-full bg-accent-solid" style={{ width: `${(share - queueShare) * 100}%` }} />
              </span>
            </li>
          );
        })}
      </ol>
    </div>
  );
}
