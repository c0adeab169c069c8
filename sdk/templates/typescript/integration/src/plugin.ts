import { dates, definePlugin, fail, http, item, settings } from "@opssight/plugin";
import type { Delivery, Invocation, Item, PullRequest, RunResult, RunState } from "@opssight/plugin";

/** A build as the server tells of it. */
interface Build {
  id: number;
  project: string;
  status: string;
  branch?: string;
  commit?: string;
  created: string;
  started?: string;
  finished?: string;
}

export default definePlugin({
  health() {
    const { login } = ask(`/me`).json<{ login: string }>();
    return `signed in as ${login}`;
  },

  webhook(delivery: Delivery) {
    const event = delivery.headers["x-event"] ?? "";
    if (event !== "build") return { note: `event ${event} carries nothing to show` };
    return { items: [run(delivery.json<Build>())] };
  },

  source: {
    builds({ checkpoint, cursor, limit }: PullRequest) {
      const after = checkpoint ?? "0";
      const answer = ask(`/builds?${http.query({ after, limit, page: cursor })}`);
      const { builds, next } = answer.json<{ builds: Build[]; next?: string }>();
      const last = builds.at(-1);
      // The checkpoint moves only with the last page: until then `after` must stay what it was.
      return { items: builds.map(run), next, checkpoint: next ? undefined : last ? String(last.id) : checkpoint };
    },
  },

  actions: {
    retry({ input, idempotencyKey }: Invocation<{ run: string }>) {
      const started = ask(`/builds/${input.run}/retry`, { method: "POST", json: { key: idempotencyKey } });
      return { output: { build: String(started.json<{ id: number }>().id) } };
    },
  },
});

/** Ask the server. The host attaches the credential; an answer that is no success becomes a failure of its class. */
function ask(path: string, init: http.RequestInit = {}): http.Response {
  const answer = http.fetch(`${settings.get<string>("base_url")}${path}`, init);
  if (answer.ok) return answer;
  const said = `the server answered ${answer.status} to ${path}`;
  switch (answer.status) {
    case 401:
    case 403:
      return fail("auth", "{{id}}.unauthorised", `${said}: renew the token`);
    case 404:
      return fail("not-found", "{{id}}.not-found", said);
    case 429:
      return fail("rate-limited", "{{id}}.rate-limited", said, { retryAfterMs: answer.retryAfterMs() });
    default:
      return fail("upstream", "{{id}}.status", said);
  }
}

const STATES: Record<string, [RunState, RunResult?]> = {
  queued: ["queued"],
  running: ["running"],
  passed: ["finished", "success"],
  failed: ["finished", "failure"],
};

function run(build: Build): Item {
  const [state, result] = STATES[build.status] ?? fail("upstream", "{{id}}.status", `a build is "${build.status}"`);
  const id = String(build.id);
  const created_at = dates.parse(build.created);
  const started_at = dates.parse(build.started);
  const finished_at = dates.parse(build.finished);
  const { project: service, branch, commit } = build;
  const at = finished_at ?? started_at ?? created_at ?? fail("upstream", "{{id}}.time", `build ${id} has no time`);
  const payload = { id, attempt: 1, service, state, result, branch, commit, created_at, started_at, finished_at };
  return item("ci.pipeline-run", payload, { id, at, title: `#${id} of ${service}` });
}
