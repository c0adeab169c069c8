/**
 * A small durable store of this connection, with a quota. What a call wrote is kept when the call succeeds, and dropped
 * when it fails.
 */
import host from "opssight:plugin/state@1.0.0";
import { decode, encode } from "./text.ts";

const PAGE = 100;

/** A text that was stored; undefined when there is none. */
export function get(key: string): string | undefined {
  const bytes = getBytes(key);
  return bytes === undefined ? undefined : decode(bytes);
}

/** The bytes that were stored; undefined when there are none. */
export function getBytes(key: string): Uint8Array | undefined {
  const bytes = host.get(key);
  return bytes === null || bytes === undefined ? undefined : Uint8Array.from(bytes);
}

export function set(key: string, value: string | Uint8Array): void {
  host.set(key, typeof value === "string" ? encode(value) : value);
}

/** Forget a key. */
export function remove(key: string): void {
  host.delete(key);
}

/** Every key that begins so, in order. */
export function keys(prefix = ""): string[] {
  const found: string[] = [];
  let cursor: string | null = null;
  do {
    const page = host.listKeys(prefix, { cursor, limit: PAGE });
    found.push(...page.keys);
    cursor = page.next ?? null;
  } while (cursor !== null);
  return found;
}
