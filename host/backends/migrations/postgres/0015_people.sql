-- People with accounts, those who are invited, and how often passwords were tried.
CREATE TABLE people (
    id           TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    email        TEXT COLLATE "C" NOT NULL UNIQUE,
    name         TEXT COLLATE "C" NOT NULL,
    role         TEXT COLLATE "C" NOT NULL,
    suspended    BIGINT NOT NULL,
    password     TEXT COLLATE "C",
    created_at   BIGINT NOT NULL,
    signed_in_at BIGINT
);

CREATE TABLE invitations (
    id         TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    email      TEXT COLLATE "C" NOT NULL UNIQUE,
    token      TEXT COLLATE "C" NOT NULL UNIQUE,
    role       TEXT COLLATE "C" NOT NULL,
    created_at BIGINT NOT NULL,
    created_by TEXT COLLATE "C" NOT NULL,
    expires_at BIGINT NOT NULL
);

-- By the hash of an address, also of addresses that nobody has.
CREATE TABLE sign_in_attempts (
    account  TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    attempts BIGINT NOT NULL,
    retry_at BIGINT NOT NULL,
    last_at  BIGINT NOT NULL
);
CREATE INDEX sign_in_attempts_by_age ON sign_in_attempts (last_at);

-- Whose a session is; none: of whoever has the admin's secret.
ALTER TABLE sessions ADD COLUMN person TEXT COLLATE "C" REFERENCES people (id) ON DELETE CASCADE;
CREATE INDEX sessions_by_person ON sessions (person);
