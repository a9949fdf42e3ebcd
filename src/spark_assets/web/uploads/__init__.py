"""The ways in besides a URL: forms, resumable and presigned uploads, batches."""
