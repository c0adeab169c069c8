"""The catalogue of item kinds. Made by `node sdk/items.mjs` from wit/1.0/items: do not edit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

ChangeState = Literal["open", "closed", "merged"]
"""Stage of a change."""

DeploymentState = Literal["pending", "queued", "waiting", "running", "success", "failure", "error", "inactive"]
"""What the upstream says of a deployment at one moment."""

ReviewState = Literal["commented", "changes_requested", "approved", "dismissed"]
"""What a reviewer said."""

RunResult = Literal["success", "failure", "error", "timeout", "cancellation", "skip", "neutral", "action_required"]
"""How a finished run, job or step ended (OpenTelemetry `cicd.pipeline.result`, and two that vendors add)."""

RunState = Literal["queued", "waiting", "running", "finished"]
"""Where a run, job or step is in its life. The order is the order of life: a later stage wins."""


@dataclass(kw_only=True)
class Commit:
    """One commit."""

    committed_at: int
    """When it was committed: change lead time starts here."""
    id: str
    """Its hash."""


@dataclass(kw_only=True)
class JobStep:
    """One step of a job."""

    name: str
    """Its name."""
    number: int
    """Its place, counted from 1."""
    state: RunState
    """Stage of life."""
    finished_at: int | None = None
    """When it was over."""
    result: RunResult | None = None
    """How it ended, once finished."""
    started_at: int | None = None
    """When it began."""


@dataclass(kw_only=True)
class Deployment:
    """One deployment of a service to an environment. Keyed by `id`; states gather, they do not replace each other."""

    KIND: ClassVar[str] = "cd.deployment"

    id: str
    """The upstream's id."""
    service: str
    """What is deployed: "owner/name"."""
    actor: str | None = None
    """Login of who asked."""
    commit: str | None = None
    """The commit deployed."""
    created_at: int | None = None
    """When it was asked for."""
    description: str | None = None
    """Free text."""
    environment: str | None = None
    """Where to."""
    production: bool | None = None
    """Whether the upstream marks the environment as production."""
    ref: str | None = None
    """The branch, tag or commit it was asked for by."""
    run_id: str | None = None
    """The pipeline run that deploys, if one does."""
    state: DeploymentState | None = None
    """The state this observation reports."""
    state_at: int | None = None
    """Since when."""
    task: str | None = None
    """The upstream's word for what is being done: "deploy", "deploy:rollback"."""
    url: str | None = None
    """Its page upstream, or the log."""


@dataclass(kw_only=True)
class Release:
    """A published version of a service. Keyed by `id`."""

    KIND: ClassVar[str] = "cd.release"

    id: str
    """The upstream's id."""
    service: str
    """What is released."""
    tag: str
    """Its tag."""
    author: str | None = None
    """Login of its author."""
    created_at: int | None = None
    """When it was written."""
    deleted: bool | None = None
    """Taken back."""
    draft: bool | None = None
    """Not public yet."""
    name: str | None = None
    """Its name."""
    prerelease: bool | None = None
    """Not for everyone yet."""
    published_at: int | None = None
    """When it became public."""
    target: str | None = None
    """The branch or commit it was cut from."""
    url: str | None = None
    """Its page upstream."""


@dataclass(kw_only=True)
class Job:
    """One job of a run (CDEvents `taskRun`). Keyed by `id`."""

    KIND: ClassVar[str] = "ci.job"

    id: str
    """The upstream's id of the job."""
    run_attempt: int
    """Which attempt of the run."""
    run_id: str
    """The run it belongs to."""
    service: str
    """The run's service."""
    created_at: int | None = None
    """When it was asked for: the queue time starts here."""
    finished_at: int | None = None
    """When it was over."""
    labels: list[str] | None = None
    """What it asks of a runner."""
    name: str | None = None
    """The job's name."""
    result: RunResult | None = None
    """How it ended, once finished."""
    runner: str | None = None
    """Name of the runner that took it."""
    started_at: int | None = None
    """When a runner took it: the execution time starts here."""
    state: RunState | None = None
    """Stage of life."""
    steps: list[JobStep] | None = None
    """Its steps as known now, in order; replaced as a whole."""
    url: str | None = None
    """Its page (with the log) upstream."""


