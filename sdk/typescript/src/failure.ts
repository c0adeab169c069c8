import type { Attrs, FailureClass } from "./types.ts";

/** What else a failure may say. */
export interface FailureMore {
  /** How long the upstream asked us to wait. */
  retryAfterMs?: number | undefined;
  attrs?: Attrs;
}

/** A failure in the contract's words. {@link fail} throws it; whoever catches one looks at its class. */
export class PluginFailure extends Error {
  readonly class: FailureClass;
  readonly code: string;
  readonly retryAfterMs: number | undefined;
  readonly attrs: Attrs;

  constructor(failureClass: FailureClass, code: string, message: string, more: FailureMore = {}) {
    super(message);
    this.class = failureClass;
    this.code = code;
    this.retryAfterMs = more.retryAfterMs;
    this.attrs = more.attrs ?? {};
  }
}

/**
 * Give up. What the host does next is decided by the class; `code` is for machines and starts with the plugin's name
 * ("my-ci.bad-payload"); `message` is one sentence for a person: what failed, where, and what would mend it. Never put
 * a secret in it.
 */
export function fail(failureClass: FailureClass, code: string, message: string, more?: FailureMore): never {
  throw new PluginFailure(failureClass, code, message, more);
}

/** As the contract's record. */
export interface FailureRecord {
  class: FailureClass;
  code: string;
  message: string;
  retryAfterMs: number | null;
  attrs: [string, string][];
}

/** Whatever was thrown, as the host takes it. What nobody meant to throw is the plugin's own failure. */
export function record(thrown: unknown): FailureRecord {
  if (thrown instanceof PluginFailure) {
    const { code, message, retryAfterMs, attrs } = thrown;
    return { class: thrown.class, code, message, retryAfterMs: retryAfterMs ?? null, attrs: Object.entries(attrs) };
  }
  const told = payload(thrown);
  if (isRecord(told)) return told;
  const message = thrown instanceof Error ? `${thrown.name}: ${thrown.message}` : String(thrown);
  const place = thrown instanceof Error ? thrown.stack?.trim().split("\n")[0]?.trim() : undefined;
  const attrs: [string, string][] = place ? [["exception.place", place]] : [];
  return { class: "internal", code: "plugin.exception", message, retryAfterMs: null, attrs };
}

/** What a function of the host gave as its error; the engine wraps it. */
export function payload(thrown: unknown): unknown {
  return thrown instanceof Error && "payload" in thrown ? thrown.payload : thrown;
}

function isRecord(thrown: unknown): thrown is FailureRecord {
  return typeof thrown === "object" && thrown !== null && "class" in thrown && "code" in thrown && "attrs" in thrown;
}
