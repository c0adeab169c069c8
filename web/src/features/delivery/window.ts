/** The window of the delivery page, as it stands in the address. */

const DAY = 86_400_000;

export const WINDOWS = [
  ['7', 'Last 7 days'],
  ['30', 'Last 30 days'],
  ['90', 'Last 90 days'],
  ['365', 'Last year'],
  ['custom', 'From – to…'],
] as const;

export type Window = { choice: string; from: string; to: string | undefined };

const isDate = (text: string) => /^\d{4}-\d{2}-\d{2}$/.test(text) && !Number.isNaN(Date.parse(`${text}T00:00:00Z`));
export const dateOf = (ms: number) => new Date(ms).toISOString().slice(0, 10);

/**
 * Whole UTC days, as the server's buckets are: a window that begins in the middle of a day would show half a day as a
 * bad one. It also keeps the question the same, and so the cached answer useful, until midnight.
 */
export function windowOf(get: (name: string) => string, now: number): Window {
  const choice = WINDOWS.find(([value]) => value === get('window'))?.[0] ?? '30';
  const today = Math.floor(now / DAY) * DAY;
  if (choice === 'custom') {
    const [a, b] = [get('from'), get('to')];
    const from = isDate(a) ? Date.parse(`${a}T00:00:00Z`) : today - 29 * DAY;
    // The last day counts as a whole; the server's end is exclusive.
    const to = isDate(b) ? Date.parse(`${b}T00:00:00Z`) + DAY : undefined;
    if (to === undefined || from < to) return { choice, from: iso(from), to: to === undefined ? undefined : iso(to) };
    return { choice, from: iso(to - DAY), to: iso(from + DAY) };
  }
  return { choice, from: iso(today - (Number(choice) - 1) * DAY), to: undefined };
}

const iso = (ms: number) => new Date(ms).toISOString().replace('.000Z', 'Z');

/** The thirty days that end with a moment, as a custom window: where to look when the chosen one is empty. */
export function windowAround(time: string): { window: string; from: string; to: string } {
  const at = Date.parse(time);
  return { window: 'custom', from: dateOf(at - 29 * DAY), to: dateOf(at) };
}
