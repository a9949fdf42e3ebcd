"""Counting for Prometheus: makes the port `metrics` true."""
