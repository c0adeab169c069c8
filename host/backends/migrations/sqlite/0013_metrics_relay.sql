-- How far the metrics are is the place of a relay: retention waits for it, but not for ever, as it does for subscribers.
INSERT INTO relays (name, seq) SELECT name, seq FROM subscribers WHERE name = 'metrics';
DELETE FROM subscribers WHERE name = 'metrics';
