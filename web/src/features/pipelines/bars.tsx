'use client';
import type { PipelineBar } from '@opssight/client';
import Link from 'next/link';
import { duration } from '@/lib/format';
import { runHref } from '@/lib/path-id';
import { isActive, isBad, statusOf } from '@/ui/status';
import { barHeights } from './bar-heights';

const HEIGHT = 32;

/** The last runs of a pipeline, oldest at the left: height is time, colour and mark are the result. */
export function Bars({ last, name }: { last: PipelineBar[]; name: string }) {
  const bars = [...last].reverse();
  const heights = barHeights(bars.map((bar) => bar.execution_ms ?? undefined), HEIGHT);
  return (
    <ol className="flex h-8 w-full max-w-[297px] items-end gap-[3px] md:w-[297px] md:justify-end" aria-label={`Last runs of ${name}`}>
      {bars.map((bar, index) => {
        const status = statusOf(bar.state, bar.result);
        const text = `${status.word}${bar.execution_ms != null ? `, ${duration(bar.execution_ms)}` : ''}`;
        return (
          <li key={bar.id} className="flex h-full min-w-0 max-w-[7px] flex-1 items-end">
            <Link
              href={runHref(bar.id)}
              prefetch={false}
              title={text}
              aria-label={text}
              className="group flex h-full w-full items-end"
            >
              <span
                className={`relative w-full rounded-[2px] opacity-85 group-hover:opacity-100 ${isActive(bar.state) ? 'pulse' : ''}`}
                style={{ height: heights[index], background: `var(--${status.tone})` }}
              >
                {/* A notch tells failed from passed without colour. */}
                {isBad(bar.result) && <span className="absolute inset-x-0 top-[3px] h-[2px] bg-panel" />}
              </span>
            </Link>
          </li>
        );
      })}
    </ol>
  );
}
