/** Time, in the contract's unit: milliseconds since the Unix epoch, UTC. Times as texts are in {@link dates}. */
import clock from "wasi:clocks/wall-clock@0.2.12";
import type { Timestamp } from "./types.ts";

/** Now, by the host's clock. */
export function now(): Timestamp {
  const { seconds, nanoseconds } = clock.now();
  return seconds * 1000 + Math.floor(nanoseconds / 1_000_000);
}
