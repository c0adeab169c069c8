-- The ledger of the five metrics. It follows the event log: the first columns are what it has taken in of a
-- deployment (its input), the others what `delivery::dora::derive` makes of it among its neighbours.
CREATE TABLE ledger_deployments (
    deployment    TEXT   NOT NULL PRIMARY KEY,
    connection    TEXT   NOT NULL,
    service       TEXT   NOT NULL,
    environment   TEXT   NOT NULL,
    asked_at      BIGINT NOT NULL,
    finished_at   BIGINT NOT NULL,
    succeeded     BIGINT NOT NULL,
    is_rollback   BIGINT NOT NULL,
    failed        BIGINT NOT NULL DEFAULT 0,
    taken_back_by TEXT,
    recovery_by   TEXT,
    recovery_us   BIGINT,
    repairs       TEXT,
    rework        BIGINT NOT NULL DEFAULT 0
);
CREATE INDEX ledger_order ON ledger_deployments (connection, service, environment, asked_at, deployment);
CREATE INDEX ledger_successes ON ledger_deployments (connection, service, environment, asked_at, deployment)
    WHERE succeeded = 1;
CREATE INDEX ledger_by_end ON ledger_deployments (service, environment, finished_at, deployment);

CREATE TABLE ledger_changes (
    change_id   TEXT   NOT NULL,
    environment TEXT   NOT NULL,
    service     TEXT   NOT NULL,
    deployment  TEXT   NOT NULL,
    finished_at BIGINT NOT NULL,
    lead_us     BIGINT NOT NULL,
    PRIMARY KEY (change_id, environment)
);
CREATE INDEX ledger_changes_by_deployment ON ledger_changes (deployment, change_id);
CREATE INDEX ledger_changes_by_end ON ledger_changes (service, environment, finished_at, change_id);
