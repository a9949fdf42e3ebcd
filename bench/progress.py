"""Telling on stderr how far a run has come; stdout carries the table alone."""

import sys


def tell(row: str, text: str) -> None:
    """One line of progress."""
    print(f"{row:<14} {text}", file=sys.stderr, flush=True)
