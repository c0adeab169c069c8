"""Times as texts. Nothing here asks for the time, so that using it is no ability."""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone

_RFC_3339 = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})[Tt ]([0-9]{2}):([0-9]{2}):([0-9]{2})(?:\.([0-9]+))?(?:[Zz]|([+-])([0-9]{2}):([0-9]{2}))"
)
_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


def parse(text: str | None) -> int | None:
    """Read RFC 3339 ("2026-11-22T10:54:03Z") as milliseconds; None when the text is something else."""
    parts = _RFC_3339.fullmatch(text) if text else None
    if parts is None:
        return None
    year, month, day, hour, minute, second = (int(parts[index]) for index in range(1, 7))
    offset_hours, offset_minutes = int(parts[9] or 0), int(parts[10] or 0)
    # A leap second is read as the second after it, which is what clocks show.
    if hour > 23 or minute > 59 or second > 60 or offset_hours > 23 or offset_minutes > 59:
        return None
    try:
        days = (datetime(year, month, day, tzinfo=timezone.utc) - _EPOCH).days
    except ValueError:
        return None
    millis = int((parts[7] or "").ljust(3, "0")[:3])
    offset = (offset_hours * 60 + offset_minutes) * (-1 if parts[8] == "-" else 1)
    return days * 86_400_000 + ((hour * 60 + minute - offset) * 60 + second) * 1000 + millis


def format(ms: int) -> str:
    """Write RFC 3339 in whole seconds, UTC ("2026-11-22T10:54:03Z")."""
    moment = _EPOCH + timedelta(seconds=ms // 1000)
    return moment.replace(tzinfo=None).isoformat(timespec="seconds") + "Z"
