"""Times as texts. Nothing here asks for the time, so that using it is no ability."""

from __future__ import annotations

import re
from datetime import datetime, timezone

_RFC_3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)")


def parse(text: str | None) -> int | None:
    """Read RFC 3339 ("2026-11-22T10:54:03Z") as milliseconds; None when the text is something else."""
    if not text or not _RFC_3339.fullmatch(text):
        return None
    try:
        moment = datetime.fromisoformat(text.upper().replace("Z", "+00:00"))
    except ValueError:
        return None
    since = moment - datetime(1970, 1, 1, tzinfo=timezone.utc)
    return since.days * 86_400_000 + since.seconds * 1000 + since.microseconds // 1000


def format(ms: int) -> str:
    """Write RFC 3339 in whole seconds, UTC ("2026-11-22T10:54:03Z")."""
    return datetime.fromtimestamp(ms // 1000, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
