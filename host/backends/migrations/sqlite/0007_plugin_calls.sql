-- Records of plugin calls: what a call was given, what it learnt and what it answered, in one document.
CREATE TABLE plugin_calls (
    id         TEXT    NOT NULL PRIMARY KEY,
    at         BIGINT  NOT NULL,
    plugin     TEXT    NOT NULL,
    version    TEXT    NOT NULL,
    digest     TEXT    NOT NULL,
    connection TEXT    NOT NULL,
    kind       TEXT    NOT NULL,
    -- Whose fault; none when the call answered.
    fault      TEXT,
    class      TEXT,
    code       TEXT,
    message    TEXT,
    replayable BOOLEAN NOT NULL,
    size       BIGINT  NOT NULL,
    document   TEXT    NOT NULL
);
CREATE INDEX plugin_calls_by_time ON plugin_calls (at, id, size);
CREATE INDEX plugin_calls_by_plugin ON plugin_calls (plugin, at, id);
CREATE INDEX plugin_calls_by_connection ON plugin_calls (connection, at, id);
