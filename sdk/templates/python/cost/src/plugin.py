import re

from opssight_plugin import CostPage, CostRequest, CostRow, Plugin, dates, fail, http, settings

plugin = Plugin()


@plugin.health
def check() -> str:
    return f"signed in as {ask('/me').json()['login']}"


@plugin.costs
def fetch(request: CostRequest) -> CostPage:
    asked = http.query(
        **{"from": dates.format(request.start_at)},
        to=dates.format(request.end_at),
        step=request.granularity,
        limit=request.limit,
        page=request.cursor,
    )
    bill = ask(f"/bill?{asked}").json()
    return CostPage(bill["currency"], [row(line) for line in bill["lines"]], bill.get("next"))


def row(line: dict) -> CostRow:
    return CostRow(
        columns={"ServiceName": line["service"]},
        billed_nanos=nanos(line["amount"]),
        start_at=moment(line["from"]),
        end_at=moment(line["to"]),
        tags={"project": line["project"]},
    )


def moment(text: str) -> int:
    at = dates.parse(text)
    if at is None:
        fail("upstream", "{{id}}.time", f'"{text}" is no time')
    return at


def nanos(amount: str) -> int:
    """ "12.34" in billionths, digit by digit: no cent is lost to floating point."""
    match = re.fullmatch(r"(-?\d+)(?:\.(\d{1,9}))?", amount)
    if not match:
        fail("upstream", "{{id}}.amount", f'"{amount}" is no amount')
    return int(match[1] + (match[2] or "").ljust(9, "0"))


def ask(path: str) -> http.Response:
    """Ask the server. The host attaches the credential; an answer that is no success becomes a failure of its class."""
    answer = http.get(settings.get("base_url") + path)
    if answer.ok:
        return answer
    said = f"the server answered {answer.status} to {path.split('?')[0]}"
    if answer.status in (401, 403):
        fail("auth", "{{id}}.unauthorised", f"{said}: renew the token")
    fail("upstream", "{{id}}.status", said)