@dataclass(kw_only=True)
class PipelineRun:
    """One attempt of one run of a pipeline (CDEvents `pipelineRun`). Keyed by `(id, attempt)`."""

    KIND: ClassVar[str] = "ci.pipeline-run"

    attempt: int
    """Counted from 1."""
    id: str
    """The upstream's id of the run; a rerun keeps it."""
    service: str
    """What the pipeline belongs to: a repository or project, "owner/name"."""
    actor: str | None = None
    """Login of who caused it."""
    branch: str | None = None
    """The branch or tag it ran for."""
    changes: list[int] | None = None
    """Numbers of the changes (pull requests) it ran for."""
    commit: str | None = None
    """The commit it ran for."""
    created_at: int | None = None
    """When this attempt was asked for."""
    finished_at: int | None = None
    """When this attempt was over."""
    number: int | None = None
    """The number people quote (#1234)."""
    pipeline: str | None = None
    """The pipeline's name ("CI")."""
    pipeline_id: str | None = None
    """The upstream's id of the pipeline."""
    result: RunResult | None = None
    """How it ended, once finished."""
    started_at: int | None = None
    """When this attempt began to work."""
    state: RunState | None = None
    """Stage of life."""
    title: str | None = None
    """What this run is about, usually the commit's first line."""
    trigger: str | None = None
    """What caused it: "push", "pull_request", "schedule"."""
    url: str | None = None
    """Its page upstream."""


@dataclass(kw_only=True)
class Change:
    """A change proposed to a repository (OpenTelemetry `vcs.change`). Keyed by `(service, number)`."""

    KIND: ClassVar[str] = "vcs.change"

    number: int
    """The number people quote."""
    service: str
    """The repository."""
    additions: int | None = None
    """Lines added."""
    author: str | None = None
    """Login of its author."""
    base: str | None = None
    """Branch it should land on."""
    closed_at: int | None = None
    """When it was closed, landed or not."""
    commits: int | None = None
    """Number of commits in it."""
    created_at: int | None = None
    """When it was proposed."""
    deletions: int | None = None
    """Lines removed."""
    draft: bool | None = None
    """Not ready for review."""
    first_commit_at: int | None = None
    """When its first commit was written, if the upstream says."""
    head: str | None = None
    """Branch it comes from."""
    head_commit: str | None = None
    """Newest commit of that branch."""
    merge_commit: str | None = None
    """The commit that landed."""
    merged_at: int | None = None
    """When it landed."""
    state: ChangeState | None = None
    """Stage of life."""
    title: str | None = None
    """Its title."""
    url: str | None = None
    """Its page upstream."""


@dataclass(kw_only=True)
class Push:
    """Commits that arrived on a branch. Keyed by `(service, branch, after)`."""

    KIND: ClassVar[str] = "vcs.push"

    after: str
    """Newest commit now."""
    branch: str
    """Branch or tag name without "refs/heads/" or "refs/tags/"."""
    commits: list[Commit]
    """The commits, oldest first, as far as the upstream lists them."""
    service: str
    """The repository."""
    actor: str | None = None
    """Login of who pushed."""
    before: str | None = None
    """Newest commit before."""


@dataclass(kw_only=True)
class Repository:
    """A repository that the connection can see. Keyed by `service`."""

    KIND: ClassVar[str] = "vcs.repository"

    service: str
    """"owner/name"."""
    archived: bool | None = None
    """Nothing happens there any more."""
    default_branch: str | None = None
    """Branch that changes land on."""
    id: str | None = None
    """The upstream's id."""
    private: bool | None = None
    """Not for everyone's eyes."""
    removed: bool | None = None
    """Gone, or taken out of the connection's sight."""
    url: str | None = None
    """Its page upstream."""


@dataclass(kw_only=True)
class Review:
    """A review of a change. Keyed by `id`."""

    KIND: ClassVar[str] = "vcs.review"

    change: int
    """Number of the change."""
    id: str
    """The upstream's id."""
    service: str
    """The repository."""
    state: ReviewState
    """What was said."""
    reviewer: str | None = None
    """Login of the reviewer."""
    submitted_at: int | None = None
    """When."""
