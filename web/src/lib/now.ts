'use client';
import { useSyncExternalStore } from 'react';

/** One clock per step for the whole page, so that a hundred "5m ago" do not own a hundred timers. */
function makeClock(stepMs: number) {
  const listeners = new Set<() => void>();
  let now = 0;
  let timer: ReturnType<typeof setInterval> | undefined;
  const tick = () => {
    now = Date.now();
    for (const listener of listeners) listener();
  };
  return {
    subscribe(listener: () => void) {
      listeners.add(listener);
      timer ??= setInterval(tick, stepMs);
      return () => {
        listeners.delete(listener);
        if (listeners.size === 0) {
          clearInterval(timer);
          timer = undefined;
          now = 0;
        }
      };
    },
    read: () => (now ||= Date.now()),
  };
}

const fast = makeClock(1_000);
const slow = makeClock(15_000);
const none = { subscribe: () => () => undefined, read: () => (slow.read()) };
const atBuild = () => 0;

/** The present, for texts that grow old. `second` for running things, `minute` for "5m ago", `still` never ticks. */
export function useNow(step: 'second' | 'minute' | 'still' = 'minute'): number {
  const clock = step === 'second' ? fast : step === 'minute' ? slow : none;
  return useSyncExternalStore(clock.subscribe, clock.read, atBuild);
}
