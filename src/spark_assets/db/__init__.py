"""The database adapter: rows, units of work, migrations; SQLite and PostgreSQL."""
