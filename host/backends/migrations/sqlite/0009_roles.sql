-- What a session may do. Those from before were made with the admin's secret.
ALTER TABLE sessions ADD COLUMN role TEXT NOT NULL DEFAULT 'admin';
