'use client';
import type { PipelineBar } from '@opssight/client';
import clsx from 'clsx';
import { useRouter } from 'next/navigation';
import { duration } from '@/lib/format';
import { runHref } from '@/lib/path-id';
import { isActive, isBad, statusOf } from '@/ui/status';
import { barHeights, barsInWords } from './bar-heights';

const HEIGHT = 32;

/**
 * The last runs of a pipeline, oldest at the left: height is time, colour and notch are the result. One picture for
 * keyboards and screen readers, whose way to the runs is the pipeline's own link; a bar is a short cut for the mouse,
 * too small to be the only way.
 */
export function Bars({ last, name }: { last: PipelineBar[]; name: string }) {
  const router = useRouter();
  const bars = [...last].reverse();
  const heights = barHeights(
    bars.map((bar) => bar.execution_ms ?? undefined),
    HEIGHT,
  );
  return (
    <div
      role="img"
      aria-label={`Last runs of ${name}: ${barsInWords(last.map(({ state, result }) => statusOf(state, result).word))}`}
      className="flex h-8 w-full max-w-[297px] items-end gap-[3px] md:w-[297px] md:justify-end"
    >
      {bars.map((bar, index) => {
        const status = statusOf(bar.state, bar.result);
        return (
          <span
            key={bar.id}
            title={`${status.word}${bar.execution_ms != null ? `, ${duration(bar.execution_ms)}` : ''}`}
            onClick={() => router.push(runHref(bar.id))}
            className="group flex h-full max-w-[7px] min-w-0 flex-1 cursor-pointer items-end"
          >
            <span
              className={clsx('relative w-full rounded-[2px] opacity-85 group-hover:opacity-100', isActive(bar.state) && 'pulse')}
              style={{ height: heights[index], background: `var(--${status.tone})` }}
            >
              {/* A notch tells failed from passed without colour. */}
              {isBad(bar.result) && <span className="absolute inset-x-0 top-[3px] h-[2px] bg-panel" />}
            </span>
          </span>
        );
      })}
    </div>
  );
}
