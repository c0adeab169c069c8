-- The read model of pipelines. `doc` is everything learnt; the columns beside it are what lists and filters need,
-- all derived from `doc`. Nothing here depends on when or in which order it was learnt.
CREATE TABLE runs (
    id          TEXT   NOT NULL PRIMARY KEY,
    connection  TEXT   NOT NULL,
    upstream_id TEXT   NOT NULL,
    attempt     BIGINT NOT NULL,
    service     TEXT   NOT NULL,
    pipeline    TEXT,
    branch      TEXT,
    commit_id   TEXT,
    cause       TEXT,
    actor       TEXT,
    state       TEXT   NOT NULL,
    result      TEXT,
    created_at  BIGINT,
    -- Began to work by the run's own account; see `Run::work_started_at`.
    started_at  BIGINT,
    finished_at BIGINT,
    sort_at     BIGINT NOT NULL,
    search      TEXT   NOT NULL,
    doc         TEXT   NOT NULL
);
CREATE INDEX runs_by_time ON runs (sort_at, id);
CREATE INDEX runs_by_service ON runs (service, sort_at, id);
CREATE INDEX runs_by_pipeline ON runs (service, pipeline, sort_at, id);
CREATE INDEX runs_by_commit ON runs (commit_id);
CREATE INDEX runs_attempts ON runs (connection, upstream_id, attempt);
CREATE INDEX runs_active ON runs (sort_at, id) WHERE state <> 'finished';

CREATE TABLE jobs (
    id          TEXT   NOT NULL PRIMARY KEY,
    run         TEXT   NOT NULL,
    name        TEXT   NOT NULL,
    state       TEXT   NOT NULL,
    result      TEXT,
    started_at  BIGINT,
    finished_at BIGINT,
    sort_at     BIGINT NOT NULL,
    doc         TEXT   NOT NULL
);
-- A job may be known before its run is, so that this is no foreign key.
CREATE INDEX jobs_by_run ON jobs (run, started_at, name, result, finished_at);
CREATE INDEX jobs_by_time ON jobs (sort_at);
