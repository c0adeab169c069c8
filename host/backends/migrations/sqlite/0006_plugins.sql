-- What is installed, whose keys are known, what was revoked, and what happened. The packages themselves are files.

-- The version whose abilities were consented to.
ALTER TABLE connections ADD COLUMN digest TEXT;
CREATE INDEX connections_by_plugin ON connections (plugin, digest);

CREATE TABLE plugin_installs (
    plugin    TEXT   NOT NULL PRIMARY KEY,
    publisher TEXT   NOT NULL,
    revision  BIGINT NOT NULL,
    document  TEXT   NOT NULL
);

CREATE TABLE plugin_publishers (
    publisher TEXT   NOT NULL PRIMARY KEY,
    key       TEXT   NOT NULL,
    pinned_at BIGINT NOT NULL
);

-- `target` is "plugin:...", "digest:sha256:..." or "key:ed25519:...".
CREATE TABLE plugin_revocations (
    target     TEXT   NOT NULL PRIMARY KEY,
    reason     TEXT   NOT NULL,
    revoked_at BIGINT NOT NULL,
    actor      TEXT   NOT NULL
);

CREATE TABLE plugin_events (
    seq    INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    at     BIGINT  NOT NULL,
    plugin TEXT    NOT NULL,
    digest TEXT,
    what   TEXT    NOT NULL,
    actor  TEXT    NOT NULL,
    detail TEXT    NOT NULL
);
CREATE INDEX plugin_events_by_plugin ON plugin_events (plugin, seq);
