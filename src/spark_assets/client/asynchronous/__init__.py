"""The client for programs that await. The one that blocks, in `synchronous`, is made from it."""
