/** `console` is the plugin's log. */
import * as log from "../log.ts";

const words = (values: unknown[]) =>
  values.map((value) => (typeof value === "string" ? value : value instanceof Error ? String(value) : JSON.stringify(value))).join(" ");

export const console = {
  debug: (...values: unknown[]) => log.debug(words(values)),
  log: (...values: unknown[]) => log.info(words(values)),
  info: (...values: unknown[]) => log.info(words(values)),
  warn: (...values: unknown[]) => log.warn(words(values)),
  error: (...values: unknown[]) => log.error(words(values)),
};
