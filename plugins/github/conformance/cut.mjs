// Cuts GitHub's official description down to what the plugin asks for, because the whole of it takes Prism more than a
// minute to start with. What is kept is kept word for word, but for one correction at the end. `npm run cut` writes
// api.github.com.cut.json beside this file; the test that uses it also checks that nothing in it is unused.
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const used = [
  ["get", "/installation/repositories"],
  ["get", "/user"],
  ["get", "/user/repos"],
  ["get", "/repos/{owner}/{repo}"],
  ["get", "/repos/{owner}/{repo}/actions/runs"],
  ["get", "/repos/{owner}/{repo}/actions/runs/{run_id}"],
  ["get", "/repos/{owner}/{repo}/actions/runs/{run_id}/attempts/{attempt_number}"],
  ["get", "/repos/{owner}/{repo}/actions/runs/{run_id}/jobs"],
  ["get", "/repos/{owner}/{repo}/actions/runs/{run_id}/pending_deployments"],
  ["post", "/repos/{owner}/{repo}/actions/runs/{run_id}/pending_deployments"],
  ["post", "/repos/{owner}/{repo}/actions/runs/{run_id}/rerun"],
  ["post", "/repos/{owner}/{repo}/actions/runs/{run_id}/rerun-failed-jobs"],
  ["post", "/repos/{owner}/{repo}/actions/runs/{run_id}/cancel"],
  ["post", "/repos/{owner}/{repo}/actions/runs/{run_id}/force-cancel"],
  ["post", "/repos/{owner}/{repo}/actions/workflows/{workflow_id}/dispatches"],
  ["get", "/repos/{owner}/{repo}/deployments"],
  ["get", "/repos/{owner}/{repo}/deployments/{deployment_id}/statuses"],
  ["get", "/repos/{owner}/{repo}/pulls"],
  ["get", "/repos/{owner}/{repo}/pulls/{pull_number}/commits"],
  ["get", "/repos/{owner}/{repo}/hooks"],
  ["get", "/repos/{owner}/{repo}/hooks/{hook_id}/deliveries"],
  ["get", "/repos/{owner}/{repo}/hooks/{hook_id}/deliveries/{delivery_id}"],
];

const whole = JSON.parse(
  readFileSync(fileURLToPath(import.meta.resolve("@octokit/openapi/generated/api.github.com.json")), "utf8"),
);
const cut = { openapi: whole.openapi, info: whole.info, servers: whole.servers, paths: {}, components: {} };

const keep = (ref) => {
  const [, , section, name] = ref.split("/");
  cut.components[section] ??= {};
  if (name in cut.components[section]) return;
  cut.components[section][name] = whole.components[section][name];
  walk(whole.components[section][name]);
};
const walk = (value) => {
  if (value === null || typeof value !== "object") return;
  if (typeof value.$ref === "string") keep(value.$ref);
  Object.values(value).forEach(walk);
};

for (const [method, path] of used) {
  const operation = whole.paths[path]?.[method];
  if (!operation) throw new Error(`GitHub does not describe ${method} ${path}`);
  // What GitHub says about its own documentation site is no part of the interface.
  const { "x-github": _, ...kept } = operation;
  cut.paths[path] ??= {};
  cut.paths[path][method] = kept;
  walk(kept);
}

// The one correction: the description calls `created` a date-time, its own text says that it takes search syntax
// (">=2026-01-01", "a..b"), and that is what GitHub takes.
delete cut.components.parameters.created.schema.format;

const file = fileURLToPath(new URL("./api.github.com.cut.json", import.meta.url));
writeFileSync(file, `${JSON.stringify(cut)}\n`);
console.log(`${file}: ${Object.keys(cut.paths).length} paths of version ${whole.info.version}`);
