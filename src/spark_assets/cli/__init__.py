"""The command line: starts everything."""
