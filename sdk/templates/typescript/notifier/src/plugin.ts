import { definePlugin, fail, http, settings } from "@opssight/plugin";
import type { Notification } from "@opssight/plugin";

const SEVERITY = ["information", "low", "medium", "high", "critical"];

export default definePlugin({
  health() {
    return `signed in as ${ask("/me").json<{ login: string }>().login}`;
  },

  notifier(notification: Notification, target: string) {
    const head = notification.resolved ? "resolved" : (SEVERITY[notification.severity] ?? "information");
    const text = `[${head}] ${notification.title}\n${notification.bodyMd}`.trim();
    const posted = ask("/messages", {
      method: "POST",
      headers: { "idempotency-key": notification.id },
      json: { channel: target, thread: notification.groupKey, text },
    });
    return { upstreamId: posted.json<{ id: string }>().id };
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
