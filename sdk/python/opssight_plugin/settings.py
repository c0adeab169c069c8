"""The settings of this connection, which the host has checked against the manifest's schema. Never a secret."""

from __future__ import annotations

import json as _json
from typing import Any

from wit_world.imports import opssight_plugin_settings_1_0_0 as _host


def all() -> dict[str, Any]:
    """All settings. What an operator left out is not there."""
    return _json.loads(_host.all())


def get(key: str, default: Any = None) -> Any:
    """One setting; `default` when it is not set."""
    text = _host.get(key)
    return default if text is None else _json.loads(text)
