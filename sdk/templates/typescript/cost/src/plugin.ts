import { dates, definePlugin, fail, http, settings } from "@opssight/plugin";
import type { CostRequest, CostRow } from "@opssight/plugin";

/** A line of a bill as the server tells of it. */
interface Line {
  service: string;
  amount: string;
  from: string;
  to: string;
  project: string;
}

export default definePlugin({
  health() {
    return `signed in as ${ask("/me").json<{ login: string }>().login}`;
  },

  costs({ startAt, endAt, granularity, cursor, limit }: CostRequest) {
    const asked = { from: dates.format(startAt), to: dates.format(endAt), step: granularity, limit, page: cursor };
    const bill = ask(`/bill?${http.query(asked)}`).json<{ currency: string; lines: Line[]; next?: string }>();
    return { currency: bill.currency, rows: bill.lines.map(row), next: bill.next };
  },
});

function row({ service, amount, from, to, project }: Line): CostRow {
  const moment = (text: string) => dates.parse(text) ?? fail("upstream", "{{id}}.time", `"${text}" is no time`);
  return {
    columns: { ServiceName: service },
    billedNanos: nanos(amount),
    startAt: moment(from),
    endAt: moment(to),
    tags: { project },
  };
}

/** "12.34" in billionths, digit by digit: no cent is lost to floating point. */
function nanos(amount: string): number {
  const match = /^(-?)(\d+)(?:\.(\d{1,9}))?$/.exec(amount);
  if (!match) return fail("upstream", "{{id}}.amount", `"${amount}" is no amount`);
  const [, sign, whole, part = ""] = match;
  return Number(`${sign}${whole}${part.padEnd(9, "0")}`);
}

/** Ask the server. The host attaches the credential; an answer that is no success becomes a failure of its class. */
function ask(path: string): http.Response {
  const answer = http.get(`${settings.get<string>("base_url")}${path}`);
  if (answer.ok) return answer;
  const said = `the server answered ${answer.status} to ${path.replace(/\?.*/, "")}`;
  if (answer.status === 401 || answer.status === 403) {
    return fail("auth", "{{id}}.unauthorised", `${said}: renew the token`);
  }
  return fail("upstream", "{{id}}.status", said);
}
