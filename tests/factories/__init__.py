"""Makers of real things for tests: media, origins, servers."""
