-- Who hands the log on to a place outside, how far that place has it, and which process does it now.
CREATE TABLE relays (
    name  TEXT   NOT NULL PRIMARY KEY,
    seq   BIGINT NOT NULL,
    -- The number of the turn: it grows with each, and only the newest may move the place.
    fence BIGINT NOT NULL DEFAULT 0,
    owner TEXT
);
