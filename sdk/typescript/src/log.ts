/** Levelled log lines. The host limits their rate and size and tags them with plugin, version, connection and call. */
import host from "opssight:plugin/log@1.0.0";
import type { Attrs } from "./types.ts";

export type Level = "trace" | "debug" | "info" | "warn" | "error";

export function at(level: Level, message: string, fields: Attrs = {}): void {
  host.log(level, message, Object.entries(fields));
}

export const debug = (message: string, fields?: Attrs): void => at("debug", message, fields);
export const info = (message: string, fields?: Attrs): void => at("info", message, fields);
export const warn = (message: string, fields?: Attrs): void => at("warn", message, fields);
export const error = (message: string, fields?: Attrs): void => at("error", message, fields);
