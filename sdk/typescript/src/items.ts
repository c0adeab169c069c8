// Made by `node sdk/items.mjs` from wit/1.0/items: do not edit.

/** Stage of a change. */
export type ChangeState = "open" | "closed" | "merged";

/** What the upstream says of a deployment at one moment. */
export type DeploymentState = "pending" | "queued" | "waiting" | "running" | "success" | "failure" | "error" | "inactive";

/** What a reviewer said. */
export type ReviewState = "commented" | "changes_requested" | "approved" | "dismissed";

/** How a finished run, job or step ended (OpenTelemetry `cicd.pipeline.result`, and two that vendors add). */
export type RunResult = "success" | "failure" | "error" | "timeout" | "cancellation" | "skip" | "neutral" | "action_required";

/** Where a run, job or step is in its life. The order is the order of life: a later stage wins. */
export type RunState = "queued" | "waiting" | "running" | "finished";

/** One commit. */
export interface Commit {
  /** When it was committed: change lead time starts here. */
  committed_at: number;
  /** Its hash. */
  id: string;
}

/** One step of a job. */
export interface JobStep {
  /** Its name. */
  name: string;
  /** Its place, counted from 1. */
  number: number;
  /** Stage of life. */
  state: RunState;
  /** When it was over. */
  finished_at?: number | undefined;
  /** How it ended, once finished. */
  result?: RunResult | undefined;
  /** When it began. */
  started_at?: number | undefined;
}

/** One deployment of a service to an environment. Keyed by `id`; states gather, they do not replace each other. */
export interface Deployment {
  /** The upstream's id. */
  id: string;
  /** What is deployed: "owner/name". */
  service: string;
  /** Login of who asked. */
  actor?: string | undefined;
  /** The commit deployed. */
  commit?: string | undefined;
  /** When it was asked for. */
  created_at?: number | undefined;
  /** Free text. */
  description?: string | undefined;
  /** Where to. */
  environment?: string | undefined;
  /** Whether the upstream marks the environment as production. */
  production?: boolean | undefined;
  /** The branch, tag or commit it was asked for by. */
  ref?: string | undefined;
  /** The pipeline run that deploys, if one does. */
  run_id?: string | undefined;
  /** The state this observation reports. */
  state?: DeploymentState | undefined;
  /** Since when. */
  state_at?: number | undefined;
  /** The upstream's word for what is being done: "deploy", "deploy:rollback". */
  task?: string | undefined;
  /** Its page upstream, or the log. */
  url?: string | undefined;
}

/** A published version of a service. Keyed by `id`. */
export interface Release {
  /** The upstream's id. */
  id: string;
  /** What is released. */
  service: string;
  /** Its tag. */
  tag: string;
  /** Login of its author. */
  author?: string | undefined;
  /** When it was written. */
  created_at?: number | undefined;
  /** Taken back. */
  deleted?: boolean | undefined;
  /** Not public yet. */
  draft?: boolean | undefined;
  /** Its name. */
  name?: string | undefined;
  /** Not for everyone yet. */
  prerelease?: boolean | undefined;
  /** When it became public. */
  published_at?: number | undefined;
  /** The branch or commit it was cut from. */
  target?: string | undefined;
  /** Its page upstream. */
  url?: string | undefined;
}

/** One job of a run (CDEvents `taskRun`). Keyed by `id`. */
export interface Job {
  /** The upstream's id of the job. */
  id: string;
  /** Which attempt of the run. */
  run_attempt: number;
  /** The run it belongs to. */
  run_id: string;
  /** The run's service. */
  service: string;
  /** When it was asked for: the queue time starts here. */
  created_at?: number | undefined;
  /** When it was over. */
  finished_at?: number | undefined;
  /** What it asks of a runner. */
  labels?: string[] | undefined;
  /** The job's name. */
  name?: string | undefined;
  /** How it ended, once finished. */
  result?: RunResult | undefined;
  /** Name of the runner that took it. */
  runner?: string | undefined;
  /** When a runner took it: the execution time starts here. */
  started_at?: number | undefined;
  /** Stage of life. */
  state?: RunState | undefined;
  /** Its steps as known now, in order; replaced as a whole. */
  steps?: JobStep[] | undefined;
  /** Its page (with the log) upstream. */
  url?: string | undefined;
}

