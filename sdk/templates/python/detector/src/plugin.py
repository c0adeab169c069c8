from typing import Any

from opssight_plugin import Finding, Plugin, Series

plugin = Plugin()

HISTORY = 5
"""So many values must stand before one that is judged."""


@plugin.detector
def detect(series: list[Series], params: dict[str, Any]) -> list[Finding]:
    threshold = params.get("threshold", 5.0)
    return [finding for index, one in enumerate(series) for finding in spikes(one, index, threshold)]


def spikes(series: Series, index: int, threshold: float) -> list[Finding]:
    """Values that are more than `threshold` standard deviations away from the mean of all before them."""
    findings = []
    for at in range(HISTORY, len(series.values)):
        before = series.values[:at]
        mean = sum(before) / at
        deviation = (sum((value - mean) ** 2 for value in before) / at) ** 0.5
        value = series.values[at]
        distance = abs(value - mean) / deviation if deviation else 0.0
        if distance > threshold:
            explanation = f"{series.name} is {value}, {distance:.1f} deviations from {mean:.1f}"
            findings.append(
                Finding(
                    series_index=index,
                    start_at=series.ts[at],
                    end_at=series.ts[at],
                    score=min(1.0, distance / (2 * threshold)),
                    kind="spike",
                    explanation=explanation,
                )
            )
    return findings
