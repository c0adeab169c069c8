/** Times as texts. Nothing here asks for the time, so that using it is no ability. */
import type { Timestamp } from "./types.ts";

/** Read RFC 3339 ("2026-11-22T10:54:03Z"); undefined when the text is something else. */
export function parse(text: string | null | undefined): Timestamp | undefined {
  if (!text || !/^\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)$/.test(text)) return undefined;
  const ms = globalThis.Date.parse(text);
  return Number.isNaN(ms) ? undefined : ms;
}

/** Write RFC 3339 in whole seconds, UTC ("2026-11-22T10:54:03Z"). */
export function format(ms: Timestamp): string {
  return new globalThis.Date(ms).toISOString().replace(/\.\d+Z$/, "Z");
}
