"""The fetching adapter: guarded downloads, and guarded messages."""
