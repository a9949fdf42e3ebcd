"""Benchmarks: one file per row of the table, each beside a baseline that is measured in the same run."""
