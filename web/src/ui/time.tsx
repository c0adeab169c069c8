'use client';
import { ago, moment } from '@/lib/format';
import { useNow } from '@/lib/now';

/** "5m ago", growing old by itself, with the full time as its tooltip. */
export function Ago({ time, className }: { time: string | null | undefined; className?: string }) {
  const now = useNow('minute');
  if (!time) return <span className={className}>–</span>;
  return (
    <time dateTime={time} title={moment(time)} className={className}>
      {ago(time, now)}
    </time>
  );
}
