import type { Catalogue } from "./items.ts";
import type { Attrs, Item, Timestamp } from "./types.ts";

/** What an item says beside its payload. */
export interface ItemHead {
  /** Upstream identity within the kind: the same id again is an update. */
  id: string;
  /** When the upstream says that this was true. The newest wins, field by field. */
  at: Timestamp;
  title: string;
  url?: string | undefined;
  attrs?: Attrs | undefined;
}

/** An item that carries a payload of the catalogue, checked by its kind's type. */
export function item<K extends keyof Catalogue>(kind: K, payload: Catalogue[K], head: ItemHead): Item {
  return { ...head, kind, payload };
}
