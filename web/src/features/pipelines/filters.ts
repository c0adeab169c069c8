import type { RunQuery, RunResult } from '@opssight/client';

/** The filters of the runs list, as they stand in the address. */
export const FILTERS = ['q', 'service', 'pipeline', 'branch', 'state', 'result', 'connection', 'commit', 'trigger', 'actor'] as const;
export type FilterName = (typeof FILTERS)[number];

export const STATE_OPTIONS = [
  ['active', 'Active'],
  ['queued', 'Queued'],
  ['waiting', 'Waiting'],
  ['running', 'Running'],
  ['finished', 'Finished'],
] as const;

export const RESULT_OPTIONS: readonly (readonly [RunResult, string])[] = [
  ['success', 'Success'],
  ['failure', 'Failed'],
  ['error', 'Error'],
  ['timeout', 'Timed out'],
  ['cancellation', 'Cancelled'],
  ['skip', 'Skipped'],
  ['neutral', 'Neutral'],
  ['action_required', 'Needs action'],
];

/** What to ask the server for. An unknown result in the address (an old bookmark) filters nothing. */
export function runQuery(get: (name: string) => string): RunQuery {
  const query: Record<string, string | number> = { limit: 50 };
  for (const name of FILTERS) {
    const value = get(name);
    if (!value) continue;
    if (name === 'result' && !RESULT_OPTIONS.some(([result]) => result === value)) continue;
    query[name] = value;
  }
  return query as RunQuery;
}

export const isFiltered = (get: (name: string) => string) => FILTERS.some((name) => get(name) !== '');
