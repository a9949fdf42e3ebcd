"""The action dialect."""
