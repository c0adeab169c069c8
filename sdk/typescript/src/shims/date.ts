/** The engine's clock is not the host's: what asks for the time asks the host, which makes it an ability. */
import { now } from "../time.ts";

// Pure, so that a bundle that never says `Date` does not carry it, nor the import of the clock.
export const Date = /* @__PURE__ */ (() => {
  class HostDate extends globalThis.Date {
    constructor(...parts: []) {
      super(...((parts.length === 0 ? [now()] : parts) as []));
    }

    static override now(): number {
      return now();
    }
  }
  return HostDate;
})();
