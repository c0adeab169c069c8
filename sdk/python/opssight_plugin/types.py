"""The contract's vocabulary (wit/1.0), as plugins see it. Times are milliseconds since the Unix epoch, UTC."""

from __future__ import annotations

import dataclasses
import json as _json
from dataclasses import dataclass, field
from typing import Any

from .failure import fail


@dataclass(kw_only=True)
class Item:
    """One observed thing. `item` makes one of a payload of the catalogue."""

    id: str
    """Stable upstream identity within its kind: storing the same id twice is an update."""
    kind: str
    """A kind of the catalogue, for example "ci.pipeline-run"."""
    at: int
    """When the upstream says that this was true. The newest wins, field by field."""
    title: str
    url: str | None = None
    attrs: dict[str, str] = field(default_factory=dict)
    payload: Any = None
    """The JSON of the kind."""


def item(
    payload: Any, *, id: str, at: int, title: str, url: str | None = None, attrs: dict[str, str] | None = None
) -> Item:
    """An item that carries a payload of the catalogue (`opssight_plugin.items`). What is None is left out."""
    return Item(id=id, kind=payload.KIND, at=at, title=title, url=url, attrs=attrs or {}, payload=_known(payload))


def _known(value: Any) -> Any:
    if dataclasses.is_dataclass(value):
        return {f.name: _known(v) for f in dataclasses.fields(value) if (v := getattr(value, f.name)) is not None}
    if isinstance(value, list):
        return [_known(one) for one in value]
    return value


@dataclass
class Report:
    """A connection that works: one line for a person."""

    summary: str
    attrs: dict[str, str] = field(default_factory=dict)


@dataclass
class Delivery:
    """A delivery, verified by the host."""

    headers: dict[str, str]
    """Only the headers that the manifest lists, names in lower case."""
    body: bytes
    received_at: int

    def json(self) -> Any:
        """The body, parsed; a body that is no JSON is the class "upstream"."""
        try:
            return _json.loads(self.body)
        except ValueError as error:
            fail("upstream", "delivery.no-json", f"the delivery's body is no JSON: {error}")


@dataclass
class Reception:
    """What a delivery says, or a note on why it says nothing."""

    items: list[Item] = field(default_factory=list)
    note: str | None = None


@dataclass
class PageRequest:
    """At most `limit` things, after `cursor`."""

    cursor: str | None
    limit: int


@dataclass
class PullRequest:
    """One page of one feed that is wanted."""

    checkpoint: str | None
    """Where an earlier batch said that the feed may resume."""
    cursor: str | None
    """The `next` of the batch before, in one go."""
    limit: int
    """The most items that the batch may hold."""


@dataclass
class Batch:
    """One page of one feed."""

    items: list[Item]
    next: str | None = None
    """There is more now: call again at once with this cursor."""
    checkpoint: str | None = None
    """The feed may resume from here. Stored together with the items."""


@dataclass
class Invocation:
    """An action that a person asked for."""

    input: Any
    """Checked by the host against the action's schema."""
    idempotency_key: str
    """Stable over retries of one request."""
    actor: str
    """Who asked, for the upstream's own audit trail."""


@dataclass
class Outcome:
    """What acting brought."""

    output: Any = None
    """JSON for the person or program that asked."""
    items: list[Item] = field(default_factory=list)
    """What is now known to be different."""


@dataclass
class Notification:
    """Something to tell people."""

    id: str
    """Idempotency key."""
    title: str
    body_md: str
    severity: int
    """0 information, 1 low, 2 medium, 3 high, 4 critical."""
    at: int
    url: str | None
    group_key: str
    """Notifications of one alert share it, so that a channel can thread or update them."""
    resolved: bool
    attrs: dict[str, str]


@dataclass
class Receipt:
    """A notification that arrived."""

    upstream_id: str | None = None
    attrs: dict[str, str] = field(default_factory=dict)


@dataclass
class CostRequest:
    """A stretch of bills to fetch; `end_at` is exclusive, `granularity` is "hourly", "daily" or "monthly"."""

    start_at: int
    end_at: int
    granularity: str
    cursor: str | None
    limit: int


@dataclass(kw_only=True)
class CostRow:
    """One row of a bill."""

    columns: dict[str, str]
    """Text columns by their FOCUS names. Every row of a page has the same names."""
    billed_nanos: int
    """Billionths of the currency's unit."""
    effective_nanos: int | None = None
    """What it costs after reductions; otherwise what is billed."""
    start_at: int
    end_at: int
    tags: dict[str, str] = field(default_factory=dict)


@dataclass
class CostPage:
    """One page of a bill; `currency` is a code of ISO 4217."""

    currency: str
    rows: list[CostRow]
    next: str | None = None


@dataclass
class InventoryPage:
    """One page of what is running."""

    resources: list[Item]
    next: str | None = None


@dataclass
class Series:
    """A metric series: times and values of one length."""

    name: str
    labels: dict[str, str]
    ts: list[int]
    values: list[float]


@dataclass(kw_only=True)
class Finding:
    """Something odd in one of the series; `score` is from 0 to 1."""

    series_index: int
    start_at: int
    end_at: int
    score: float
    kind: str
    explanation: str
    attrs: dict[str, str] = field(default_factory=dict)
