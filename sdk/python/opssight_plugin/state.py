"""A small durable store of this connection, with a quota. What a call wrote is kept when the call succeeds, and dropped
when it fails."""

from __future__ import annotations

from wit_world.imports import opssight_plugin_state_1_0_0 as _host
from wit_world.imports import opssight_plugin_types_1_0_0 as _types

_PAGE = 100


def get(key: str) -> str | None:
    """A text that was stored; None when there is none."""
    value = _host.get(key)
    return None if value is None else value.decode()


def get_bytes(key: str) -> bytes | None:
    return _host.get(key)


def set(key: str, value: str | bytes) -> None:
    _host.set(key, value.encode() if isinstance(value, str) else value)


def remove(key: str) -> None:
    """Forget a key."""
    _host.delete(key)


def keys(prefix: str = "") -> list[str]:
    """Every key that begins so, in order."""
    found: list[str] = []
    cursor: str | None = None
    while True:
        page = _host.list_keys(prefix, _types.PageRequest(cursor, _PAGE))
        found.extend(page.keys)
        cursor = page.next
        if cursor is None:
            return found
