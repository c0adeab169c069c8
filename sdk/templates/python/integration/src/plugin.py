from opssight_plugin import (
    Batch,
    Delivery,
    Invocation,
    Item,
    Outcome,
    Plugin,
    PullRequest,
    Reception,
    dates,
    fail,
    http,
    item,
    items,
    settings,
)

plugin = Plugin()

STATES: dict[str, tuple[items.RunState, items.RunResult | None]] = {
    "queued": ("queued", None),
    "running": ("running", None),
    "passed": ("finished", "success"),
    "failed": ("finished", "failure"),
}


@plugin.health
def check() -> str:
    return f"signed in as {ask('GET', '/me').json()['login']}"


@plugin.webhook
def receive(delivery: Delivery) -> Reception:
    event = delivery.headers.get("x-event", "")
    if event != "build":
        return Reception(note=f"event {event} carries nothing to show")
    return Reception([run(delivery.json())])


@plugin.feed("builds")
def builds(request: PullRequest) -> Batch:
    after = request.checkpoint or "0"
    answer = ask("GET", "/builds?" + http.query(after=after, limit=request.limit, page=request.cursor)).json()
    found = answer["builds"]
    more = answer.get("next")
    # The checkpoint moves only with the last page: until then `after` must stay what it was.
    checkpoint = None if more else str(found[-1]["id"]) if found else request.checkpoint
    return Batch([run(build) for build in found], next=more, checkpoint=checkpoint)


@plugin.action("retry")
def retry(invocation: Invocation) -> Outcome:
    started = ask("POST", f"/builds/{invocation.input['run']}/retry", json={"key": invocation.idempotency_key})
    return Outcome({"build": str(started.json()["id"])})


def ask(method: http.Method, path: str, json: object = None) -> http.Response:
    """Ask the server. The host attaches the credential; an answer that is no success becomes a failure of its class."""
    answer = http.request(method, settings.get("base_url") + path, json=json)
    if answer.ok:
        return answer
    said = f"the server answered {answer.status} to {path}"
    match answer.status:
        case 401 | 403:
            fail("auth", "{{id}}.unauthorised", f"{said}: renew the token")
        case 404:
            fail("not-found", "{{id}}.not-found", said)
        case 429:
            fail("rate-limited", "{{id}}.rate-limited", said, retry_after_ms=answer.retry_after_ms())
        case _:
            fail("upstream", "{{id}}.status", said)


def run(build: dict) -> Item:
    if build["status"] not in STATES:
        fail("upstream", "{{id}}.status", f'a build is "{build["status"]}"')
    state, result = STATES[build["status"]]
    created, started, finished = (dates.parse(build.get(name)) for name in ("created", "started", "finished"))
    at = next((time for time in (finished, started, created) if time is not None), None)
    if at is None:
        fail("upstream", "{{id}}.time", f"build {build['id']} has no time")
    payload = items.PipelineRun(
        id=str(build["id"]),
        attempt=1,
        service=build["project"],
        state=state,
        result=result,
        branch=build.get("branch"),
        commit=build.get("commit"),
        created_at=created,
        started_at=started,
        finished_at=finished,
    )
    return item(payload, id=payload.id, at=at, title=f"#{payload.id} of {payload.service}")
