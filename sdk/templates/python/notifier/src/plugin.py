from opssight_plugin import Notification, Plugin, Receipt, fail, http, settings

plugin = Plugin()

SEVERITY = ["information", "low", "medium", "high", "critical"]


@plugin.health
def check() -> str:
    return f"signed in as {ask('GET', '/me').json()['login']}"


@plugin.notifier
def send(notification: Notification, target: str) -> Receipt:
    head = "resolved" if notification.resolved else SEVERITY[min(notification.severity, 4)]
    text = f"[{head}] {notification.title}\n{notification.body_md}".strip()
    message = {"channel": target, "thread": notification.group_key, "text": text}
    posted = ask("POST", "/messages", json=message, headers={"idempotency-key": notification.id})
    return Receipt(posted.json()["id"])


def ask(
    method: http.Method, path: str, json: object = None, headers: dict[str, str] | None = None
) -> http.Response:
    """Ask the server. The host attaches the credential; an answer that is no success becomes a failure of its class."""
    answer = http.request(method, settings.get("base_url") + path, json=json, headers=headers)
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
