import { definePlugin, fail, http, log, settings, state, time } from "@opssight/plugin";
import type { Delivery, Invocation, PullRequest } from "@opssight/plugin";
import { run } from "./build.ts";
import type { Build } from "./build.ts";

const HOUR_MS = 3_600_000;
const TIMEOUT_MS = 2_000;

export default definePlugin({
  health() {
    return `signed in as ${account()}`;
  },

  webhook(delivery: Delivery) {
    const event = delivery.headers["x-kiln-event"];
    if (event === undefined) return fail("unsupported", "kiln.no-event", "the delivery has no X-Kiln-Event header");
    if (!event.startsWith("build.")) return { note: `event ${event} carries nothing OpsSight shows` };
    return { items: [run(delivery.json<{ build: Build }>().build)] };
  },

  source: { builds },

  actions: {
    retry({ input, idempotencyKey, actor }: Invocation<{ run: string }>) {
      const json = { key: idempotencyKey, actor };
      const started = ask(`/builds/${input.run}/retry`, { method: "POST", json }).json<{ build: Build }>().build;
      return { output: { build: String(started.id) }, items: [run(started)] };
    },
  },
});

/** The ETag of the first page after a checkpoint: an unchanged feed costs the server nothing. */
interface Seen {
  after: string;
  etag: string;
}

function builds({ checkpoint, cursor, limit }: PullRequest) {
  const after = checkpoint ?? "0";
  const headers: Record<string, string> = {};
  if (cursor === undefined) {
    const seen = JSON.parse(state.get("etag") ?? "{}") as Partial<Seen>;
    if (seen.after === after && seen.etag !== undefined) headers["if-none-match"] = seen.etag;
  }
  const answer = ask(`/builds?${http.query({ after, limit, page: cursor })}`, { headers });
  if (answer.status === 304) return { items: [], checkpoint };
  const { builds, next } = answer.json<{ builds: Build[]; next?: string }>();
  const etag = answer.headers["etag"];
  // Kept only if the call succeeds, in the transaction that stores the items.
  if (cursor === undefined && etag !== undefined) state.set("etag", JSON.stringify({ after, etag }));
  log.info(`${builds.length} builds after ${after}`);
  const last = builds.at(-1);
  // The checkpoint moves only with the last page: until then `after` must stay what it was.
  return { items: builds.map(run), next, checkpoint: next ? undefined : last ? String(last.id) : checkpoint };
}

/** Who is signed in, remembered for an hour. A clock that went back is no reason to trust the memory. */
function account(): string {
  const now = time.now();
  const known = JSON.parse(state.get("account") ?? "null") as { login: string; at: number } | null;
  if (known !== null && now >= known.at && now - known.at < HOUR_MS) return known.login;
  const { login } = ask("/me").json<{ login: string }>();
  state.set("account", JSON.stringify({ login, at: now }));
  return login;
}

/** Ask Kiln. The host attaches the credential; an answer that is no success becomes a failure of its class. */
function ask(path: string, init: http.RequestInit = {}): http.Response {
  const answer = http.fetch(`${settings.get<string>("base_url")}/api${path}`, { timeoutMs: TIMEOUT_MS, ...init });
  if (answer.ok || answer.status === 304) return answer;
  const said = `Kiln answered ${answer.status} to ${path.replace(/\?.*/, "")}`;
  switch (answer.status) {
    case 401:
    case 403:
      return fail("auth", "kiln.unauthorised", `${said}: renew the token`);
    case 404:
    case 410:
      return fail("not-found", "kiln.not-found", said);
    case 429:
      return fail("rate-limited", "kiln.rate-limited", said, { retryAfterMs: answer.retryAfterMs() });
    default:
      return fail("upstream", "kiln.status", said);
  }
}
