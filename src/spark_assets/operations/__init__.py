"""What the service does: one verb per function, called alike by every door."""
