"""Server-sent events: answers that go on while something happens."""
