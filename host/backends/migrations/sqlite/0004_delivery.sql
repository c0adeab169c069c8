-- The read model of delivery; see 0003 for `doc`.
CREATE TABLE deployments (
    id          TEXT   NOT NULL PRIMARY KEY,
    connection  TEXT   NOT NULL,
    service     TEXT   NOT NULL,
    environment TEXT   NOT NULL,
    outcome     TEXT   NOT NULL,
    is_rollback BIGINT NOT NULL,
    -- Its place in the ledger's order; NULL until it is over.
    asked_at    BIGINT,
    finished_at BIGINT,
    sort_at     BIGINT NOT NULL,
    doc         TEXT   NOT NULL
);
CREATE INDEX deployments_by_time ON deployments (sort_at, id);
CREATE INDEX deployments_by_service ON deployments (service, sort_at, id);
CREATE INDEX deployments_by_environment ON deployments (service, environment, sort_at, id);
CREATE INDEX deployments_by_outcome ON deployments (outcome, sort_at, id);

CREATE TABLE changes (
    id         TEXT   NOT NULL PRIMARY KEY,
    connection TEXT   NOT NULL,
    service    TEXT   NOT NULL,
    number     BIGINT NOT NULL,
    state      TEXT   NOT NULL,
    begun_at   BIGINT,
    merged_at  BIGINT,
    sort_at    BIGINT NOT NULL,
    doc        TEXT   NOT NULL
);
CREATE INDEX changes_by_time ON changes (sort_at, id);
CREATE INDEX changes_by_service ON changes (service, sort_at, id);
CREATE INDEX changes_by_state ON changes (state, sort_at, id);
CREATE INDEX changes_landed ON changes (connection, service, merged_at) WHERE merged_at IS NOT NULL;

-- When commits were written: the earliest that was said.
CREATE TABLE commits (
    connection   TEXT   NOT NULL,
    service      TEXT   NOT NULL,
    id           TEXT   NOT NULL,
    committed_at BIGINT NOT NULL,
    PRIMARY KEY (connection, service, id)
);
CREATE INDEX commits_by_time ON commits (committed_at);

-- Which commits were ever seen at the head of which change.
CREATE TABLE change_commits (
    connection TEXT NOT NULL,
    service    TEXT NOT NULL,
    commit_id  TEXT NOT NULL,
    change_id  TEXT NOT NULL,
    PRIMARY KEY (connection, service, commit_id, change_id)
);
CREATE INDEX change_commits_by_change ON change_commits (change_id);

CREATE TABLE releases (
    id         TEXT   NOT NULL PRIMARY KEY,
    connection TEXT   NOT NULL,
    service    TEXT   NOT NULL,
    tag        TEXT   NOT NULL,
    deleted    BIGINT NOT NULL,
    sort_at    BIGINT NOT NULL,
    doc        TEXT   NOT NULL
);
CREATE INDEX releases_by_service ON releases (service, sort_at, id);
CREATE INDEX releases_by_time ON releases (sort_at);

CREATE TABLE repositories (
    connection TEXT   NOT NULL,
    service    TEXT   NOT NULL,
    archived   BIGINT NOT NULL,
    removed    BIGINT NOT NULL,
    doc        TEXT   NOT NULL,
    PRIMARY KEY (connection, service)
);
