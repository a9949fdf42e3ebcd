"""Traces for OpenTelemetry: makes the port `traces` true."""
