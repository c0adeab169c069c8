-- How much of the records is whose, so that making room reads a line for each plugin and not one for each record.
CREATE TABLE plugin_calls_kept (
    plugin TEXT   NOT NULL PRIMARY KEY,
    bytes  BIGINT NOT NULL
);
INSERT INTO plugin_calls_kept (plugin, bytes) SELECT plugin, SUM(size) FROM plugin_calls GROUP BY plugin;

-- What happened to plugins goes when it is old.
CREATE INDEX plugin_events_by_time ON plugin_events (at, seq);
