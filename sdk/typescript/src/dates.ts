/** Times as texts. Nothing here asks for the time, so that using it is no ability. */
import type { Timestamp } from "./types.ts";

const RFC_3339 =
  /^([0-9]{4})-([0-9]{2})-([0-9]{2})[Tt ]([0-9]{2}):([0-9]{2}):([0-9]{2})(?:\.([0-9]+))?(?:[Zz]|([+-])([0-9]{2}):([0-9]{2}))$/;

/** Read RFC 3339 ("2026-11-22T10:54:03Z"); undefined when the text is something else. */
export function parse(text: string | null | undefined): Timestamp | undefined {
  const parts = text ? RFC_3339.exec(text) : null;
  if (parts === null) return undefined;
  const part = (index: number) => Number(parts[index] ?? 0);
  const [year, month, day, hour, minute, second] = [1, 2, 3, 4, 5, 6].map(part) as [number, number, number, number, number, number];
  const [offsetHours, offsetMinutes] = [part(9), part(10)];
  // A leap second is read as the second after it, which is what clocks show.
  if (year < 1 || hour > 23 || minute > 59 || second > 60 || offsetHours > 23 || offsetMinutes > 59) return undefined;
  // Not the engine's own reading: it takes 30 February for 2 March. `setUTCFullYear` takes early years as they are.
  const date = new globalThis.Date(0);
  date.setUTCFullYear(year, month - 1, day);
  if (date.getUTCMonth() !== month - 1 || date.getUTCDate() !== day) return undefined;
  const millis = Number((parts[7] ?? "").padEnd(3, "0").slice(0, 3));
  const offset = (offsetHours * 60 + offsetMinutes) * (parts[8] === "-" ? -1 : 1);
  return date.getTime() + ((hour * 60 + minute - offset) * 60 + second) * 1000 + millis;
}

/** Write RFC 3339 in whole seconds, UTC ("2026-11-22T10:54:03Z"). */
export function format(ms: Timestamp): string {
  return new globalThis.Date(ms).toISOString().replace(/\.\d+Z$/, "Z");
}
