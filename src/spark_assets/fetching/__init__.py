"""The fetching adapter: guarded downloads."""
