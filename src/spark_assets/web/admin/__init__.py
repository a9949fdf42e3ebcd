"""Our own REST surface."""
