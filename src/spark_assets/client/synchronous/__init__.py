"""The client for programs that block; made from `asynchronous` by `scripts/generate_client.py`, but for `means`."""
