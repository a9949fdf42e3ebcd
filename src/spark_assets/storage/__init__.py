"""The storage adapters: a folder, or an object store."""
