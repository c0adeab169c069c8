"""Time, in the contract's unit: milliseconds since the Unix epoch, UTC.

Python's own clocks have no host behind them in a plugin: `time.time()` and `datetime.now()` trap. Times as texts
are in `opssight_plugin.dates`, which needs no clock."""

from __future__ import annotations

from wit_world.imports import xasi_clocks_wall_clock_0_2_12 as _clock


def now() -> int:
    """Now, by the host's clock."""
    moment = _clock.now()
    return moment.seconds * 1000 + moment.nanoseconds // 1_000_000
