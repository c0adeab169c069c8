-- Which process holds a lease, so that what a process leased that is gone need not wait for the lease's end.
ALTER TABLE deliveries ADD COLUMN owner TEXT;
ALTER TABLE feeds ADD COLUMN owner TEXT;

-- The processes that work on this store, by its own clock. One at a time has SQLite open, and no line stands here.
CREATE TABLE members (
    id         TEXT   NOT NULL PRIMARY KEY,
    started_at BIGINT NOT NULL,
    seen_at    BIGINT NOT NULL
);
