/** A build as Kiln tells of it becomes an item. Pure. */
import { dates, fail, item } from "@opssight/plugin";
import type { Item, RunResult, RunState } from "@opssight/plugin";

export interface Build {
  id: number;
  project: string;
  pipeline: string;
  status: string;
  attempt: number;
  branch?: string;
  commit?: string;
  author?: string;
  url?: string;
  created: string;
  started?: string;
  finished?: string;
}

const STATES: Record<string, [RunState, RunResult?]> = {
  queued: ["queued"],
  running: ["running"],
  passed: ["finished", "success"],
  failed: ["finished", "failure"],
  cancelled: ["finished", "cancellation"],
};

export function run(build: Build): Item {
  const known = STATES[build.status];
  if (!known) return fail("upstream", "kiln.status", `build ${build.id} is "${build.status}", which Kiln does not document`);
  const [state, result] = known;
  const { project: service, pipeline, attempt, branch, commit, author: actor, url } = build;
  const id = String(build.id);
  const created_at = dates.parse(build.created);
  const started_at = dates.parse(build.started);
  const finished_at = dates.parse(build.finished);
  const at = finished_at ?? started_at ?? created_at ?? fail("upstream", "kiln.time", `build ${id} has no time`);
  const payload = {
    id, attempt, service, pipeline, number: build.id, url, state, result, branch, commit, actor,
    created_at, started_at, finished_at,
  };
  const title = `${service.split("/").at(-1)}/${pipeline} #${id}`;
  return item("ci.pipeline-run", payload, { id, at, title, url });
}
