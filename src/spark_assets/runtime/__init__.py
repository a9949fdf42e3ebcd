"""The fuse box: the one place that knows which adapter is in use, and that opens and closes them."""
