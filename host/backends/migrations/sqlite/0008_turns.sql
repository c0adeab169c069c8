-- Leases step from connection to connection, and take the oldest of each.
CREATE INDEX deliveries_waiting ON deliveries (connection, due_at, id) WHERE due_at IS NOT NULL;
DROP INDEX deliveries_due;