/** One attempt of one run of a pipeline (CDEvents `pipelineRun`). Keyed by `(id, attempt)`. */
export interface PipelineRun {
  /** Counted from 1. */
  attempt: number;
  /** The upstream's id of the run; a rerun keeps it. */
  id: string;
  /** What the pipeline belongs to: a repository or project, "owner/name". */
  service: string;
  /** Login of who caused it. */
  actor?: string | undefined;
  /** The branch or tag it ran for. */
  branch?: string | undefined;
  /** Numbers of the changes (pull requests) it ran for. */
  changes?: number[] | undefined;
  /** The commit it ran for. */
  commit?: string | undefined;
  /** When this attempt was asked for. */
  created_at?: number | undefined;
  /** When this attempt was over. */
  finished_at?: number | undefined;
  /** The number people quote (#1234). */
  number?: number | undefined;
  /** The pipeline's name ("CI"). */
  pipeline?: string | undefined;
  /** The upstream's id of the pipeline. */
  pipeline_id?: string | undefined;
  /** How it ended, once finished. */
  result?: RunResult | undefined;
  /** When this attempt began to work. */
  started_at?: number | undefined;
  /** Stage of life. */
  state?: RunState | undefined;
  /** What this run is about, usually the commit's first line. */
  title?: string | undefined;
  /** What caused it: "push", "pull_request", "schedule". */
  trigger?: string | undefined;
  /** Its page upstream. */
  url?: string | undefined;
}

/** A change proposed to a repository (OpenTelemetry `vcs.change`). Keyed by `(service, number)`. */
export interface Change {
  /** The number people quote. */
  number: number;
  /** The repository. */
  service: string;
  /** Lines added. */
  additions?: number | undefined;
  /** Login of its author. */
  author?: string | undefined;
  /** Branch it should land on. */
  base?: string | undefined;
  /** When it was closed, landed or not. */
  closed_at?: number | undefined;
  /** Number of commits in it. */
  commits?: number | undefined;
  /** When it was proposed. */
  created_at?: number | undefined;
  /** Lines removed. */
  deletions?: number | undefined;
  /** Not ready for review. */
  draft?: boolean | undefined;
  /** When its first commit was written, if the upstream says. */
  first_commit_at?: number | undefined;
  /** Branch it comes from. */
  head?: string | undefined;
  /** Newest commit of that branch. */
  head_commit?: string | undefined;
  /** The commit that landed. */
  merge_commit?: string | undefined;
  /** When it landed. */
  merged_at?: number | undefined;
  /** Stage of life. */
  state?: ChangeState | undefined;
  /** Its title. */
  title?: string | undefined;
  /** Its page upstream. */
  url?: string | undefined;
}

/** Commits that arrived on a branch. Keyed by `(service, branch, after)`. */
export interface Push {
  /** Newest commit now. */
  after: string;
  /** Branch or tag name without "refs/heads/" or "refs/tags/". */
  branch: string;
  /** The commits, oldest first, as far as the upstream lists them. */
  commits: Commit[];
  /** The repository. */
  service: string;
  /** Login of who pushed. */
  actor?: string | undefined;
  /** Newest commit before. */
  before?: string | undefined;
}

/** A repository that the connection can see. Keyed by `service`. */
export interface Repository {
  /** "owner/name". */
  service: string;
  /** Nothing happens there any more. */
  archived?: boolean | undefined;
  /** Branch that changes land on. */
  default_branch?: string | undefined;
  /** The upstream's id. */
  id?: string | undefined;
  /** Not for everyone's eyes. */
  private?: boolean | undefined;
  /** Gone, or taken out of the connection's sight. */
  removed?: boolean | undefined;
  /** Its page upstream. */
  url?: string | undefined;
}

/** A review of a change. Keyed by `id`. */
export interface Review {
  /** Number of the change. */
  change: number;
  /** The upstream's id. */
  id: string;
  /** The repository. */
  service: string;
  /** What was said. */
  state: ReviewState;
  /** Login of the reviewer. */
  reviewer?: string | undefined;
  /** When. */
  submitted_at?: number | undefined;
}

/** Every kind of the catalogue, with its payload. */
export interface Catalogue {
  "cd.deployment": Deployment;
  "cd.release": Release;
  "ci.job": Job;
  "ci.pipeline-run": PipelineRun;
  "vcs.change": Change;
  "vcs.push": Push;
  "vcs.repository": Repository;
  "vcs.review": Review;
}
