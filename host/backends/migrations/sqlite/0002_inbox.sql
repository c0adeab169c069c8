-- The inbox. Ids begin with the time of arrival, so that they sort by it.
CREATE TABLE deliveries (
    id            TEXT   NOT NULL PRIMARY KEY,
    connection    TEXT   NOT NULL,
    upstream_id   TEXT   NOT NULL,
    -- 1: refused at the door. Such a row must never stand in the way of a genuine delivery of the same id.
    rejected      BIGINT NOT NULL DEFAULT 0,
    event         TEXT,
    state         TEXT   NOT NULL,
    size          BIGINT NOT NULL,
    received_at   BIGINT NOT NULL,
    finished_at   BIGINT,
    -- When a worker may take it: at once while pending, at the next attempt while retrying, at the lease's end
    -- while processing. NULL: nothing is left to do.
    due_at        BIGINT,
    fence         BIGINT NOT NULL DEFAULT 0,
    attempts      BIGINT NOT NULL DEFAULT 0,
    items         BIGINT NOT NULL DEFAULT 0,
    note          TEXT,
    fault         TEXT,
    fault_code    TEXT,
    fault_message TEXT,
    headers       TEXT   NOT NULL
);
CREATE UNIQUE INDEX deliveries_once ON deliveries (connection, upstream_id) WHERE rejected = 0;
CREATE INDEX deliveries_due ON deliveries (due_at, id, connection) WHERE due_at IS NOT NULL;
CREATE INDEX deliveries_retrying ON deliveries (due_at) WHERE state = 'retrying';
CREATE INDEX deliveries_by_time ON deliveries (received_at, id);
CREATE INDEX deliveries_by_connection ON deliveries (connection, received_at, id);
CREATE INDEX deliveries_by_state ON deliveries (state, received_at, id, connection);

-- Apart from the row that changes with every lease: SQLite writes a row as a whole.
CREATE TABLE delivery_bodies (
    delivery TEXT NOT NULL PRIMARY KEY,
    body     BLOB NOT NULL
);

-- The outbox.
CREATE TABLE events (
    seq        INTEGER PRIMARY KEY AUTOINCREMENT,
    kind       TEXT   NOT NULL,
    connection TEXT   NOT NULL,
    subject    TEXT   NOT NULL,
    at         BIGINT NOT NULL,
    data       TEXT   NOT NULL
);

-- Who follows the log, and how far they are. Retention keeps what one of them has not seen.
CREATE TABLE subscribers (
    name TEXT   NOT NULL PRIMARY KEY,
    seq  BIGINT NOT NULL
);
INSERT INTO subscribers (name, seq) VALUES ('ledger', 0);
