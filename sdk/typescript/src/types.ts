/** The contract's vocabulary (wit/1.0), as plugins see it. */

/** What the host does about a failure is decided by its class alone. */
export type FailureClass =
  /** The settings of the connection are wrong: a person must change them. */
  | "config"
  /** The upstream refused the credential: a person must renew it. */
  | "auth"
  /** The upstream asked for patience: the host tries again after `retryAfterMs`. */
  | "rate-limited"
  /** The upstream failed or could not be reached: the host tries again with back-off. */
  | "upstream"
  /** The thing asked for is not there: the host does not try again. */
  | "not-found"
  /** The plugin does not know this input (event, feed, action): the host does not try again. */
  | "unsupported"
  /** The plugin itself failed. */
  | "internal";

/** Names and values. Names are lower case, dotted where they nest ("http.status"). */
export type Attrs = Record<string, string>;

/** Milliseconds since the Unix epoch, UTC. */
export type Timestamp = number;

/** One observed thing. {@link item} makes one of a payload of the catalogue. */
export interface Item {
  /** Stable upstream identity within its kind: storing the same id twice is an update. */
  id: string;
  /** A kind of the catalogue, for example "ci.pipeline-run". */
  kind: string;
  /** When the upstream says that this was true. The newest wins, field by field. */
  at: Timestamp;
  title: string;
  url?: string | undefined;
  attrs?: Attrs | undefined;
  /** The JSON of the kind. */
  payload?: unknown;
}

/** Can this connection work? A text is its summary: "signed in as opssight-app, 12 repositories". */
export interface Report {
  summary: string;
  attrs?: Attrs;
}

/** A delivery, verified by the host. */
export interface Delivery {
  /** Only the headers that the manifest lists, names in lower case. */
  headers: Readonly<Record<string, string>>;
  bytes: Uint8Array;
  receivedAt: Timestamp;
  /** The body as text. */
  text(): string;
  /** The body, parsed; a body that is no JSON is the class "upstream". */
  json<T = unknown>(): T;
}

/** What a delivery says, or a note on why it says nothing. */
export interface Reception {
  items?: Item[];
  note?: string | undefined;
}

/** One page of one feed that is wanted. */
export interface PullRequest {
  /** Where an earlier batch said that the feed may resume. */
  checkpoint: string | undefined;
  /** The `next` of the batch before, in one go. */
  cursor: string | undefined;
  /** The most items that the batch may hold. */
  limit: number;
}

/** One page of one feed. */
export interface Batch {
  items: Item[];
  /** There is more now: call again at once with this cursor. */
  next?: string | undefined;
  /** The feed may resume from here. Stored together with the items. */
  checkpoint?: string | undefined;
}

/** An action that a person asked for. */
export interface Invocation<Input = unknown> {
  /** Checked by the host against the action's schema. */
  input: Input;
  /** Stable over retries of one request. */
  idempotencyKey: string;
  /** Who asked, for the upstream's own audit trail. */
  actor: string;
}

/** What acting brought. */
export interface Outcome {
  /** JSON for the person or program that asked. */
  output?: unknown;
  /** What is now known to be different. */
  items?: Item[];
}

/** Something to tell people. */
export interface Notification {
  /** Idempotency key. */
  id: string;
  title: string;
  bodyMd: string;
  /** 0 information, 1 low, 2 medium, 3 high, 4 critical. */
  severity: number;
  at: Timestamp;
  url: string | undefined;
  /** Notifications of one alert share it, so that a channel can thread or update them. */
  groupKey: string;
  resolved: boolean;
  attrs: Attrs;
}

/** A notification that arrived. */
export interface Receipt {
  upstreamId?: string | undefined;
  attrs?: Attrs;
}

/** A stretch of bills to fetch. */
export interface CostRequest {
  startAt: Timestamp;
  /** Exclusive. */
  endAt: Timestamp;
  granularity: "hourly" | "daily" | "monthly";
  cursor: string | undefined;
  limit: number;
}

/** One row of a bill. */
export interface CostRow {
  /** Text columns by their FOCUS names: `{ ServiceName: "Compute" }`. Every row of a page has the same names. */
  columns: Record<string, string>;
  /** Billionths of the currency's unit, whole. Exact up to nine million units. */
  billedNanos: number;
  /** What it costs after reductions; otherwise what is billed. */
  effectiveNanos?: number;
  startAt: Timestamp;
  /** Exclusive. */
  endAt: Timestamp;
  tags?: Attrs;
}

/** One page of a bill. */
export interface CostPage {
  /** ISO 4217: "EUR". */
  currency: string;
  rows: CostRow[];
  next?: string | undefined;
}

/** One page of what is running. */
export interface InventoryPage {
  resources: Item[];
  next?: string | undefined;
}

/** A metric series: times and values of one length. */
export interface Series {
  name: string;
  labels: Attrs;
  ts: Timestamp[];
  values: number[];
}

/** Something odd in one of the series. */
export interface Finding {
  seriesIndex: number;
  startAt: Timestamp;
  endAt: Timestamp;
  /** 0 to 1. */
  score: number;
  /** "spike", "level-shift". */
  kind: string;
  explanation: string;
  attrs?: Attrs;
}
