"""Spark Assets: a self-hosted media asset library that speaks the Spark Asset API."""

__version__ = "0.1.0"
