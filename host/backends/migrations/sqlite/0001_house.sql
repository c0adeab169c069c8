-- What the house knows of itself: facts about this store, who may ask, what is connected.
-- Times are microseconds since the Unix epoch, UTC.

CREATE TABLE house (
    name  TEXT NOT NULL PRIMARY KEY,
    value BLOB NOT NULL
);

CREATE TABLE admins (
    id         BIGINT NOT NULL PRIMARY KEY CHECK (id = 1),
    secret     TEXT   NOT NULL,
    changed_at BIGINT NOT NULL
);

CREATE TABLE sessions (
    token      TEXT   NOT NULL PRIMARY KEY,
    label      TEXT   NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);

CREATE TABLE connections (
    id            TEXT   NOT NULL PRIMARY KEY,
    name          TEXT   NOT NULL UNIQUE,
    plugin        TEXT   NOT NULL,
    enabled       BIGINT NOT NULL,
    settings      TEXT   NOT NULL,
    grants        TEXT   NOT NULL,
    created_at    BIGINT NOT NULL,
    updated_at    BIGINT NOT NULL,
    health        TEXT,
    check_summary TEXT,
    check_fault   TEXT,
    checked_at    BIGINT
);
CREATE INDEX connections_by_time ON connections (created_at, id);

-- Sealed: see `sealer.rs`. The data key is sealed with the master key, the credentials with the data key.
CREATE TABLE credentials (
    connection TEXT NOT NULL PRIMARY KEY REFERENCES connections (id) ON DELETE CASCADE,
    data_key   BLOB NOT NULL,
    sealed     BLOB NOT NULL
);

CREATE TABLE feeds (
    connection      TEXT   NOT NULL REFERENCES connections (id) ON DELETE CASCADE,
    feed            TEXT   NOT NULL,
    checkpoint      TEXT,
    page_cursor     TEXT,
    next_at         BIGINT NOT NULL,
    leased_until    BIGINT,
    fence           BIGINT NOT NULL DEFAULT 0,
    failures        BIGINT NOT NULL DEFAULT 0,
    last_success_at BIGINT,
    error           TEXT,
    items           BIGINT NOT NULL DEFAULT 0,
    PRIMARY KEY (connection, feed)
);
CREATE INDEX feeds_due ON feeds (next_at);

CREATE TABLE plugin_state (
    connection TEXT NOT NULL REFERENCES connections (id) ON DELETE CASCADE,
    name       TEXT NOT NULL,
    value      BLOB NOT NULL,
    PRIMARY KEY (connection, name)
);
