"""The media adapter: measures files inside sandboxed children."""
