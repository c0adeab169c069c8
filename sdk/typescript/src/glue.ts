/** Between a plugin and the contract's exports. The build script makes the component's entry of it. */
import type { Plugin } from "./define.ts";
import { fail, record } from "./failure.ts";
import type { FailureRecord } from "./failure.ts";
import { decode, encode } from "./text.ts";
import type { Attrs, CostPage, Delivery, Item, Notification, Series } from "./types.ts";

type Pairs = [string, string][];

interface RawDelivery {
  headers: Pairs;
  body: ArrayLike<number>;
  receivedAt: number;
}

interface RawNotification extends Omit<Notification, "attrs" | "url"> {
  attrs: Pairs;
  url: string | null;
}

interface RawPage {
  cursor: string | null;
  limit: number;
}

const pairs = (attrs: Attrs | undefined): Pairs => Object.entries(attrs ?? {});

/** A failure leaves a function of the contract as a thrown record. */
function guarded<A extends unknown[], R>(work: (...parameters: A) => R): (...parameters: A) => R {
  return (...parameters) => {
    try {
      return work(...parameters);
    } catch (thrown) {
      throw record(thrown);
    }
  };
}

function itemRecord({ id, kind, at, title, url, attrs, payload }: Item) {
  const bytes = payload === undefined ? new Uint8Array() : encode(JSON.stringify(payload));
  return { id, kind, at: Math.trunc(at), title, url: url ?? null, attrs: pairs(attrs), payload: bytes };
}

function delivery(raw: RawDelivery): Delivery {
  const bytes = Uint8Array.from(raw.body);
  return {
    headers: Object.fromEntries(raw.headers),
    bytes,
    receivedAt: raw.receivedAt,
    text: () => decode(bytes),
    json<T>() {
      try {
        return JSON.parse(decode(bytes)) as T;
      } catch (error) {
        return fail("upstream", "delivery.no-json", `the delivery's body is no JSON: ${String(error)}`);
      }
    },
  };
}

/** A function of a table by its name; what is not there, the manifest should not have declared. */
function named<F>(table: Record<string, F>, what: string, name: string): F {
  const found = Object.hasOwn(table, name) ? table[name] : undefined;
  return found ?? fail("unsupported", `plugin.no-${what}`, `this plugin has no ${what} "${name}"`);
}

/** Rows to columns: the contract's shape crosses the boundary in a few copies. */
function costRecord({ currency, rows, next }: CostPage) {
  const columns = Object.keys(rows[0]?.columns ?? {});
  return {
    currency,
    columns,
    text: columns.map((name) => rows.map((row) => row.columns[name] ?? "")),
    billedNanos: rows.map((row) => row.billedNanos),
    effectiveNanos: rows.map((row) => row.effectiveNanos ?? row.billedNanos),
    startAt: rows.map((row) => row.startAt),
    endAt: rows.map((row) => row.endAt),
    tags: rows.map((row) => pairs(row.tags)),
    next: next ?? null,
  };
}

type Result<T> = { tag: "ok"; val: T } | { tag: "err"; val: FailureRecord };

function attempt<T>(work: () => T): Result<T> {
  try {
    return { tag: "ok", val: work() };
  } catch (thrown) {
    return { tag: "err", val: record(thrown) };
  }
}

/** The contract's exports of a plugin. Only those whose function is there are meant to be exported. */
export function glue(plugin: Plugin) {
  const page = (raw: RawPage) => ({ cursor: raw.cursor ?? undefined, limit: raw.limit });
  return {
    health: {
      check: guarded(() => {
        const report = plugin.health!();
        const { summary, attrs } = typeof report === "string" ? { summary: report, attrs: {} } : report;
        return { summary, attrs: pairs(attrs) };
      }),
    },
    webhook: {
      receive: guarded((raw: RawDelivery) => {
        const { items, note } = plugin.webhook!(delivery(raw));
        return { items: (items ?? []).map(itemRecord), note: note ?? null };
      }),
    },
    source: {
      pull: guarded((feed: string, checkpoint: string | null, raw: RawPage) => {
        const pull = named(plugin.source!, "feed", feed);
        const batch = pull({ checkpoint: checkpoint ?? undefined, ...page(raw) });
        const { items, next, checkpoint: left } = batch;
        return { items: items.map(itemRecord), next: next ?? null, checkpoint: left ?? null };
      }),
    },
    actions: {
      run: guarded((raw: { name: string; input: string; idempotencyKey: string; actor: string }) => {
        const { idempotencyKey, actor } = raw;
        const act = named(plugin.actions!, "action", raw.name);
        const { output, items } = act({ input: JSON.parse(raw.input) as unknown, idempotencyKey, actor });
        return { output: JSON.stringify(output ?? null), items: (items ?? []).map(itemRecord) };
      }),
    },
    notifier: {
      send: (target: string, batch: RawNotification[]) =>
        batch.map((raw) =>
          attempt(() => {
            const notification = { ...raw, url: raw.url ?? undefined, attrs: Object.fromEntries(raw.attrs) };
            const { upstreamId, attrs } = plugin.notifier!(notification, target);
            return { upstreamId: upstreamId ?? null, attrs: pairs(attrs) };
          }),
        ),
    },
    costs: {
      fetch: guarded((startAt: number, endAt: number, granularity: "hourly" | "daily" | "monthly", raw: RawPage) =>
        costRecord(plugin.costs!({ startAt, endAt, granularity, ...page(raw) })),
      ),
    },
    inventory: {
      listResources: guarded((scope: string, raw: RawPage) => {
        const { resources, next } = plugin.inventory!(scope, page(raw));
        return { resources: resources.map(itemRecord), next: next ?? null };
      }),
    },
    detector: {
      detect: guarded((input: (Omit<Series, "labels"> & { labels: Pairs })[], params: string) => {
        const series = input.map(({ name, labels, ts, values }) => ({
          name, labels: Object.fromEntries(labels), ts: Array.from(ts), values: Array.from(values),
        }));
        const configured = params.trim() === "" ? {} : (JSON.parse(params) as Record<string, unknown>);
        return plugin.detector!(series, configured).map((finding) => ({ ...finding, attrs: pairs(finding.attrs) }));
      }),
    },
  };
}
