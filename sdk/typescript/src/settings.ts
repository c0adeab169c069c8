/** The settings of this connection, which the host has checked against the manifest's schema. Never a secret. */
import host from "opssight:plugin/settings@1.0.0";

/** All settings. What an operator left out is not there. */
export function all<T = Record<string, unknown>>(): Partial<T> {
  return JSON.parse(host.all()) as Partial<T>;
}

/** One setting; undefined when it is not set. */
export function get<T = unknown>(key: string): T | undefined {
  const text = host.get(key);
  return text === null || text === undefined ? undefined : (JSON.parse(text) as T);
}
