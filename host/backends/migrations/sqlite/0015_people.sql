-- People with accounts, those who are invited, and how often passwords were tried.
CREATE TABLE people (
    id           TEXT   NOT NULL PRIMARY KEY,
    email        TEXT   NOT NULL UNIQUE,
    name         TEXT   NOT NULL,
    role         TEXT   NOT NULL,
    suspended    BIGINT NOT NULL,
    password     TEXT,
    created_at   BIGINT NOT NULL,
    signed_in_at BIGINT
);

CREATE TABLE invitations (
    id         TEXT   NOT NULL PRIMARY KEY,
    email      TEXT   NOT NULL UNIQUE,
    token      TEXT   NOT NULL UNIQUE,
    role       TEXT   NOT NULL,
    created_at BIGINT NOT NULL,
    created_by TEXT   NOT NULL,
    expires_at BIGINT NOT NULL
);

-- By the hash of an address, also of addresses that nobody has.
CREATE TABLE sign_in_attempts (
    account  TEXT   NOT NULL PRIMARY KEY,
    attempts BIGINT NOT NULL,
    retry_at BIGINT NOT NULL,
    last_at  BIGINT NOT NULL
);
CREATE INDEX sign_in_attempts_by_age ON sign_in_attempts (last_at);

-- Whose a session is; none: of whoever has the admin's secret.
ALTER TABLE sessions ADD COLUMN person TEXT REFERENCES people (id) ON DELETE CASCADE;
CREATE INDEX sessions_by_person ON sessions (person);
