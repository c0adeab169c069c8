"""A build as Kiln tells of it becomes an item. Pure."""

from __future__ import annotations

from typing import Any

from opssight_plugin import Item, dates, fail, item, items

STATES: dict[str, tuple[items.RunState, items.RunResult | None]] = {
    "queued": ("queued", None),
    "running": ("running", None),
    "passed": ("finished", "success"),
    "failed": ("finished", "failure"),
    "cancelled": ("finished", "cancellation"),
}


def run(build: dict[str, Any]) -> Item:
    number, status = build["id"], build["status"]
    if status not in STATES:
        fail("upstream", "kiln.status", f'build {number} is "{status}", which Kiln does not document')
    state, result = STATES[status]
    created, started, finished = (dates.parse(build.get(name)) for name in ("created", "started", "finished"))
    at = next((time for time in (finished, started, created) if time is not None), None)
    if at is None:
        fail("upstream", "kiln.time", f"build {number} has no time")
    payload = items.PipelineRun(
        id=str(number),
        attempt=build["attempt"],
        service=build["project"],
        pipeline=build["pipeline"],
        number=number,
        url=build.get("url"),
        state=state,
        result=result,
        branch=build.get("branch"),
        commit=build.get("commit"),
        actor=build.get("author"),
        created_at=created,
        started_at=started,
        finished_at=finished,
    )
    title = f"{payload.service.split('/')[-1]}/{payload.pipeline} #{number}"
    return item(payload, id=payload.id, at=at, title=title, url=payload.url)
