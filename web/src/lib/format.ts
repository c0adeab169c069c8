/** Numbers and times as people read them. Pure; the caller passes "now". */

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

const pad = (n: number) => String(n).padStart(2, '0');

/** A length of time in at most two units: "840 ms", "42 s", "3m 04s", "1h 12m", "2d 3h". */
export function duration(ms: number | null | undefined): string {
  if (ms === null || ms === undefined || Number.isNaN(ms)) return '–';
  if (ms < 0) return `-${duration(-ms)}`;
  if (ms < SECOND) return `${Math.round(ms)} ms`;
  if (ms < 10 * SECOND) return `${(ms / SECOND).toFixed(1).replace(/\.0$/, '')} s`;
  const s = Math.round(ms / SECOND);
  if (s < 60) return `${s} s`;
  if (s < 3_600) return `${Math.floor(s / 60)}m ${pad(s % 60)}s`;
  const m = Math.round(ms / MINUTE);
  if (m < 24 * 60) return `${Math.floor(m / 60)}h ${pad(m % 60)}m`;
  const h = Math.round(ms / HOUR);
  if (h < 14 * 24) return `${Math.floor(h / 24)}d ${h % 24}h`;
  return `${Math.round(ms / DAY)} d`;
}

/** A round length of time, as a rhythm: "5m", "1h", "1h 30m". */
export const period = (ms: number) => duration(ms).replace(/ 00?[hms]$/, '').replace(/ 0h$/, '');

/** The same in words, for screen readers. */
export function spokenDuration(ms: number | null | undefined): string {
  if (ms === null || ms === undefined) return 'unknown';
  const s = Math.round(ms / SECOND);
  const parts: [number, string][] = [
    [Math.floor(s / 86_400), 'day'],
    [Math.floor((s % 86_400) / 3_600), 'hour'],
    [Math.floor((s % 3_600) / 60), 'minute'],
    [s % 60, 'second'],
  ];
  const told = parts.filter(([n]) => n > 0).slice(0, 2);
  return told.length ? told.map(([n, unit]) => `${n} ${unit}${n === 1 ? '' : 's'}`).join(' ') : 'under a second';
}

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

/** How long ago: "now", "12s ago", "5m ago", "3h ago", "6d ago", then the date; "in 5m" for what is to come. */
export function ago(time: string | null | undefined, now: number): string {
  if (!time) return '–';
  const then = Date.parse(time);
  if (Number.isNaN(then)) return '–';
  const diff = now - then;
  const size = Math.abs(diff);
  // The shared clock is up to 15 s behind, so something just stored may seem to lie ahead.
  if (diff < 5 * SECOND && diff > -20 * SECOND) return 'now';
  const say = (n: number, unit: string) => (diff > 0 ? `${n}${unit} ago` : `in ${n}${unit}`);
  if (size < MINUTE) return say(Math.round(size / SECOND), 's');
  if (size < HOUR) return say(Math.floor(size / MINUTE), 'm');
  if (size < DAY) return say(Math.floor(size / HOUR), 'h');
  if (size < 14 * DAY) return say(Math.floor(size / DAY), 'd');
  return day(time, now);
}

/** A date in the reader's zone: "14 Mar", "14 Mar 2021" when it is another year. */
export function day(time: string, now: number): string {
  const date = new Date(time);
  const short = `${date.getDate()} ${MONTHS[date.getMonth()]}`;
  return date.getFullYear() === new Date(now).getFullYear() ? short : `${short} ${date.getFullYear()}`;
}

/** A full time for tooltips: the reader's zone, and UTC to compare with logs. */
export function moment(time: string | null | undefined): string {
  if (!time) return 'unknown';
  const date = new Date(time);
  if (Number.isNaN(date.getTime())) return 'unknown';
  const local = `${date.getFullYear()}-${pad(date.getMonth() + 1)}-${pad(date.getDate())} ${pad(date.getHours())}:${pad(date.getMinutes())}:${pad(date.getSeconds())}`;
  return `${local} (${date.toISOString().replace(/\.\d+Z$/, 'Z')})`;
}

/** A clock time in the reader's zone: "14:03:09". */
export function clock(time: string | number): string {
  const date = new Date(time);
  return `${pad(date.getHours())}:${pad(date.getMinutes())}:${pad(date.getSeconds())}`;
}

/** A share of one: "98.2%", "100%", "0%". Never rounds up to all or down to nothing. */
export function percent(share: number | null | undefined): string {
  if (share === null || share === undefined || Number.isNaN(share)) return '–';
  const p = share * 100;
  if (p === 0 || p === 100) return `${p}%`;
  if (p > 99.9) return '99.9%';
  if (p < 0.1) return '0.1%';
  return `${p >= 10 && Number.isInteger(Math.round(p * 10) / 10) ? Math.round(p) : (Math.round(p * 10) / 10).toString()}%`;
}

/** A rate in the unit that keeps it readable: "3.2 / day", "1.4 / week", "2 / month". */
export function perDay(rate: number | null | undefined): { value: string; unit: string } {
  if (rate === null || rate === undefined || Number.isNaN(rate)) return { value: '–', unit: '' };
  if (rate === 0) return { value: '0', unit: 'per day' };
  if (rate >= 1) return { value: trim(rate), unit: 'per day' };
  if (rate * 7 >= 1) return { value: trim(rate * 7), unit: 'per week' };
  return { value: trim(rate * 30), unit: 'per 30 days' };
}

function trim(n: number): string {
  return n >= 100 ? Math.round(n).toString() : Number(n.toPrecision(2)).toString();
}

/** A count: "1,204", "12.4k", "3.1M". */
export function count(n: number | null | undefined): string {
  if (n === null || n === undefined) return '–';
  if (n < 10_000) return n.toString().replace(/\B(?=(\d{3})+(?!\d))/g, ',');
  if (n < 1_000_000) return `${(n / 1_000).toFixed(1).replace(/\.0$/, '')}k`;
  return `${(n / 1_000_000).toFixed(1).replace(/\.0$/, '')}M`;
}

/** A size in bytes: "980 B", "20.1 KiB", "3 MiB". */
export function bytes(n: number | null | undefined): string {
  if (n === null || n === undefined) return '–';
  const units = ['B', 'KiB', 'MiB', 'GiB'];
  let size = n;
  let unit = 0;
  while (size >= 1024 && unit < units.length - 1) {
    size /= 1024;
    unit += 1;
  }
  return `${unit === 0 || size >= 100 ? Math.round(size) : size.toFixed(1).replace(/\.0$/, '')} ${units[unit]}`;
}

/** Microseconds: "68 µs", "1.2 ms", "3.4 s". */
export function micros(us: number | null | undefined): string {
  if (us === null || us === undefined) return '–';
  if (us < 1_000) return `${Math.round(us)} µs`;
  if (us < 1_000_000) return `${(us / 1_000).toFixed(us < 10_000 ? 1 : 0).replace(/\.0$/, '')} ms`;
  return duration(us / 1_000);
}

/** The first characters of a commit that people quote. */
export const shortCommit = (commit: string) => (/^[0-9a-f]{12,}$/i.test(commit) ? commit.slice(0, 7) : commit);

/** "1 run", "3 runs". */
export const plural = (n: number, one: string, many = `${one}s`) => `${count(n)} ${n === 1 ? one : many}`;
