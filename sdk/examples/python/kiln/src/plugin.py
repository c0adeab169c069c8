import json

from build import run
from opssight_plugin import (
    Batch,
    Delivery,
    Invocation,
    Outcome,
    Plugin,
    PullRequest,
    Reception,
    fail,
    http,
    log,
    settings,
    state,
    time,
)

HOUR_MS = 3_600_000
TIMEOUT_MS = 2_000

plugin = Plugin()


@plugin.health
def check() -> str:
    return f"signed in as {account()}"


@plugin.webhook
def receive(delivery: Delivery) -> Reception:
    event = delivery.headers.get("x-kiln-event")
    if event is None:
        fail("unsupported", "kiln.no-event", "the delivery has no X-Kiln-Event header")
    if not event.startswith("build."):
        return Reception(note=f"event {event} carries nothing OpsSight shows")
    return Reception([run(delivery.json()["build"])])


@plugin.feed("builds")
def builds(request: PullRequest) -> Batch:
    after = request.checkpoint or "0"
    headers = {}
    if request.cursor is None:
        # The ETag of the first page after a checkpoint: an unchanged feed costs the server nothing.
        seen = json.loads(state.get("etag") or "{}")
        if seen.get("after") == after:
            headers["if-none-match"] = seen["etag"]
    path = "/builds?" + http.query(after=after, limit=request.limit, page=request.cursor)
    answer = ask("GET", path, headers=headers)
    if answer.status == 304:
        return Batch([], checkpoint=request.checkpoint)
    page = answer.json()
    found, more = page["builds"], page.get("next")
    if request.cursor is None and "etag" in answer.headers:
        # Kept only if the call succeeds, in the transaction that stores the items.
        state.set("etag", json.dumps({"after": after, "etag": answer.headers["etag"]}))
    log.info(f"{len(found)} builds after {after}")
    # The checkpoint moves only with the last page: until then `after` must stay what it was.
    checkpoint = None if more else str(found[-1]["id"]) if found else request.checkpoint
    return Batch([run(build) for build in found], next=more, checkpoint=checkpoint)


@plugin.action("retry")
def retry(invocation: Invocation) -> Outcome:
    order = {"key": invocation.idempotency_key, "actor": invocation.actor}
    started = ask("POST", f"/builds/{invocation.input['run']}/retry", order=order).json()["build"]
    return Outcome({"build": str(started["id"])}, [run(started)])


def account() -> str:
    """Who is signed in, remembered for an hour. A clock that went back is no reason to trust the memory."""
    now = time.now()
    known = json.loads(state.get("account") or "null")
    if known and 0 <= now - known["at"] < HOUR_MS:
        return known["login"]
    login = ask("GET", "/me").json()["login"]
    state.set("account", json.dumps({"login": login, "at": now}))
    return login


def ask(
    method: http.Method, path: str, *, order: object = None, headers: dict[str, str] | None = None
) -> http.Response:
    """Ask Kiln. The host attaches the credential; an answer that is no success becomes a failure of its class."""
    url = f"{settings.get('base_url')}/api{path}"
    answer = http.request(method, url, json=order, headers=headers, timeout_ms=TIMEOUT_MS)
    if answer.ok or answer.status == 304:
        return answer
    said = f"Kiln answered {answer.status} to {path.split('?')[0]}"
    match answer.status:
        case 401 | 403:
            fail("auth", "kiln.unauthorised", f"{said}: renew the token")
        case 404 | 410:
            fail("not-found", "kiln.not-found", said)
        case 429:
            fail("rate-limited", "kiln.rate-limited", said, retry_after_ms=answer.retry_after_ms())
        case _:
            fail("upstream", "kiln.status", said)
