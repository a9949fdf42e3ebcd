"""The queue adapter: PgQueuer, in memory or on PostgreSQL."""
