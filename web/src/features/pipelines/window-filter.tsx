'use client';
import { useUrlState } from '@/lib/url-state';
import { Segmented } from '@/ui/controls';

const DAYS = ['7', '30', '90'] as const;

export const daysOf = (get: (name: string) => string) => Number(DAYS.find((days) => days === get('days')) ?? '30');

/** The window of the pipeline statistics, days back from now. */
export function WindowFilter() {
  const { get, set } = useUrlState();
  return (
    <Segmented
      label="Window"
      value={String(daysOf(get))}
      onChange={(days) => set({ days: days === '30' ? '' : days })}
      options={DAYS.map((days) => ({ value: days, text: `${days} days` }))}
    />
  );
}
